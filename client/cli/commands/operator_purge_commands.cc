// operator purge, operator shred.
#include <memory>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "base/wait.h"
#include "client/cli/commands/commands.h"
#include "client/cli/key_status.h"
#include "client/cli/key_wait.h"
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
  Progress progress("records checked", shell.terminal(), shell.clock());
  KeyWait wait(rotated.term());
  while (true) {
    ASSIGN_OR_RETURN(const v1::RewrapStatusResponse status,
                     client.RewrapStatus({}, shell.Options()));
    progress.Update(status.records_checked(), 0);
    ASSIGN_OR_RETURN(const KeyWait::Step step, wait.Look(status, shell.clock().Now()));
    if (step.done) return absl::OkStatus();
    if (!step.say.empty()) {
      progress.Finish();
      shell.terminal().Say(step.say);
    }
    WaitFor(shell.clock(), kBetweenLooks);
  }
}

// The last step changes the root key, so one change that is under way must end before the first.
absl::Status RequireNoRekey(Shell& shell, Client& client) {
  ASSIGN_OR_RETURN(const v1::RekeyStatusResponse status, client.RekeyStatus({}, shell.Options()));
  if (status.rekey().phase() == v1::Rekey::PHASE_UNSPECIFIED) return absl::OkStatus();
  return WithRekeyHelp(absl::FailedPreconditionError(
      "a change of the root key is under way: end it with keyturn operator rekey give, or cancel "
      "it; nothing was shredded"));
}

absl::Status Shred(Shell& shell) {
  ASSIGN_OR_RETURN(Client* const client, shell.Connect());
  RETURN_IF_ERROR(RequireNoRekey(shell, *client));
  RETURN_IF_ERROR(TurnKek(shell, *client));
  shell.terminal().Say("1 of 3: nothing is left under older key-encryption keys; they are gone");
  RETURN_IF_ERROR(RunPurge(shell, *client));
  shell.terminal().Say("2 of 3: what was deleted is out of the store's files");
  const auto started = client->StartRekey({}, shell.Options());
  RETURN_IF_ERROR(WithRekeyHelp(started.status()));
  RETURN_IF_ERROR(shell.out().Object(
      {{"shred", "the root key is left to be changed"}, {"nonce", started->rekey().nonce()}},
      ToJson(started->rekey())));
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
      "store, and begins to change the root key, so no change of it may be under way. Can be "
      "started again after an interruption.");
  shred.On(shell, [&shell] { return Shred(shell); });
}

}  // namespace keyturn::cli
