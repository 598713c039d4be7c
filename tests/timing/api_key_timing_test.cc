// Whoever verifies API keys must not learn which ids exist.
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "rotation/api_key/codec.h"
#include "tests/rotation/api_key/api_key_fixture.h"
#include "tests/timing/timing.h"

namespace keyturn {
namespace {

class ApiKeyTiming : public ApiKeyFixture, protected Timing {
 protected:
  static constexpr int kKeys = 500;

  // As many unknown ids as known ones, asked for as often and next to them.
  void SetUp() override {
    for (int i = 0; i < kKeys; ++i) {
      ids_[0].push_back(Make("a").id);
      ids_[1].push_back(ids_[0].back());
      ids_[1].back()[0] = ids_[1].back()[0] == 'm' ? 'n' : 'm';
    }
  }
  // Wrong secrets of known ids (0) and of unknown ones (1).
  void Present(const std::vector<int>& classes) {
    presented_.clear();
    callers_.clear();
    for (const int of_class : classes) {
      const absl::StatusOr<SecretBytes> text =
          api_key::NewText(ids_[of_class][random_() % static_cast<size_t>(kKeys)]);
      ASSERT_OK(text);
      presented_.emplace_back(text->ExposeForWire());
      // Each has a caller of its own, so that none is locked out.
      callers_.push_back(absl::StrCat("caller ", ++caller_));
    }
  }

  std::vector<std::string> ids_[2], presented_, callers_;
  uint64_t caller_ = 0;
};

TEST_F(ApiKeyTiming, AnUnknownIdAndAWrongSecret) {
  ExpectNoDifference(
      "an API key: unknown id or wrong secret",
      [this](const std::vector<int>& classes) { Present(classes); },
      [this](size_t i) {
        sink_ = static_cast<int>(Asked(presented_[i], {}, "192.0.2.1", callers_[i])->valid());
      });
}

// A verifier that looks for the id first is found.
TEST_F(ApiKeyTiming, MutantThatLooksForTheIdFirstIsFound) {
  const TimingResult result =
      Least([this](const std::vector<int>& classes) { Present(classes); },
            [this](size_t i) {
              const std::string id = presented_[i].substr(4, 16);
              if (keys_->PathOf(id).empty()) return;
              sink_ = static_cast<int>(Asked(presented_[i], {}, "192.0.2.1", callers_[i])->valid());
            });
  Print("a verifier that looks for the id first", result);
  EXPECT_GT(std::abs(result.t), kThreshold);
}

}  // namespace
}  // namespace keyturn
