// The shares of one Shamir seal, until there are enough of them. Not thread-safe.
#pragma once

#include <optional>
#include <vector>

#include "absl/status/statusor.h"
#include "crypto/secret_bytes.h"
#include "crypto/shamir.h"
#include "keyturn/record/v1/keyring.pb.h"

namespace keyturn {

class ShareCollector {
 public:
  // Takes a share in its text form. Returns the seal's unseal key when it completes the set, which
  // is then forgotten, and std::nullopt before. INVALID_ARGUMENT for what is no share of `slot`,
  // for one that was given already, and after shares of another slot.
  absl::StatusOr<std::optional<SecretBytes>> Add(const record::v1::SealSlot& slot,
                                                 const SecretBytes& text);
  void Clear() { shares_.clear(); }
  int given() const { return static_cast<int>(shares_.size()); }

 private:
  std::string slot_id_;  // of shares_
  std::vector<ShamirShare> shares_;
};

}  // namespace keyturn
