// operator rekey, operator rotate-root-key.
#include <algorithm>
#include <filesystem>
#include <memory>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/status_macros.h"
#include "client/cli/commands/commands.h"
#include "client/cli/commands/seal_input.h"
#include "client/cli/exit_codes.h"
#include "client/cli/files.h"
#include "client/cli/key_status.h"
#include "client/wipe.h"

namespace keyturn::cli {
namespace {

constexpr char kPassphraseOption[] = "--new-passphrase-file";
constexpr char kNextGive[] = "next: keyturn operator rekey give";

std::string PhaseText(const v1::Rekey& rekey) {
  const char* const what = rekey.root_key_only() ? "the root key" : "the seals and the root key";
  switch (rekey.phase()) {
    case v1::Rekey::AUTHORIZE:
      return absl::StrCat("change of ", what, ": keys of the present seals are needed");
    case v1::Rekey::VERIFY:
      return absl::StrCat("change of ", what,
                          ": the new keys are needed once, to show that their holders have them");
    default:
      return "none is under way";
  }
}

std::string NeededText(const v1::Rekey& rekey) {
  std::vector<std::string> needed;
  for (const v1::RekeySeal& seal : rekey.seals()) {
    if (seal.done()) continue;
    needed.push_back(seal.shares_threshold() == 0
                         ? seal.seal()
                         : absl::StrCat(seal.seal(), " (", seal.shares_given(), " of ",
                                        seal.shares_threshold(), " shares given)"));
  }
  return absl::StrJoin(needed, rekey.any_is_enough() ? " or " : " and ");
}

Pairs ToPairs(const v1::Rekey& rekey) {
  Pairs pairs = {{"rekey", PhaseText(rekey)}, {"needed", NeededText(rekey)}};
  if (rekey.phase() != v1::Rekey::PHASE_UNSPECIFIED) {
    pairs.emplace_back("nonce", rekey.nonce());
    pairs.emplace_back("started", TimeText(rekey.start_time()));
  }
  return pairs;
}

absl::Status Start(Shell& shell, const v1::StartRekeyRequest& request) {
  ASSIGN_OR_RETURN(Client* const client, shell.Connect());
  ASSIGN_OR_RETURN(const v1::StartRekeyResponse made, client->StartRekey(request, shell.Options()));
  RETURN_IF_ERROR(shell.out().Object(ToPairs(made.rekey()), ToJson(made.rekey())));
  shell.terminal().Say(kNextGive);
  return absl::OkStatus();
}

absl::Status StartWithSeals(Shell& shell, const SealFlags& flags) {
  v1::StartRekeyRequest request;
  RETURN_IF_ERROR(AddSeals(shell, flags, kPassphraseOption, request.mutable_seals()));
  absl::Status started = Start(shell, request);
  WipeSeals(request.mutable_seals());
  return started;
}

struct GiveFlags {
  KeyFlags key;
  std::string shares_file;
};

// Whether the phase asks for a key of `name`.
bool Needs(const v1::Rekey& rekey, absl::string_view name) {
  return std::any_of(rekey.seals().begin(), rekey.seals().end(),
                     [name](const auto& seal) { return seal.seal() == name && !seal.done(); });
}

class Giver {
 public:
  Giver(Shell& shell, const GiveFlags& flags, Client& client, v1::Rekey rekey)
      : shell_(shell), flags_(flags), client_(client), rekey_(std::move(rekey)) {}

  absl::Status Run() {
    if (flags_.key.key_file) return GiveKeyFile();
    if (!flags_.key.share_file.empty()) return GiveShareFile();
    if (!flags_.key.passphrase_file.empty()) {
      ASSIGN_OR_RETURN(const SecretBytes typed, ReadPassphraseFile(flags_.key.passphrase_file));
      return GivePassphrase(typed);
    }
    return Ask();
  }

  absl::Status Print() {
    if (finished_) {
      return shell_.out().Object({{"rekey", "done: the new root key is in force"}},
                                 Json{{"finished", true}});
    }
    Pairs pairs = ToPairs(rekey_);
    Json json = ToJson(rekey_);
    for (size_t i = 0; i < shares_.size(); ++i) {
      pairs.emplace_back(absl::StrCat("new share ", i + 1), shares_[i]);
      json["shares"].push_back(shares_[i]);
    }
    if (!flags_.shares_file.empty()) pairs.emplace_back("shares file", flags_.shares_file);
    const absl::Status printed = shell_.out().Object(pairs, json);
    for (std::string& share : shares_) WipeBuffer(&share);
    return printed;
  }

