// What a value of a file that is imported is for, and the fields of a database's URL
// (net/database_url.h). Thread-safe.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "keyturn/v1/types.pb.h"

namespace keyturn::cli {

// Adds what it consists of to `data` as fields, decoded; none for a part that is not there.
// INVALID_ARGUMENT, without the text, for what is no URL of a database with a password.
absl::Status AddDatabaseFields(absl::string_view text, v1::SecretData* data);

// What a variable of this name and value is for, as far as both say it: db_credential for such
// a URL, api_key for names such as STRIPE_API_KEY, jwt_key for such as JWT_SECRET, else generic. As
// the server makes the next value of a jwt_key, a name and a value that could be of something else
// (JWT_KEY_ID, a path, a URL, PEM, JSON) are generic.
v1::Kind GuessKind(absl::string_view variable, absl::string_view value);

}  // namespace keyturn::cli
