#include "server/verify_stream.h"

#include "base/limits.h"
#include "base/status_macros.h"
#include "revocation/verify.h"
#include "server/work_stream.h"

namespace keyturn {
namespace {

using Report = WorkReport<v1::VerifyResponse>;

absl::Status Tell(Report& report, uint64_t done, uint64_t total) {
  v1::VerifyResponse message;
  message.set_records_checked(done);
  message.set_records_total(std::max(done, total));
  return report.Publish(std::move(message));
}

void AddProblems(const std::vector<StoreProblem>& problems, v1::VerifyResponse* response) {
  for (const StoreProblem& problem : problems) {
    if (response->problems_size() < limits::kVerifyProblemsMax) {
      response->add_problems(problem.what);
    }
  }
}

absl::Status Check(const VerifyParts& parts, Report& report) {
  uint64_t before = 0;
  v1::VerifyResponse result;
  ASSIGN_OR_RETURN(const std::vector<StoreProblem> stored,
                   parts.store.Verify([&](uint64_t done, uint64_t total) {
                     before = done;
                     return Tell(report, done, total);
                   }));
  AddProblems(stored, &result);
  uint64_t opened = 0;
  ASSIGN_OR_RETURN(const std::vector<StoreProblem> found,
                   parts.vault.Verify([&](uint64_t done, uint64_t total) {
                     opened = done;
                     return Tell(report, before + done, before + total);
                   }));
  AddProblems(found, &result);
  before += opened;
  ASSIGN_OR_RETURN(const std::shared_ptr<const KeyringSnapshot> keys, parts.keyring.Snapshot());
  ASSIGN_OR_RETURN(
      const VerifiedLog log,
      VerifyRevocationLog(*parts.store.GetSnapshot(), *keys, absl::ToUnixMillis(parts.clock.Now()),
                          [&](uint64_t done, uint64_t total) {
                            return Tell(report, before + done, before + total);
                          }));
  if (log.problem) AddProblems({*log.problem}, &result);
  result.set_records_checked(before + log.read);
  result.set_records_total(before + log.read);
  result.set_done(true);
  return report.Publish(std::move(result));
}

}  // namespace

raw::StreamReactor* StartVerify(const VerifyParts& parts, raw::Context* context,
                                const raw::Bytes* request, const MethodInfo& method) {
  return StartWork<v1::VerifyRequest, v1::VerifyResponse>(
      parts.door, context, request, method,
      [parts](Report& report) { return Check(parts, report); });
}

}  // namespace keyturn
