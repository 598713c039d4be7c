// A year of many secrets whose targets fail now and then. What is checked is what the engine tells
// the audit log and what its public calls answer, never how it came to do so.
#include <cinttypes>
#include <random>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/hash/hash.h"
#include "tests/rotation/rotation_fixture.h"
#include "tests/support/seed.h"

namespace keyturn {
namespace {

// Takes every value, and fails each twentieth call.
class ShakyTarget : public Driver {
 public:
  explicit ShakyTarget(uint64_t seed) : random_(seed) {}
  absl::StatusOr<bool> Probe(const DriverCall&, const SecretBytes& value) override {
    RETURN_IF_ERROR(Chance());
    return works_.count(Of(value)) > 0;
  }
  absl::Status Apply(const DriverCall&, const SecretBytes&, const SecretBytes& pending) override {
    RETURN_IF_ERROR(Chance());
    works_.insert(Of(pending));
    return absl::OkStatus();
  }
  absl::Status Test(const DriverCall&, const SecretBytes&) override { return Chance(); }
  absl::Status ArmExpiry(const DriverCall&, const SecretBytes&, absl::Time) override {
    return Chance();
  }
  absl::Status Disarm(const DriverCall&, const SecretBytes&) override { return Chance(); }
  absl::StatusOr<int> Sessions(const DriverCall&, const SecretBytes&) override { return 0; }
  absl::Status Retire(const DriverCall&, const SecretBytes& old) override {
    RETURN_IF_ERROR(Chance());
    works_.erase(Of(old));
    return absl::OkStatus();
  }
  absl::StatusOr<bool> VerifyDead(const DriverCall&, const SecretBytes& old) override {
    RETURN_IF_ERROR(Chance());
    return works_.count(Of(old)) == 0;
  }
  int failures() const { return failures_; }

 private:
  static size_t Of(const SecretBytes& value) {
    return absl::Hash<absl::string_view>()(value.ExposeForCrypto());
  }
  absl::Status Chance() {
    if (random_() % 20 != 0) return absl::OkStatus();
    ++failures_;
    return absl::UnavailableError("shaky");
  }
  std::mt19937_64 random_;
  absl::flat_hash_set<size_t> works_;
  int failures_ = 0;
};

class SimulationTest : public RotationFixture {
 protected:
  // What the audit log has told of one secret.
  struct Story {
    absl::Time promoted;  // the current version
    absl::Time former_promoted;
    int promotions = 0, retirements = 0, destructions = 0, in_grace = 0;
    bool open = false;
  };

  void OnEvent(absl::string_view event, absl::string_view path) override {
    Story& story = stories_[path];
    const absl::Time now = clock_.Now();
    ++told_;
    if (event == "rotation_started") {
      EXPECT_FALSE(story.open) << path << ": two runs at once";
      story.open = true;
    } else if (event == "rotation_promoted") {
      EXPECT_TRUE(story.open) << path;
      // Late by what a shaky target costs, and by nothing else.
      EXPECT_LE(now - story.promoted, Days(90) + absl::Hours(1)) << path;
      EXPECT_GE(now - story.promoted, Days(87) - absl::Seconds(1)) << path;
      story.promoted = now;
      ++story.promotions;
      ++story.in_grace;
    } else if (event == "rotation_announced") {
      story.open = false;
    } else if (event == "rotation_grace_ended") {
      EXPECT_GE(now - story.promoted, Days(7)) << path << ": too early";
      EXPECT_LE(now - story.promoted, Days(7) + absl::Seconds(1)) << path << ": too late";
      --story.in_grace;
      EXPECT_EQ(story.in_grace, 0) << path;
    } else if (event == "rotation_retired") {
      ++story.retirements;
    } else if (event == "version_destroyed") {
      ++story.destructions;
    }
  }

  static std::string PathOf(int i) { return absl::StrCat("d", i % 50, "/k", i); }

  // Exactly one version is current, and it is read.
  void Look(int i) {
    const v1::RotationStatus status = Status(PathOf(i));
    const auto is = [](v1::VersionState state) {
      return [state](const v1::VersionInfo& version) { return version.state() == state; };
    };
    EXPECT_EQ(std::count_if(status.versions().begin(), status.versions().end(),
                            is(v1::VERSION_STATE_CURRENT)),
              1);
    EXPECT_LE(std::count_if(status.versions().begin(), status.versions().end(),
                            is(v1::VERSION_STATE_GRACE)),
              1);
    const std::string value = Get(PathOf(i));
    EXPECT_TRUE(value == "first" || value.size() == 86) << PathOf(i) << ": " << value;
  }

  absl::flat_hash_map<std::string, Story> stories_;
  uint64_t told_ = 0;
};

TEST_F(SimulationTest, AYearOfManySecretsIsOnTimeAndInOrder) {
  const int secrets = TestCount("KEYTURN_ROTATION_SECRETS", kSanitized ? 100 : 20'000);
  const uint64_t seed = TestSeed();
  ShakyTarget target(seed);
  target_ = &target;
  std::mt19937_64 random(seed);
  // It has looked before they come: what falls due in a while that nobody looked is a storm.
  absl::Time first;
  ASSERT_OK(rotation_->RunDue(&first));
  for (int i = 0; i < secrets; ++i) {
    ASSERT_OK(Put(PathOf(i), "first", v1::KIND_JWT_KEY));
    stories_[PathOf(i)].promoted = clock_.Now();
  }
  const absl::Time end = clock_.Now() + Days(365);
  while (clock_.Now() < end) {
    absl::Time next;
    while (true) {
      const absl::StatusOr<int> handled = rotation_->RunDue(&next);
      ASSERT_OK(handled);
      if (*handled == 0) break;
    }
    Look(static_cast<int>(random() % static_cast<uint64_t>(secrets)));
    clock_.AdvanceTime(std::clamp(next - clock_.Now(), absl::Milliseconds(1), Days(1)));
  }
  for (const auto& [path, story] : stories_) {
    EXPECT_EQ(story.promotions, 4) << path;
    EXPECT_EQ(story.retirements, story.promotions - (end - story.promoted < Days(7) ? 1 : 0));
    EXPECT_GE(story.destructions, 3) << path;
  }
  std::printf("%d secrets, %" PRIu64 " events, %d failures of targets\n", secrets, told_,
              target.failures());
  EXPECT_GT(target.failures(), secrets / 2);
  ExpectClean();
}

}  // namespace
}  // namespace keyturn
