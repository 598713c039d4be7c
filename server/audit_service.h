// keyturn.v1.AuditService over gRPC. Thread-safe.
#pragma once

#include "audit/audit_log.h"
#include "keyturn/v1/audit_service.grpc.pb.h"
#include "server/grpc_door.h"
#include "server/streams.h"
#include "server/work_stream.h"

namespace keyturn {

class AuditServiceImpl final : public v1::AuditService::CallbackService {
 public:
  // All outlive this. Whoever appends to `audit` wakes `followers`.
  AuditServiceImpl(GrpcDoor& door, const MethodTable& methods, AuditLog& audit,
                   StreamRegistry& followers)
      : door_(door), methods_(methods), audit_(audit), followers_(followers) {}

  grpc::ServerWriteReactor<v1::AuditEntry>* Tail(grpc::CallbackServerContext* context,
                                                 const v1::TailRequest* request) override;
  grpc::ServerUnaryReactor* Search(grpc::CallbackServerContext* context,
                                   const v1::SearchAuditRequest* request,
                                   v1::SearchAuditResponse* response) override;
  grpc::ServerWriteReactor<v1::VerifyAuditResponse>* Verify(
      grpc::CallbackServerContext* context, const v1::VerifyAuditRequest* request) override;

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
