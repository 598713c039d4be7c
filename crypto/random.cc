#include "crypto/random.h"

#include <sodium.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <limits>

#include "base/status_macros.h"

namespace keyturn {

void FillRandom(absl::Span<char> out) {
  static const bool ready = sodium_init() >= 0;
  if (!ready) {
    std::fputs("keyturn: the system gives no randomness\n", stderr);
    std::abort();
  }
  if (!out.empty()) randombytes_buf(out.data(), out.size());
}

std::string RandomBytes(size_t size) {
  std::string out(size, '\0');
  FillRandom(absl::MakeSpan(out.data(), out.size()));
  return out;
}

absl::StatusOr<SecretBytes> RandomSecret(size_t size) {
  ASSIGN_OR_RETURN(SecretBytes out, SecretBytes::Allocate(size));
  FillRandom(out.Mutable());
  return out;
}

Uuid RandomUuid() {
  std::array<uint8_t, Uuid::kSize> bytes;
  FillRandom(absl::MakeSpan(reinterpret_cast<char*>(bytes.data()), bytes.size()));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  return Uuid(bytes);
}

// Rejection sampling: values in the incomplete last multiple of `bound` are drawn again.
uint64_t RandomBelow(uint64_t bound) {
  const uint64_t limit = std::numeric_limits<uint64_t>::max() -
                         (std::numeric_limits<uint64_t>::max() % bound + 1) % bound;
  uint64_t value;
  do {
    FillRandom(absl::MakeSpan(reinterpret_cast<char*>(&value), sizeof(value)));
  } while (value > limit);
  return value % bound;
}

}  // namespace keyturn
