// Shares of a secret: as many as the threshold give it back, whichever they are; and any shares at
// all are combined as a plain interpolation over GF(2^8) does it.
#include "crypto/shamir.h"

#include <algorithm>
#include <array>

#include "base/limits.h"
#include "tests/fuzz/fuzz.h"

namespace keyturn::fuzz {
namespace {

// As on paper: carry-less product, then the remainder by x^8 + x^4 + x^3 + x + 1.
uint8_t NaiveProduct(uint8_t a, uint8_t b) {
  unsigned product = 0;
  for (int bit = 0; bit < 8; ++bit) product ^= (b >> bit & 1) != 0 ? unsigned{a} << bit : 0;
  for (int bit = 15; bit >= 8; --bit) {
    if ((product >> bit & 1) != 0) product ^= 0x11bu << (bit - 8);
  }
  return static_cast<uint8_t>(product);
}

uint8_t NaiveInverse(uint8_t a) {
  static const auto* const table = [] {
    auto* const out = new std::array<uint8_t, 256>{};
    for (int x = 1; x < 256; ++x) {
      for (int y = 1; y < 256; ++y) {
        if (NaiveProduct(static_cast<uint8_t>(x), static_cast<uint8_t>(y)) == 1) {
          (*out)[static_cast<size_t>(x)] = static_cast<uint8_t>(y);
        }
      }
    }
    return out;
  }();
  return (*table)[a];
}

std::string NaiveCombine(const std::vector<ShamirShare>& shares) {
  std::string out(shares[0].value.size(), '\0');
  for (const ShamirShare& share : shares) {
    uint8_t basis = 1;
    for (const ShamirShare& other : shares) {
      if (other.index == share.index) continue;
      const auto difference = static_cast<uint8_t>(other.index ^ share.index);
      basis = NaiveProduct(basis, NaiveProduct(other.index, NaiveInverse(difference)));
    }
    for (size_t i = 0; i < out.size(); ++i) {
      const auto y = static_cast<uint8_t>(share.value.ExposeForCrypto()[i]);
      out[i] = static_cast<char>(out[i] ^ NaiveProduct(y, basis));
    }
  }
  return out;
}

void CheckAnyShares(absl::string_view input) {
  std::vector<ShamirShare> shares(TakeByte(&input) % 6);
  const size_t size = TakeByte(&input) % 8;
  for (ShamirShare& share : shares) {
    share.index = TakeByte(&input);
    const size_t own = TakeByte(&input) == 0xff ? size + 1 : size;
    share.value = Must(SecretBytes::CopyOf(input.substr(0, own)), "the arena has room");
  }
  const absl::StatusOr<SecretBytes> combined = ShamirCombine(shares);
  if (combined.ok()) {
    Require(combined->ExposeForCrypto() == NaiveCombine(shares), "combines as on paper");
  }
}

}  // namespace

void FuzzShamir(absl::string_view input) {
  CheckAnyShares(input);
  const int threshold = TakeByte(&input) % 12;
  const int count = TakeByte(&input) % 12;
  const SecretBytes secret = Must(SecretBytes::CopyOf(TakeText(&input)), "the arena has room");
  absl::StatusOr<std::vector<ShamirShare>> shares = ShamirSplit(secret, count, threshold);
  const bool allowed = !secret.empty() && threshold >= 1 && threshold <= count;
  Require(shares.ok() == allowed, "splits within its bounds");
  if (!allowed) return;
  // Those that the input picks, in its order.
  for (size_t i = shares->size(); i > 1; --i) {
    std::swap((*shares)[i - 1], (*shares)[TakeByte(&input) % i]);
  }
  shares->resize(static_cast<size_t>(threshold));
  Require(Must(ShamirCombine(*shares), "they combine") == secret, "to the secret");
}

}  // namespace keyturn::fuzz

FUZZ_TARGET(FuzzShamir)
