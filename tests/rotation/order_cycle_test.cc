// No secret waits for itself: what SetPolicy, CreateKey and Forecast say of the circles that a
// policy would close, and what a rename closes all the same.
#include "rotation/order_cycle.h"

#include "tests/rotation/jwt/jwt_fixture.h"

namespace keyturn {
namespace {

class OrderCycleTest : public JwtFixture {
 protected:
  static v1::RotationPolicy After(const std::vector<std::string>& paths) {
    v1::RotationPolicy policy = Exact();
    for (const std::string& path : paths) policy.add_after()->set_path(path);
    return policy;
  }
  std::string SetAfter(const std::string& path, const std::vector<std::string>& paths) {
    return Said(SetPolicy(path, After(paths)));
  }
  void Have(const std::vector<std::string>& paths) {
    for (const std::string& path : paths) ASSERT_OK(Put(path, "1"));
  }
  void Rename(const std::string& from, const std::string& to) {
    v1::RenameRequest request;
    request.set_path(from);
    request.set_new_path(to);
    ASSERT_OK(vault_->Rename(*store_, request));
  }
  static std::string Refused(const std::string& path, const std::string& circle) {
    return absl::StrCat("INVALID_ARGUMENT: policy.after: '", path,
                        "' would wait for itself: ", circle);
  }
};

TEST_F(OrderCycleTest, OneThatWouldWaitForItselfIsRefusedWithItsCircle) {
  Have({"a", "b", "d/c"});
  EXPECT_EQ(SetAfter("a", {"a"}), Refused("a", "a after a"));
  EXPECT_EQ(SetAfter("a", {"nowhere", "b"}), "OK");
  EXPECT_EQ(SetAfter("b", {"a"}), Refused("b", "b after a after b"));
  EXPECT_EQ(SetAfter("b", {"d/c"}), "OK");
  EXPECT_EQ(SetAfter("d/c", {"nowhere", "a"}), Refused("d/c", "d/c after a after b after d/c"));
  EXPECT_EQ(Status("d/c").rotates(), false) << "nothing was set";
  // A path is waited for before there is a secret.
  EXPECT_EQ(SetAfter("d/c", {"later"}), "OK");
  ASSERT_OK(Put("later", "1"));
  EXPECT_EQ(SetAfter("later", {"d/c"}), Refused("later", "later after d/c after later"));
}

// Who may list a secret sees whom it waits for, and no further.
TEST_F(OrderCycleTest, OfALongCircleTheFirstThreeAreNamed) {
  Have({"a", "b", "c", "d", "e"});
  EXPECT_EQ(SetAfter("d", {"e"}), "OK");
  EXPECT_EQ(SetAfter("c", {"d"}), "OK");
  EXPECT_EQ(SetAfter("b", {"c"}), "OK");
  EXPECT_EQ(SetAfter("d", {"b"}), Refused("d", "d after b after c after d"));
  EXPECT_EQ(SetAfter("e", {"b"}), Refused("e", "e after b after c after 1 other after e"));
  EXPECT_EQ(SetAfter("a", {"b"}), "OK");
  EXPECT_EQ(SetAfter("e", {"a"}), Refused("e", "e after a after b after 2 others after e"));
}

TEST_F(OrderCycleTest, TwoWaysToTheSameSecretAreNoCircle) {
  Have({"a", "b", "c", "d"});
  EXPECT_EQ(SetAfter("b", {"d"}), "OK");
  EXPECT_EQ(SetAfter("c", {"d"}), "OK");
  EXPECT_EQ(SetAfter("a", {"b", "c", "d"}), "OK");
}

TEST_F(OrderCycleTest, ANewKeyThatSignsIsLookedAtToo) {
  Have({"a"});
  EXPECT_EQ(SetAfter("a", {"key"}), "OK");
  v1::RotationPolicy policy = NoJitter();
  policy.add_after()->set_path("a");
  EXPECT_EQ(Said(Create("key", Settings("HS256"), policy)),
            Refused("key", "key after a after key"));
  policy.mutable_after(0)->set_path("other");
  EXPECT_EQ(Said(Create("other", Settings("HS256"), policy)),
            Refused("other", "other after other"));
  EXPECT_EQ(Said(Create("key", Settings("HS256"), policy)), "OK");
}

// A key may take seconds to make, in which somebody sets another policy.
TEST_F(OrderCycleTest, ACircleThatIsClosedWhileAKeyIsMadeIsNone) {
  Have({"a"});
  class Meanwhile : public Updater {
   public:
    Meanwhile(Updater& updater, absl::FunctionRef<void()> first)
        : updater_(updater), first_(first) {}
    absl::StatusOr<Revision> Update(UpdateFn fn) override {
      first_();
      return updater_.Update(fn);
    }

   private:
    Updater& updater_;
    const absl::FunctionRef<void()> first_;
  };
  for (const char* const algorithm : {"HS256", "EdDSA"}) {  // the second one is listed
    const auto set = [this] { EXPECT_EQ(SetAfter("a", {"key"}), "OK"); };
    Meanwhile updater(*store_, set);
    v1::CreateJwtKeyRequest request;
    request.set_path("key");
    *request.mutable_settings() = Settings(algorithm);
    *request.mutable_policy() = NoJitter();
    request.mutable_policy()->add_after()->set_path("a");
    EXPECT_EQ(Said(jwt_->CreateKey(updater, request, "test")),
              Refused("key", "key after a after key"));
    EXPECT_CODE(vault_->Find("key"), kNotFound);
    EXPECT_EQ(SetAfter("a", {}), "OK");
  }
}

// What is waited for is a path, so a rename may close a circle. Who is in one may have the rest of
// its policy changed, and leave it.
TEST_F(OrderCycleTest, WhatARenameHasClosedIsLeftAgain) {
  Have({"a", "c"});
  EXPECT_EQ(SetAfter("a", {"b"}), "OK");
  EXPECT_EQ(SetAfter("c", {"a"}), "OK");
  Rename("c", "b");
  v1::RotationPolicy shorter = After({"a"});
  shorter.set_period_seconds(30 * limits::kDaySeconds);
  EXPECT_OK(SetPolicy("b", shorter));
  EXPECT_EQ(SetAfter("b", {"a", "b"}), Refused("b", "b after b"));
  EXPECT_EQ(SetAfter("b", {}), "OK");
  EXPECT_EQ(SetAfter("b", {"a"}), Refused("b", "b after a after b"));
  // And by another it is open again.
  Rename("b", "c");
  EXPECT_EQ(SetAfter("c", {"a"}), "OK");
}

TEST_F(OrderCycleTest, AForecastSaysTheSame) {
  Have({"a", "b"});
  EXPECT_EQ(SetAfter("a", {"b"}), "OK");
  v1::ForecastRequest request;
  request.set_path("b");
  *request.mutable_policy() = After({"a"});
  const auto sees = [](absl::string_view, bool) { return true; };
  EXPECT_EQ(Said(rotation_->Forecast(request, sees)), Refused("b", "b after a after b"));
}

TEST_F(OrderCycleTest, NoMoreSecretsAreWaitedForThanAreFollowed) {
  constexpr size_t kChain = limits::kRotationOrdersFollowedMax / limits::kRotationOrdersMax;
  static_assert(kChain * limits::kRotationOrdersMax == limits::kRotationOrdersFollowedMax);
  // Each waits for the next one and for seven paths of its own, and the last one for these alone.
  for (size_t i = kChain; i-- > 0;) {
    const std::string path = absl::StrCat("chain/", i);
    std::vector<std::string> others;
    for (size_t k = 1; k < limits::kRotationOrdersMax; ++k) {
      others.push_back(absl::StrCat("absent/", i, "-", k));
    }
    if (i + 1 < kChain) others.push_back(absl::StrCat("chain/", i + 1));
    ASSERT_OK(Put(path, "1"));
    ASSERT_EQ(SetAfter(path, others), "OK");
  }
  Have({"most", "more"});
  EXPECT_EQ(SetAfter("most", {"chain/0"}), "OK");
  EXPECT_EQ(SetAfter("more", {"chain/0", "absent/one"}),
            "INVALID_ARGUMENT: policy.after: 'more' would wait for more than 256 secrets, with all "
            "that those wait for; at most that many are allowed");
}

}  // namespace
}  // namespace keyturn
