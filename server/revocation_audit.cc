#include "server/revocation_audit.h"

#include <vector>

#include "absl/strings/str_cat.h"

namespace keyturn {
namespace {

AuditEvent EventOf(const WriterChanges& changes, absl::string_view record_hash, absl::Time now) {
  AuditEvent event;
  event.time = now;
  const RevocationWriter& writer = *changes.writer;
  event.event = "revocations_changed";
  if (!writer.event.empty()) event.event = writer.event;
  event.resource = writer.resource;
  event.correlation_id = writer.correlation_id;
  event.principal = writer.principal;
  event.auth_method = writer.auth_method;
  event.method = writer.method;
  event.source = writer.source;
  event.user_agent = writer.client;
  event.count = changes.puts + changes.erases + changes.clears;
  const auto note = [&event](const char* name, uint64_t count) {
    if (count != 0) event.details.emplace_back(name, absl::StrCat(count));
  };
  if (!writer.reason.empty()) event.details.emplace_back("reason", writer.reason);
  note("put", changes.puts);
  note("erased", changes.erases);
  note("cleared", changes.clears);
  event.details.emplace_back("record", std::string(record_hash));
  return event;
}

}  // namespace

absl::StatusOr<Revision> AuditedGroupCommitter::Commit(absl::Span<const WriterChanges> writers,
                                                       absl::string_view record_hash, UpdateFn fn) {
  std::vector<AuditEvent> events;
  const absl::Time now = clock_.Now();
  for (const WriterChanges& changes : writers) events.push_back(EventOf(changes, record_hash, now));
  return AuditedUpdater(store_, audit_, events).Update(fn);
}

}  // namespace keyturn
