#include "base/reason.h"

#include "absl/strings/cord.h"

namespace keyturn {
namespace {
constexpr absl::string_view kTypeUrl = "keyturn.reason";
}  // namespace

absl::Status WithReason(absl::Status status, absl::string_view reason) {
  status.SetPayload(kTypeUrl, absl::Cord(reason));
  return status;
}

std::string ReasonOf(const absl::Status& status) {
  if (status.ok()) return "";
  const absl::optional<absl::Cord> payload = status.GetPayload(kTypeUrl);
  if (payload.has_value()) return std::string(*payload);
  return absl::StatusCodeToString(status.code());
}

}  // namespace keyturn
