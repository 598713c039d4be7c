#include "server/audit_service.h"

#include <limits>

#include "absl/strings/numbers.h"
#include "audit/to_proto.h"
#include "base/limits.h"
#include "base/reason.h"
#include "base/status_macros.h"
#include "base/timestamps.h"
#include "server/audit_words.h"

namespace keyturn {
namespace {

using Stream = PullStream<v1::AuditEntry>;

constexpr uint64_t kNoEnd = std::numeric_limits<uint64_t>::max();

AuditFilter ToFilter(const v1::SearchAuditRequest& request) {
  AuditFilter filter;
  if (request.has_after()) filter.after = ToTime(request.after());
  if (request.has_before()) filter.before = ToTime(request.before());
  filter.event = request.event();
  filter.principal = request.principal();
  filter.resource_prefix = request.resource_prefix();
  filter.correlation_id = request.correlation_id();
  filter.outcome = request.outcome();
  return filter;
}

}  // namespace

// Up to before `end`.
absl::StatusOr<StreamStep<v1::AuditEntry>> AuditServiceImpl::NextEntries(uint64_t* from,
                                                                         uint64_t end) {
  StreamStep<v1::AuditEntry> step;
  RETURN_IF_ERROR(audit_.Read(*from, [&](const AuditRecord& record) {
    if (record.sequence >= end) return false;
    step.messages.push_back(ToProto(record));
    *from = record.sequence + 1;
    return step.messages.size() < static_cast<size_t>(limits::kStreamBatchMax);
  }));
  step.again = step.messages.size() >= static_cast<size_t>(limits::kStreamBatchMax);
  step.end = end != kNoEnd && !step.again;
  return step;
}

raw::StreamReactor* AuditServiceImpl::Tail(raw::Context* context, const raw::Bytes* request) {
  std::shared_ptr<Call> call = door_.NewCall(*context, methods_.Get("AuditService", "Tail"));
  v1::TailRequest asked;
  // What there is as the call comes: its own entry is not among the last.
  const uint64_t next = audit_.next_sequence();
  const absl::Status admitted = call->Run(
      [&]() -> absl::StatusOr<Resource> {
        RETURN_IF_ERROR(ParseMessage(*request, &asked));
        return Resource::None();
      },
      [](Call&) { return absl::OkStatus(); });
  if (!admitted.ok()) return Stream::Failed(door_, context, std::move(call), admitted);
  const uint64_t end = asked.follow() ? kNoEnd : next;
  auto from = std::make_shared<uint64_t>(asked.from_sequence());
  if (*from == 0) *from = next > asked.last() ? next - asked.last() : 1;
  Stream* const stream = Stream::Start(door_, context, std::move(call), [this, from, end](Call&) {
    return NextEntries(from.get(), end);
  });
  const std::weak_ptr<Stream> weak = stream->weak_from_this();
  std::shared_ptr<void> registered = followers_.Add([weak] {
    if (const std::shared_ptr<Stream> alive = weak.lock()) alive->Wake();
  });
  if (registered == nullptr) {
    stream->Fail(WithRetryAfter(WithReason(absl::ResourceExhaustedError(absl::StrCat(
                                               limits::kWatchersMax, " streams are open")),
                                           "TOO_MANY_WATCHES"),
                                absl::Milliseconds(limits::kBusyRetryMilliseconds)));
    return stream;
  }
  stream->Keep(std::move(registered));
  stream->Wake();
  return stream;
}

absl::Status AuditServiceImpl::Find(const v1::SearchAuditRequest& request,
                                    v1::SearchAuditResponse* response) {
  uint64_t from = 1;
  if (!request.page_token().empty() && !absl::SimpleAtoi(request.page_token(), &from)) {
    return absl::InvalidArgumentError("page_token is not one that this method gave");
  }
  if (request.page_size() < 0 || request.page_size() > static_cast<int>(limits::kListPageMax)) {
    return absl::InvalidArgumentError(
        absl::StrCat("page_size must be 0 to ", limits::kListPageMax));
  }
  const int page =
      request.page_size() == 0 ? static_cast<int>(limits::kListPageDefault) : request.page_size();
  RETURN_IF_ERROR(CheckAuditEvent(methods_, request.event()));
  RETURN_IF_ERROR(CheckAuditOutcome(request.outcome()));
  const AuditFilter filter = ToFilter(request);
  size_t looked_at = 0;
  size_t bytes = 0;
  uint64_t next = 0;
  RETURN_IF_ERROR(audit_.Read(from, [&](const AuditRecord& record) {
    if (response->entries_size() >= page || looked_at >= limits::kListScanMax ||
        bytes > limits::kReplyBytesMax / 2) {
      next = record.sequence;
      return false;
    }
    ++looked_at;
    if (Matches(filter, record)) {
      *response->add_entries() = ToProto(record);
      bytes += response->entries(response->entries_size() - 1).ByteSizeLong();
    }
    return true;
  }));
  if (next != 0) response->set_next_page_token(absl::StrCat(next));
  return absl::OkStatus();
}

raw::Reactor* AuditServiceImpl::Search(raw::Context* context, const raw::Bytes* request,
                                       raw::Bytes* response) {
  return door_.Unary<v1::SearchAuditRequest, v1::SearchAuditResponse>(
      {context, request, response}, methods_.Get("AuditService", "Search"), RunOn::kPool,
      [this](Call&, const auto& asked, auto* out) { return Find(asked, out); });
}

absl::Status AuditServiceImpl::Check(WorkReport<v1::VerifyAuditResponse>& report) {
  const uint64_t total = audit_.next_sequence() - 1;
  ASSIGN_OR_RETURN(const AuditVerification found, audit_.Verify([&](uint64_t entries, uint64_t) {
    v1::VerifyAuditResponse message;
    message.set_entries(entries);
    message.set_entries_total(std::max(entries, total));
    return report.Publish(std::move(message));
  }));
  v1::VerifyAuditResponse result = ToProto(found);
  result.set_entries_total(found.entries);
  result.set_done(true);
  return report.Publish(std::move(result));
}

raw::StreamReactor* AuditServiceImpl::Verify(raw::Context* context, const raw::Bytes* request) {
  return StartWork<v1::VerifyAuditRequest, v1::VerifyAuditResponse>(
      door_, context, request, methods_.Get("AuditService", "Verify"),
      [this](WorkReport<v1::VerifyAuditResponse>& report) { return Check(report); });
}

}  // namespace keyturn
