// How far directories may move, and what their secrets look like afterwards.
#include "base/limits.h"
#include "tests/vault/vault_fixture.h"

namespace keyturn {
namespace {

class RenameTest : public VaultFixture {
 protected:
  static std::string Levels(const std::string& name, size_t count) {
    std::string out = name;
    for (size_t i = 1; i < count; ++i) absl::StrAppend(&out, "/", name);
    return out;
  }
  std::string Message(const std::string& from, const std::string& to) {
    return std::string(Rename(from, to, true).message());
  }
};

TEST_F(RenameTest, NothingMovesToWhereNoPathCanReachIt) {
  const std::string deepest = Levels("a", limits::kPathSegmentsMax);
  ASSERT_OK(Put(deepest, {{"v", "1"}}));
  EXPECT_EQ(Message("a", "b/a"),
            "paths below b/a would have up to 33 segments and 65 bytes; at most 32 and 1024 are "
            "allowed");
  EXPECT_EQ(Get(deepest), "v=1");
  // As deep, and back to a place that is less deep.
  ASSERT_OK(Rename("a", "b", true));
  ASSERT_OK(Rename("b/a", "c", true));
  EXPECT_EQ(Get("c/" + Levels("a", limits::kPathSegmentsMax - 2)), "v=1");
  ExpectClean();
}

TEST_F(RenameTest, NothingMovesToWherePathsAreTooLong) {
  const std::string wide(limits::kPathSegmentBytesMax, 'x');
  ASSERT_OK(Put("d/" + Levels(wide, 3), {{"v", "1"}}));
  EXPECT_CODE(Rename("d", wide + "/d", true), kFailedPrecondition);
  ASSERT_OK(Rename("d", wide, true));
  EXPECT_EQ(Get(Levels(wide, 4)), "v=1");
}

TEST_F(RenameTest, AMoveWithinAnEmptiedTreeIsFine) {
  ASSERT_OK(Put("a/b/c", {{"v", "1"}}));
  ASSERT_OK(Destroy("a/b/c"));
  ASSERT_OK(Rename("a", "z/y/x", true));
  ASSERT_OK(Put("z/y/x/b/c", {{"v", "2"}}));
  EXPECT_EQ(List("", true), "z/y/x/b/c");
  ExpectClean();
}

}  // namespace
}  // namespace keyturn
