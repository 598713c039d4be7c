#include "revocation/fingerprint.h"

#include <gtest/gtest.h>

#include <cmath>
#include <set>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/support/status.h"

namespace keyturn {
namespace {

Fingerprinter Keyed(char fill) {
  auto key = SecretBytes::CopyOf(std::string(32, fill));
  EXPECT_OK(key);
  auto fingerprinter = Fingerprinter::Create(*key);
  EXPECT_OK(fingerprinter);
  return *std::move(fingerprinter);
}

TEST(Fingerprint, IsOfTheKeyAndTheName) {
  const Fingerprinter fingerprinter = Keyed('k');
  const Fingerprint print = fingerprinter.Of("revoked:1");
  EXPECT_EQ(fingerprinter.Of("revoked:1"), print);
  EXPECT_EQ(Keyed('k').Of("revoked:1"), print);
  EXPECT_FALSE(fingerprinter.Of("revoked:2") == print);
  EXPECT_FALSE(fingerprinter.Of("") == print);
  EXPECT_FALSE(Keyed('l').Of("revoked:1") == print);
}

// HKDF and SipHash as OpenSSL computes them: `openssl kdf ... HKDF`, `openssl mac ... SIPHASH`.
TEST(Fingerprint, IsTheSameInEachBuild) {
  const Fingerprint print = Keyed('k').Of("revoked:1");
  EXPECT_EQ(print.region, 3032U);
  EXPECT_EQ(print.tag, 16076281529846199209U);
}

TEST(Fingerprint, SpreadsOverTheRegions) {
  const Fingerprinter fingerprinter = Keyed('k');
  constexpr int kNames = 1 << 20;
  std::vector<int> counts(limits::kRevocationRegions);
  for (int i = 0; i < kNames; ++i) {
    const Fingerprint print = fingerprinter.Of(absl::StrCat("revoked:", i));
    ASSERT_LT(print.region, limits::kRevocationRegions);
    ASSERT_NE(print.tag, 0U);
    ++counts[print.region];
  }
  const double mean = double{kNames} / limits::kRevocationRegions;
  double chi_square = 0;
  for (const int count : counts) chi_square += (count - mean) * (count - mean) / mean;
  // Near normal for so many: within 6 standard deviations. The names are fixed, so it is no chance.
  const double freedom = limits::kRevocationRegions - 1;
  EXPECT_LT(std::abs(chi_square - freedom), 6 * std::sqrt(2 * freedom));
}

}  // namespace
}  // namespace keyturn
