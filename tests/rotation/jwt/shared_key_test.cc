// Two services that share a readable HS256 key, each as docs/JWT.md tells it to ("Services that
// verify with a key that they read"), through rotations; and what happens to those who do not.
#include <deque>

#include "base/coding.h"
#include "crypto/mac.h"
#include "tests/rotation/jwt/jwt_fixture.h"

namespace keyturn {
namespace {

constexpr absl::Duration kTokenLife = absl::Hours(24);

class JwtSharedKeyTest : public JwtFixture {
 protected:
  struct Issued {
    std::string input, mac;
    absl::Time expires;
  };
  // Signs with the key that it has read.
  class Signer {
   public:
    explicit Signer(JwtSharedKeyTest& test) : test_(test) {}
    void Read() { key_ = test_.Get("k"); }
    Issued Sign() {
      const absl::Time now = test_.clock_.Now();
      Issued out;
      out.expires = now + kTokenLife;
      out.input =
          absl::StrCat(Base64UrlEncode(R"({"alg":"HS256"})"), ".",
                       Base64UrlEncode(absl::StrCat(R"({"sub":"u1","n":)", ++signed_, R"(,"iat":)",
                                                    absl::ToUnixSeconds(now), "}")));
      out.mac = HmacSha256(key_, out.input);
      return out;
    }

   private:
    JwtSharedKeyTest& test_;
    std::string key_;
    int signed_ = 0;
  };
  // Takes the current and the previous key.
  class Verifier {
   public:
    Verifier(JwtSharedKeyTest& test, bool reads_before_it_refuses)
        : test_(test), reads_before_it_refuses_(reads_before_it_refuses) {}
    void Read() {
      current_ = test_.Get("k");
      previous_ = test_.Get("k", 0, v1::VersionSelector::PREVIOUS);
      if (previous_ == "VERSION_NOT_FOUND") previous_.clear();
    }
    bool Takes(const Issued& token) {
      if (Knows(token)) return true;
      if (!reads_before_it_refuses_) return false;
      Read();
      return Knows(token);
    }

   private:
    bool Knows(const Issued& token) const {
      return HmacSha256(current_, token.input) == token.mac ||
             (!previous_.empty() && HmacSha256(previous_, token.input) == token.mac);
    }
    JwtSharedKeyTest& test_;
    const bool reads_before_it_refuses_;
    std::string current_, previous_;
  };

  struct Refusals {
    int by_recipe = 0, without_a_second_reading = 0, asked = 0;
  };
  // From a day before a rotation until its grace is over. The signer reads every so often, the
  // verifiers just before it.
  Refusals LiveThroughARotation(absl::Duration signer_reads_each) {
    constexpr absl::Duration kStep = absl::Minutes(10);
    Signer signer(*this);
    Verifier by_recipe(*this, true), careless(*this, false);
    std::deque<Issued> alive;
    Refusals refusals;
    const absl::Time end = clock_.Now() + Days(10);
    absl::Time signer_reads = clock_.Now();
    for (int step = 0; clock_.Now() < end; ++step) {
      if (step % 3 == 0) {  // half an hour: a minute is quicker than the steps here
        by_recipe.Read();
        careless.Read();
      }
      clock_.AdvanceTime(kStep);
      EXPECT_OK(RunDue());
      if (clock_.Now() >= signer_reads) {
        signer.Read();
        signer_reads = clock_.Now() + signer_reads_each;
      }
      alive.push_back(signer.Sign());
      while (alive.front().expires <= clock_.Now()) alive.pop_front();
      for (const Issued* const token : {&alive.front(), &alive[alive.size() / 2], &alive.back()}) {
        ++refusals.asked;
        if (!by_recipe.Takes(*token)) ++refusals.by_recipe;
        if (!careless.Takes(*token)) ++refusals.without_a_second_reading;
      }
    }
    return refusals;
  }
  void MakeKey() {
    v1::JwtKeySettings settings = Settings("HS256");
    settings.set_readable(true);
    ASSERT_OK(Create("k", settings));
    Pass(Days(89));
    ASSERT_EQ(States("k"), "1 CURRENT, 2 STAGED");
  }
};

TEST_F(JwtSharedKeyTest, NobodyIsRefusedWhenBothDoAsTheDocumentSays) {
  MakeKey();
  const Refusals refusals = LiveThroughARotation(absl::Minutes(10));
  EXPECT_EQ(States("k").substr(0, 9), "1 RETIRED");
  EXPECT_EQ(refusals.by_recipe, 0);
  EXPECT_GT(refusals.asked, 4'000);
  EXPECT_GT(refusals.without_a_second_reading, 0) << "or the second reading is for nothing";
}

// A signer goes on with a key that it read as long ago as it may: the grace less the longest token.
TEST_F(JwtSharedKeyTest, ASignerMayGoOnForTheGraceLessTheLongestToken) {
  MakeKey();
  EXPECT_EQ(LiveThroughARotation(Days(7) - kTokenLife).by_recipe, 0);
}

TEST_F(JwtSharedKeyTest, OneThatGoesOnForLongerIsCutOff) {
  MakeKey();
  EXPECT_GT(LiveThroughARotation(Days(30)).by_recipe, 0);
}

}  // namespace
}  // namespace keyturn
