#include "client/cli/key_wait.h"

#include "absl/strings/str_cat.h"
#include "base/limits.h"
#include "client/cli/exit_codes.h"
#include "client/cli/key_status.h"

namespace keyturn::cli {
namespace {

constexpr absl::Duration kBeforeSaying = absl::Seconds(5);
// The server tells of calls from before the rotation after the first, and tries again after the
// second.
constexpr absl::Duration kPatience =
    absl::Seconds(limits::kFormerCallsSecondsMax + 2 * limits::kRewrapRetrySeconds);

}  // namespace

absl::StatusOr<KeyWait::Step> KeyWait::Look(const v1::RewrapStatusResponse& status,
                                            absl::Time now) {
  if (!OlderKeysAreLeft(status)) return Step{.done = true, .say = ""};
  const bool of_this_turn = status.term() >= term_;
  if (of_this_turn && status.records_failed() > 0 && !status.running()) {
    return WithHelp(absl::DataLossError(absl::StrCat(
                        status.records_failed(),
                        " records do not open, so the older keys cannot be forgotten")),
                    "keyturn operator verify");
  }
  const std::string state =
      absl::StrCat(status.term(), " ", status.records_checked(), " ", status.has_finish_time());
  if (state != last_ || status.running()) {
    last_ = state;
    since_ = now;
  }
  const absl::Duration rested = now - since_;
  if (rested >= kPatience) {
    return WithHelp(
        absl::UnavailableError(absl::StrCat(
            "the server has got no further for ", absl::FormatDuration(kPatience),
            " and keeps the older keys: a call from before the rotation is still under way, or the "
            "store or the audit log cannot be written")),
        "the server's log says which; then type it again");
  }
  Step step;
  if (rested < kBeforeSaying || said_) return step;
  said_ = true;
  step.say = of_this_turn && status.has_finish_time()
                 ? "every record is under the new key; waiting for calls from before to end"
                 : "waiting for the server to bring the records to the new key";
  return step;
}

}  // namespace keyturn::cli
