// What it costs to verify an issued API key in the process, without gRPC and audit: good keys,
// those of unknown ids, and mistyped ones; next to the one HMAC that each of the first two needs.
#include <benchmark/benchmark.h>

#include <atomic>
#include <string>
#include <vector>

#include "bench/measure.h"
#include "crypto/mac.h"
#include "keyring/envelope.h"
#include "rotation/api_key/api_keys.h"
#include "rotation/api_key/codec.h"
#include "storage/rocks_store.h"

namespace keyturn::bench {
namespace {

constexpr int kKeys = 10'000;

// So fast that no limit is reached.
class FastClock : public Clock {
 public:
  absl::Time Now() const override { return start_; }
  int64_t MonotonicNanos() const override {
    return nanos_.fetch_add(10'000'000, std::memory_order_relaxed);
  }
  bool AwaitWithDeadline(absl::Mutex*, const absl::Condition&, absl::Time) override {
    return false;
  }

 private:
  const absl::Time start_ = Clock::Real().Now();
  mutable std::atomic<int64_t> nanos_{0};
};

struct World {
  World() {
    store = OrDie(OpenRocksStore({.directory = "/api-key-bench", .in_memory = true}, clock));
    KeyringOptions options;
    options.directory = "/keys";
    options.argon2 = {1, 64 * 1024};
    keyring = OrDie(Keyring::Open(options, *files, clock));
    std::vector<SealSpec> seals(1);
    seals[0].type = SealSpec::Type::kShamir;
    seals[0].shares = 1;
    seals[0].threshold = 1;
    OrDie(keyring->Init(std::move(seals)));
    keys = ApiKeys::Create(
        {.store = *store,
         .keyring = *keyring,
         .clock = clock,
         .update = [this](absl::string_view, UpdateFn fn) { return store->Update(fn); },
         .revoked = [](absl::string_view) -> absl::StatusOr<bool> { return false; }});
    store->SetCommitListener(
        [this](absl::Span<const CommittedUpdate> group) { keys->OnCommitted(group); });
    store->SetRecordHasher(NewRecordHasher(*OrDie(keyring->Snapshot())));
    CheckOk(keys->OnUnsealed());
    v1::CreateApiKeyRequest request;
    request.set_path("alcs/partners/acme");
    request.add_scopes("orders:read");
    request.add_scopes("orders:write");
    for (int i = 0; i < kKeys; ++i) {
      good.emplace_back(OrDie(keys->Make(*store, request, "bench")).key.ExposeForWire());
      unknown.emplace_back(OrDie(api_key::NewText(api_key::NewId())).ExposeForWire());
      mistyped.push_back(good.back());
      mistyped.back()[40] ^= 1;
    }
  }

  FastClock clock;
  const std::unique_ptr<FileSystem> files = NewMemoryFileSystem();
  std::unique_ptr<Store> store;
  std::unique_ptr<Keyring> keyring;
  std::unique_ptr<ApiKeys> keys;
  std::vector<std::string> good, unknown, mistyped;
};

World& TheWorld() {
  static World& world = *new World;
  return world;
}

void Verify(benchmark::State& state, const std::vector<std::string>& texts,
            v1::VerifyApiKeyResponse::Reason expected) {
  World& world = TheWorld();
  google::protobuf::RepeatedPtrField<std::string> scopes;
  scopes.Add("orders:read");
  const IpAddress source = OrDie(IpAddress::Parse("192.0.2.1"));
  size_t at = static_cast<size_t>(state.thread_index()) * 37;
  for (auto _ : state) {
    const ApiKeyAttempt attempt = {.key = texts[at],
                                   .caller = "spiffe://example.com/gateway",
                                   .source = source,
                                   .required_scopes = &scopes};
    const auto answer = OrDie(world.keys->Verify(attempt, [](absl::string_view) { return true; }));
    if (answer.reason() != expected && answer.reason() != v1::VerifyApiKeyResponse::LIMITED) {
      Die("another answer than expected");
    }
    at = (at + 1) % texts.size();
  }
  state.SetItemsProcessed(state.iterations());
}

void BM_VerifyGood(benchmark::State& state) {
  Verify(state, TheWorld().good, v1::VerifyApiKeyResponse::NONE);
}
BENCHMARK(BM_VerifyGood)->Threads(1)->Threads(2);

// Until each is locked out, after five times; then what that answer costs.
void BM_VerifyUnknown(benchmark::State& state) {
  Verify(state, TheWorld().unknown, v1::VerifyApiKeyResponse::UNKNOWN);
}
BENCHMARK(BM_VerifyUnknown)->Iterations(4 * kKeys);

void BM_VerifyMistyped(benchmark::State& state) {
  Verify(state, TheWorld().mistyped, v1::VerifyApiKeyResponse::MALFORMED);
}
BENCHMARK(BM_VerifyMistyped);

void BM_Hmac(benchmark::State& state) {
  const std::string key(32, 'k'), secret(43, 's');
  for (auto _ : state) benchmark::DoNotOptimize(HmacSha256(key, secret));
}
BENCHMARK(BM_Hmac);

}  // namespace
}  // namespace keyturn::bench

BENCHMARK_MAIN();
