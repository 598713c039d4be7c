#include "client/cli/commands/seal_input.h"

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/limits.h"
#include "base/status_macros.h"
#include "client/cli/exit_codes.h"
#include "client/cli/files.h"
#include "client/wipe.h"

namespace keyturn::cli {
namespace {

constexpr absl::string_view kSharePrefix = "kt-share-";

absl::Status AddSeal(Shell& shell, const SealFlags& flags, const std::string& passphrase_option,
                     const std::string& name, v1::SealConfig* seal) {
  if (name == "key-file") {
    seal->mutable_key_file();
  } else if (name == "shamir") {
    seal->mutable_shamir()->set_shares(flags.shares);
    seal->mutable_shamir()->set_threshold(flags.threshold);
  } else if (name == "passphrase") {
    if (flags.passphrase_file.empty() && !shell.terminal().can_ask()) {
      return UsageError(absl::StrCat("the passphrase seal needs ", passphrase_option,
                                     " FILE (- for standard input)"));
    }
    ASSIGN_OR_RETURN(const SecretBytes typed,
                     flags.passphrase_file.empty()
                         ? shell.terminal().AskNewSecret("passphrase for unsealing")
                         : ReadPassphraseFile(flags.passphrase_file));
    Assign(typed.ExposeForWire(), seal->mutable_passphrase()->mutable_passphrase());
  } else {
    return UsageError(absl::StrCat("--seal '", name, "' must be key-file, passphrase or shamir"));
  }
  return absl::OkStatus();
}

}  // namespace

void AddSealOptions(Command command, const std::string& passphrase_option, SealFlags& flags) {
  command.AddOption("--seal", flags.seals,
                    "what unseals the vault: shamir (default), passphrase, key-file; several are "
                    "alternatives");
  command.AddOption("--shares", flags.shares, "how many shares are made; default 5")
      .Range(1, limits::kSharesMax);
  command.AddOption("--threshold", flags.threshold, "how many of them unseal; default 3")
      .Range(1, limits::kSharesMax);
  command.AddOption(passphrase_option, flags.passphrase_file,
                    "read the passphrase from there instead of asking");
}

absl::Status AddSeals(Shell& shell, const SealFlags& flags, const std::string& passphrase_option,
                      SealConfigs* configs) {
  if (flags.seals.empty()) {
    return AddSeal(shell, flags, passphrase_option, "shamir", configs->Add());
  }
  for (const std::string& name : flags.seals) {
    RETURN_IF_ERROR(AddSeal(shell, flags, passphrase_option, name, configs->Add()));
  }
  return absl::OkStatus();
}

void WipeSeals(SealConfigs* configs) {
  for (v1::SealConfig& seal : *configs) {
    if (seal.has_passphrase()) WipeBuffer(seal.mutable_passphrase()->mutable_passphrase());
  }
}

void AddKeyOptions(Command command, KeyFlags& flags) {
  const Option share = command.AddOption("--share-file", flags.share_file,
                                         "a file (or -) with one or more shares, one a line");
  const Option passphrase =
      command.AddOption("--passphrase-file", flags.passphrase_file, "a file (or -) with it")
          .Excludes(share);
  command.AddFlag("--key-file", flags.key_file, "the key file in the server's configuration")
      .Excludes(share)
      .Excludes(passphrase);
}

bool IsShare(absl::string_view text) { return absl::StartsWith(text, kSharePrefix); }

absl::StatusOr<std::vector<SecretBytes>> ReadShareFile(const std::string& file,
                                                       absl::string_view passphrase_command) {
  const std::string name = file == "-" ? "standard input" : file;
  ASSIGN_OR_RETURN(const SecretBytes all, ReadSecretFile(file, limits::kSmallFileBytesMax));
  std::vector<SecretBytes> shares;
  int line = 0;
  for (absl::string_view text : absl::StrSplit(all.ExposeForCrypto(), '\n')) {
    ++line;
    text = absl::StripAsciiWhitespace(text);
    if (text.empty()) continue;
    if (!IsShare(text)) {
      return WithHelp(UsageError(absl::StrCat(
                          "line ", line, " of ", name,
                          " is no share; nothing was sent. A share starts with ", kSharePrefix)),
                      absl::StrCat("for a passphrase: ", passphrase_command));
    }
    ASSIGN_OR_RETURN(SecretBytes share, SecretBytes::CopyOf(text));
    shares.push_back(std::move(share));
  }
  if (shares.empty()) {
    return UsageError(absl::StrCat(name, " holds no share; it must have one or more, one a line"));
  }
  return shares;
}

absl::Status WriteShareFile(const std::string& file,
                            const google::protobuf::RepeatedPtrField<std::string>& shares) {
  std::string lines;
  for (const std::string& share : shares) absl::StrAppend(&lines, share, "\n");
  absl::Status written = WriteFileWhole(file, lines, 0600);
  WipeBuffer(&lines);
  return written;
}

}  // namespace keyturn::cli
