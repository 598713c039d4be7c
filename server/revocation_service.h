// keyturn.v1.RevocationService over gRPC. Thread-safe.
#pragma once

#include <memory>
#include <string>

#include "keyturn/v1/revocation_service.grpc.pb.h"
#include "server/credential_list.h"
#include "server/grpc_door.h"

namespace keyturn {

using RevocationMethods =
    raw::Of<v1::RevocationService::Service, v1::RevocationService::WithRawCallbackMethod_Revoke,
            v1::RevocationService::WithRawCallbackMethod_Check,
            v1::RevocationService::WithRawCallbackMethod_Import>;

class RevocationServiceImpl final : public RevocationMethods {
 public:
  // All outlive this.
  RevocationServiceImpl(GrpcDoor& door, const MethodTable& methods, CredentialList& list)
      : door_(door), methods_(methods), list_(list) {}

  raw::Reactor* Revoke(raw::Context* context, const raw::Bytes* request,
                       raw::Bytes* response) override;
  raw::Reactor* Check(raw::Context* context, const raw::Bytes* request,
                      raw::Bytes* response) override;
  raw::Reactor* Import(raw::Context* context, const raw::Bytes* request,
                       raw::Bytes* response) override;

 private:
  absl::Status RevokeAll(Call& call, const v1::RevokeRequest& request);
  absl::Status Answer(Call& call, const v1::CheckRequest& request,
                      v1::CheckResponse* response) const;
  absl::Status TakeOver(Call& call, const v1::ImportRevocationsRequest& request,
                        v1::ImportRevocationsResponse* response);

  const MethodInfo& Method(const char* name) const {
    return methods_.Get("RevocationService", name);
  }

  GrpcDoor& door_;
  const MethodTable& methods_;
  CredentialList& list_;
};

// The caller, as changes of the list name him: with the call's own event if the change is all that
// the call does, so that it has one entry, else as a change that belongs to the call.
std::shared_ptr<const RevocationWriter> WriterOf(const Call& call, bool is_whole_call,
                                                 absl::string_view resource,
                                                 absl::string_view reason);

// Tells the list that an API key was revoked; none works longer than this entry stays there.
absl::Status RevokeApiKeyId(Call& call, CredentialList& list, absl::string_view id,
                            absl::string_view reason);
// Tells the list that a token of Keyturn's own was revoked, for those who ask by its id; no token
// lives longer than this entry. Errors as CredentialList::Revoke.
absl::Status RevokeTokenId(Call& call, CredentialList& list, absl::string_view id,
                           absl::string_view reason);

}  // namespace keyturn
