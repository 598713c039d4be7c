#include "client/cli/masker.h"

#include <gtest/gtest.h>

#include <random>

namespace keyturn::cli {
namespace {

TEST(Masker, HidesValuesAndNothingElse) {
  Masker masker({"hunter2", "correct horse", "abc"});
  EXPECT_EQ(masker.Feed("password hunter2, then correct horse; abc stays\n"),
            "password ***, then ***; abc stays\n");
  EXPECT_EQ(masker.Finish(), "");
}

TEST(Masker, HoldsBackWhatMayBeTheStartOfAValue) {
  Masker masker({"hunter2"});
  EXPECT_EQ(masker.Feed("a hun"), "a ");
  EXPECT_EQ(masker.Feed("ter2 b"), "*** b");
  EXPECT_EQ(masker.Feed("hunt"), "");
  EXPECT_EQ(masker.Feed("ing"), "hunting");
  EXPECT_EQ(masker.Feed("hunter"), "");
  EXPECT_EQ(masker.Finish(), "hunter");
}

TEST(Masker, PrefersTheLongerValue) {
  Masker masker({"secret", "secret-and-more"});
  EXPECT_EQ(masker.Feed("secret-and-more. "), "***. ");
  Masker cut({"secret", "secret-and-more"});
  EXPECT_EQ(cut.Feed("secret-and"), "");
  EXPECT_EQ(cut.Feed("-more."), "***.");
}

// However the output is cut, no value is in what comes out, and all else is.
TEST(Masker, DoesNotDependOnHowTheOutputIsCut) {
  const std::string text = "xx hunhunter2hunter2 ter2 aaaa aaaab hunter22 aaab yy";
  const std::vector<absl::string_view> values = {"hunter2", "aaaab", "aaaa"};
  Masker whole(values);
  std::string expected = whole.Feed(text);
  expected += whole.Finish();
  std::mt19937 random(7);
  for (int round = 0; round < 2000; ++round) {
    Masker masker(values);
    std::string out;
    for (size_t at = 0; at < text.size();) {
      const size_t size = 1 + random() % 5;
      out += masker.Feed(absl::string_view(text).substr(at, size));
      at += size;
    }
    out += masker.Finish();
    ASSERT_EQ(out, expected) << round;
  }
  EXPECT_EQ(expected, "xx hun****** ter2 *** *** ***2 aaab yy");
}

}  // namespace
}  // namespace keyturn::cli
