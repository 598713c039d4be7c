#include "audit/signer.h"

#include <algorithm>
#include <utility>

#include "base/coding.h"
#include "base/failpoint.h"
#include "base/limits.h"
#include "crypto/mac.h"
#include "crypto/signature.h"

namespace keyturn {

void AuditSigner::SetKeys(std::shared_ptr<const KeyringSnapshot> keys) {
  keys_ = std::move(keys);
  waiting_since_nanos_.reset();
  if (keys_ == nullptr) return;
  const absl::StatusOr<std::string> key = Ed25519PublicKey(keys_->audit_signing_seed());
  if (key.ok()) public_key_ = *key;
}

void AuditSigner::Wrote(int64_t now_nanos) {
  if (keys_ != nullptr && !waiting_since_nanos_.has_value()) waiting_since_nanos_ = now_nanos;
}

absl::Duration AuditSigner::DueIn(const ChainState& state, int64_t now_nanos) const {
  if (!waiting_since_nanos_.has_value()) return absl::InfiniteDuration();
  if (state.next_sequence - signed_next_ >= limits::kAuditSignEntries) return absl::ZeroDuration();
  return std::max(absl::ZeroDuration(), absl::Milliseconds(limits::kAuditSignMillis) -
                                            absl::Nanoseconds(now_nanos - *waiting_since_nanos_));
}

std::optional<std::string> AuditSigner::Checkpoint(ChainState* state) {
  waiting_since_nanos_.reset();
  if (keys_ == nullptr || signed_next_ == state->next_sequence) return std::nullopt;
  const absl::StatusOr<std::string> signature =
      Ed25519Sign(keys_->audit_signing_seed(), CheckpointText(*state));
  if (!signature.ok()) return std::nullopt;
  signed_next_ = state->next_sequence;
  return CheckpointFrame(*signature, state);
}

std::string AuditSigner::MacOf(absl::string_view value) const {
  if (keys_ == nullptr) return "";
  return HexEncode(Mac16(keys_->audit_mac_key().ExposeForCrypto(), value));
}

absl::Status WritePublicKey(const std::string& public_key, FileSystem& files,
                            const std::string& directory) {
  const std::string path = directory + "/audit-public.key";
  const std::string text = HexEncode(public_key) + "\n";
  if (files.Read(path).value_or("") == text) return absl::OkStatus();
  KEYTURN_FAILPOINT("audit/public-key-due");
  return WriteFileAtomically(files, path, text, 0644);
}

}  // namespace keyturn
