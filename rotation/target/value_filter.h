// Takes values out of what a target says, before it is kept, shown or logged. Thread-safe once
// made.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "crypto/secret_bytes.h"

namespace keyturn {

class ValueFilter {
 public:
  // Values in stored form, which outlive this; `other` may be nullptr. Hidden are whole fields,
  // also as JSON or base64, and the words in them that are long enough to be secrets: the lines of
  // a PEM, the password in a URL. Errors as EncodeRequest.
  static absl::StatusOr<ValueFilter> Create(const SecretBytes& value, const SecretBytes* other);

  // With "[redacted]" in their place. Of a text that was `cut`, an end that may begin a value goes
  // as well.
  std::string Hide(absl::string_view text, bool cut = false) const;

 private:
  ValueFilter() = default;
  absl::Status Add(const SecretBytes& value);
  absl::Status AddForms(absl::string_view value);
  void AddWords(absl::string_view value);

  std::vector<SecretBytes> forms_;         // other ways to write a value
  std::vector<absl::string_view> hidden_;  // longest first
};

}  // namespace keyturn
