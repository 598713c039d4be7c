#include "absl/strings/numbers.h"
#include "audit/audit_log.h"
#include "audit/recovery.h"
#include "base/limits.h"
#include "base/status_macros.h"
#include "storage/schema.h"

namespace keyturn {
namespace {
constexpr size_t kTrimPerUpdate = 4;
}  // namespace

AuditedUpdater::AuditedUpdater(Updater& store, const AuditLog& log, const AuditEvent& event)
    : store_(store), log_(log), event_(event) {}

absl::StatusOr<Revision> AuditedUpdater::Update(UpdateFn fn) {
  if (log_.failing()) return absl::UnavailableError("the audit log cannot be written");
  bool wrote = false;
  // Copied out here: what runs inside holds up every other change.
  AuditEvent event = event_;
  absl::StatusOr<Revision> result =
      store_.Update([&](const View& view, Batch& batch) -> absl::Status {
        RETURN_IF_ERROR(fn(view, batch));
        wrote = !batch.operations().empty();
        if (!wrote) return absl::OkStatus();
        event.version = event_.version;
        event.details.resize(event_.details.size());
        event.revision = batch.revision();
        for (const auto& [name, value] : batch.notes()) {
          uint64_t number = 0;
          if (name == "version" && absl::SimpleAtoi(value, &number)) {
            event.version = SecretVersion(number);
          } else {
            event.details.emplace_back(name, value);
          }
        }
        if (batch.operations().size() + kTrimPerUpdate + 1 < limits::kBatchKeysMax) {
          RETURN_IF_ERROR(NoteSynced(log_.synced_sequence(), view, batch));
          for (const Revision old : log_.Trimmable(kTrimPerUpdate)) {
            batch.Delete(Family::kAuditTail, schema::RevisionKey(old));
          }
        }
        batch.Put(Family::kAuditTail, schema::RevisionKey(batch.revision()), EncodeEvent(event));
        return absl::OkStatus();
      });
  recorded_ = recorded_ || (result.ok() && wrote);
  return result;
}

}  // namespace keyturn
