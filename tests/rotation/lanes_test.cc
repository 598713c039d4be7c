// Many secrets at a target with a thread of its own, which fails at one call of twenty: the real
// thread and the real crew, with a clock that goes on only when all that is due now has been done.
// What is told must be what tests/rotation/story.h takes.
#include <random>

#include "absl/strings/str_split.h"
#include "storage/schema.h"
#include "tests/rotation/rotation_fixture.h"
#include "tests/rotation/story.h"
#include "vault/context.h"

namespace keyturn {
namespace {

// Called by one thread at a time, its own.
class LaneTarget : public FakeTarget {
 public:
  absl::string_view lane() const override { return "lane"; }
  absl::StatusOr<bool> Probe(const DriverCall& call, const SecretBytes& value) override {
    RETURN_IF_ERROR(Chance());
    return FakeTarget::Probe(call, value);
  }
  absl::Status Apply(const DriverCall& call, const SecretBytes& current,
                     const SecretBytes& pending) override {
    RETURN_IF_ERROR(Chance());
    return FakeTarget::Apply(call, current, pending);
  }
  absl::Status Test(const DriverCall& call, const SecretBytes& pending) override {
    RETURN_IF_ERROR(Chance());
    return FakeTarget::Test(call, pending);
  }
  absl::Status ArmExpiry(const DriverCall& call, const SecretBytes& old, absl::Time end) override {
    RETURN_IF_ERROR(Chance());
    return FakeTarget::ArmExpiry(call, old, end);
  }
  absl::Status Retire(const DriverCall& call, const SecretBytes& old) override {
    RETURN_IF_ERROR(Chance());
    return FakeTarget::Retire(call, old);
  }
  absl::StatusOr<bool> VerifyDead(const DriverCall& call, const SecretBytes& old) override {
    RETURN_IF_ERROR(Chance());
    return FakeTarget::VerifyDead(call, old);
  }
  std::atomic<int> failed = 0, at_once = 0, together = 0;

 private:
  absl::Status Chance() {
    if (++at_once > 1) ++together;
    const bool fails = random_() % 20 == 0;
    --at_once;
    if (!fails) return absl::OkStatus();
    ++failed;
    return absl::UnavailableError("shaky");
  }
  std::mt19937_64 random_{20'260'101};
};

class LanesTest : public RotationFixture {
 protected:
  static constexpr int kSecrets = 200;

  LanesTest() : stories_(kSecrets, clock_.Now(), absl::Minutes(1)) {
    targets_ = {{"lane", &lane_}};
    target_by_policy_ = true;
    workers_ = 2;
    RotationFixture::Open();
  }
  ~LanesTest() override { rotation_.reset(); }  // nothing runs when the target goes

  void OnChanged(absl::string_view event, absl::string_view path, absl::Time when,
                 const std::string& notes) override {
    AuditEvent told;
    told.time = when;  // the clock may have gone on since
    told.event = std::string(event);
    told.resource = std::string(path);
    for (const absl::string_view note : absl::StrSplit(notes, ' ', absl::SkipEmpty())) {
      const std::pair<std::string, std::string> detail = absl::StrSplit(note, '=');
      uint64_t version = 0;
      if (detail.first == "version" && absl::SimpleAtoi(detail.second, &version)) {
        told.version = SecretVersion(version);
      }
      told.details.push_back(detail);
    }
    const absl::MutexLock lock(&mu_);
    if (stories_.Take(told)) stories_.Converged(Stories::NumberOf(path), told.time);
  }

  // Of the engine, by what is stored.
  bool NothingIsDue() {
    bool due = false;
    const absl::Status scanned = store_->GetSnapshot()->Scan(
        Family::kDue, "", "", [&](absl::string_view key, absl::string_view) {
          const std::optional<schema::DueItem> item = schema::ParseDueKey(key);
          due = item.has_value() && item->due_class == kDueRotation && item->when <= clock_.Now();
          return !due;
        });
    return scanned.ok() && !due;
  }

  // All that is due now, on whatever thread. One that is between its last change and its end has no
  // turn; it comes a second later.
  void DoAll() {
    ASSERT_OK(RunDue());
    const absl::MutexLock lock(&mu_);
    const auto done = [this] { return NothingIsDue(); };
    mu_.AwaitWithTimeout(absl::Condition(&done), absl::Seconds(5));
  }

  void Live(absl::Duration duration) {
    const absl::Time end = clock_.Now() + duration;
    while (clock_.Now() < end) {
      DoAll();
      absl::Time next;
      ASSERT_OK_AND_ASSIGN(const int handled, rotation_->RunDue(&next));
      if (handled > 0) continue;
      const absl::Duration ahead = std::max(next - clock_.Now(), absl::Duration(absl::Seconds(1)));
      clock_.AdvanceTime(std::min(ahead, end - clock_.Now()));
    }
    DoAll();
  }

  LaneTarget lane_;
  absl::Mutex mu_;
  Stories stories_;
};

TEST_F(LanesTest, NothingIsMissingTwiceOrTooLate) {
  v1::RotationPolicy policy;
  policy.mutable_source()->mutable_generate();
  policy.set_target("lane");
  for (int i = 0; i < kSecrets; ++i) {
    const std::string path = Stories::PathOf(static_cast<size_t>(i));
    ASSERT_OK(Put(path, absl::StrCat("first", i), v1::KIND_API_KEY));
    ASSERT_OK(SetPolicy(path, policy));
  }
  // From the first rotations to the last end of what was replaced.
  Live(Days(129));
  rotation_->OnSealed();  // waits for the thread
  for (const std::string& problem : stories_.shown()) ADD_FAILURE() << problem;
  EXPECT_EQ(stories_.problems(), 0u);
  for (size_t i = 0; i < stories_.size(); ++i) {
    const Story& story = stories_.of(i);
    EXPECT_EQ(story.promotions, 1u) << i;
    EXPECT_EQ(story.retirements, 1u) << i;
    EXPECT_EQ(story.destructions, 1u) << i;
    EXPECT_EQ(story.step, Story::kNone) << i;
  }
  EXPECT_EQ(lane_.works.size(), size_t{kSecrets});  // each current value, and nothing else
  EXPECT_EQ(lane_.together, 0);                     // one call after the other
  EXPECT_GT(lane_.failed, 20);
  EXPECT_EQ(stories_.failures(), static_cast<uint64_t>(lane_.failed));
  std::printf("%d failures, %d events\n", lane_.failed.load(), static_cast<int>(stories_.told()));
  ExpectClean();
}

}  // namespace
}  // namespace keyturn
