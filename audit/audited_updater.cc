#include <deque>
#include <utility>

#include "absl/strings/numbers.h"
#include "audit/audit_log.h"
#include "audit/recovery.h"
#include "base/limits.h"
#include "base/status_macros.h"
#include "storage/schema.h"

namespace keyturn {
namespace {

constexpr size_t kTrimPerUpdate = 4;

// With what the update says of itself; again from the start when that runs again.
void Complete(const AuditEvent& asked, const Batch& batch, AuditEvent* event) {
  event->version = asked.version;
  event->details.resize(asked.details.size());
  event->revision = batch.revision();
  for (const auto& [name, value] : batch.notes()) {
    uint64_t number = 0;
    if (name == "version" && absl::SimpleAtoi(value, &number)) {
      event->version = SecretVersion(number);
    } else {
      event->details.emplace_back(name, value);
    }
  }
}

// `fn`, and the entries of what it did.
class WithEntries {
 public:
  // `asked` and `log` outlive it.
  WithEntries(const AuditLog& log, absl::Span<const AuditEvent> asked, UpdateFn fn)
      // Copied out here: what runs inside holds up every other change.
      : log_(log), asked_(asked), fn_(fn), events_(asked.begin(), asked.end()) {}

  absl::Status operator()(const View& view, Batch& batch) const {
    RETURN_IF_ERROR(fn_(view, batch));
    wrote_ = !batch.operations().empty();
    if (!wrote_) return absl::OkStatus();
    std::vector<std::string> encoded;
    for (size_t i = 0; i < events_.size(); ++i) {
      Complete(asked_[i], batch, &events_[i]);
      encoded.push_back(EncodeEvent(events_[i]));
    }
    if (batch.operations().size() + kTrimPerUpdate + 1 < limits::kBatchKeysMax) {
      RETURN_IF_ERROR(NoteSynced(log_.synced_sequence(), view, batch));
      for (const Revision old : log_.Trimmable(kTrimPerUpdate)) {
        batch.Delete(Family::kAuditTail, schema::RevisionKey(old));
      }
    }
    batch.Put(Family::kAuditTail, schema::RevisionKey(batch.revision()), EncodeTail(encoded));
    return absl::OkStatus();
  }
  // In its last run.
  bool wrote() const { return wrote_; }

 private:
  const AuditLog& log_;
  const absl::Span<const AuditEvent> asked_;
  const UpdateFn fn_;
  // Of the run that is under way or was the last: an UpdateFn is a const one.
  mutable std::vector<AuditEvent> events_;
  mutable bool wrote_ = false;
};

absl::Status CheckLog(const AuditLog& log) {
  return log.failing() ? absl::UnavailableError("the audit log cannot be written")
                       : absl::OkStatus();
}

}  // namespace

AuditedUpdater::AuditedUpdater(Updater& store, const AuditLog& log, const AuditEvent& event)
    : AuditedUpdater(store, log, absl::MakeConstSpan(&event, 1)) {}

AuditedUpdater::AuditedUpdater(Updater& store, const AuditLog& log,
                               absl::Span<const AuditEvent> events)
    : store_(store), log_(log), events_(events) {}

absl::StatusOr<Revision> AuditedUpdater::Update(UpdateFn fn) {
  RETURN_IF_ERROR(CheckLog(log_));
  const WithEntries change(log_, events_, fn);
  absl::StatusOr<Revision> result = store_.Update(change);
  recorded_ = recorded_ || (result.ok() && change.wrote());
  return result;
}

void UpdateEachAudited(Updater& store, const AuditLog& log, absl::Span<AuditedChange> changes) {
  if (const absl::Status writable = CheckLog(log); !writable.ok()) {
    for (AuditedChange& change : changes) change.result = writable;
    return;
  }
  std::deque<WithEntries> with_entries;  // which do not move
  std::vector<Updater::Asked> asked;
  for (const AuditedChange& change : changes) {
    with_entries.emplace_back(log, absl::MakeConstSpan(&change.event, 1), change.fn);
    asked.push_back({with_entries.back()});
  }
  store.UpdateEach(absl::MakeSpan(asked));
  for (size_t i = 0; i < changes.size(); ++i) changes[i].result = std::move(asked[i].result);
}

}  // namespace keyturn
