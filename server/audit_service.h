// keyturn.v1.AuditService over gRPC. Thread-safe.
#pragma once

#include "audit/audit_log.h"
#include "keyturn/v1/audit_service.grpc.pb.h"
#include "server/grpc_door.h"
#include "server/streams.h"
#include "server/work_stream.h"

namespace keyturn {

using AuditMethods =
    raw::Of<v1::AuditService::Service, v1::AuditService::WithRawCallbackMethod_Tail,
            v1::AuditService::WithRawCallbackMethod_Search,
            v1::AuditService::WithRawCallbackMethod_Verify>;

class AuditServiceImpl final : public AuditMethods {
 public:
  // All outlive this. Whoever appends to `audit` wakes `followers`.
  AuditServiceImpl(GrpcDoor& door, const MethodTable& methods, AuditLog& audit,
                   StreamRegistry& followers)
      : door_(door), methods_(methods), audit_(audit), followers_(followers) {}

  raw::StreamReactor* Tail(raw::Context* context, const raw::Bytes* request) override;
  raw::Reactor* Search(raw::Context* context, const raw::Bytes* request,
                       raw::Bytes* response) override;
  raw::StreamReactor* Verify(raw::Context* context, const raw::Bytes* request) override;

 private:
  absl::Status Find(const v1::SearchAuditRequest& request, v1::SearchAuditResponse* response);
  absl::Status Check(WorkReport<v1::VerifyAuditResponse>& report);
  absl::StatusOr<StreamStep<v1::AuditEntry>> NextEntries(uint64_t* from, uint64_t end);

  GrpcDoor& door_;
  const MethodTable& methods_;
  AuditLog& audit_;
  StreamRegistry& followers_;
};

}  // namespace keyturn
