// Nothing that decides about a secret takes longer for one wrong answer than for another.
#include <gtest/gtest.h>

#include "auth/token_codec.h"
#include "auth/token_store.h"
#include "base/coding.h"
#include "crypto/mac.h"
#include "crypto/random.h"
#include "crypto/shamir.h"
#include "keyring/committed_seal.h"
#include "tests/auth/auth_fixture.h"
#include "tests/support/status.h"
#include "tests/timing/timing.h"

namespace keyturn {
namespace {

class TimingTest : public AuthFixture, protected Timing {
 protected:
  // Pairs to compare: of class 0 equal, of class 1 different from the first byte on.
  void PreparePairs(const std::vector<int>& classes) {
    left_.clear();
    right_.clear();
    for (const int of_class : classes) {
      left_.push_back(RandomBytes(32));
      right_.push_back(of_class == 0 ? left_.back() : RandomBytes(32));
      right_.back()[0] ^= static_cast<char>(of_class);
    }
  }

  std::vector<std::string> left_, right_;
};

// The measurement itself: a comparison that stops at the first difference is found.
TEST_F(TimingTest, MutantThatComparesLikeMemcmpIsFound) {
  const auto compare = [this](size_t i) {
    const std::string& left = left_[i];
    const std::string& right = right_[i];
    size_t at = 0;
    while (at < left.size() && left[at] == right[at]) ++at;
    sink_ = static_cast<int>(at);
  };
  const TimingResult result =
      Least([this](const std::vector<int>& classes) { PreparePairs(classes); }, compare);
  Print("a comparison that stops early", result);
  EXPECT_GT(std::abs(result.t), kThreshold);
}

// A difference of a few nanoseconds that the mean of everything would hide is not missed either.
TEST_F(TimingTest, MutantThatLooksAgainForOneClassIsFound) {
  std::vector<int> classes;
  const TimingResult result = Least(
      [&](const std::vector<int>& made) {
        PreparePairs(made);
        classes = made;
      },
      [&](size_t i) {
        sink_ = static_cast<int>(ConstantTimeEquals(left_[i], right_[i]));
        if (classes[i] == 1) sink_ = static_cast<int>(ConstantTimeEquals(left_[i], left_[i]));
      });
  Print("a second look for one class", result);
  EXPECT_GT(std::abs(result.t), kThreshold);
}

TEST_F(TimingTest, ComparingBytes) {
  ExpectNoDifference(
      "ConstantTimeEquals, 32 bytes",
      [this](const std::vector<int>& classes) { PreparePairs(classes); },
      [this](size_t i) { sink_ = static_cast<int>(ConstantTimeEquals(left_[i], right_[i])); });
}

TEST_F(TimingTest, ComparingSecrets) {
  std::vector<SecretBytes> left, right;
  ExpectNoDifference(
      "SecretBytes ==, 32 bytes",
      [&](const std::vector<int>& classes) {
        PreparePairs(classes);
        left.clear();
        right.clear();
        for (size_t i = 0; i < classes.size(); ++i) {
          left.push_back(*SecretBytes::CopyOf(left_[i]));
          right.push_back(*SecretBytes::CopyOf(right_[i]));
        }
      },
      [&](size_t i) { sink_ = static_cast<int>(left[i] == right[i]); });
}

// Shares of a secret of zeros against shares of a random one.
TEST_F(TimingTest, CombiningShares) {
  std::vector<std::vector<ShamirShare>> shares;
  ExpectNoDifference(
      "ShamirCombine, 2 of 3",
      [&](const std::vector<int>& classes) {
        shares.clear();
        for (const int of_class : classes) {
          const std::string secret = of_class == 0 ? std::string(32, '\0') : RandomBytes(32);
          shares.push_back(*ShamirSplit(*SecretBytes::CopyOf(secret), 3, 2));
          shares.back().pop_back();
        }
      },
      [&](size_t i) { sink_ = static_cast<int>(ShamirCombine(shares[i])->size()); });
}

// A record of another key, whose commitment differs, against one with a tag that is wrong in its
// commitment's last byte: neither may say how much of the commitment was right.
TEST_F(TimingTest, CheckingACommitment) {
  const SecretBytes key = *RandomSecret(32);
  const Uuid vault = RandomUuid();
  SealHeader header;
  header.purpose = Purpose::kSetting;
  constexpr size_t kCommitmentAt = kSealedHeaderBytes + 32;
  std::vector<std::string> sealed;
  ExpectNoDifference(
      "a commitment wrong at its begin or its end",
      [&](const std::vector<int>& classes) {
        sealed.clear();
        for (const int of_class : classes) {
          sealed.push_back(*SealCommitted(key, header, vault, "place", "plain"));
          sealed.back()[kCommitmentAt + (of_class == 0 ? 0 : 31)] ^= 1;
        }
      },
      [&](size_t i) {
        sink_ =
            static_cast<int>(OpenCommitted(key, Purpose::kSetting, vault, "place", sealed[i]).ok());
      });
}

// Whoever has no token must not learn which ids exist.
TEST_F(TimingTest, AnUnknownTokenAndAWrongSecret) {
  constexpr int kTokens = 500;
  // As many unknown ids as known ones, asked for as often and next to them: a processor remembers
  // what it has seen and where, whether it was found or not.
  std::vector<std::string> ids[2];
  for (int i = 0; i < kTokens; ++i) {
    TokenParams params;
    params.principal = "p";
    params.policies = {"default"};
    const auto created = tokens_->CreateStored(*store_, params);
    ASSERT_OK(created);
    const absl::string_view text = created->token.ExposeForCrypto();
    ids[0].push_back(Base64UrlDecode(text.substr(kStoredPrefix.size()))->substr(0, 16));
    ids[1].push_back(ids[0].back());
    ids[1].back()[15] ^= 1;
  }
  const auto source = IpAddress::Parse("192.0.2.1");
  ASSERT_OK(source);
  std::vector<std::string> presented;
  ExpectNoDifference(
      "a stored token: unknown id or wrong secret",
      [&](const std::vector<int>& classes) {
        presented.clear();
        for (const int of_class : classes) {
          const std::string bytes = ids[of_class][random_() % kTokens] + RandomBytes(32);
          presented.push_back(absl::StrCat(kStoredPrefix, Base64UrlEncode(bytes)));
        }
      },
      [&](size_t i) {
        sink_ =
            static_cast<int>(tokens_->Recognise(presented[i], *source, "", TokenUse::kNext).ok());
      });
}

}  // namespace
}  // namespace keyturn
