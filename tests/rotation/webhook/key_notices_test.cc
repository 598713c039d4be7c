// What is told ahead of API keys.
#include "rotation/webhook/key_notices.h"

#include <filesystem>

#include "tests/rotation/webhook/notices_fixture.h"

namespace keyturn {
namespace {

using ApiKeyNoticesTest = WebhookNoticesTest;

TEST_F(ApiKeyNoticesTest, AnApiKeyIsToldBeforeItEnds) {
  Listen();
  Settle();
  api_keys_ = {{"abcdefghijklmnop", "clients/a", start_ + Days(90)},
               {"abcdefghijklmnoq", "clients/b", start_ + Days(20)}};
  Live(Days(60));
  EXPECT_EQ(Last(), nlohmann::json({{"path", "clients/a"},
                                    {"id", "abcdefghijklmnop"},
                                    {"expires", "2026-04-01T00:00:00.000Z"}}));
  EXPECT_EQ(Take(), (Lines{"day 13 api_key.due clients/b", "day 19 api_key.due clients/b",
                           "day 60 api_key.due clients/a"}));
  Restart();
  Live(absl::Hours(1));
  EXPECT_EQ(Take(), Lines{});
  clock_.AdvanceTime(Days(29));  // both moments have passed
  Restart();
  Settle();
  EXPECT_EQ(Take(), Lines{"day 89+1h api_key.due clients/a"});
  Live(Days(10));
  EXPECT_EQ(Take(), Lines{});
}

// Two that end in the same millisecond: each is told, whatever comes between them.
TEST_F(ApiKeyNoticesTest, ApiKeysOfOneMomentAreEachToldOnce) {
  for (const bool after : {false, true}) {
    for (const int at : {1, 2}) {
      rotation_.reset();
      book_.reset();
      store_.reset();
      ASSERT_GT(std::filesystem::remove_all(dir_.File("db")), 0u);
      Restart();
      Listen();
      Settle();
      const absl::Time end = clock_.Now() + Days(8);
      api_keys_ = {{"abcdefghijklmnop", "a", end}, {"abcdefghijklmnoq", "b", end}};
      Take();
      die_at_ = at;
      die_after_ = after;
      clock_.AdvanceTime(Days(1));
      (void)book_->RunDue();
      while (!book_->idle()) std::this_thread::yield();
      EXPECT_TRUE(dead_);
      Restart();
      Settle();
      Settle();
      EXPECT_EQ(Take().size(), 2u) << at << after;
    }
  }
}

}  // namespace
}  // namespace keyturn