  void SayWhatIsNext() const {
    const Terminal& terminal = shell_.terminal();
    if (finished_) {
      if (rekey_.root_key_only()) {
        terminal.Say("the keys of the seals are what they were");
      } else {
        terminal.Say(
            "the old shares, passphrase and key file open copies of the data directory from "
            "before, "
            "and nothing else: make a new backup before you throw them away. If others had them, "
            "they may know the key-encryption key: keyturn operator rotate-kek --compromised");
      }
      return;
    }
    if (new_shares_ > 0) {
      terminal.Say(
          "Give each new share to another person. They are shown this once, and count only when "
          "enough of them were typed back; until then the old ones do.");
    }
    terminal.Say(kNextGive);
  }

 private:
  absl::Status Send(v1::GiveRekeyKeyRequest& request) {
    request.set_nonce(rekey_.nonce());
    ASSIGN_OR_RETURN(v1::GiveRekeyKeyResponse answer,
                     client_.GiveRekeyKey(request, shell_.Options()));
    finished_ = answer.finished();
    if (!finished_) rekey_ = answer.rekey();
    if (answer.shares().empty()) return absl::OkStatus();
    new_shares_ = answer.shares_size();
    // A file that cannot be written must not cost the shares.
    const absl::Status written = flags_.shares_file.empty()
                                     ? absl::OkStatus()
                                     : WriteShareFile(flags_.shares_file, answer.shares());
    if (flags_.shares_file.empty() || !written.ok()) {
      shares_.assign(answer.shares().begin(), answer.shares().end());
    }
    for (std::string& share : *answer.mutable_shares()) WipeBuffer(&share);
    if (!written.ok()) shell_.terminal().Say(std::string(written.message()));
    return absl::OkStatus();
  }

  absl::Status GiveKeyFile() {
    v1::GiveRekeyKeyRequest request;
    request.set_key_file(true);
    return Send(request);
  }
  absl::Status GivePassphrase(const SecretBytes& typed) {
    v1::GiveRekeyKeyRequest request;
    Assign(typed.ExposeForWire(), request.mutable_passphrase());
    absl::Status sent = Send(request);
    WipeBuffer(request.mutable_passphrase());
    return sent;
  }
  absl::Status GiveShare(absl::string_view share) {
    v1::GiveRekeyKeyRequest request;
    Assign(share, request.mutable_share());
    absl::Status sent = Send(request);
    WipeBuffer(request.mutable_share());
    return sent;
  }
  // More shares than are needed do no harm: those after the last needed one are not sent.
  absl::Status GiveShareFile() {
    ASSIGN_OR_RETURN(
        const std::vector<SecretBytes> shares,
        ReadShareFile(flags_.key.share_file, "keyturn operator rekey give --passphrase-file FILE"));
    const v1::Rekey::Phase phase = rekey_.phase();
    for (const SecretBytes& share : shares) {
      if (finished_ || rekey_.phase() != phase || !Needs(rekey_, "shamir")) break;
      RETURN_IF_ERROR(GiveShare(share.ExposeForWire()));
    }
    return absl::OkStatus();
  }

  absl::Status Ask() {
    const bool has_shares = Needs(rekey_, "shamir"), has_passphrase = Needs(rekey_, "passphrase");
    if (!has_shares && !has_passphrase) {
      return WithHelp(UsageError("only the key file is needed, which the server reads itself"),
                      "keyturn operator rekey give --key-file");
    }
    if (!shell_.terminal().can_ask()) {
      return UsageError(absl::StrCat("needed: ", NeededText(rekey_),
                                     "; give --share-file FILE, --passphrase-file FILE or "
                                     "--key-file, or run this on a terminal to be asked"));
    }
    const std::string fresh = rekey_.phase() == v1::Rekey::VERIFY ? "new " : "";
    const std::string what =
        absl::StrCat(fresh, has_shares ? "share" : "", has_shares && has_passphrase ? ", or " : "",
                     has_passphrase ? "passphrase" : "");
    ASSIGN_OR_RETURN(const SecretBytes typed, shell_.terminal().AskSecret(what));
    const absl::string_view share = absl::StripAsciiWhitespace(typed.ExposeForCrypto());
    if (has_shares && (IsShare(share) || !has_passphrase)) return GiveShare(share);
    return GivePassphrase(typed);
  }

