#include "revocation/fingerprint.h"

#include <utility>

#include "base/status_macros.h"
#include "crypto/kdf.h"
#include "crypto/siphash.h"

namespace keyturn {

absl::StatusOr<Fingerprinter> Fingerprinter::Create(const SecretBytes& hash_key) {
  ASSIGN_OR_RETURN(SecretBytes key, HkdfSha256(hash_key.ExposeForCrypto(), "",
                                               "revocation fingerprint/v1", kSipHashKeySize));
  return Fingerprinter(std::move(key));
}

Fingerprint Fingerprinter::Of(absl::string_view key) const {
  const SipHash128 hash = SipHash(key_.ExposeForCrypto(), key);
  static_assert((limits::kRevocationRegions & (limits::kRevocationRegions - 1)) == 0);
  return {.region = static_cast<uint32_t>(hash.low & (limits::kRevocationRegions - 1)),
          .tag = hash.high == 0 ? 1 : hash.high};
}

}  // namespace keyturn
