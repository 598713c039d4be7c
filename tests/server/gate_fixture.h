// The gate of a call, over the rooms of a real server: for tests that hold one part of it in hand.
#pragma once

#include <atomic>
#include <memory>

#include "server/call.h"
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

}  // namespace keyturn
