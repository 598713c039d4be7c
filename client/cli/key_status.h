// What the server says of the keys: of the key-encryption keys in a RewrapStatus, and of a change
// of the root key. Thread-safe.
#pragma once

#include "absl/status/status.h"
#include "client/cli/exit_codes.h"
#include "client/error_detail.h"
#include "keyturn/v1/system_service.pb.h"

namespace keyturn::cli {

// Whether something may still be under a key that no longer seals.
inline bool OlderKeysAreLeft(const v1::RewrapStatusResponse& status) {
  for (const v1::KekInfo& kek : status.keks()) {
    if (kek.state() == v1::KekInfo::DECRYPT_ONLY) return true;
  }
  return false;
}

// Of a call that begins or ends a change of the root key: `status`, with the command that says
// whether one is under way, if that is what is in the way.
inline absl::Status WithRekeyHelp(const absl::Status& status) {
  const bool applies = absl::IsFailedPrecondition(status) && DetailOf(status).reason != "SEALED";
  return applies ? WithHelp(status, "keyturn operator rekey status") : status;
}

}  // namespace keyturn::cli
