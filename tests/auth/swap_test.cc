// Policies, roles and tokens that changed places, or stand in another's place: each is sealed for
// its own, so none is ever taken for another, though the store itself takes part in it. With the
// wrong policy under a name, its holders would have the rights of others.
#include <cstdio>
#include <utility>

#include "tests/auth/auth_fixture.h"

namespace keyturn {
namespace {

class AuthSwapTest : public AuthFixture {
 protected:
  using Record = std::pair<std::string, std::string>;  // key, value

  void Fill() {
    Put(Policy("reads", {Grant("a/*")}));
    Put(Policy("writes", {Grant("b/*")}));
    Put(Policy("nothing", {}));
    Put(Role("api", "spiffe://prod/api", {"reads"}));
    Put(Role("admin", "spiffe://prod/admin", {"writes"}));
    v1::PasswordPolicy password;
    password.set_name("long");
    password.set_length(40);
    ASSERT_OK(policies_->PutPasswordPolicy(*store_, password));
    Make(Ci());
    TokenParams other = Ci();
    other.policies = {"writes"};
    Make(other);
    const CreatedToken revoked = Make(Ci(), /*stateless=*/true);
    ASSERT_OK_AND_ASSIGN(const VerifiedToken verified, Verify(revoked));
    ASSERT_OK(tokens_->Revoke(*store_, verified.id));
  }

  std::vector<Record> Everything() {
    std::vector<Record> out;
    EXPECT_OK(store_->GetSnapshot()->Scan(Family::kIndex, "", "",
                                          [&](absl::string_view key, absl::string_view value) {
                                            out.emplace_back(key, value);
                                            return true;
                                          }));
    return out;
  }
  void Write(const std::vector<Record>& records) {
    ASSERT_OK(store_->Update([&](const View&, Batch& batch) {
      for (const auto& [key, value] : records) batch.Put(Family::kIndex, key, value);
      return absl::OkStatus();
    }));
  }
  // As an unseal does it.
  absl::Status Load() {
    absl::Status loaded = TokenStore::Create(*store_, clock_)->Load(keys_);
    loaded.Update(AuthStore::Create(*store_, clock_)->Load(keys_));
    return loaded;
  }
  static bool IsRefusal(const absl::Status& status) {
    // The second: its first bytes name a key that there is not.
    return absl::IsDataLoss(status) || absl::IsFailedPrecondition(status);
  }
};

TEST_F(AuthSwapTest, NoneOpensInThePlaceOfAnother) {
  Fill();
  const std::vector<Record> all = Everything();
  ASSERT_GE(all.size(), 9u);
  int pairs = 0;
  for (size_t i = 0; i < all.size(); ++i) {
    for (size_t j = 0; j < all.size(); ++j) {
      if (i == j) continue;
      ++pairs;
      // One in the place of the other, and both exchanged.
      ASSERT_NO_FATAL_FAILURE(Write({{all[i].first, all[j].second}}));
      const absl::Status copied = Load();
      EXPECT_TRUE(IsRefusal(copied)) << i << " and " << j << ": " << copied;
      ASSERT_NO_FATAL_FAILURE(Write({{all[j].first, all[i].second}}));
      const absl::Status exchanged = Load();
      EXPECT_TRUE(IsRefusal(exchanged)) << i << " and " << j << ": " << exchanged;
      ASSERT_NO_FATAL_FAILURE(Write({all[i], all[j]}));
    }
  }
  EXPECT_OK(Load());
  std::printf("%d pairs of %zu records\n", pairs, all.size());
}

}  // namespace
}  // namespace keyturn
