// What a read pays for being counted: one use noted, of one secret and of many, by several threads
// at once.
#include <benchmark/benchmark.h>

#include <vector>

#include "crypto/random.h"
#include "rotation/usage/use_book.h"

namespace keyturn {
namespace {

constexpr char kConsumer[] = "spiffe://prod/ns/payments/sa/api";

void NoteUses(benchmark::State& state) {
  static UseBook* book = nullptr;
  static std::vector<Uuid>* secrets = nullptr;
  if (state.thread_index() == 0) {
    book = new UseBook();
    secrets = new std::vector<Uuid>();
    for (int64_t i = 0; i < state.range(0); ++i) secrets->push_back(RandomUuid());
  }
  const absl::Time now = absl::FromUnixSeconds(1'800'000'000);
  auto next = static_cast<size_t>(state.thread_index());
  for (auto _ : state) {
    next = (next + 7919) % secrets->size();
    benchmark::DoNotOptimize(book->Note({(*secrets)[next], SecretVersion(3), kConsumer, now}));
  }
  if (state.thread_index() == 0) {
    delete book;
    delete secrets;
  }
}
BENCHMARK(NoteUses)->Arg(1)->Arg(50'000)->ThreadRange(1, 4)->UseRealTime();

}  // namespace
}  // namespace keyturn

BENCHMARK_MAIN();
