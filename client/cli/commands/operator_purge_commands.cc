// operator purge, operator shred.
#include <memory>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "base/wait.h"
#include "client/cli/commands/commands.h"
#include "client/cli/commands/key_status.h"
#include "client/cli/exit_codes.h"
#include "client/cli/progress.h"

namespace keyturn::cli {
namespace {

constexpr absl::Duration kBetweenLooks = absl::Seconds(1);

absl::Status RunPurge(Shell& shell, Client& client) {
  v1::PurgeResponse last;
  Progress progress("families purged", shell.terminal(), shell.clock());
  RETURN_IF_ERROR(client.Purge(
      {},
      [&](v1::PurgeResponse& step) {
        progress.Update(step.families_purged(), step.families_total());
        last = step;
        return true;
      },
      shell.Options(/*stream=*/true)));
  progress.Finish();
  if (last.done()) return absl::OkStatus();
  return absl::UnavailableError("the purge ended before its last family; start it again");
}

absl::Status Purge(Shell& shell) {
  ASSIGN_OR_RETURN(Client* const client, shell.Connect());
  RETURN_IF_ERROR(RunPurge(shell, *client));
  return shell.out().Object({{"purged", "the whole store"}}, Json{{"done", true}});
}

// Also when a rotation is under way: what was destroyed may be under its key.
absl::Status TurnKek(Shell& shell, Client& client) {
  ASSIGN_OR_RETURN(const v1::RotateKekResponse rotated, client.RotateKek({}, shell.Options()));
  v1::RewrapStatusResponse status;
  Progress progress("records checked", shell.terminal(), shell.clock());
  do {
    ASSIGN_OR_RETURN(status, client.RewrapStatus({}, shell.Options()));
    progress.Update(status.records_checked(), 0);
    if (status.term() == rotated.term() && status.records_failed() > 0 && !status.running()) {
      return WithHelp(absl::DataLossError(absl::StrCat(
                          status.records_failed(),
                          " records do not open, so the older keys cannot be forgotten")),
                      "keyturn operator verify");
    }
    if (OlderKeysAreLeft(status)) WaitFor(shell.clock(), kBetweenLooks);
  } while (OlderKeysAreLeft(status));
  progress.Finish();
  return absl::OkStatus();
}

absl::Status Shred(Shell& shell) {
  ASSIGN_OR_RETURN(Client* const client, shell.Connect());
  RETURN_IF_ERROR(TurnKek(shell, *client));
  shell.terminal().Say("1 of 3: nothing is left under older key-encryption keys; they are gone");
  RETURN_IF_ERROR(RunPurge(shell, *client));
  shell.terminal().Say("2 of 3: what was deleted is out of the store's files");
  ASSIGN_OR_RETURN(const v1::StartRekeyResponse started, client->StartRekey({}, shell.Options()));
  RETURN_IF_ERROR(shell.out().Object(
      {{"shred", "the root key is left to be changed"}, {"nonce", started.rekey().nonce()}},
      ToJson(started.rekey())));
  shell.terminal().Say(
      "3 of 3, by you: give the key of every seal: keyturn operator rekey give\n"
      "Copies of the data directory from before open with the keys of their seals: destroy those "
      "copies, or change the seals (keyturn operator rekey start) and destroy the old shares.");
  return absl::OkStatus();
}

}  // namespace

void AddOperatorPurgeCommands(Command parent, Shell& shell) {
  const Command purge = parent.Add("purge", "Take what was deleted out of the files of the store");
  purge.Footer("Writes every table anew. Reads and writes go on meanwhile.");
  purge.On(shell, [&shell] { return Purge(shell); });

  const Command shred = parent.Add(
      "shred", "After destroying: forget every key that what was destroyed could be opened with");
  shred.Footer(
      "Turns the key-encryption key and waits until the older ones are forgotten, purges the "
      "store, and begins to change the root key. Can be started again after an interruption.");
  shred.On(shell, [&shell] { return Shred(shell); });
}

}  // namespace keyturn::cli
