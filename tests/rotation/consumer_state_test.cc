#include "rotation/usage/consumer_state.h"

#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "base/limits.h"

namespace keyturn {
namespace {

constexpr int64_t kDay = 86'400'000;
constexpr int64_t kStart = int64_t{20'000} * kDay;  // of the Unix clock
constexpr int64_t kGone = limits::kConsumerGoneSeconds * 1000;

// Version 1 was replaced on day 90 and retired, 2 on day 180 and is in grace, 3 on day 185 and is
// in grace, 4 is the current one, 5 is pending. 6 is in grace, and nobody knows since when.
SecretMetadata Metadata() {
  SecretMetadata metadata;
  metadata.set_current_version(4);
  const auto add = [&](uint64_t number, v1::VersionState state, int64_t replaced_day) {
    VersionRecord& version = *metadata.add_versions();
    version.set_version(number);
    version.set_state(state);
    if (replaced_day != 0) version.set_replaced_ms(kStart + replaced_day * kDay);
  };
  add(1, v1::VERSION_STATE_RETIRED, 90);
  add(2, v1::VERSION_STATE_GRACE, 180);
  add(3, v1::VERSION_STATE_GRACE, 185);
  add(4, v1::VERSION_STATE_CURRENT, 0);
  add(5, v1::VERSION_STATE_PENDING, 0);
  add(6, v1::VERSION_STATE_GRACE, 0);
  add(7, v1::VERSION_STATE_PREVIOUS, 100);
  add(8, v1::VERSION_STATE_RETIRING, 100);
  add(9, v1::VERSION_STATE_DESTROYED, 100);
  return metadata;
}

struct Evidence {
  uint64_t version;
  int64_t used_ms;  // since the start; 0: never
  int64_t acknowledged_ms = 0;
};

struct Case {
  const char* what;
  std::vector<Evidence> evidence;
  ConsumerState state;
  uint64_t version;
};

std::pair<ConsumerState, uint64_t> Found(const std::vector<Evidence>& evidence) {
  const SecretMetadata metadata = Metadata();
  record::v1::ConsumerRecord consumer;
  for (const Evidence& one : evidence) {
    record::v1::VersionUses& uses = *consumer.add_versions();
    uses.set_version(one.version);
    if (one.used_ms != 0) uses.set_last_ms(kStart + one.used_ms);
    if (one.acknowledged_ms != 0) uses.set_acknowledged_ms(kStart + one.acknowledged_ms);
  }
  const record::v1::VersionUses* const latest = LatestOf(consumer, metadata);
  if (latest == nullptr) return {v1::Consumer::STATE_UNSPECIFIED, 0};
  return {StateOf(*latest, metadata), latest->version()};
}

TEST(ConsumerState, IsThatOfTheLastEvidence) {
  using State = v1::Consumer;
  const Case cases[] = {
      {"used the current one", {{4, 186 * kDay}}, State::CURRENT, 4},
      {"used the current one long ago", {{4, 1}}, State::CURRENT, 4},
      {"acknowledged it", {{4, 0, 186 * kDay}}, State::ACKNOWLEDGED, 4},
      {"acknowledged it, then used it", {{4, 187 * kDay, 186 * kDay}}, State::ACKNOWLEDGED, 4},
      {"moved", {{3, 184 * kDay}, {4, 186 * kDay}}, State::CURRENT, 4},
      {"moved, in another order", {{4, 186 * kDay}, {3, 184 * kDay}}, State::CURRENT, 4},
      {"used the old one last", {{4, 186 * kDay}, {3, 186 * kDay + 1}}, State::LAGGING, 3},
      {"used both at once", {{4, 186 * kDay}, {3, 186 * kDay}}, State::CURRENT, 4},
      {"used both at once, in another order",
       {{3, 186 * kDay}, {4, 186 * kDay}},
       State::CURRENT,
       4},
      {"used two old ones at once", {{2, 181 * kDay}, {3, 181 * kDay}}, State::LAGGING, 3},
      {"acknowledged after the old one",
       {{3, 186 * kDay}, {4, 0, 187 * kDay}},
       State::ACKNOWLEDGED,
       4},
      {"the old one after it acknowledged",
       {{4, 0, 186 * kDay}, {3, 187 * kDay}},
       State::LAGGING,
       3},
      {"acknowledged an old one", {{3, 0, 186 * kDay}}, State::LAGGING, 3},
      {"fetched shortly before the promotion", {{3, 185 * kDay - 1}}, State::LAGGING, 3},
      {"seen so long before it that it just counts", {{3, 185 * kDay - kGone}}, State::LAGGING, 3},
      {"not seen for a week before it", {{3, 185 * kDay - kGone - 1}}, State::GONE, 3},
      {"the same, by an acknowledgement", {{3, 0, 185 * kDay - kGone - 1}}, State::GONE, 3},
      {"two behind, judged by when its own was replaced", {{2, 174 * kDay}}, State::LAGGING, 2},
      {"two behind, and gone by then", {{2, 172 * kDay}}, State::GONE, 2},
      {"not known when it was replaced", {{6, 1}}, State::LAGGING, 6},
      {"an older one, without a policy", {{7, 99 * kDay}}, State::LAGGING, 7},
      {"being retired", {{8, 99 * kDay}}, State::LAGGING, 8},
      {"one that is retired", {{1, 186 * kDay}}, State::GONE, 1},
      {"one that is destroyed", {{9, 186 * kDay}}, State::GONE, 9},
      {"one that is not there any more", {{77, 186 * kDay}}, State::GONE, 77},
      {"one that was never in use", {{5, 186 * kDay}}, State::GONE, 5},
      {"nothing", {}, State::STATE_UNSPECIFIED, 0},
  };
  for (const Case& one : cases) {
    const auto [state, version] = Found(one.evidence);
    EXPECT_EQ(v1::Consumer::State_Name(state), v1::Consumer::State_Name(one.state)) << one.what;
    EXPECT_EQ(version, one.version) << one.what;
  }
}

// Of a version, when a token of it was there last and when that ends; and the last use.
struct TokenEvidence {
  uint64_t version;
  int64_t token_ms, end_ms;
  int64_t used_ms = 0;
};

TEST(ConsumerState, OfTokensIsThatOfTheLastAsLongAsAnyLives) {
  using State = v1::Consumer;
  const int64_t now = 186 * kDay;
  const struct {
    const char* what;
    std::vector<TokenEvidence> evidence;
    ConsumerState state;
    uint64_t version;
    int64_t seen_ms;
  } cases[] = {
      {"of the current one, long ago", {{4, 5, 6}}, State::CURRENT, 4, 5},
      {"of the former one, which lives", {{3, now - 9, now + 1}}, State::LAGGING, 3, now - 9},
      {"before the promotion, and it lives", {{3, 5, now + 1}}, State::LAGGING, 3, 5},
      {"of the former one, which is over", {{3, now - 9, now}}, State::GONE, 3, now - 9},
      {"one of the current one since",
       {{3, now - 9, now + 1}, {4, now - 8, now + 1}},
       State::CURRENT,
       4,
       now - 8},
      {"one of the former one since",
       {{4, now - 9, now + 1}, {3, now - 8, now + 1}},
       State::LAGGING,
       3,
       now - 8},
      {"both at once", {{4, now, now + 1}, {3, now, now + 1}}, State::CURRENT, 4, now},
      {"being retired", {{8, now, now + 1}}, State::LAGGING, 8, now},
      {"of a retired one", {{1, now, now + 1}}, State::GONE, 1, now},
      {"of one that is not there any more", {{77, now, now + 1}}, State::GONE, 77, now},
      {"reads the former one, and tokens are of the current one",
       {{3, 0, 0, now - 9}, {4, now - 8, now + 1}},
       State::LAGGING,
       3,
       now - 9},
      {"reads the current one, then a token of the former one",
       {{4, 0, 0, now - 9}, {3, now - 8, now + 1}},
       State::LAGGING,
       3,
       now - 8},
      {"the same when that is over",
       {{4, 0, 0, now - 9}, {3, now - 8, now}},
       State::CURRENT,
       4,
       now - 9},
      {"a token of the former one, then reads the current one",
       {{3, now - 9, now + 1}, {4, 0, 0, now - 8}},
       State::CURRENT,
       4,
       now - 8},
  };
  for (const auto& one : cases) {
    record::v1::ConsumerRecord consumer;
    for (const TokenEvidence& evidence : one.evidence) {
      record::v1::VersionUses& uses = *consumer.add_versions();
      uses.set_version(evidence.version);
      if (evidence.used_ms != 0) uses.set_last_ms(kStart + evidence.used_ms);
      if (evidence.token_ms == 0) continue;
      uses.set_token_ms(kStart + evidence.token_ms);
      uses.set_token_end_ms(kStart + evidence.end_ms);
    }
    const FoundConsumer found =
        FindConsumer(consumer, Metadata(), absl::FromUnixMillis(kStart + now));
    ASSERT_NE(found.by, nullptr) << one.what;
    EXPECT_EQ(v1::Consumer::State_Name(found.state), v1::Consumer::State_Name(one.state))
        << one.what;
    EXPECT_EQ(found.by->version(), one.version) << one.what;
    EXPECT_EQ(found.seen_ms, kStart + one.seen_ms) << one.what;
  }
  EXPECT_EQ(FindConsumer({}, Metadata(), absl::FromUnixMillis(kStart)).by, nullptr);
}

// Back to 3: 4 is in its grace, though its number is the higher one.
TEST(ConsumerState, FollowsARollback) {
  SecretMetadata metadata = Metadata();
  metadata.set_current_version(3);
  metadata.mutable_versions(2)->set_state(v1::VERSION_STATE_CURRENT);
  metadata.mutable_versions(2)->set_replaced_ms(0);
  metadata.mutable_versions(3)->set_state(v1::VERSION_STATE_GRACE);
  metadata.mutable_versions(3)->set_replaced_ms(kStart + 186 * kDay);
  record::v1::VersionUses uses;
  uses.set_version(4);
  uses.set_last_ms(kStart + 185 * kDay);
  EXPECT_EQ(StateOf(uses, metadata), v1::Consumer::LAGGING);
  uses.set_version(3);
  EXPECT_EQ(StateOf(uses, metadata), v1::Consumer::CURRENT);
  record::v1::ConsumerRecord consumer;
  for (const uint64_t version : {3, 4}) {
    record::v1::VersionUses& both = *consumer.add_versions();
    both.set_version(version);
    both.set_last_ms(kStart + 187 * kDay);
  }
  EXPECT_EQ(LatestOf(consumer, metadata)->version(), 3u);
}

}  // namespace
}  // namespace keyturn
