// The fields of a database credential whose URL stands beside its parts (net/database_url.h): both
// are read, so both must say the same. Thread-safe (no state).
#pragma once

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "crypto/secret_bytes.h"

namespace keyturn {

// `merged` is `changes` put over `base` (MergeData), all in stored form. Where one of its fields is
// the URL of a database and others are parts of it: after a change of the URL its parts are made
// from it, after a change of parts the URL is. Anything else, and what has several such URLs, comes
// back as it is. INVALID_ARGUMENT when both have changed and say different things, or a part cannot
// be in a URL; the message names the field, never its value.
absl::StatusOr<SecretBytes> MatchDatabaseFields(absl::string_view base, absl::string_view changes,
                                                SecretBytes merged);

// `data` with the parts of its URL of a database as fields beside it; both in stored form.
// INVALID_ARGUMENT when none of its fields is such a URL or several are, when a part is there and
// says something else, or when there is no room for the parts; the message holds no value.
absl::StatusOr<SecretBytes> TakeUrlApart(absl::string_view data);

}  // namespace keyturn
