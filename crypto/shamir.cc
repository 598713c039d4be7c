#include "crypto/shamir.h"

#include <openssl/crypto.h>

#include "base/limits.h"
#include "base/status_macros.h"
#include "crypto/random.h"

namespace keyturn {
namespace {

// Product in GF(2^8) modulo x^8 + x^4 + x^3 + x + 1, without branches or tables on the operands.
uint8_t Multiply(uint8_t a, uint8_t b) {
  uint8_t product = 0;
  for (int bit = 0; bit < 8; ++bit) {
    product ^= static_cast<uint8_t>(-(b & 1) & a);
    const uint8_t carry = static_cast<uint8_t>(-(a >> 7) & 0x1b);
    a = static_cast<uint8_t>((a << 1) ^ carry);
    b >>= 1;
  }
  return product;
}

// a^254 = a^-1 (and 0 for 0), by a fixed chain.
uint8_t Invert(uint8_t a) {
  uint8_t result = 1;
  uint8_t power = a;
  for (int bit = 1; bit < 8; ++bit) {
    power = Multiply(power, power);
    result = Multiply(result, power);
  }
  return result;
}

}  // namespace

absl::StatusOr<std::vector<ShamirShare>> ShamirSplit(const SecretBytes& secret, int shares,
                                                     int threshold) {
  if (secret.empty() || threshold < 1 || shares < threshold || shares > limits::kSharesMax) {
    return absl::InvalidArgumentError(
        absl::StrCat("shares: got threshold ", threshold, " of ", shares,
                     "; allowed is 1 <= threshold <= shares <= ", limits::kSharesMax));
  }
  const size_t size = secret.size();
  // Coefficients of degree 1 .. threshold-1, one row per degree.
  ASSIGN_OR_RETURN(const SecretBytes coefficients, RandomSecret(size * (threshold - 1)));
  std::vector<ShamirShare> out(shares);
  for (int share = 0; share < shares; ++share) {
    out[share].index = static_cast<uint8_t>(share + 1);
    ASSIGN_OR_RETURN(out[share].value, SecretBytes::Allocate(size));
    const absl::Span<char> value = out[share].value.Mutable();
    for (size_t i = 0; i < size; ++i) {
      uint8_t y = 0;  // Horner's rule, from the highest degree
      for (int degree = threshold - 1; degree >= 1; --degree) {
        y ^= static_cast<uint8_t>(coefficients.ExposeForCrypto()[(degree - 1) * size + i]);
        y = Multiply(y, out[share].index);
      }
      value[i] = static_cast<char>(y ^ static_cast<uint8_t>(secret.ExposeForCrypto()[i]));
    }
  }
  return out;
}

absl::StatusOr<SecretBytes> ShamirCombine(absl::Span<const ShamirShare> shares) {
  if (shares.empty()) return absl::InvalidArgumentError("no shares given");
  for (size_t i = 0; i < shares.size(); ++i) {
    if (shares[i].index == 0) return absl::InvalidArgumentError("a share has index 0");
    if (shares[i].value.empty() || shares[i].value.size() != shares[0].value.size()) {
      return absl::InvalidArgumentError("the shares have different sizes");
    }
    for (size_t j = 0; j < i; ++j) {
      if (shares[i].index == shares[j].index) {
        return absl::InvalidArgumentError("the same share was given twice");
      }
    }
  }
  ASSIGN_OR_RETURN(SecretBytes out, SecretBytes::Allocate(shares[0].value.size()));
  for (const ShamirShare& share : shares) {
    // Lagrange basis at 0: the product of x_j / (x_j - x_i); subtraction is xor.
    uint8_t basis = 1;
    for (const ShamirShare& other : shares) {
      if (other.index == share.index) continue;
      basis = Multiply(basis, Multiply(other.index, Invert(other.index ^ share.index)));
    }
    for (size_t i = 0; i < out.size(); ++i) {
      out.Mutable()[i] = static_cast<char>(
          static_cast<uint8_t>(out.Mutable()[i]) ^
          Multiply(static_cast<uint8_t>(share.value.ExposeForCrypto()[i]), basis));
    }
  }
  return out;
}

}  // namespace keyturn
