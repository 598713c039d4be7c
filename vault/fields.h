// The data of a version, as bytes: a serialised keyturn.v1.SecretData with its fields in byte order
// of their names, all in SecretBytes. These functions read and merge that form in place, so that no
// value passes through a protobuf object or a std::string. Thread-safe.
#pragma once

#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "crypto/secret_bytes.h"

namespace keyturn {

// A field inside an encoded SecretData. Views live as long as the buffer.
struct FieldView {
  absl::string_view name;
  int encoding = 0;  // keyturn.v1.Encoding
  absl::string_view value;
};

// Checks untrusted bytes and puts them in stored form: sorted, encodings explicit (a field without
// one is text if it is UTF-8, else binary). INVALID_ARGUMENT for malformed protobuf, no or too many
// fields, a bad or repeated name, text that is not UTF-8, json that does not parse, or more than
// limits::kSecretValueBytesMax; the message names the field, never its value.
absl::StatusOr<SecretBytes> CanonicalData(absl::string_view untrusted);

// The stored form of these fields.
absl::StatusOr<SecretBytes> EncodeFields(absl::Span<const FieldView> fields);

// Calls `fn` for each field until it returns false. DATA_LOSS when the bytes are malformed.
absl::Status ForEachField(absl::string_view data, absl::FunctionRef<bool(const FieldView&)> fn);

// `base` with the fields of `changes` put over it. Both in stored form.
absl::StatusOr<SecretBytes> MergeData(absl::string_view base, absl::string_view changes);
// Only the named fields. NOT_FOUND names the first that is absent.
absl::StatusOr<SecretBytes> SelectFields(absl::string_view data,
                                         absl::Span<const std::string> names);

}  // namespace keyturn
