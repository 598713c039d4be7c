#include "server/verify_stream.h"

#include "base/limits.h"
#include "base/status_macros.h"
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

absl::Status Check(Store& store, Vault& vault, Report& report) {
  uint64_t before = 0;
  v1::VerifyResponse result;
  ASSIGN_OR_RETURN(const std::vector<StoreProblem> stored,
                   store.Verify([&](uint64_t done, uint64_t total) {
                     before = done;
                     return Tell(report, done, total);
                   }));
  AddProblems(stored, &result);
  uint64_t opened = 0;
  ASSIGN_OR_RETURN(const std::vector<StoreProblem> found,
                   vault.Verify([&](uint64_t done, uint64_t total) {
                     opened = done;
                     return Tell(report, before + done, before + total);
                   }));
  AddProblems(found, &result);
  result.set_records_checked(before + opened);
  result.set_records_total(before + opened);
  result.set_done(true);
  return report.Publish(std::move(result));
}

}  // namespace

raw::StreamReactor* StartVerify(const VerifyParts& parts, raw::Context* context,
                                const raw::Bytes* request, const MethodInfo& method) {
  return StartWork<v1::VerifyRequest, v1::VerifyResponse>(
      parts.door, context, request, method,
      [&store = parts.store, &vault = parts.vault](Report& report) {
        return Check(store, vault, report);
      });
}

}  // namespace keyturn
