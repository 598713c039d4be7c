#include "crypto/siphash.h"

#include <sodium.h>

#include <cstdlib>

namespace keyturn {

namespace {

uint64_t LittleEndian64(const unsigned char* bytes) {
  uint64_t number = 0;
  for (int i = 7; i >= 0; --i) number = number << 8 | bytes[i];
  return number;
}

}  // namespace

static_assert(crypto_shorthash_siphashx24_KEYBYTES == kSipHashKeySize);
static_assert(crypto_shorthash_siphashx24_BYTES == sizeof(SipHash128));

SipHash128 SipHash(absl::string_view key, absl::string_view bytes) {
  if (key.size() != kSipHashKeySize) std::abort();
  unsigned char out[sizeof(SipHash128)];
  crypto_shorthash_siphashx24(out, reinterpret_cast<const unsigned char*>(bytes.data()),
                              bytes.size(), reinterpret_cast<const unsigned char*>(key.data()));
  return {.low = LittleEndian64(out), .high = LittleEndian64(out + 8)};
}

}  // namespace keyturn
