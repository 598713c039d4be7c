// Clients that present their keys without pause while these are rolled: none that keeps to the
// grace is refused for one moment, whatever the commit, the index and the cache are at just then.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdio>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "tests/rotation/api_key/api_key_fixture.h"

namespace keyturn {
namespace {

constexpr int64_t kNanosPerSecond = 1'000'000'000;

class ApiKeyUnderLoad : public ApiKeyFixture {
 protected:
  // Each is so many rolls behind as its number is: the first takes a new secret at once, the last
  // keeps the first one as long as it works.
  static constexpr size_t kClients = 3;
  using Counts = std::array<uint64_t, kClients>;

  ApiKeyUnderLoad() {
    // As the server's. A roll is so long that each client is answered once it is on the disk and
    // nobody was told, and once the keys were, before its caller is.
    store_->SetCommitListener([this](absl::Span<const CommittedUpdate> group) {
      if (rolling_) AwaitAnswers();
      keys_->OnCommitted(group);
      if (rolling_) AwaitAnswers();
    });
  }

  void StartClients() {
    for (size_t i = 0; i < kClients; ++i) {
      threads_.emplace_back([this, i] { Present(i); });
    }
  }
  void StopClients() {
    stopped_ = true;
    for (std::thread& thread : threads_) thread.join();
  }

  // What the clients have been handed of one key, the oldest first.
  void HandOut(std::vector<std::string> texts) {
    const absl::MutexLock lock(&texts_mu_);
    texts_ = std::move(texts);
  }
  // Until each client has been answered about what it has presented since this began.
  void AwaitAnswers() {
    const int64_t deadline = Clock::Real().MonotonicNanos() + 10 * kNanosPerSecond;
    for (std::atomic<uint64_t>& answered : answered_) {
      const uint64_t until = answered + 2;  // one may be of before
      while (answered < until && Clock::Real().MonotonicNanos() < deadline) {
        std::this_thread::yield();
      }
      EXPECT_GE(answered.load(), until) << "a client waits";
    }
  }
  Counts Answered() const {
    Counts out;
    for (size_t i = 0; i < kClients; ++i) out[i] = answered_[i];
    return out;
  }

  // The new text, handed out the moment it is known.
  std::string RollUnderLoad(const std::string& id, std::vector<std::string> texts) {
    const Counts before = Answered();
    rolling_ = true;
    const std::string text = Roll(id, Days(3));
    rolling_ = false;
    const Counts after = Answered();
    for (size_t i = 0; i < kClients; ++i) {
      EXPECT_GT(after[i], before[i]) << "client " << i << " was not there";
      during_rolls_ += after[i] - before[i];
    }
    texts.push_back(text);
    HandOut(std::move(texts));
    AwaitAnswers();
    return text;
  }

  // Two rolls of a new key in a row, to the last moment of its first secret; the clients have it
  // then. `former` is that secret of the key before, which nobody presents any more.
  Key RollTwice(const std::string& former) {
    const Key key = Make("partners/acme");
    HandOut({key.text});
    AwaitAnswers();
    if (!former.empty()) {
      EXPECT_EQ(Verify(former), "VALID");
      clock_.AdvanceTime(absl::Milliseconds(1));
      EXPECT_EQ(Verify(former), "EXPIRED");
    }
    const absl::Time end = clock_.Now() + Days(3);  // of the first secret
    const std::string second = RollUnderLoad(key.id, {key.text});
    clock_.AdvanceTime(Days(1));
    RollUnderLoad(key.id, {key.text, second});
    EXPECT_EQ(States(key.id), "3 CURRENT, 2 GRACE, 1 GRACE");
    clock_.AdvanceTime(end - absl::Milliseconds(1) - clock_.Now());
    AwaitAnswers();
    EXPECT_OK(keys_->WriteUses());
    return key;
  }

  uint64_t refused() const { return refused_; }
  std::string first_refusal() {
    const absl::MutexLock lock(&texts_mu_);
    return first_refusal_;
  }

  uint64_t during_rolls_ = 0;

 private:
  std::string TextOf(size_t client) {
    const absl::MutexLock lock(&texts_mu_);
    return texts_[texts_.size() - 1 - std::min(client, texts_.size() - 1)];
  }

  void Present(size_t client) {
    constexpr uint64_t kOfCaller = 1000;  // no limit is meant here, and the clock stands still
    std::string caller;
    for (uint64_t n = 0; !stopped_; ++n) {
      if (n % kOfCaller == 0) caller = absl::StrCat("gateway ", client, " ", n / kOfCaller);
      const std::string said = Said(Asked(TextOf(client), {}, "192.0.2.1", caller));
      if (said != "VALID" && refused_.fetch_add(1) == 0) {
        const absl::MutexLock lock(&texts_mu_);
        first_refusal_ = absl::StrCat("client ", client, ": ", said);
      }
      ++answered_[client];
    }
  }

  absl::Mutex texts_mu_;
  std::vector<std::string> texts_ ABSL_GUARDED_BY(texts_mu_);
  std::string first_refusal_ ABSL_GUARDED_BY(texts_mu_);
  std::array<std::atomic<uint64_t>, kClients> answered_{};
  std::atomic<uint64_t> refused_{0};
  std::atomic<bool> rolling_{false};
  std::atomic<bool> stopped_{false};
  std::vector<std::thread> threads_;
};

TEST_F(ApiKeyUnderLoad, TwoRollsInARowRefuseNobody) {
  constexpr int kRoundsMax = 100;
  const int64_t until = Clock::Real().MonotonicNanos() + 2 * kNanosPerSecond;
  // What the clients begin with.
  std::vector<Key> keys = {Make("partners/acme")};
  HandOut({keys.back().text});
  StartClients();
  int rounds = 0;
  while (rounds < kRoundsMax && !HasFailure() && refused() == 0 &&
         (rounds < 2 || Clock::Real().MonotonicNanos() < until)) {
    keys.push_back(RollTwice(rounds == 0 ? "" : keys.back().text));
    ++rounds;
  }
  StopClients();
  EXPECT_EQ(refused(), 0u) << first_refusal();
  EXPECT_GE(rounds, 2);
  EXPECT_GE(during_rolls_, 2u * kClients * static_cast<uint64_t>(rounds));
  // And each was counted, once: those of clients, and those that a round asks for by itself.
  uint64_t uses = 0, answered = static_cast<uint64_t>(rounds) - 1;
  for (const Key& key : keys) uses += Info(key.id).uses();
  for (const uint64_t one : Answered()) answered += one;
  EXPECT_EQ(uses, answered);
  std::printf("%d rounds, %llu verifications, %llu of them during a roll, %llu refused\n", rounds,
              static_cast<unsigned long long>(answered),
              static_cast<unsigned long long>(during_rolls_),
              static_cast<unsigned long long>(refused()));
}

}  // namespace
}  // namespace keyturn
