// Small pure parts of the token store: times, checks and what is shown of a token. Thread-safe.
#pragma once

#include <google/protobuf/timestamp.pb.h>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "auth/token_store.h"
#include "keyturn/record/v1/auth.pb.h"
#include "keyturn/v1/token_service.pb.h"

namespace keyturn {

// Unix milliseconds as they are stored: 0 is never.
absl::Time FromMs(int64_t ms);
int64_t ToMs(absl::Time time);
google::protobuf::Timestamp ToTimestamp(int64_t ms);

// The one answer for everything that is wrong with a token.
absl::Status RefusedToken();

bool IsUsedUp(const record::v1::StoredToken& token);
// What is shown of a stored token: never its secret or the hash of it.
v1::TokenInfo ToInfo(const record::v1::StoredToken& token);

// INVALID_ARGUMENT names the field and its bounds.
absl::Status ValidateTokenParams(const TokenParams& params);
// When a token made now ends. INVALID_ARGUMENT when that is not in the future.
absl::StatusOr<absl::Time> ExpiryOf(const TokenParams& params, absl::Time now);

}  // namespace keyturn
