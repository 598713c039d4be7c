#include "server/revocation_audit.h"

#include <vector>

#include "absl/strings/str_cat.h"

namespace keyturn {
namespace {

AuditEvent EventOf(const WriterChanges& changes, absl::string_view record_hash, absl::Time now) {
  AuditEvent event;
  event.time = now;
  event.event = "revocations_changed";
  event.principal = changes.writer->principal;
  event.auth_method = changes.writer->auth_method;
  event.method = changes.writer->method;
  event.source = changes.writer->source;
  event.user_agent = changes.writer->client;
  event.count = changes.puts + changes.erases + changes.clears;
  const auto note = [&event](const char* name, uint64_t count) {
    if (count != 0) event.details.emplace_back(name, absl::StrCat(count));
  };
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
