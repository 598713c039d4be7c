// Seals and their keys as operators name and give them: which seals a vault is to have, and the
// shares in a file. Not thread-safe.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "client/cli/commands/command.h"
#include "client/cli/shell.h"
#include "crypto/secret_bytes.h"
#include "keyturn/v1/system_service.pb.h"

namespace keyturn::cli {

struct SealFlags {
  std::vector<std::string> seals;  // "shamir", "passphrase", "key-file"; none: shamir
  std::string passphrase_file;
  uint32_t shares = 5, threshold = 3;
};

// --seal, --shares, --threshold and `passphrase_option`.
void AddSealOptions(Command command, const std::string& passphrase_option, SealFlags& flags);

using SealConfigs = google::protobuf::RepeatedPtrField<v1::SealConfig>;
// Asks for a new passphrase, or reads it. The result is to be wiped with WipeSeals.
absl::Status AddSeals(Shell& shell, const SealFlags& flags, const std::string& passphrase_option,
                      SealConfigs* configs);
void WipeSeals(SealConfigs* configs);

// How a key of a seal is given: by one of these, or typed.
struct KeyFlags {
  std::string share_file, passphrase_file;
  bool key_file = false;
};
void AddKeyOptions(Command command, KeyFlags& flags);

// Whether it looks like a share.
bool IsShare(absl::string_view text);
// A file of shares (- for standard input), one a line, as init writes them. All are looked at, so
// that of what is none (a passphrase, the wrong file) nothing is sent. `passphrase_command` is what
// to type for a passphrase.
absl::StatusOr<std::vector<SecretBytes>> ReadShareFile(const std::string& file,
                                                       absl::string_view passphrase_command);
// Writes shares as ReadShareFile takes them, mode 0600.
absl::Status WriteShareFile(const std::string& file,
                            const google::protobuf::RepeatedPtrField<std::string>& shares);

}  // namespace keyturn::cli
