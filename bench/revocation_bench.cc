// What a question to the revocation index costs, beside a hash table that keeps the names: the same
// names of 44 bytes, one thread, hits and misses, one at a time and 16 at once.
#include <benchmark/benchmark.h>

#include <array>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_format.h"
#include "bench/measure.h"
#include "revocation/index.h"

namespace keyturn::bench {
namespace {

constexpr int64_t kNow = 1'795'000'000;
constexpr size_t kQuestions = 1 << 20;
constexpr size_t kAtOnce = 16;

std::string Name(uint64_t number, bool revoked) {
  const uint64_t a = number * 0x9e3779b97f4a7c15;
  const uint64_t b = (number + 1) * 0xd6e8feb86659fd93;
  return absl::StrFormat("%s:%08x-%04x-4%03x-%04x-%012x", revoked ? "revoked" : "another", a >> 32,
                         (a >> 16) & 0xffff, a & 0xfff, b >> 48, b & 0xffffffffffff);
}

const Fingerprinter& Prints() {
  static const auto& prints = *new Fingerprinter(
      OrDie(Fingerprinter::Create(OrDie(SecretBytes::CopyOf(std::string(32, 'k'))))));
  return prints;
}

// Of so many tokens; made once, each put timed.
struct Filled {
  explicit Filled(size_t tokens) : index(OrDie(RevocationIndex::Create(size_t{8} << 30))) {
    const double before = CpuSeconds(0);
    for (size_t i = 0; i < tokens; ++i) {
      CheckOk(index->Put(Prints().Of(Name(i, true)), {.expires_s = kNow + 3600}, kNow));
    }
    put_ns = (CpuSeconds(0) - before) * 1e9 / static_cast<double>(tokens);
  }
  std::unique_ptr<RevocationIndex> index;
  double put_ns;
};

const Filled& FilledWith(size_t tokens) {
  static auto& all = *new std::map<size_t, std::unique_ptr<Filled>>;
  std::unique_ptr<Filled>& one = all[tokens];
  if (one == nullptr) one = std::make_unique<Filled>(tokens);
  return *one;
}

std::vector<std::string> Questions(size_t tokens, bool revoked) {
  std::mt19937_64 random(1);
  std::vector<std::string> names;
  for (size_t i = 0; i < kQuestions; ++i) names.push_back(Name(random() % tokens, revoked));
  return names;
}

void Count(benchmark::State& state, size_t found, size_t asked) {
  if ((found == asked) != (state.range(1) != 0) || (found == 0) != (state.range(1) == 0)) {
    state.SkipWithError("wrong answers");
  }
  state.SetItemsProcessed(static_cast<int64_t>(asked));
}

// Arguments: tokens, whether those asked for are revoked.
void BM_Index(benchmark::State& state) {
  const auto tokens = static_cast<size_t>(state.range(0));
  const Filled& filled = FilledWith(tokens);
  const std::vector<std::string> names = Questions(tokens, state.range(1) != 0);
  size_t asked = 0;
  size_t found = 0;
  for (auto _ : state) {
    found += filled.index->Find(Prints().Of(names[asked++ % kQuestions]), kNow).has_value();
  }
  Count(state, found, asked);
  state.counters["bytes/token"] =
      static_cast<double>(filled.index->stats().bytes) / static_cast<double>(tokens);
  state.counters["put_ns"] = filled.put_ns;
}

void BM_IndexSixteenAtOnce(benchmark::State& state) {
  const auto tokens = static_cast<size_t>(state.range(0));
  const Filled& filled = FilledWith(tokens);
  const std::vector<std::string> names = Questions(tokens, state.range(1) != 0);
  std::array<Fingerprint, kAtOnce> prints;
  std::array<std::optional<RevokedEntry>, kAtOnce> results;
  size_t asked = 0;
  size_t found = 0;
  for (auto _ : state) {
    for (Fingerprint& print : prints) print = Prints().Of(names[asked++ % kQuestions]);
    filled.index->FindMany(prints, kNow, absl::MakeSpan(results));
    for (const auto& result : results) found += result.has_value();
  }
  Count(state, found, asked);
}

void BM_HashTableOfNames(benchmark::State& state) {
  const auto tokens = static_cast<size_t>(state.range(0));
  absl::flat_hash_map<std::string, int64_t> table;
  table.reserve(tokens);
  for (size_t i = 0; i < tokens; ++i) table[Name(i, true)] = kNow + 3600;
  const std::vector<std::string> names = Questions(tokens, state.range(1) != 0);
  size_t asked = 0;
  size_t found = 0;
  for (auto _ : state) {
    const auto it = table.find(names[asked++ % kQuestions]);
    found += it != table.end() && it->second > kNow;
  }
  Count(state, found, asked);
}

#define TOKENS ArgsProduct({{1'000'000, 10'000'000}, {0, 1}})->ArgNames({"tokens", "revoked"})
BENCHMARK(BM_Index)->TOKENS;
BENCHMARK(BM_IndexSixteenAtOnce)->TOKENS;
BENCHMARK(BM_HashTableOfNames)->TOKENS;

}  // namespace
}  // namespace keyturn::bench

BENCHMARK_MAIN();
