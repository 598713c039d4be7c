#include "client/cli/exit_codes.h"

#include "absl/strings/cord.h"
#include "absl/strings/numbers.h"
#include "base/reason.h"

namespace keyturn::cli {
namespace {

constexpr absl::string_view kExitUrl = "keyturn.cli.exit";
constexpr absl::string_view kHelpUrl = "keyturn.cli.help";

std::optional<std::string> Payload(const absl::Status& status, absl::string_view url) {
  const absl::optional<absl::Cord> found = status.GetPayload(url);
  if (!found.has_value()) return std::nullopt;
  return std::string(*found);
}

}  // namespace

int ExitCodeOf(const absl::Status& status) {
  if (status.ok()) return kExitOk;
  int attached = 0;
  const std::optional<std::string> text = Payload(status, kExitUrl);
  if (text.has_value() && absl::SimpleAtoi(*text, &attached)) return attached;
  const std::string reason = ReasonOf(status);
  if (reason == "SEALED" || reason == "STOPPING") return kExitUnavailable;
  switch (status.code()) {
    case absl::StatusCode::kInvalidArgument:
    case absl::StatusCode::kOutOfRange:
      return kExitUsage;
    case absl::StatusCode::kNotFound:
      return kExitNotFound;
    case absl::StatusCode::kUnauthenticated:
      return kExitNotLoggedIn;
    case absl::StatusCode::kPermissionDenied:
      return kExitDenied;
    case absl::StatusCode::kAlreadyExists:
    case absl::StatusCode::kFailedPrecondition:
    case absl::StatusCode::kAborted:
      return kExitConflict;
    case absl::StatusCode::kUnavailable:
    case absl::StatusCode::kDeadlineExceeded:
    case absl::StatusCode::kResourceExhausted:
      return kExitUnavailable;
    default:
      return kExitError;
  }
}

absl::Status WithExitCode(absl::Status status, int exit_code) {
  status.SetPayload(kExitUrl, absl::Cord(absl::StrCat(exit_code)));
  return status;
}

absl::Status UsageError(absl::string_view message) {
  return WithExitCode(absl::InvalidArgumentError(message), kExitUsage);
}

absl::Status WithHelp(absl::Status status, absl::string_view help) {
  status.SetPayload(kHelpUrl, absl::Cord(help));
  return status;
}

std::optional<std::string> HelpOf(const absl::Status& status) { return Payload(status, kHelpUrl); }

absl::Status WithMessage(const absl::Status& status, absl::string_view message) {
  absl::Status other(status.code(), message);
  status.ForEachPayload([&other](absl::string_view url, const absl::Cord& payload) {
    other.SetPayload(url, payload);
  });
  return other;
}

}  // namespace keyturn::cli
