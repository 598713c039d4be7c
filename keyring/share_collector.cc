#include "keyring/share_collector.h"

#include "base/status_macros.h"
#include "keyring/share_text.h"

namespace keyturn {

absl::StatusOr<std::optional<SecretBytes>> ShareCollector::Add(const record::v1::SealSlot& slot,
                                                               const SecretBytes& text) {
  ASSIGN_OR_RETURN(TextShare share, DecodeShare(text.ExposeForCrypto()));
  if (share.slot_prefix != slot.id().substr(0, share.slot_prefix.size())) {
    return absl::InvalidArgumentError("the share belongs to another vault or an older seal");
  }
  if (!shares_.empty() && slot_id_ != slot.id()) {
    return absl::InvalidArgumentError("the shares given so far belong to another seal");
  }
  for (const ShamirShare& given : shares_) {
    if (given.index == share.share.index) {
      return absl::InvalidArgumentError("this share was given already; give another one");
    }
  }
  slot_id_ = slot.id();
  shares_.push_back(std::move(share.share));
  if (shares_.size() < slot.threshold()) return std::nullopt;
  absl::StatusOr<SecretBytes> key = ShamirCombine(shares_);
  Clear();
  RETURN_IF_ERROR(key.status());
  return std::optional<SecretBytes>(*std::move(key));
}

}  // namespace keyturn
