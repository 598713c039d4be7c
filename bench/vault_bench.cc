// What a read and a durable write cost in the vault itself, next to raw RocksDB on the same disk.
// CPU is of the whole process (the committing thread included).
#include <benchmark/benchmark.h>
#include <rocksdb/db.h>

#include <atomic>

#include "absl/strings/str_cat.h"
#include "bench/measure.h"
#include "bench/vault_world.h"
#include "crypto/random.h"

namespace keyturn::bench {
namespace {

constexpr uint64_t kSecrets = 10'000;
constexpr size_t kValueBytes = 300;

VaultWorld& World() {
  static const ScratchDirectory& directory = *new ScratchDirectory;
  static VaultWorld& world = *[] {
    auto* const filling = new VaultWorld(directory.path() + "/vault", false);
    for (uint64_t i = 0; i < kSecrets; ++i) OrDie(filling->Put(PathOf(i), kValueBytes));
    delete filling;
    return new VaultWorld(directory.path() + "/vault", true);
  }();
  return world;
}

void GetSome(benchmark::State& state, uint64_t secrets) {
  VaultWorld& world = World();
  uint64_t i = static_cast<uint64_t>(state.thread_index()) * 7919;
  for (auto _ : state) {
    benchmark::DoNotOptimize(OrDie(world.Get(PathOf(i++ % secrets))));
  }
  state.SetItemsProcessed(state.iterations());
}

// Path, metadata and key in the cache; the payload is read from RocksDB and opened.
void BM_GetCached(benchmark::State& state) { GetSome(state, 1000); }
BENCHMARK(BM_GetCached)->Threads(1)->Threads(2)->UseRealTime();

// Everything from RocksDB, every record opened: three names, metadata, key, payload.
void BM_GetUncached(benchmark::State& state) {
  World().vault().OnSealed();
  GetSome(state, kSecrets);
  CheckOk(World().vault().OnUnsealed());
}
BENCHMARK(BM_GetUncached)->UseRealTime();

void BM_Put(benchmark::State& state) {
  VaultWorld& world = World();
  static std::atomic<uint64_t> next{0};
  for (auto _ : state) {
    OrDie(world.Put(PathOf(next++ * 13 % kSecrets), kValueBytes));
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(BM_Put)->Threads(1)->Threads(16)->Threads(64)->UseRealTime()->MeasureProcessCPUTime();

// The floor: as many bytes as a Put writes, one write with sync, RocksDB's own group commit.
void BM_RawRocksPut(benchmark::State& state) {
  static const ScratchDirectory& directory = *new ScratchDirectory;
  static rocksdb::DB& db = *[] {
    rocksdb::Options options;
    options.create_if_missing = true;
    rocksdb::DB* out = nullptr;
    const rocksdb::Status status = rocksdb::DB::Open(options, directory.path(), &out);
    if (!status.ok()) Die(status.ToString());
    return out;
  }();
  static std::atomic<uint64_t> next{0};
  const std::string value = RandomBytes(1200);
  rocksdb::WriteOptions write;
  write.sync = true;
  for (auto _ : state) {
    if (!db.Put(write, PathOf(next++), value).ok()) Die("the write failed");
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(BM_RawRocksPut)
    ->Threads(1)
    ->Threads(16)
    ->Threads(64)
    ->UseRealTime()
    ->MeasureProcessCPUTime();

void BM_ListThousand(benchmark::State& state) {
  VaultWorld& world = World();
  for (int i = 0; i < 1000 && state.thread_index() == 0; ++i) {
    OrDie(world.Put(absl::StrCat("wide/", i), 1));
  }
  v1::ListRequest request;
  request.set_path("wide");
  for (auto _ : state) {
    benchmark::DoNotOptimize(
        OrDie(world.vault().List(request, [](absl::string_view, bool) { return true; })));
  }
}
BENCHMARK(BM_ListThousand)->Unit(benchmark::kMillisecond)->Iterations(50);

}  // namespace
}  // namespace keyturn::bench

BENCHMARK_MAIN();
