#include "base/reason.h"

#include "absl/strings/cord.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace keyturn {
namespace {
constexpr absl::string_view kReasonUrl = "keyturn.reason";
constexpr absl::string_view kRetryUrl = "keyturn.retry_after_ms";
}  // namespace

absl::Status WithReason(absl::Status status, absl::string_view reason) {
  status.SetPayload(kReasonUrl, absl::Cord(reason));
  return status;
}

std::string ReasonOf(const absl::Status& status) {
  if (status.ok()) return "";
  const absl::optional<absl::Cord> payload = status.GetPayload(kReasonUrl);
  if (payload.has_value()) return std::string(*payload);
  return absl::StatusCodeToString(status.code());
}

absl::Status WithRetryAfter(absl::Status status, absl::Duration wait) {
  const absl::Duration whole = absl::Ceil(wait, absl::Milliseconds(1));
  status.SetPayload(kRetryUrl, absl::Cord(absl::StrCat(absl::ToInt64Milliseconds(whole))));
  return status;
}

absl::Duration RetryAfterOf(const absl::Status& status) {
  const absl::optional<absl::Cord> payload = status.GetPayload(kRetryUrl);
  int64_t milliseconds = 0;
  if (!payload.has_value() || !absl::SimpleAtoi(std::string(*payload), &milliseconds)) {
    return absl::ZeroDuration();
  }
  return absl::Milliseconds(milliseconds);
}

}  // namespace keyturn
