#include "rotation/end_notice.h"

#include <algorithm>

#include "base/limits.h"

namespace keyturn {

absl::Duration MissingNotice(const VersionRecord& version, const UpTime& up) {
  // What may be known to others ends at once; of what was replaced by nothing there is no news.
  if (version.compromised() || version.replaced_ms() == 0) return absl::ZeroDuration();
  const absl::Time announced =
      absl::FromUnixMillis(std::max(version.replaced_ms(), version.announced_ms()));
  if (announced >= up.since) return absl::ZeroDuration();
  const absl::Duration wanted = std::min(absl::Seconds(limits::kRotationNoticeSeconds),
                                         absl::FromUnixMillis(version.grace_end_ms()) - announced);
  const absl::Duration heard =
      std::max(up.before.value_or(announced) - announced, absl::ZeroDuration());
  return std::max(wanted - heard - up.lasts, absl::ZeroDuration());
}

}  // namespace keyturn
