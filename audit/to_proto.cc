#include "audit/to_proto.h"

#include <google/protobuf/util/time_util.h>

namespace keyturn {

v1::AuditEntry ToProto(const AuditRecord& record) {
  const AuditEvent& event = record.event;
  v1::AuditEntry out;
  out.set_sequence(record.sequence);
  *out.mutable_time() =
      google::protobuf::util::TimeUtil::NanosecondsToTimestamp(absl::ToUnixNanos(event.time));
  out.set_event(event.event);
  out.set_principal(event.principal);
  out.set_auth_method(event.auth_method);
  out.set_method(event.method);
  out.set_resource(event.resource);
  out.set_source(event.source);
  out.set_user_agent(event.user_agent);
  out.set_correlation_id(event.correlation_id);
  out.set_outcome(event.outcome);
  out.set_reason(event.reason);
  out.set_revision(event.revision.value());
  out.set_version(event.version.value());
  out.set_count(event.count);
  for (const auto& [name, value] : event.details) (*out.mutable_details())[name] = value;
  out.set_hash(record.hash);
  return out;
}

v1::VerifyAuditResponse ToProto(const AuditVerification& found) {
  v1::VerifyAuditResponse out;
  out.set_entries(found.entries);
  out.set_signed_entries(found.signed_entries);
  out.set_head_hash(found.head_hash);
  out.set_public_key(found.public_key);
  *out.mutable_problems() = {found.problems.begin(), found.problems.end()};
  return out;
}

}  // namespace keyturn
