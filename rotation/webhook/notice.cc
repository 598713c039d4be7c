#include "rotation/webhook/notice.h"

#include <algorithm>

#include "base/limits.h"
#include "rotation/next_action.h"
#include "vault/rotation_rules.h"

namespace keyturn {
namespace {

using Kind = Notice::Kind;

void AddStart(const SecretMetadata& metadata, absl::Time now, std::vector<Notice>* out) {
  const record::v1::RotationState& rotation = metadata.rotation();
  if (rotation.open_run() != 0 || !MayStart(metadata, now)) return;
  const absl::Time start =
      absl::FromUnixMillis(std::max(rotation.due_ms(), rotation.hold_until_ms()));
  for (const int64_t ahead : limits::kNoticeDueSeconds) {
    const absl::Time when = start - absl::Seconds(ahead);
    if (when <= absl::FromUnixMillis(rotation.promoted_ms())) continue;
    out->push_back({Kind::kDue, when, start, metadata.current_version()});
  }
}

// Whatever holds it up. What is deleted is not in use.
void AddDeadline(const SecretMetadata& metadata, absl::Time now, std::vector<Notice>* out) {
  if (IsReadable(metadata, now) != Readable::kYes) return;
  const record::v1::RotationState& rotation = metadata.rotation();
  const absl::Time deadline = absl::FromUnixMillis(rotation.deadline_ms());
  const absl::Time late = deadline + absl::Seconds(limits::kNoticeOverdueSeconds);
  const absl::Duration grace = GraceOf(rotation.policy());
  out->push_back({Kind::kOverdue, late, deadline, metadata.current_version()});
  if (grace <= absl::ZeroDuration()) return;
  out->push_back({Kind::kOverdue, late + grace, deadline, metadata.current_version(), true});
}

void AddGrace(const VersionRecord& version, std::vector<Notice>* out) {
  if (!IsState(version, v1::VERSION_STATE_GRACE) || version.grace_end_ms() == 0) return;
  const absl::Time end = absl::FromUnixMillis(version.grace_end_ms());
  for (const int64_t ahead : limits::kNoticeGraceSeconds) {
    const absl::Time when = end - absl::Seconds(ahead);
    if (when <= absl::FromUnixMillis(version.replaced_ms())) continue;
    out->push_back({Kind::kGraceEnding, when, end, version.version()});
  }
}

bool IsOver(const Notice& notice, absl::Time now) {
  return notice.kind != Kind::kOverdue && notice.of <= now;
}

}  // namespace

absl::string_view EventOf(Notice::Kind kind) {
  switch (kind) {
    case Kind::kDue:
      return "rotation_due";
    case Kind::kGraceEnding:
      return "rotation_grace_ending";
    case Kind::kOverdue:
      return "rotation_overdue";
  }
  return "";
}

std::vector<Notice> NoticesOf(const SecretMetadata& metadata, absl::Time now) {
  std::vector<Notice> out;
  if (!metadata.has_rotation()) return out;
  if (metadata.rotation().due_ms() != 0) {
    AddStart(metadata, now, &out);
    AddDeadline(metadata, now, &out);
  }
  for (const VersionRecord& version : metadata.versions()) AddGrace(version, &out);
  std::stable_sort(out.begin(), out.end(),
                   [](const Notice& a, const Notice& b) { return a.when < b.when; });
  return out;
}

std::vector<Notice> NoticesAt(const std::vector<Notice>& notices, absl::Time when, absl::Time now) {
  std::vector<Notice> out;
  for (const Notice& notice : notices) {
    if (notice.when != when || IsOver(notice, now)) continue;
    const bool said_better = std::any_of(notices.begin(), notices.end(), [&](const Notice& later) {
      return later.kind == notice.kind && later.version == notice.version && later.when > when &&
             later.when <= now;
    });
    if (!said_better) out.push_back(notice);
  }
  return out;
}

}  // namespace keyturn
