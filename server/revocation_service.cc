#include "server/revocation_service.h"

#include <algorithm>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "absl/synchronization/mutex.h"
#include "base/limits.h"
#include "base/status_macros.h"
#include "base/timestamps.h"

namespace keyturn {
namespace {

constexpr size_t kNamedMax = 20;  // tokens in an audit entry

absl::Status CheckCount(absl::string_view field, int count) {
  if (count >= 1 && count <= limits::kRevocationsPerCallMax) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(field, " must be 1 to ", limits::kRevocationsPerCallMax));
}

std::string ReasonWord(v1::RevocationReason reason) {
  const std::string name = v1::RevocationReason_Name(reason);
  if (reason == v1::REVOCATION_REASON_UNSPECIFIED || name.empty()) return "";
  return absl::AsciiStrToLower(absl::StripPrefix(name, "REVOCATION_REASON_"));
}

constexpr absl::Duration kNotBeforeAheadMax = absl::Minutes(5);  // clocks differ

// Times are of what was or will be: years beyond these are mistakes, milliseconds taken for
// seconds above all.
absl::StatusOr<absl::Time> CheckedTime(absl::string_view field,
                                       const google::protobuf::Timestamp& time) {
  constexpr int64_t kSecondsMin = 1'000'000'000, kSecondsMax = 100'000'000'000;
  if (time.seconds() >= kSecondsMin && time.seconds() < kSecondsMax && time.nanos() >= 0 &&
      time.nanos() < 1'000'000'000) {
    return ToTime(time);
  }
  return absl::InvalidArgumentError(
      absl::StrCat(field,
                   " must be in seconds of the Unix clock, from 10^9 to 10^11; this may be "
                   "milliseconds"));
}

absl::StatusOr<CredentialList::Entry> EntryOf(const v1::Revocation& revocation,
                                              absl::Time not_before_now) {
  CredentialList::Entry entry;
  ASSIGN_OR_RETURN(entry.name, NameOf(revocation.target()));
  if (revocation.has_expire_time()) {
    ASSIGN_OR_RETURN(entry.expires, CheckedTime("expire_time", revocation.expire_time()));
  }
  if (revocation.has_not_before()) {
    if (!HasNotBefore(entry.name.kind)) {
      return absl::InvalidArgumentError(absl::StrCat("not_before must be unset for a ",
                                                     WordOf(entry.name.kind),
                                                     ", which is refused whenever it was issued"));
    }
    ASSIGN_OR_RETURN(entry.not_before, CheckedTime("not_before", revocation.not_before()));
    // It could not be taken back.
    if (*entry.not_before > not_before_now + kNotBeforeAheadMax) {
      return absl::InvalidArgumentError("not_before must be at most five minutes ahead of now");
    }
  } else if (HasNotBefore(entry.name.kind) && entry.name.kind != RevocationKind::kKid) {
    entry.not_before = not_before_now;
  }
  return entry;
}

// What is issued once the call has been answered must not count as issued before: a millisecond. If
// the clock was set back meanwhile, it does, and nobody waits for that.
void AwaitPast(Call& call, absl::Time time) {
  absl::Mutex mutex;
  const absl::MutexLock lock(&mutex);
  const absl::Time latest = std::min(time, call.clock().Now() + absl::Milliseconds(2));
  call.clock().AwaitWithDeadline(&mutex,
                                 absl::Condition(
                                     +[](absl::Mutex*) { return false; }, &mutex),
                                 latest);
}

// As the audit log names them: of tokens the first few, all of the rest, which concern many.
absl::StatusOr<std::string> TargetsOf(const std::vector<CredentialList::Entry>& entries) {
  std::vector<std::string> names;
  size_t bytes = 0, tokens = 0;
  for (const CredentialList::Entry& entry : entries) {
    bytes += entry.name.name.size();
    if (entry.name.kind == RevocationKind::kJti && ++tokens > kNamedMax) continue;
    names.push_back(KeyOf(entry.name.kind, entry.name.name));
  }
  if (bytes > limits::kRevocationCallBytesMax) {
    return absl::InvalidArgumentError(absl::StrCat("revocations must have at most ",
                                                   limits::kRevocationCallBytesMax,
                                                   " bytes of names together"));
  }
  if (tokens > kNamedMax) names.push_back(absl::StrCat("and ", tokens - kNamedMax, " more tokens"));
  return absl::StrJoin(names, " ");
}

absl::Status CheckQuery(const v1::RevocationQuery& query) {
  bool any = false;
  for (const RevocationRef& ref : NamesOf(query)) {
    if (ref.name.empty()) continue;
    any = true;
    RETURN_IF_ERROR(CheckName(ref.kind, ref.name));
  }
  if (!any) {
    return absl::InvalidArgumentError(
        "a query must have a jti, subject, kid, api_key, certificate or role");
  }
  if (!query.has_issue_time()) return absl::OkStatus();
  return CheckedTime("issue_time", query.issue_time()).status();
}

}  // namespace

std::shared_ptr<const RevocationWriter> WriterOf(const Call& call, bool is_whole_call,
                                                 absl::string_view resource,
                                                 absl::string_view reason) {
  const AuditEvent& event = call.event();
  auto writer = std::make_shared<RevocationWriter>();
  writer->principal = event.principal;
  writer->auth_method = event.auth_method;
  writer->source = event.source;
  writer->client = event.user_agent;
  writer->method = event.method;
  if (is_whole_call) writer->event = call.method().audit_event;
  writer->resource = std::string(resource);
  writer->correlation_id = event.correlation_id;
  writer->reason = std::string(reason);
  return writer;
}

