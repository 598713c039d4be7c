#include "rotation/end_notice.h"

#include <algorithm>

#include "base/limits.h"
#include "vault/rotation_rules.h"

namespace keyturn {

absl::Duration MissingNotice(const VersionRecord& version, const UpTime& up) {
  // What may be known to others ends at once; of what was replaced by nothing there is no news.
  if (version.compromised() || version.replaced_ms() == 0) return absl::ZeroDuration();
  const absl::Time announced =
      absl::FromUnixMillis(std::max(version.replaced_ms(), version.announced_ms()));
  if (announced >= up.since) return absl::ZeroDuration();
  const absl::Duration wanted = std::min(absl::Seconds(limits::kRotationNoticeSeconds),
                                         absl::FromUnixMillis(version.grace_end_ms()) - announced);
  absl::Duration heard = up.lasts;
  if (up.former.has_value()) {
    heard +=
        std::max(up.former->until - std::max(announced, up.former->from), absl::ZeroDuration());
  }
  return std::max(wanted - heard, absl::ZeroDuration());
}

std::optional<absl::Time> LaterEnd(const v1::RotationPolicy& policy, const VersionRecord& version,
                                   const UpTime& up, absl::Time now) {
  const absl::Duration missing = MissingNotice(version, up);
  const absl::Time latest = LatestEnd(policy, version);
  if (missing == absl::ZeroDuration() || latest <= now) return std::nullopt;
  return std::min(now + missing, latest);
}

void AnnounceAnew(absl::Time end, const UpTime& up, VersionRecord* version) {
  version->set_announced_ms(absl::ToUnixMillis(up.since));
  version->set_grace_end_ms(absl::ToUnixMillis(end));
}

}  // namespace keyturn
