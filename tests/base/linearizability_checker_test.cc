// The checker of concurrent histories itself (tests/support/linearizability.h): histories whose
// verdict is known, and all small ones against every order of their calls.
#include <algorithm>
#include <numeric>
#include <random>

#include <gtest/gtest.h>

#include "tests/support/linearizability.h"
#include "tests/support/seed.h"

namespace keyturn {
namespace {

// One number that is written, read, and compared and set.
struct RegisterSpec {
  using State = int;
  struct Input {
    enum class Kind { kWrite, kRead, kCas } kind;
    int value = 0;     // written
    int expected = 0;  // kCas
  };
  using Output = int;  // kRead: the value; kCas: 1 if it was set

  static int KeyOf(const State& state) { return state; }
  static bool Step(const Input& input, const Output* output, State* state) {
    switch (input.kind) {
      case Input::Kind::kRead:
        return output == nullptr || *output == *state;
      case Input::Kind::kCas: {
        const int won = *state == input.expected ? 1 : 0;
        if (output != nullptr && *output != won) return false;
        if (won == 1) *state = input.value;
        return true;
      }
      case Input::Kind::kWrite:
        *state = input.value;
        return true;
    }
    return false;
  }
};

using Call = HistoryCall<RegisterSpec>;
using Kind = RegisterSpec::Input::Kind;

Call Write(int value, uint64_t invoked, uint64_t returned) {
  return {{Kind::kWrite, value}, 0, {invoked, returned}};
}
Call Read(int value, uint64_t invoked, uint64_t returned) {
  return {{Kind::kRead}, value, {invoked, returned}};
}
Call Cas(int expected, int value, bool won, uint64_t invoked, uint64_t returned) {
  return {{Kind::kCas, value, expected}, won ? 1 : 0, {invoked, returned}};
}
Call Lost(Kind kind, int expected, int value, uint64_t invoked) {
  return {{kind, value, expected}, std::nullopt, {invoked, kNeverReturned}};
}

Verdict Check(const std::vector<Call>& calls) {
  return CheckLinearizable<RegisterSpec>(calls, 0).verdict;
}

TEST(LinearizabilityChecker, AcceptsWhatOneAfterAnotherCouldHaveSeen) {
  EXPECT_EQ(Check({}), Verdict::kLinearizable);
  EXPECT_EQ(Check({Read(0, 1, 2), Write(1, 3, 4), Read(1, 5, 6)}), Verdict::kLinearizable);
  // Reads beside a write see it or do not, and once one has, all later ones do.
  EXPECT_EQ(Check({Write(1, 1, 10), Read(0, 2, 3), Read(1, 4, 5), Read(1, 6, 7)}),
            Verdict::kLinearizable);
  EXPECT_EQ(Check({Write(1, 1, 10), Write(2, 1, 10), Read(2, 2, 3), Read(1, 4, 5)}),
            Verdict::kLinearizable);
  EXPECT_EQ(Check({Cas(0, 1, true, 1, 5), Cas(0, 2, false, 1, 5), Read(1, 6, 7)}),
            Verdict::kLinearizable);
  // Herlihy and Wing: the order of the answer need not be that of the calls.
  EXPECT_EQ(Check({Write(1, 1, 4), Read(2, 5, 6), Write(2, 2, 8)}), Verdict::kLinearizable);
}

TEST(LinearizabilityChecker, FindsAStaleRead) {
  EXPECT_EQ(Check({Write(1, 1, 2), Read(0, 3, 4)}), Verdict::kViolation);
  EXPECT_EQ(Check({Write(1, 1, 10), Read(1, 2, 3), Read(0, 4, 5)}), Verdict::kViolation);
  EXPECT_EQ(Check({Write(1, 1, 10), Write(2, 1, 10), Read(2, 2, 3), Read(1, 4, 5), Read(2, 6, 7)}),
            Verdict::kViolation);
}

TEST(LinearizabilityChecker, FindsALostUpdate) {
  EXPECT_EQ(Check({Write(1, 1, 2), Write(2, 3, 4), Read(1, 5, 6)}), Verdict::kViolation);
  EXPECT_EQ(Check({Cas(0, 1, true, 1, 2), Read(0, 3, 4)}), Verdict::kViolation);
}

TEST(LinearizabilityChecker, FindsTwoWinnersOfOneCompareAndSet) {
  EXPECT_EQ(Check({Cas(0, 1, true, 1, 5), Cas(0, 2, true, 1, 5)}), Verdict::kViolation);
  EXPECT_EQ(Check({Cas(0, 1, true, 1, 5), Write(0, 2, 6), Cas(0, 2, true, 1, 9)}),
            Verdict::kLinearizable);
  EXPECT_EQ(Check({Cas(0, 1, false, 1, 2)}), Verdict::kViolation) << "and none";
}

TEST(LinearizabilityChecker, FindsAReadOfTheFuture) {
  EXPECT_EQ(Check({Read(1, 1, 2), Write(1, 3, 4)}), Verdict::kViolation);
  EXPECT_EQ(Check({Read(1, 1, 3), Write(1, 3, 4)}), Verdict::kLinearizable) << "one moment";
  EXPECT_EQ(Check({Read(7, 1, 2)}), Verdict::kViolation);
}

TEST(LinearizabilityChecker, ACallThatNeverReturnedMayTakeEffectLateOrNever) {
  const Call lost = Lost(Kind::kWrite, 0, 1, 3);
  EXPECT_EQ(Check({lost}), Verdict::kLinearizable);
  EXPECT_EQ(Check({lost, Read(0, 10, 11), Read(0, 12, 13)}), Verdict::kLinearizable);
  EXPECT_EQ(Check({lost, Read(0, 10, 11), Read(1, 12, 13)}), Verdict::kLinearizable);
  EXPECT_EQ(Check({lost, Read(1, 10, 11), Read(0, 12, 13)}), Verdict::kViolation) << "only once";
  EXPECT_EQ(Check({lost, Read(1, 1, 2)}), Verdict::kViolation) << "not before it began";
  EXPECT_EQ(Check({lost, Write(2, 4, 5), Read(2, 6, 7), Read(1, 8, 9)}), Verdict::kLinearizable);
  EXPECT_EQ(Check({Lost(Kind::kCas, 5, 1, 1), Read(1, 2, 3)}), Verdict::kViolation)
      << "the specification still holds for it";
}

TEST(LinearizabilityChecker, SaysWhichOrderItFound) {
  const std::vector<Call> calls = {Write(1, 1, 4), Read(2, 5, 6), Write(2, 2, 8)};
  EXPECT_EQ(CheckLinearizable<RegisterSpec>(calls, 0).order, (std::vector<size_t>{0, 2, 1}));
  const std::vector<Call> broken = {Write(1, 1, 2), Write(2, 3, 4), Read(1, 5, 6)};
  EXPECT_EQ(CheckLinearizable<RegisterSpec>(broken, 0).order, (std::vector<size_t>{0, 1}));
}

TEST(LinearizabilityChecker, GivesUpWhenItIsToldTo) {
  std::vector<Call> calls;
  for (int i = 1; i <= 12; ++i) calls.push_back(Write(i, 1, 100));
  calls.push_back(Read(77, 101, 102));
  EXPECT_EQ(CheckLinearizable<RegisterSpec>(calls, 0, 1000).verdict, Verdict::kUndecided);
}

// What was tried is remembered: without that, these writes have 14! orders.
TEST(LinearizabilityChecker, RemembersWhatItTried) {
  std::vector<Call> calls;
  for (int i = 0; i < 14; ++i) calls.push_back(Write(i % 2, 1, 100));
  calls.push_back(Read(77, 101, 102));
  const Linearization found = CheckLinearizable<RegisterSpec>(calls, 0);
  EXPECT_EQ(found.verdict, Verdict::kViolation);
  EXPECT_LT(found.configurations, 40'000u);
}

TEST(LinearizabilityChecker, PartsAreCheckedOnTheirOwn) {
  // Two registers, told apart by `expected`, which writes and reads do not use.
  const auto of = [](int object, Call call) {
    call.input.expected = object;
    return call;
  };
  std::vector<Call> calls = {of(1, Write(1, 1, 2)), of(2, Write(2, 1, 2)), of(1, Read(1, 3, 4)),
                             of(2, Read(2, 5, 6))};
  const auto object_of = [](const RegisterSpec::Input& input) { return input.expected; };
  EXPECT_EQ(Check(calls), Verdict::kViolation) << "as one register";
  for (const auto& part : SplitHistory<RegisterSpec>(calls, object_of)) {
    EXPECT_EQ(part.size(), 2u);
    EXPECT_EQ(Check(part), Verdict::kLinearizable);
  }
}

// The definition, word for word: some order of some calls, those that returned and any of those
// that did not, keeps real time and the specification.
bool ByDefinition(const std::vector<Call>& calls) {
  std::vector<size_t> order(calls.size());
  std::iota(order.begin(), order.end(), 0);
  do {
    // Calls that never returned count up to a place in the permutation, the rest never happened.
    for (size_t length = calls.size() + 1; length-- > 0;) {
      bool fits = true;
      int state = 0;
      for (size_t i = 0; i < calls.size() && fits; ++i) {
        const Call& call = calls[order[i]];
        if (i >= length) {
          fits = call.times.returned == kNeverReturned;
          continue;
        }
        for (size_t later = i + 1; later < length; ++later) {
          fits &= calls[order[later]].times.returned >= call.times.invoked;
        }
        fits &= RegisterSpec::Step(call.input, call.output.has_value() ? &*call.output : nullptr,
                                   &state);
      }
      if (fits) return true;
    }
  } while (std::next_permutation(order.begin(), order.end()));
  return false;
}

TEST(LinearizabilityChecker, AgreesWithTheDefinitionOnRandomHistories) {
  std::mt19937_64 random(TestSeed());
  int linearizable = 0, violations = 0;
  for (int round = 0; round < 4000; ++round) {
    std::vector<Call> calls;
    for (size_t i = 0, size = 2 + random() % 4; i < size; ++i) {
      const uint64_t invoked = random() % 12;
      const uint64_t returned = invoked + 1 + random() % 6;
      const int value = static_cast<int>(random() % 3), expected = static_cast<int>(random() % 3);
      switch (random() % 4) {
        case 0:
          calls.push_back(Write(value, invoked, returned));
          break;
        case 1:
          calls.push_back(Cas(expected, value, random() % 2 == 0, invoked, returned));
          break;
        case 2:
          calls.push_back(
              Lost(random() % 2 == 0 ? Kind::kWrite : Kind::kCas, expected, value, invoked));
          break;
        default:
          calls.push_back(Read(value, invoked, returned));
      }
    }
    const Verdict verdict = Check(calls);
    ASSERT_EQ(verdict == Verdict::kLinearizable, ByDefinition(calls)) << "round " << round;
    (verdict == Verdict::kLinearizable ? linearizable : violations) += 1;
  }
  EXPECT_GT(linearizable, 200);
  EXPECT_GT(violations, 200);
}

}  // namespace
}  // namespace keyturn
