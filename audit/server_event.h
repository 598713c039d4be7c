// What the server does by itself, in nobody's call: its entries, and its updates with them.
#pragma once

#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
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
