// What the server does by itself, in nobody's call: its entries, and its updates with them.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "audit/audit_log.h"
#include "audit/event.h"
#include "base/clock.h"

namespace keyturn {

inline AuditEvent ServerEvent(absl::string_view event, Clock& clock) {
  AuditEvent out;
  out.time = clock.Now();
  out.event = std::string(event);
  out.principal = "keyturn";
  out.auth_method = "server";
  out.method = "background";
  return out;
}

// Updates with an entry of `event` each, of the time of the update: such work may go on for hours.
// All but the name outlive this. Thread-safe.
class ServerUpdater : public Updater {
 public:
  ServerUpdater(absl::string_view event, Updater& store, const AuditLog& audit, Clock& clock)
      : event_(event), store_(store), audit_(audit), clock_(clock) {}
  absl::StatusOr<Revision> Update(UpdateFn fn) override {
    const AuditEvent event = ServerEvent(event_, clock_);
    return AuditedUpdater(store_, audit_, event).Update(fn);
  }

 private:
  const std::string event_;
  Updater& store_;
  const AuditLog& audit_;
  Clock& clock_;
};

// Several changes that the server makes by itself, in one turn (UpdateEachAudited): of each there
// is `event`, `path`, `fn` and `result`, as the rooms that ask for them have it.
template <typename Change>
void UpdateEachAsServer(Updater& store, const AuditLog& audit, Clock& clock,
                        absl::Span<Change> changes) {
  std::vector<AuditedChange> audited;
  for (const Change& change : changes) {
    audited.push_back({ServerEvent(change.event, clock), change.fn});
    audited.back().event.resource = std::string(change.path);
  }
  UpdateEachAudited(store, audit, absl::MakeSpan(audited));
  for (size_t i = 0; i < changes.size(); ++i) changes[i].result = std::move(audited[i].result);
}

// The entry of going on with a store that is behind what `witness` ("audit", "anchor") has seen.
inline AuditEvent RollbackEvent(absl::string_view reason, absl::string_view witness, Revision seen,
                                Revision stored, Clock& clock) {
  AuditEvent event = ServerEvent("rollback_accepted", clock);
  event.details = {{"reason", std::string(reason)},
                   {absl::StrCat(witness, "_revision"), absl::StrCat(seen.value())},
                   {"store_revision", absl::StrCat(stored.value())}};
  return event;
}

}  // namespace keyturn
