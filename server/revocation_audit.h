// Commits groups of changes to the revocation list with an audit entry for each of those who made
// them. Thread-safe.
#pragma once

#include "audit/audit_log.h"
#include "base/clock.h"
#include "revocation/group.h"
#include "storage/store.h"

namespace keyturn {

class AuditedGroupCommitter : public GroupCommitter {
 public:
  // All outlive this.
  AuditedGroupCommitter(Store& store, AuditLog& audit, Clock& clock)
      : store_(store), audit_(audit), clock_(clock) {}

  absl::StatusOr<Revision> Commit(absl::Span<const WriterChanges> writers,
                                  absl::string_view record_hash, UpdateFn fn) override;

 private:
  Store& store_;
  AuditLog& audit_;
  Clock& clock_;
};

}  // namespace keyturn
