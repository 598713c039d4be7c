#include "keyring/anchor.h"

#include "absl/strings/str_cat.h"
#include "base/coding.h"
#include "base/log.h"
#include "base/status_macros.h"
#include "crypto/mac.h"
#include "keyturn/record/v1/keyring.pb.h"

namespace keyturn {
namespace {

std::string Mac(const KeyringSnapshot& keys, uint64_t revision) {
  std::string input = "keyturn/anchor/v1";
  input.append(keys.vault_id().bytes().data(), Uuid::kSize);
  AppendBigEndian64(revision, &input);
  return HmacSha256(keys.record_hash_key().ExposeForCrypto(), input);
}

}  // namespace

absl::Status CheckAnchor(FileSystem& files, const std::string& path, const KeyringSnapshot& keys,
                         Revision store_revision, Revision* seen) {
  if (path.empty()) return absl::OkStatus();
  const absl::StatusOr<std::string> bytes = files.Read(path);
  if (absl::IsNotFound(bytes.status())) {
    if (store_revision.value() > 0) {
      LogWarning("no rollback anchor: an older data directory would not be noticed",
                 {{"file", path}});
    }
    return absl::OkStatus();
  }
  RETURN_IF_ERROR(bytes.status());
  record::v1::Anchor anchor;
  if (!anchor.ParseFromString(*bytes) || anchor.vault_id() != keys.vault_id().bytes() ||
      !ConstantTimeEquals(anchor.mac(), Mac(keys, anchor.revision()))) {
    return absl::DataLossError(
        absl::StrCat("the rollback anchor ", path,
                     " is damaged or of another vault; if you know why, remove it"));
  }
  if (anchor.revision() > store_revision.value()) {
    if (seen != nullptr) *seen = Revision(anchor.revision());
    return absl::FailedPreconditionError(
        absl::StrCat("the data directory is at revision ", store_revision.value(),
                     ", but the rollback anchor ", path, " has seen ", anchor.revision(),
                     ": an older copy was put back. If that is meant, start keyturnd once with "
                     "--accept-rollback REASON"));
  }
  return absl::OkStatus();
}

absl::Status SaveAnchor(FileSystem& files, const std::string& path, const KeyringSnapshot& keys,
                        Revision revision) {
  if (path.empty()) return absl::OkStatus();
  record::v1::Anchor anchor;
  anchor.set_vault_id(std::string(keys.vault_id().bytes()));
  anchor.set_revision(revision.value());
  anchor.set_mac(Mac(keys, revision.value()));
  return WriteFileAtomically(files, path, anchor.SerializeAsString(), 0600);
}

}  // namespace keyturn
