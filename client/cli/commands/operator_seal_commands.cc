// operator unseal|seal|status.
#include <memory>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/limits.h"
#include "base/status_macros.h"
#include "client/cli/commands/commands.h"
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
  if (!status.initialized()) {
    shell.terminal().Say("next: keyturn operator init");
  } else if (status.sealed()) {
    shell.terminal().Say("next: keyturn operator unseal");
  }
  if (fail_on == "sealed" && (status.sealed() || !status.initialized())) {
    return WithExitCode(absl::FailedPreconditionError("the vault is sealed"), kExitCheckFailed);
  }
  return absl::OkStatus();
}

struct UnsealFlags {
  std::string share_file, passphrase_file;
  bool key_file = false, reset = false;
};

constexpr absl::string_view kSharePrefix = "kt-share-";

absl::Status Give(Client& client, Shell& shell, const SecretBytes& typed, bool passphrase,
                  v1::StatusResponse* status) {
  v1::UnsealRequest request;
  const absl::string_view text = typed.ExposeForWire();
  request.set_nonce(status->unseal_nonce());
  if (passphrase || !absl::StartsWith(absl::StripAsciiWhitespace(text), kSharePrefix)) {
    Assign(text, request.mutable_passphrase());
  } else {
    Assign(absl::StripAsciiWhitespace(text), request.mutable_share());
  }
  absl::StatusOr<v1::StatusResponse> answer = client.Unseal(request, shell.Options());
  WipeBuffer(passphrase || request.key_case() == v1::UnsealRequest::kPassphrase
                 ? request.mutable_passphrase()
                 : request.mutable_share());
  ASSIGN_OR_RETURN(*status, std::move(answer));
  return absl::OkStatus();
}

// A file of shares, one a line, as init writes them.
absl::Status GiveFile(Client& client, Shell& shell, const std::string& file,
                      v1::StatusResponse* status) {
  ASSIGN_OR_RETURN(const SecretBytes all, ReadSecretFile(file, limits::kSmallFileBytesMax));
  absl::string_view rest = all.ExposeForCrypto();
  while (!rest.empty() && status->sealed()) {
    const size_t end = std::min(rest.find('\n'), rest.size());
    const absl::string_view line = absl::StripAsciiWhitespace(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (line.empty()) continue;
    ASSIGN_OR_RETURN(const SecretBytes share, SecretBytes::CopyOf(line));
    RETURN_IF_ERROR(Give(client, shell, share, false, status));
  }
  return absl::OkStatus();
}

absl::Status GivePassphrase(Client& client, Shell& shell, const std::string& file,
                            v1::StatusResponse* status) {
  ASSIGN_OR_RETURN(SecretBytes typed, ReadSecretFile(file, limits::kPassphraseBytesMax + 1));
  if (absl::EndsWith(typed.ExposeForCrypto(), "\n")) typed.Truncate(typed.size() - 1);
  return Give(client, shell, typed, true, status);
}

absl::Status AskUntilUnsealed(Client& client, Shell& shell, v1::StatusResponse* status) {
  if (!shell.terminal().can_ask()) {
    return UsageError(
        "give --share-file FILE, --passphrase-file FILE or --key-file, or run this "
        "on a terminal to be asked");
  }
  const bool has_shares = status->shares_threshold() > 0;
  const bool has_passphrase = std::find(status->seals().begin(), status->seals().end(),
                                        "passphrase") != status->seals().end();
  while (status->sealed()) {
    std::string what = has_passphrase ? "passphrase" : "share";
    if (has_shares) {
      what = absl::StrCat("share ", status->shares_given() + 1, " of ", status->shares_threshold(),
                          has_passphrase ? ", or passphrase" : "");
    }
    ASSIGN_OR_RETURN(const SecretBytes typed, shell.terminal().AskSecret(what));
    RETURN_IF_ERROR(Give(client, shell, typed, !has_shares, status));
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
    ASSIGN_OR_RETURN(status, client->Unseal(request, shell.Options()));
    return PrintStatus(shell, status);
  }
  if (flags.key_file) {
    v1::UnsealRequest request;
    request.set_key_file(true);
    ASSIGN_OR_RETURN(status, client->Unseal(request, shell.Options()));
  } else if (!flags.share_file.empty()) {
    RETURN_IF_ERROR(GiveFile(*client, shell, flags.share_file, &status));
  } else if (!flags.passphrase_file.empty()) {
    RETURN_IF_ERROR(GivePassphrase(*client, shell, flags.passphrase_file, &status));
  } else if (status.sealed()) {
    RETURN_IF_ERROR(AskUntilUnsealed(*client, shell, &status));
  }
  RETURN_IF_ERROR(PrintStatus(shell, status));
  if (status.sealed()) shell.terminal().Say("next: the next share, with keyturn operator unseal");
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
      "  keyturn operator unseal                          # asks, one share each time\n"
      "  keyturn operator unseal --passphrase-file - < passphrase\n"
      "  keyturn operator unseal --key-file               # reads the server's key file again");
  const Option share = unseal.AddOption("--share-file", flags->share_file,
                                        "a file (or -) with one or more shares, one a line");
  const Option passphrase =
      unseal.AddOption("--passphrase-file", flags->passphrase_file, "a file (or -) with it")
          .Excludes(share);
  unseal.AddFlag("--key-file", flags->key_file, "the key file in the server's configuration")
      .Excludes(share)
      .Excludes(passphrase);
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
