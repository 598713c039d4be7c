// Addresses of databases with their credentials in them, as "postgres://user:pass@host:5432/name",
// taken apart by libcurl's URL parser (RFC 3986). Thread-safe.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "keyturn/v1/types.pb.h"

namespace keyturn::cli {

// Whether the text is a URL of a database, with a password: postgres, postgresql, mysql, mariadb,
// redis, rediss, mongodb, mongodb+srv, amqp, amqps or sqlserver.
bool IsDatabaseUrl(absl::string_view text);

// Adds what it consists of to `data` as fields, decoded: scheme, username, password, host, port,
// database, options; none for a part that is not there. INVALID_ARGUMENT, without the text, for
// what IsDatabaseUrl refuses.
absl::Status AddDatabaseFields(absl::string_view text, v1::SecretData* data);

// What a variable of this name and value is for, as far as both say it: db_credential for the
// above, jwt_key for names such as JWT_SECRET, api_key for such as STRIPE_API_KEY, else generic.
v1::Kind GuessKind(absl::string_view variable, absl::string_view value);

}  // namespace keyturn::cli
