// The bytes that client/cli/offline_values.h seals: when the values were read, and the values
// (docs/FORMAT.md). Thread-safe, but for the writer.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "client/cli/environment.h"
#include "crypto/secret_bytes.h"

namespace keyturn::cli {

// Fields one after the other, in one block that is as large as it has to be. The views given to it
// are read by Finish.
class SecretWriter {
 public:
  // As it is.
  void Bytes(std::string bytes);
  // With its length before it (base/coding.h).
  void Field(absl::string_view bytes);
  absl::StatusOr<SecretBytes> Finish() const;

 private:
  struct Piece {
    std::string own;  // public bytes
    absl::string_view view;
  };
  std::vector<Piece> pieces_;
};

absl::StatusOr<SecretBytes> EncodeValues(const std::vector<Variable>& variables,
                                         absl::Time read_at);
// DATA_LOSS for what EncodeValues does not make.
absl::StatusOr<std::vector<Variable>> DecodeValues(absl::string_view bytes, absl::Time* read_at);

}  // namespace keyturn::cli
