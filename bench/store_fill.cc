// Start time and memory with many secrets.
//   store_fill fill DIRECTORY COUNT   writes COUNT secrets (without fdatasync)
//   store_fill open DIRECTORY COUNT   opens and unseals in a fresh process, then reads one secret
#include <cstdio>
#include <string>
#include <thread>

#include "base/limits.h"
#include "bench/measure.h"
#include "bench/vault_world.h"

namespace keyturn::bench {
namespace {

constexpr size_t kValueBytes = 300;
constexpr int kThreads = 32;

void Fill(const std::string& directory, uint64_t count) {
  VaultWorld world(directory, false);
  std::vector<std::thread> threads;
  const int64_t start = NowNanos();
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (uint64_t i = static_cast<uint64_t>(t); i < count; i += kThreads) {
        OrDie(world.Put(PathOf(i), kValueBytes));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  std::printf("filled %llu secrets in %.1f s\n", static_cast<unsigned long long>(count),
              static_cast<double>(NowNanos() - start) / 1e9);
}

void Open(const std::string& directory, uint64_t count) {
  const int64_t start = NowNanos();
  VaultWorld world(directory, true);
  const int64_t unsealed = NowNanos();
  OrDie(world.Get(PathOf(count / 2)));
  const int64_t read = NowNanos();
  std::printf(
      "start and unseal %.0f ms, first read after %.0f ms; anonymous %lld MB, resident %lld MB\n",
      static_cast<double>(unsealed - start) / 1e6, static_cast<double>(read - start) / 1e6,
      static_cast<long long>(MemoryKb(0, "RssAnon") / 1000),
      static_cast<long long>(MemoryKb(0, "VmRSS") / 1000));
  for (uint64_t i = 0; i < std::min<uint64_t>(count, limits::kMetadataCacheMax * 2); ++i) {
    OrDie(world.Get(PathOf(i)));
  }
  std::printf("with full caches: anonymous %lld MB, resident %lld MB\n",
              static_cast<long long>(MemoryKb(0, "RssAnon") / 1000),
              static_cast<long long>(MemoryKb(0, "VmRSS") / 1000));
}

}  // namespace
}  // namespace keyturn::bench

int main(int argc, char** argv) {
  const std::string verb = argc == 4 ? argv[1] : "";
  if (verb == "fill") {
    keyturn::bench::Fill(argv[2], std::stoull(argv[3]));
  } else if (verb == "open") {
    keyturn::bench::Open(argv[2], std::stoull(argv[3]));
  } else {
    keyturn::bench::Die("usage: store_fill fill|open DIRECTORY COUNT");
  }
  return 0;
}
