// operator unseal|seal|status.
#include <algorithm>
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
#include "client/wipe.h"

namespace keyturn::cli {
namespace {

std::string SealState(const v1::StatusResponse& status) {
  if (!status.initialized()) return "not initialised";
  return status.sealed() ? "sealed" : "unsealed";
}

absl::Status PrintStatus(const Shell& shell, const v1::StatusResponse& status) {
  const bool collecting = status.sealed() && status.shares_threshold() > 0;
  return shell.out().Object(
      {{"state", SealState(status)},
       {"shares given",
        collecting ? absl::StrCat(status.shares_given(), " of ", status.shares_threshold()) : ""},
       {"seals", absl::StrJoin(status.seals(), ", ")},
       {"vault", status.vault_id()},
       {"version", status.version()},
       {"revision", status.version().empty() ? "" : absl::StrCat(status.revision())},
       {"key term", status.kek_term() == 0 ? "" : absl::StrCat(status.kek_term())},
       {"mode", status.dev() ? "dev: everything is lost when it ends" : ""}},
      ToJson(status));
}

absl::Status Status(Shell& shell, const std::string& fail_on) {
  if (!fail_on.empty() && fail_on != "sealed") {
    return UsageError(absl::StrCat("--fail-on '", fail_on, "' must be sealed"));
  }
  ASSIGN_OR_RETURN(Client* const client, shell.ConnectEither());
  ASSIGN_OR_RETURN(const v1::StatusResponse status, client->Status({}, shell.Options()));
  RETURN_IF_ERROR(PrintStatus(shell, status));
  if (status.initialized() && !status.sealed()) return absl::OkStatus();
  const std::string next =
      status.initialized() ? "keyturn operator unseal" : "keyturn operator init";
  if (fail_on == "sealed") {
    return WithHelp(WithExitCode(absl::FailedPreconditionError(
                                     status.initialized() ? "the vault is sealed"
                                                          : "the vault is not initialised"),
                                 kExitCheckFailed),
                    next);
  }
  shell.SayNext(next);
  return absl::OkStatus();
}

struct UnsealFlags {
  KeyFlags key;
  bool reset = false;
};

bool HasSeal(const v1::StatusResponse& status, absl::string_view name) {
  return std::find(status.seals().begin(), status.seals().end(), name) != status.seals().end();
}

// One key of the vault to the server. A key that opens nothing comes back as UNAUTHENTICATED, but
// no login is the remedy: `again` is.
absl::Status Send(Client& client, Shell& shell, const v1::UnsealRequest& request,
                  absl::string_view again, v1::StatusResponse* status) {
  absl::StatusOr<v1::StatusResponse> answer = client.Unseal(request, shell.Options());
  if (absl::IsUnauthenticated(answer.status())) return WithHelp(answer.status(), again);
  ASSIGN_OR_RETURN(*status, std::move(answer));
  return absl::OkStatus();
}

absl::Status GivePassphrase(Client& client, Shell& shell, const SecretBytes& typed,
                            v1::StatusResponse* status) {
  v1::UnsealRequest request;
  Assign(typed.ExposeForWire(), request.mutable_passphrase());
  const absl::Status sent =
      Send(client, shell, request, "give the passphrase again: keyturn operator unseal", status);
  WipeBuffer(request.mutable_passphrase());
  return sent;
}

absl::Status GiveShare(Client& client, Shell& shell, absl::string_view share,
                       v1::StatusResponse* status) {
  v1::UnsealRequest request;
  request.set_nonce(status->unseal_nonce());
  Assign(share, request.mutable_share());
  const absl::Status sent = Send(client, shell, request,
                                 "one of the shares is wrong, and all given so far are forgotten; "
                                 "give them again: keyturn operator unseal",
                                 status);
  WipeBuffer(request.mutable_share());
  return sent;
}

absl::Status GiveKeyFile(Client& client, Shell& shell, v1::StatusResponse* status) {
  v1::UnsealRequest request;
  request.set_key_file(true);
  return Send(client, shell, request,
              "put the key file that init made back where key_file of the server's configuration "
              "says, then: keyturn operator unseal --key-file",
              status);
}

absl::Status GiveShareFile(Client& client, Shell& shell, const std::string& file,
                           v1::StatusResponse* status) {
  ASSIGN_OR_RETURN(const std::vector<SecretBytes> shares,
                   ReadShareFile(file, "keyturn operator unseal --passphrase-file FILE"));
  for (size_t i = 0; i < shares.size() && status->sealed(); ++i) {
    RETURN_IF_ERROR(GiveShare(client, shell, shares[i].ExposeForWire(), status));
  }
  return absl::OkStatus();
}

// Without a flag: what this vault's seals can be opened with.
absl::Status CannotAsk(const v1::StatusResponse& status) {
  std::vector<std::string> flags;
  if (HasSeal(status, "shamir")) flags.emplace_back("--share-file FILE");
  if (HasSeal(status, "passphrase")) flags.emplace_back("--passphrase-file FILE");
  if (HasSeal(status, "keyfile")) flags.emplace_back("--key-file");
  return UsageError(absl::StrCat("give ", absl::StrJoin(flags, " or "),
                                 ", or run this on a terminal to be asked"));
}

absl::Status AskUntilUnsealed(Client& client, Shell& shell, v1::StatusResponse* status) {
  const bool has_shares = HasSeal(*status, "shamir");
  const bool has_passphrase = HasSeal(*status, "passphrase");
  if (!has_shares && !has_passphrase) return GiveKeyFile(client, shell, status);
  if (!shell.terminal().can_ask()) return CannotAsk(*status);
  while (status->sealed()) {
    std::string what = has_passphrase ? "passphrase" : "share";
    if (has_shares) {
      what = absl::StrCat("share ", status->shares_given() + 1, " of ", status->shares_threshold(),
                          has_passphrase ? ", or passphrase" : "");
    }
    ASSIGN_OR_RETURN(const SecretBytes typed, shell.terminal().AskSecret(what));
    const absl::string_view share = absl::StripAsciiWhitespace(typed.ExposeForCrypto());
    if (has_shares && IsShare(share)) {
      RETURN_IF_ERROR(GiveShare(client, shell, share, status));
    } else if (has_passphrase) {
      RETURN_IF_ERROR(GivePassphrase(client, shell, typed, status));
    } else {
      return UsageError("that is no share: a share starts with kt-share-");
    }
    // The next share is for the next person, who may be elsewhere.
    if (has_shares) break;
  }
  return absl::OkStatus();
}

absl::Status Unseal(Shell& shell, const UnsealFlags& flags) {
  ASSIGN_OR_RETURN(Client* const client, shell.ConnectEither());
  ASSIGN_OR_RETURN(v1::StatusResponse status, client->Status({}, shell.Options()));
  if (!status.initialized()) {
    return WithHelp(absl::FailedPreconditionError("the vault is not initialised"),
                    "keyturn operator init");
  }
  if (flags.reset) {
    v1::UnsealRequest request;
    request.set_reset(true);
    ASSIGN_OR_RETURN(Client* const local, shell.ConnectLocal());
    ASSIGN_OR_RETURN(status, local->Unseal(request, shell.Options()));
    return PrintStatus(shell, status);
  }
  if (flags.key.key_file) {
    RETURN_IF_ERROR(GiveKeyFile(*client, shell, &status));
  } else if (!flags.key.share_file.empty()) {
    RETURN_IF_ERROR(GiveShareFile(*client, shell, flags.key.share_file, &status));
  } else if (!flags.key.passphrase_file.empty()) {
    ASSIGN_OR_RETURN(const SecretBytes typed, ReadPassphraseFile(flags.key.passphrase_file));
    RETURN_IF_ERROR(GivePassphrase(*client, shell, typed, &status));
  } else if (status.sealed()) {
    RETURN_IF_ERROR(AskUntilUnsealed(*client, shell, &status));
  }
  RETURN_IF_ERROR(PrintStatus(shell, status));
  if (status.sealed()) shell.SayNext("the next share, with keyturn operator unseal");
  return absl::OkStatus();
}

absl::Status Seal(Shell& shell, const std::string& confirm) {
  ASSIGN_OR_RETURN(Settings* const settings, shell.settings());
  RETURN_IF_ERROR(shell.terminal().Confirm(
      absl::StrCat("the vault at ", (*settings)["address"],
                   " is sealed: nobody reads a secret until it is unsealed again"),
      "seal", confirm));
  ASSIGN_OR_RETURN(Client* const client, shell.Connect());
  ASSIGN_OR_RETURN(const v1::StatusResponse status, client->Seal({}, shell.Options()));
  return PrintStatus(shell, status);
}

}  // namespace

void AddOperatorSealCommands(Command parent, Shell& shell) {
  const auto flags = std::make_shared<UnsealFlags>();
  const Command unseal = parent.Add(
      "unseal", "Give a share, passphrase or key file, and unseal the vault",
      "  keyturn operator unseal                          # asks, if there is what to ask for\n"
      "  keyturn operator unseal --passphrase-file - < passphrase\n"
      "  keyturn operator unseal --key-file               # reads the server's key file again");
  AddKeyOptions(unseal, flags->key);
  unseal.AddFlag("--reset", flags->reset, "forget the shares given so far");
  unseal.On(shell, [&shell, flags] { return Unseal(shell, *flags); });

  const auto confirm = std::make_shared<std::string>();
  const Command seal = parent.Add("seal", "Seal the vault: forget every key, at once");
  seal.AddOption("--confirm", *confirm, "the word seal, to go on without a question");
  seal.On(shell, [&shell, confirm] { return Seal(shell, *confirm); });

  const auto fail_on = std::make_shared<std::string>();
  const Command status = parent.Add("status", "Show whether the vault is sealed");
  status.AddOption("--fail-on", *fail_on, "sealed: exit with 8 unless it is unsealed");
  status.On(shell, [&shell, fail_on] { return Status(shell, *fail_on); });
}

}  // namespace keyturn::cli
