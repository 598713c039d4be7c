// Which events of rotations others are told of, and in which words: the table of docs/ROTATION.md,
// "Webhooks". A body names a secret and says what happened to it; there is no way for a value to
// get there. Thread-safe (no state).
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "base/types.h"
#include "rotation/context.h"

namespace keyturn {

inline constexpr absl::string_view kVerifyType = "endpoint.verify";

// "rotation.promoted"; "" when nobody is told.
absl::string_view WebhookTypeOf(const RotationNews& news);
// Of an event that is always the same.
absl::string_view WebhookTypeOf(absl::string_view event);

// As times are written in a body, and in the notes that it is made of: RFC 3339 with milliseconds.
std::string NoticeTime(absl::Time time);

// JSON, of at most limits::kWebhookBodyBytesMax. `notes` are those of the change's batch.
std::string WebhookBody(absl::string_view type, const RotationNews& news,
                        absl::Span<const std::pair<std::string, std::string>> notes);
// Of a test that an endpoint is there.
std::string VerifyBody(const Uuid& webhook, absl::Time time);

// Whether `pattern` ("rotation.*", "*", or a type) is one that some type is of. INVALID_ARGUMENT
// says which types there are.
absl::Status CheckTypePattern(absl::string_view pattern);
bool TypeMatches(absl::string_view pattern, absl::string_view type);

}  // namespace keyturn
