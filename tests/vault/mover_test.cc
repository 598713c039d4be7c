// How far directories may move, and what their secrets look like afterwards.
#include "vault/mover.h"

#include "base/limits.h"
#include "tests/vault/vault_fixture.h"

namespace keyturn {
namespace {

class MoverTest : public VaultFixture {
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

TEST_F(MoverTest, RenameMovesSecretsAndDirectories) {
  ASSERT_OK(Put("a/b/one", {{"v", "1"}}));
  ASSERT_OK(Put("a/two", {{"v", "2"}}));
  ASSERT_OK(Rename("a/two", "x/y/two"));
  EXPECT_EQ(Get("x/y/two"), "v=2");
  EXPECT_EQ(Get("a/two"), "NOT_FOUND");
  ASSERT_OK(Rename("a", "x/a", true));
  EXPECT_EQ(Get("x/a/b/one"), "v=1");
  EXPECT_EQ(Get("a/b/one"), "NOT_FOUND");
  EXPECT_CODE(Rename("x", "x/deeper", true), kInvalidArgument);
  EXPECT_CODE(Rename("none", "other"), kNotFound);
  ASSERT_OK(Put("taken", {{"v", "3"}}));
  EXPECT_CODE(Rename("x/y/two", "taken"), kAlreadyExists);
  EXPECT_EQ(List("", true), "taken x/a/b/one x/y/two");
  ExpectClean();
}

TEST_F(MoverTest, NothingMovesToWhereNoPathCanReachIt) {
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

TEST_F(MoverTest, NothingMovesToWherePathsAreTooLong) {
  const std::string wide(limits::kPathSegmentBytesMax, 'x');
  ASSERT_OK(Put("d/" + Levels(wide, 3), {{"v", "1"}}));
  EXPECT_CODE(Rename("d", wide + "/d", true), kFailedPrecondition);
  ASSERT_OK(Rename("d", wide, true));
  EXPECT_EQ(Get(Levels(wide, 4)), "v=1");
}

TEST_F(MoverTest, AMoveWithinAnEmptiedTreeIsFine) {
  ASSERT_OK(Put("a/b/c", {{"v", "1"}}));
  ASSERT_OK(Destroy("a/b/c"));
  ASSERT_OK(Rename("a", "z/y/x", true));
  ASSERT_OK(Put("z/y/x/b/c", {{"v", "2"}}));
  EXPECT_EQ(List("", true), "z/y/x/b/c");
  ExpectClean();
}

TEST_F(MoverTest, RefusalsNameThePath) {
  ASSERT_OK(Put("a/x", {{"v", "1"}}));
  ASSERT_OK(Put("b/x", {{"v", "2"}}));
  EXPECT_EQ(Said(Rename("a/x", "a/x")), "INVALID_ARGUMENT: path and new_path are the same");
  EXPECT_EQ(Said(Rename("a", "", true)),
            "INVALID_ARGUMENT: the root directory has no name to change");
  EXPECT_EQ(Said(Rename("", "c", true)),
            "INVALID_ARGUMENT: the root directory has no name to change");
  EXPECT_EQ(Said(Rename("a", "a/b", true)),
            "INVALID_ARGUMENT: a directory cannot move into itself");
  EXPECT_EQ(Said(Rename("a", "b", true)), "ALREADY_EXISTS: b exists already");
  EXPECT_EQ(Said(Rename("a/x", "b/x")), "ALREADY_EXISTS: b/x exists already");
  EXPECT_EQ(Said(Rename("a", "c")), "NOT_FOUND: no secret at a");
  EXPECT_EQ(Said(Rename("a/x", "c", true)), "NOT_FOUND: no directory at a/x");
  EXPECT_EQ(List("", true), "a/x b/x");
  // A name that only begins alike is another place.
  EXPECT_OK(Rename("a", "ab", true));
}

TEST_F(MoverTest, ASecretKeepsItsVersionsAndItsIdentity) {
  ASSERT_OK(Put("a/x", {{"v", "1"}}));
  ASSERT_OK(Put("a/x", {{"v", "2"}}));
  const std::string id = Describe("a/x")->id();
  ASSERT_OK(Rename("a/x", "b/y"));
  EXPECT_EQ(Describe("b/y")->id(), id);
  EXPECT_EQ(Get("b/y", 1), "v=1");
  ASSERT_OK(Put("a/x", {{"v", "new"}}));
  EXPECT_NE(Describe("a/x")->id(), id);
  EXPECT_EQ(Get("a/x", 2), "NOT_FOUND");
  ExpectClean();
}

}  // namespace
}  // namespace keyturn
