// What an entry of the audit log costs to write, without the disk, and to verify: a chain hash and
// a leaf of the tree each, and a signature every second or 1,024 entries.
#include <benchmark/benchmark.h>

#include "audit/audit_log.h"
#include "bench/measure.h"
#include "bench/vault_world.h"
#include "storage/rocks_store.h"

namespace keyturn::bench {
namespace {

constexpr uint64_t kEntries = 300'000;

AuditEvent Event() {
  AuditEvent event;
  event.time = Clock::Real().Now();
  event.event = "secret_read";
  event.principal = "spiffe://example.com/billing";
  event.auth_method = "certificate";
  event.method = "/keyturn.v1.SecretService/Get";
  event.resource = "alcs/production/database-url";
  event.source = "192.0.2.17";
  event.user_agent = "keyturn-client/0.1.0 grpc-c++/1.51.1";
  event.correlation_id = "0f8fad5b-d9cb-469f-a165-70867728950e";
  return event;
}

// Segments in memory, so that a disk is not measured.
struct World {
  World() {
    store = OrDie(OpenRocksStore({.directory = "/audit-bench", .in_memory = true}, Clock::Real()));
    AuditLogOptions options;
    options.directory = "/audit";
    log = OrDie(AuditLog::Open(options, *files, *store, Clock::Real()));
    keys = MakeKeys();
    log->SetKeys(keys);
  }
  const std::unique_ptr<FileSystem> files = NewMemoryFileSystem();
  std::unique_ptr<Store> store;
  std::unique_ptr<AuditLog> log;
  std::shared_ptr<const KeyringSnapshot> keys;

 private:
  std::shared_ptr<const KeyringSnapshot> MakeKeys() const {
    KeyringOptions options;
    options.directory = "/keys";
    options.argon2 = {1, 64 * 1024};
    const auto keyring = OrDie(Keyring::Open(options, *files, Clock::Real()));
    std::vector<SealSpec> seals(1);
    seals[0].type = SealSpec::Type::kShamir;
    seals[0].shares = 1;
    seals[0].threshold = 1;
    OrDie(keyring->Init(std::move(seals)));
    return OrDie(keyring->Snapshot());
  }
};

World& Log() {
  static World& world = *new World;
  return world;
}

void BM_Append(benchmark::State& state) {
  World world;
  const AuditEvent event = Event();
  for (auto _ : state) CheckOk(world.log->Append(event));
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(BM_Append);

void BM_Verify(benchmark::State& state) {
  World& world = Log();
  const AuditEvent event = Event();
  while (world.log->next_sequence() <= kEntries) CheckOk(world.log->Append(event));
  for (auto _ : state) {
    const AuditVerification verified = OrDie(world.log->Verify());
    if (!verified.problems.empty()) Die(verified.problems[0]);
    state.SetItemsProcessed(state.items_processed() + static_cast<int64_t>(verified.entries));
  }
}
BENCHMARK(BM_Verify)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace keyturn::bench

BENCHMARK_MAIN();
