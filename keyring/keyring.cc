#include "keyring/keyring.h"

#include <algorithm>

#include "base/failpoint.h"
#include "base/limits.h"
#include "base/status_macros.h"
#include "crypto/random.h"
#include "keyring/anchor.h"
#include "keyring/keyring_codec.h"
#include "keyring/keyring_impl.h"
#include "keyring/seal_file.h"
#include "keyring/seal_slot.h"

namespace keyturn {

using record::v1::SealFile;
using record::v1::SealSlot;

absl::Status KeyringImpl::Load() {
  const absl::MutexLock lock(&mu_);
  ASSIGN_OR_RETURN(seal_, ReadSealFile(files_, options_.directory));
  if (seal_.slots().empty()) return absl::OkStatus();
  ASSIGN_OR_RETURN(vault_id_, Uuid::FromBytes(seal_.vault_id()));
  return absl::OkStatus();
}

absl::StatusOr<InitResult> KeyringImpl::Init(std::vector<SealSpec> seals) {
  const absl::MutexLock lock(&mu_);
  if (!seal_.slots().empty()) {
    return absl::FailedPreconditionError("the vault is initialised already");
  }
  RETURN_IF_ERROR(CheckSeals(seals));
  InitResult result;
  result.vault_id = RandomUuid();
  const int64_t now_ms = absl::ToUnixMillis(clock_.Now());
  ASSIGN_OR_RETURN(SecretBytes root_key, RandomSecret(kAeadKeySize));
  ASSIGN_OR_RETURN(std::shared_ptr<const KeyringSnapshot> keys,
                   KeyringCodec::Generate(result.vault_id, now_ms));
  SealFile file;
  file.set_format(kSealFormat);
  file.set_vault_id(std::string(result.vault_id.bytes()));
  file.set_created_ms(now_ms);
  for (const SealSpec& spec : seals) {
    ASSIGN_OR_RETURN(NewSlot made, MakeSlot(spec, options_, result.vault_id, root_key, now_ms));
    *file.add_slots() = std::move(made.slot);
    for (SecretBytes& share : made.shares) result.shares.push_back(std::move(share));
  }
  KEYTURN_FAILPOINT("keyring/init-slots-made");
  // seal.ktn last: without it the directory counts as not initialised.
  RETURN_IF_ERROR(files_.CreateDirectory(options_.directory, 0700));
  RETURN_IF_ERROR(KeyringCodec::Write(*keys, root_key, 1, options_.directory, files_));
  KEYTURN_FAILPOINT("keyring/init-keys-written");
  RETURN_IF_ERROR(SaveAnchor(files_, options_.anchor_file, *keys, Revision(0)));
  KEYTURN_FAILPOINT("keyring/init-anchor-written");
  RETURN_IF_ERROR(WriteFirstSealFile(file));
  KEYTURN_FAILPOINT("keyring/init-seal-written");
  seal_ = std::move(file);
  vault_id_ = result.vault_id;
  Use(std::move(root_key), 1, std::move(keys));
  uses_on_disk_ = limits::kKekUsesStep;
  return result;
}

void KeyringImpl::Seal() {
  {
    const absl::MutexLock lock(&mu_);
    ForgetShares();
    root_key_.Reset();
    Publish(nullptr);
  }
  // After the keys, as a passphrase that is being tried holds this up for seconds.
  DropRekey();
}

SealStatus KeyringImpl::status() const {
  const absl::MutexLock lock(&mu_);
  SealStatus out;
  out.initialized = !seal_.slots().empty();
  out.vault_id = vault_id_;
  const std::shared_ptr<const KeyringSnapshot> keys = Current();
  out.sealed = keys == nullptr;
  if (keys != nullptr) out.kek_term = keys->active_kek().term;
  // Of a change that was cut off, the keys of either root key may be the ones that open.
  for (const auto* const slots : {&seal_.slots(), &seal_.next_slots()}) {
    for (const SealSlot& slot : *slots) {
      const std::string name = SealName(slot.type());
      if (std::find(out.seals.begin(), out.seals.end(), name) == out.seals.end()) {
        out.seals.push_back(name);
      }
      if (slot.type() == SealSlot::SHAMIR) {
        out.shares_threshold = static_cast<int>(slot.threshold());
      }
    }
  }
  out.shares_given = shares_.given();
  out.unseal_nonce = nonce_;
  out.rollback_from = rollback_from_;
  return out;
}

absl::StatusOr<std::shared_ptr<const KeyringSnapshot>> KeyringImpl::Snapshot() const {
  std::shared_ptr<const KeyringSnapshot> keys = Current();
  if (keys != nullptr) return keys;
  return absl::FailedPreconditionError("the vault is sealed; run: keyturn operator unseal");
}

absl::StatusOr<KekTerm> KeyringImpl::RotateKek(AeadSuite suite, bool compromised) {
  const absl::MutexLock lock(&mu_);
  ASSIGN_OR_RETURN(const std::shared_ptr<const KeyringSnapshot> keys, Snapshot());
  ASSIGN_OR_RETURN(std::shared_ptr<const KeyringSnapshot> next,
                   keys->WithNextKek(suite, compromised, absl::ToUnixMillis(clock_.Now())));
  RETURN_IF_ERROR(WriteKeys(*next, root_key_));
  next->Announce();
  KEYTURN_FAILPOINT("keyring/kek-written");
  const KekTerm term = next->active_kek().term;
  Publish(std::move(next));
  return term;
}

absl::Status KeyringImpl::RetireKeks(KekTerm below) {
  const absl::MutexLock lock(&mu_);
  ASSIGN_OR_RETURN(const std::shared_ptr<const KeyringSnapshot> keys, Snapshot());
  if (below > keys->active_kek().term) {
    return absl::InvalidArgumentError("the active key cannot be retired");
  }
  if (keys->keks().front()->term >= below) return absl::OkStatus();
  std::shared_ptr<const KeyringSnapshot> next =
      keys->WithoutKeks(below, absl::ToUnixMillis(clock_.Now()));
  RETURN_IF_ERROR(WriteKeys(*next, root_key_));
  next->ForgetAnnounced(below);
  KEYTURN_FAILPOINT("keyring/keks-forgotten");
  Publish(std::move(next));
  return absl::OkStatus();
}

bool KeyringImpl::FormerSnapshotsHeld() const {
  const absl::ReaderMutexLock lock(&keys_mu_);
  const bool held = std::any_of(former_.begin(), former_.end(),
                                [](const auto& former) { return !former.expired(); });
  // What the last holder did before it let go happens before what the caller looks at.
#if !defined(__SANITIZE_THREAD__)  // which knows no fences
  std::atomic_thread_fence(std::memory_order_acquire);
#endif
  return held;
}

absl::Status KeyringImpl::SaveKekUses() {
  const absl::MutexLock lock(&mu_);
  ASSIGN_OR_RETURN(const std::shared_ptr<const KeyringSnapshot> keys, Snapshot());
  if (keys->active_kek().uses.load() <= uses_on_disk_) return absl::OkStatus();
  return WriteKeys(*keys, root_key_);
}

absl::Status KeyringImpl::WriteAnchor(Revision revision) {
  ASSIGN_OR_RETURN(const std::shared_ptr<const KeyringSnapshot> keys, Snapshot());
  const absl::MutexLock lock(&anchor_mu_);
  return SaveAnchor(files_, options_.anchor_file, *keys, revision);
}

// The shares go out with the answer: an init that fails, though seal.ktn has its name already,
// must not leave a vault that nobody can open.
absl::Status KeyringImpl::WriteFirstSealFile(const SealFile& file) {
  absl::Status written = WriteSealFile(files_, options_.directory, file);
  if (written.ok()) return written;
  const std::string path = SealFilePath(options_.directory);
  absl::Status removed = files_.Remove(path);
  if (removed.ok()) removed = files_.SyncDirectory(options_.directory);
  if (removed.ok() || absl::IsNotFound(removed)) return written;
  return absl::Status(written.code(),
                      absl::StrCat(written.message(), "; and ", path,
                                   " could not be taken away again: if it is there when the disk "
                                   "can be written, remove it before the next init"));
}

std::shared_ptr<const KeyringSnapshot> KeyringImpl::Current() const {
  const absl::ReaderMutexLock lock(&keys_mu_);
  return keys_;
}

void KeyringImpl::Publish(std::shared_ptr<const KeyringSnapshot> keys) {
  const absl::WriterMutexLock lock(&keys_mu_);
  keys_.swap(keys);
  former_.erase(std::remove_if(former_.begin(), former_.end(),
                               [](const auto& former) { return former.expired(); }),
                former_.end());
  if (keys != nullptr) former_.push_back(keys);
}

void KeyringImpl::ForgetShares() {
  shares_.Clear();
  nonce_.clear();
}

void KeyringImpl::Use(SecretBytes root_key, uint64_t generation,
                      std::shared_ptr<const KeyringSnapshot> keys) {
  root_key_ = std::move(root_key);
  generation_ = generation;
  uses_on_disk_ = keys->active_kek().uses.load();
  Publish(std::move(keys));
}

absl::Status KeyringImpl::WriteKeys(const KeyringSnapshot& keys, const SecretBytes& root_key) {
  const uint64_t uses = keys.active_kek().uses.load();
  // Also when the write fails: what it left behind must not count as newer than the next.
  ++generation_;
  RETURN_IF_ERROR(KeyringCodec::Write(keys, root_key, generation_, options_.directory, files_));
  uses_on_disk_ = uses + limits::kKekUsesStep;
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<Keyring>> Keyring::Open(const KeyringOptions& options,
                                                       FileSystem& files, Clock& clock) {
  auto keyring = std::make_unique<KeyringImpl>(options, files, clock);
  RETURN_IF_ERROR(keyring->Load());
  return keyring;
}

}  // namespace keyturn
