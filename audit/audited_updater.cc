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

}  // namespace

AuditedUpdater::AuditedUpdater(Updater& store, const AuditLog& log, const AuditEvent& event)
    : AuditedUpdater(store, log, absl::MakeConstSpan(&event, 1)) {}

AuditedUpdater::AuditedUpdater(Updater& store, const AuditLog& log,
                               absl::Span<const AuditEvent> events)
    : store_(store), log_(log), events_(events) {}

absl::StatusOr<Revision> AuditedUpdater::Update(UpdateFn fn) {
  if (log_.failing()) return absl::UnavailableError("the audit log cannot be written");
  bool wrote = false;
  // Copied out here: what runs inside holds up every other change.
  std::vector<AuditEvent> events(events_.begin(), events_.end());
  absl::StatusOr<Revision> result =
      store_.Update([&](const View& view, Batch& batch) -> absl::Status {
        RETURN_IF_ERROR(fn(view, batch));
        wrote = !batch.operations().empty();
        if (!wrote) return absl::OkStatus();
        std::vector<std::string> encoded;
        for (size_t i = 0; i < events.size(); ++i) {
          Complete(events_[i], batch, &events[i]);
          encoded.push_back(EncodeEvent(events[i]));
        }
        if (batch.operations().size() + kTrimPerUpdate + 1 < limits::kBatchKeysMax) {
          RETURN_IF_ERROR(NoteSynced(log_.synced_sequence(), view, batch));
          for (const Revision old : log_.Trimmable(kTrimPerUpdate)) {
            batch.Delete(Family::kAuditTail, schema::RevisionKey(old));
          }
        }
        batch.Put(Family::kAuditTail, schema::RevisionKey(batch.revision()), EncodeTail(encoded));
        return absl::OkStatus();
      });
  recorded_ = recorded_ || (result.ok() && wrote);
  return result;
}

}  // namespace keyturn
