// What a RewrapStatus says of the key-encryption keys. Thread-safe.
#pragma once

#include "keyturn/v1/system_service.pb.h"

namespace keyturn::cli {

// Whether something may still be under a key that no longer seals.
inline bool OlderKeysAreLeft(const v1::RewrapStatusResponse& status) {
  for (const v1::KekInfo& kek : status.keks()) {
    if (kek.state() == v1::KekInfo::DECRYPT_ONLY) return true;
  }
  return false;
}

}  // namespace keyturn::cli
