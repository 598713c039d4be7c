#include "crypto/kdf.h"

#include <openssl/crypto.h>

#include <cstring>
#include <string>

#include "base/status_macros.h"
#include "crypto/mac.h"

namespace keyturn {

// RFC 5869 with HMAC from mac.h: T(i) = HMAC(PRK, T(i-1) || info || i).
absl::StatusOr<SecretBytes> HkdfSha256(absl::string_view key, absl::string_view salt,
                                       absl::string_view info, size_t size) {
  if (size == 0 || size > 255 * kSha256Size) {
    return absl::InvalidArgumentError("HKDF-SHA256 gives 1 to 8160 bytes");
  }
  ASSIGN_OR_RETURN(SecretBytes out, SecretBytes::Allocate(size));
  const std::string zero_salt(kSha256Size, '\0');
  std::string prk = HmacSha256(salt.empty() ? absl::string_view(zero_salt) : salt, key);
  std::string block;
  std::string input;
  input.reserve(kSha256Size + info.size() + 1);
  size_t done = 0;
  for (int i = 1; done < size; ++i) {
    input.assign(block);
    input.append(info.data(), info.size());
    input.push_back(static_cast<char>(i));
    WipeString(&block);
    block = HmacSha256(prk, input);
    const size_t take = std::min(size - done, block.size());
    std::memcpy(out.Mutable().data() + done, block.data(), take);
    done += take;
  }
  WipeString(&prk);
  WipeString(&block);
  WipeString(&input);
  return out;
}

}  // namespace keyturn
