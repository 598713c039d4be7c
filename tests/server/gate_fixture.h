// The gate of a call, over the rooms of a real server: for tests that hold one part of it in hand.
#pragma once

#include <atomic>
#include <memory>

#include "server/call.h"
#include "server/grpc_door.h"
#include "tests/server/server_fixture.h"

namespace keyturn {

class GateFixture : public ServerFixture {
 protected:
  void SetUp() override {
    StartDev();
    methods_ = std::make_unique<MethodTable>(*MethodTable::Create(MethodTable::Services()));
    metrics_ = Metrics::Create(*methods_);
    no_limit_ = RateLimiter::Create({0, 0}, 10, Clock::Real());
  }

  // Without limits. `audit` outlives what is returned.
  std::unique_ptr<GateParts> MakeGate(AuditLog& audit) {
    Rooms& rooms = server_->rooms();
    return std::make_unique<GateParts>(
        GateParts{*rooms.store, *rooms.policies, *rooms.tokens, *rooms.authenticator, audit,
                  *metrics_, Clock::Real(), *no_limit_, *no_limit_, refusals_,
                  server_->lifecycle().unsealed(), draining_, nullptr});
  }

  std::unique_ptr<MethodTable> methods_;
  std::unique_ptr<Metrics> metrics_;
  std::unique_ptr<RateLimiter> no_limit_;
  RefusalLimiter refusals_;
  std::atomic<bool> draining_{false};
};

// A door of its own before such a gate, on a port without TLS, with a service that the test makes.
class DoorFixture : public GateFixture {
 protected:
  GrpcDoor& OpenDoor(int threads, size_t queue_max,
                     const std::function<void(GrpcDoor::Parts&)>& adjust = nullptr) {
    gate_ = MakeGate(*server_->rooms().audit);
    pool_ = std::make_unique<WorkerPool>(threads, queue_max);
    GrpcDoor::Parts parts{*gate_, *pool_, peers_};
    if (adjust) adjust(parts);
    door_ = std::make_unique<GrpcDoor>(parts);
    return *door_;
  }
  // Its address. `service` lives until TearDown is over.
  std::string Listen(grpc::Service& service) {
    grpc::ServerBuilder builder;
    int port = 0;
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
    builder.RegisterService(&service);
    listener_ = builder.BuildAndStart();
    return absl::StrCat("127.0.0.1:", port);
  }
  void TearDown() override {
    listener_->Shutdown(std::chrono::system_clock::now());
    pool_->Stop();
    listener_.reset();
    ServerFixture::TearDown();
  }

  std::unique_ptr<GateParts> gate_;
  std::unique_ptr<WorkerPool> pool_;
  PeerCertificates peers_{Clock::Real()};
  std::unique_ptr<GrpcDoor> door_;
  std::unique_ptr<grpc::Server> listener_;
};

}  // namespace keyturn