namespace {

// Kept as long as what has the id could live.
absl::Status RevokeId(Call& call, CredentialList& list, RevocationKind kind, absl::string_view id,
                      int64_t seconds, absl::string_view reason) {
  const CredentialList::Entry entry = {.name = {kind, std::string(id)},
                                       .expires = call.clock().Now() + absl::Seconds(seconds)};
  return list.Revoke({entry}, WriterOf(call, false, id, reason)).status();
}

}  // namespace

absl::Status RevokeTokenId(Call& call, CredentialList& list, absl::string_view id,
                           absl::string_view reason) {
  return RevokeId(call, list, RevocationKind::kJti, id, limits::kTokenTtlSecondsMax, reason);
}

absl::Status RevokeApiKeyId(Call& call, CredentialList& list, absl::string_view id,
                            absl::string_view reason) {
  return RevokeId(call, list, RevocationKind::kApiKey, id, limits::kApiKeyTtlSecondsMax, reason);
}

absl::Status RevocationServiceImpl::RevokeAll(Call& call, const v1::RevokeRequest& request) {
  RETURN_IF_ERROR(CheckCount("revocations", request.revocations_size()));
  const absl::Time not_before_now = list_.NotBeforeNow();
  std::vector<CredentialList::Entry> entries;
  bool all = false, ends_before_now = false;
  for (const v1::Revocation& revocation : request.revocations()) {
    ASSIGN_OR_RETURN(CredentialList::Entry entry, EntryOf(revocation, not_before_now));
    all |= entry.name.kind == RevocationKind::kAll;
    ends_before_now |= entry.not_before == not_before_now;
    entries.push_back(std::move(entry));
  }
  ASSIGN_OR_RETURN(const std::string targets, TargetsOf(entries));
  const std::string reason = ReasonWord(request.reason());
  // For the entry of a call that changes nothing; that of a change has them from its writer.
  call.Note("targets", targets);
  if (!reason.empty()) call.Note("reason", reason);
  if (all) RETURN_IF_ERROR(call.Require("admin:revocation", ""));
  ASSIGN_OR_RETURN(const bool changed,
                   list_.Revoke(entries, WriterOf(call, true, targets, reason)));
  if (changed) call.NoteRecorded();
  if (ends_before_now) AwaitPast(call, not_before_now);
  return absl::OkStatus();
}

raw::Reactor* RevocationServiceImpl::Revoke(raw::Context* context, const raw::Bytes* request,
                                            raw::Bytes* response) {
  return door_.Unary<v1::RevokeRequest, v1::RevokeResponse>(
      {context, request, response}, Method("Revoke"), RunOn::kPool,
      [this](Call& call, const auto& asked, auto*) { return RevokeAll(call, asked); });
}

absl::Status RevocationServiceImpl::Answer(Call& call, const v1::CheckRequest& request,
                                           v1::CheckResponse* response) const {
  RETURN_IF_ERROR(CheckCount("queries", request.queries_size()));
  for (const v1::RevocationQuery& query : request.queries()) RETURN_IF_ERROR(CheckQuery(query));
  int revoked = 0;
  for (const v1::RevocationQuery& query : request.queries()) {
    v1::RevocationAnswer& answer = *response->add_answers();
    const std::optional<RevocationKind> by = list_.Find(query);
    if (!by.has_value()) continue;
    ++revoked;
    answer.set_revoked(true);
    answer.set_by(std::string(WordOf(*by)));
  }
  RETURN_IF_ERROR(list_.CheckLoaded());
  call.Note("queries", absl::StrCat(request.queries_size()));
  call.Note("revoked", absl::StrCat(revoked));
  return absl::OkStatus();
}

raw::Reactor* RevocationServiceImpl::Check(raw::Context* context, const raw::Bytes* request,
                                           raw::Bytes* response) {
  return door_.Unary<v1::CheckRequest, v1::CheckResponse>(
      {context, request, response}, Method("Check"), RunOn::kCallbackThread,
      [this](Call& call, const auto& asked, auto* out) { return Answer(call, asked, out); });
}

absl::Status RevocationServiceImpl::TakeOver(Call& call,
                                             const v1::ImportRevocationsRequest& request,
                                             v1::ImportRevocationsResponse* response) {
  RETURN_IF_ERROR(CheckCount("keys", request.keys_size()));
  for (const v1::ImportedKey& key : request.keys()) {
    if (key.key().empty()) return absl::InvalidArgumentError("a key must not be empty");
    if (key.members_size() > 0 && !key.value().empty()) {
      return absl::InvalidArgumentError("a key has a value or members, not both");
    }
    if (key.has_expire_time()) {
      RETURN_IF_ERROR(CheckedTime("expire_time", key.expire_time()).status());
    }
  }
  RETURN_IF_ERROR(list_.Import(request, WriterOf(call, true, "", ""), response));
  if (response->imported() > 0) call.NoteRecorded();
  return absl::OkStatus();
}

raw::Reactor* RevocationServiceImpl::Import(raw::Context* context, const raw::Bytes* request,
                                            raw::Bytes* response) {
  return door_.Unary<v1::ImportRevocationsRequest, v1::ImportRevocationsResponse>(
      {context, request, response}, Method("Import"), RunOn::kPool,
      [this](Call& call, const auto& asked, auto* out) { return TakeOver(call, asked, out); });
}

}  // namespace keyturn
