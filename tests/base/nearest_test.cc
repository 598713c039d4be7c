#include "base/nearest.h"

#include <gtest/gtest.h>

namespace keyturn {
namespace {

TEST(Nearest, CountsInsertedDeletedAndReplacedBytes) {
  EXPECT_EQ(EditDistance("", ""), 0u);
  EXPECT_EQ(EditDistance("", "abc"), 3u);
  EXPECT_EQ(EditDistance("abc", ""), 3u);
  EXPECT_EQ(EditDistance("grpc", "grpc"), 0u);
  EXPECT_EQ(EditDistance("gprc", "grpc"), 2u);
  EXPECT_EQ(EditDistance("kitten", "sitting"), 3u);
  EXPECT_EQ(EditDistance("sitting", "kitten"), 3u);
}

TEST(Nearest, IsTheWordWithTheFewestEditsAndTheFirstOfEquals) {
  const std::vector<std::string> words = {"listen.grpc", "listen.metrics", "log.level"};
  EXPECT_EQ(Nearest("listen.gprc", words), "listen.grpc");
  EXPECT_EQ(Nearest("log.levl", words), "log.level");
  const std::vector<std::string> equal = {"aa", "ab", "ac"};
  EXPECT_EQ(Nearest("ad", equal), "aa");
  EXPECT_EQ(Nearest("anything", {}), "");
}

TEST(Nearest, IsNotSimilarBeyondATypingError) {
  const std::vector<std::string> words = {"ttl", "reveal", "ok", "secret_erased", "secret_read"};
  EXPECT_EQ(Similar("tlt", words), "ttl");
  EXPECT_EQ(Similar("data", words), "");
  EXPECT_EQ(Similar("revel", words), "reveal");
  EXPECT_EQ(Similar("secret_raed", words), "secret_read");
  EXPECT_EQ(Similar("x", words), "");
  EXPECT_EQ(Similar("foo", words), "");
  EXPECT_EQ(Similar("anything", {}), "");
}

}  // namespace
}  // namespace keyturn