  Shell& shell_;
  const GiveFlags& flags_;
  Client& client_;
  v1::Rekey rekey_;
  bool finished_ = false;
  int new_shares_ = 0;
  std::vector<std::string> shares_;
};

absl::Status Give(Shell& shell, const GiveFlags& flags) {
  if (!flags.shares_file.empty() && std::filesystem::exists(flags.shares_file)) {
    return absl::AlreadyExistsError(
        absl::StrCat(flags.shares_file, " exists already; nothing was given"));
  }
  ASSIGN_OR_RETURN(Client* const client, shell.Connect());
  ASSIGN_OR_RETURN(const v1::RekeyStatusResponse status, client->RekeyStatus({}, shell.Options()));
  if (status.rekey().phase() == v1::Rekey::PHASE_UNSPECIFIED) {
    return WithHelp(absl::FailedPreconditionError("no change of the root key is under way"),
                    "keyturn operator rekey start");
  }
  Giver giver(shell, flags, *client, status.rekey());
  RETURN_IF_ERROR(giver.Run());
  RETURN_IF_ERROR(giver.Print());
  giver.SayWhatIsNext();
  return absl::OkStatus();
}

absl::Status ShowStatus(Shell& shell) {
  ASSIGN_OR_RETURN(Client* const client, shell.Connect());
  ASSIGN_OR_RETURN(const v1::RekeyStatusResponse status, client->RekeyStatus({}, shell.Options()));
  RETURN_IF_ERROR(shell.out().Object(ToPairs(status.rekey()), ToJson(status.rekey())));
  if (status.rekey().phase() != v1::Rekey::PHASE_UNSPECIFIED) shell.terminal().Say(kNextGive);
  return absl::OkStatus();
}

absl::Status Cancel(Shell& shell) {
  ASSIGN_OR_RETURN(Client* const client, shell.Connect());
  RETURN_IF_ERROR(WithRekeyHelp(client->CancelRekey({}, shell.Options()).status()));
  shell.terminal().Say("cancelled; the seals are as before, and new shares are worthless");
  return absl::OkStatus();
}

void AddGiveCommand(Command parent, Shell& shell) {
  const Command give =
      parent.Add("give", "Give one key that the change asks for",
                 "  keyturn operator rekey give                      # asks, one share each time\n"
                 "  keyturn operator rekey give --share-file old-shares --shares-file new-shares\n"
                 "  keyturn operator rekey give --key-file           # the server reads its own");
  const auto flags = std::make_shared<GiveFlags>();
  AddKeyOptions(give, flags->key);
  give.AddOption("--shares-file", flags->shares_file,
                 "write new shares there (mode 0600), one a line, instead of printing them");
  give.On(shell, [&shell, flags] { return Give(shell, *flags); });
}

}  // namespace

void AddOperatorRekeyCommands(Command parent, Shell& shell) {
  const Command rekey =
      parent.Add("rekey", "Replace the seals, and the root key with them",
                 "  keyturn operator rekey start --shares 5 --threshold 3\n"
                 "  keyturn operator rekey give        # holders of old shares, one after another\n"
                 "  keyturn operator rekey give        # then holders of the new ones");
  rekey.NeedSubcommand();
  rekey.Footer(
      "The old keys count until the new ones were typed back: every new seal, and of new shares as "
      "many as unseal.");
  const auto seals = std::make_shared<SealFlags>();
  const Command start = rekey.Add("start", "Say which seals the vault is to have");
  AddSealOptions(start, kPassphraseOption, *seals);
  start.On(shell, [&shell, seals] { return StartWithSeals(shell, *seals); });
  AddGiveCommand(rekey, shell);
  const Command status = rekey.Add("status", "Show which keys are needed");
  status.On(shell, [&shell] { return ShowStatus(shell); });
  const Command cancel = rekey.Add("cancel", "Give up the change that is under way");
  cancel.On(shell, [&shell] { return Cancel(shell); });

  const Command root = parent.Add("rotate-root-key", "Replace the root key under the same seals");
  root.Footer(
      "Asks for the key of every seal, as each wraps the root key: go on with `keyturn operator "
      "rekey give`.");
  root.On(shell, [&shell] { return Start(shell, {}); });
}

}  // namespace keyturn::cli
