// Whether what concurrent callers saw is what one of them after another could have seen: whether
// there is an order of their calls that agrees with real time (a call that returned before another
// began comes first) and in which each result is the one a sequential specification allows
// (M. Herlihy, J. Wing: Linearizability, TOPLAS 12(3), 1990).
//
// The search is that of J. Wing and C. Gong (Testing and Verifying Concurrent Objects, JPDC 17,
// 1993) with G. Lowe's memory of what was tried, the calls done and the state after them (Testing
// for Linearizability, Concurrency and Computation 29(4), 2017), as in A. Athalye's Porcupine. A
// call whose result nobody knows (it never returned, or the answer was that it may or may not have
// happened) may take effect at any time after it began, or never.
//
// Thread-safe (no state).
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/types/span.h"

namespace keyturn {

inline constexpr uint64_t kNeverReturned = UINT64_MAX;

// When a call began and ended, by a clock that all callers share. Calls of one moment overlap.
struct CallTimes {
  uint64_t invoked = 0;
  uint64_t returned = kNeverReturned;
};

enum class Verdict {
  kLinearizable,
  kViolation,
  kUndecided,  // more than `configurations_max` were tried
};

struct Linearization {
  Verdict verdict = Verdict::kLinearizable;
  // Indices of calls: an order that explains them all, or the longest that was found.
  std::vector<size_t> order;
  size_t configurations = 0;
};

// The state after `call` was done in `state`; std::nullopt when that cannot have had its result.
// The first state is 0, equal states have equal numbers.
using LinearizeStep = absl::FunctionRef<std::optional<size_t>(size_t state, size_t call)>;

Linearization Linearize(absl::Span<const CallTimes> calls, LinearizeStep step,
                        size_t configurations_max);

// The same for a specification:
//   struct Spec {
//     using State, Input, Output = ...;
//     static Key KeyOf(const State&);  // ordered; equal keys for equal states only
//     // Does the call; false when it cannot have that result. nullptr: any result.
//     static bool Step(const Input& input, const Output* output, State* state);
//   };
template <typename Spec>
struct HistoryCall {
  typename Spec::Input input;
  std::optional<typename Spec::Output> output;  // without: REQUIRES that it never returned
  CallTimes times;
};

template <typename Spec>
Linearization CheckLinearizable(absl::Span<const HistoryCall<Spec>> history,
                                const typename Spec::State& initial,
                                size_t configurations_max = 1'000'000) {
  std::vector<CallTimes> calls;
  for (const HistoryCall<Spec>& call : history) calls.push_back(call.times);
  std::vector<typename Spec::State> states{initial};
  std::map<decltype(Spec::KeyOf(initial)), size_t> numbers{{Spec::KeyOf(initial), 0}};
  const auto step = [&](size_t state, size_t call) -> std::optional<size_t> {
    const std::optional<typename Spec::Output>& output = history[call].output;
    typename Spec::State next = states[state];
    if (!Spec::Step(history[call].input, output.has_value() ? &*output : nullptr, &next)) {
      return std::nullopt;
    }
    const auto [known, is_new] = numbers.emplace(Spec::KeyOf(next), states.size());
    if (is_new) states.push_back(std::move(next));
    return known->second;
  };
  return Linearize(calls, step, configurations_max);
}

// A history is linearizable exactly if the calls to each of its independent objects are (Herlihy
// and Wing's locality), and parts are checked in a fraction of the time. `object_of(input)` names
// the object; calls that touch two make them one.
template <typename Spec, typename ObjectOf>
std::vector<std::vector<HistoryCall<Spec>>> SplitHistory(
    absl::Span<const HistoryCall<Spec>> history, ObjectOf object_of) {
  std::map<decltype(object_of(history[0].input)), std::vector<HistoryCall<Spec>>> parts;
  for (const HistoryCall<Spec>& call : history) parts[object_of(call.input)].push_back(call);
  std::vector<std::vector<HistoryCall<Spec>>> out;
  for (auto& [object, part] : parts) out.push_back(std::move(part));
  return out;
}

}  // namespace keyturn
