#include "keyring/keyring.h"

#include <algorithm>

#include "absl/base/thread_annotations.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "base/coding.h"
#include "base/limits.h"
#include "base/status_macros.h"
#include "crypto/random.h"
#include "crypto/shamir.h"
#include "keyring/anchor.h"
#include "keyring/key_file.h"
#include "keyring/keyring_codec.h"
#include "keyring/seal_slot.h"
#include "keyring/share_text.h"
#include "keyturn/record/v1/keyring.pb.h"

namespace keyturn {
namespace {

using record::v1::SealFile;
using record::v1::SealSlot;

constexpr uint32_t kSealFormat = 1;

absl::Status CheckSeals(const std::vector<SealSpec>& seals) {
  if (seals.empty()) {
    return absl::InvalidArgumentError("no seal given; allowed: keyfile, passphrase, shamir");
  }
  for (size_t i = 0; i < seals.size(); ++i) {
    for (size_t j = 0; j < i; ++j) {
      if (seals[i].type == seals[j].type) {
        return absl::InvalidArgumentError("the same type of seal was given twice");
      }
    }
  }
  return absl::OkStatus();
}

class KeyringImpl : public Keyring {
 public:
  KeyringImpl(KeyringOptions options, FileSystem& files, Clock& clock)
      : options_(std::move(options)), files_(files), clock_(clock) {}

  absl::Status Load() {
    const absl::MutexLock lock(&mu_);
    const absl::StatusOr<std::string> bytes = files_.Read(SealPath());
    if (absl::IsNotFound(bytes.status())) return absl::OkStatus();
    RETURN_IF_ERROR(bytes.status());
    SealFile file;
    if (!file.ParseFromString(*bytes) || file.slots().empty()) {
      return absl::DataLossError(absl::StrCat(SealPath(), " does not parse"));
    }
    if (file.format() != kSealFormat) {
      return absl::FailedPreconditionError(absl::StrCat(SealPath(), " has format ", file.format(),
                                                        "; this program reads ", kSealFormat));
    }
    ASSIGN_OR_RETURN(vault_id_, Uuid::FromBytes(file.vault_id()));
    seal_ = std::move(file);
    return absl::OkStatus();
  }

  absl::StatusOr<InitResult> Init(std::vector<SealSpec> seals) override {
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
    // seal.ktn last: without it the directory counts as not initialised.
    RETURN_IF_ERROR(files_.CreateDirectory(options_.directory, 0700));
    RETURN_IF_ERROR(KeyringCodec::Write(*keys, root_key, 1, options_.directory, files_));
    RETURN_IF_ERROR(SaveAnchor(files_, options_.anchor_file, *keys, Revision(0)));
    RETURN_IF_ERROR(WriteFirstSealFile(file));
    seal_ = std::move(file);
    vault_id_ = result.vault_id;
    Use(std::move(root_key), 1, std::move(keys));
    uses_on_disk_ = limits::kKekUsesStep;
    return result;
  }

  absl::Status UnsealWithKeyFile(Revision store_revision) override {
    const absl::MutexLock lock(&mu_);
    if (unsealed()) return absl::OkStatus();
    ASSIGN_OR_RETURN(const SealSlot* slot, FindSlot(SealSlot::KEY_FILE));
    if (options_.key_file.empty()) {
      return absl::FailedPreconditionError("key_file is not set in the server's configuration");
    }
    absl::StatusOr<SecretBytes> key = ReadKeyFile(options_.key_file);
    if (absl::IsNotFound(key.status()))
      return absl::FailedPreconditionError(key.status().message());
    RETURN_IF_ERROR(key.status());
    return OpenWith(*slot, *key, store_revision);
  }

  absl::Status UnsealWithPassphrase(const SecretBytes& passphrase,
                                    Revision store_revision) override {
    SealSlot slot;
    {
      const absl::MutexLock lock(&mu_);
      if (unsealed()) return absl::OkStatus();
      ASSIGN_OR_RETURN(const SealSlot* found, FindSlot(SealSlot::PASSPHRASE));
      slot = *found;
    }
    // Seconds of work: status must answer meanwhile.
    ASSIGN_OR_RETURN(const SecretBytes key, PassphraseKey(slot, passphrase));
    const absl::MutexLock lock(&mu_);
    return OpenWith(slot, key, store_revision);
  }

  absl::Status UnsealWithShare(const SecretBytes& text, absl::string_view nonce,
                               Revision store_revision) override {
    const absl::MutexLock lock(&mu_);
    if (unsealed()) return absl::OkStatus();
    ASSIGN_OR_RETURN(const SealSlot* slot, FindSlot(SealSlot::SHAMIR));
    if (!nonce.empty() && nonce != nonce_) {
      return absl::InvalidArgumentError(
          "the nonce is not that of the unseal under way; ask for the status, or start again with "
          "reset");
    }
    ASSIGN_OR_RETURN(TextShare share, DecodeShare(text.ExposeForCrypto()));
    if (share.slot_prefix != slot->id().substr(0, 4)) {
      return absl::InvalidArgumentError("the share belongs to another vault or an older seal");
    }
    for (const ShamirShare& given : shares_) {
      if (given.index == share.share.index) {
        return absl::InvalidArgumentError("this share was given already; give another one");
      }
    }
    if (shares_.empty()) nonce_ = HexEncode(RandomBytes(8));
    shares_.push_back(std::move(share.share));
    if (shares_.size() < slot->threshold()) return absl::OkStatus();
    const absl::StatusOr<SecretBytes> key = ShamirCombine(shares_);
    ForgetShares();
    RETURN_IF_ERROR(key.status());
    return OpenWith(*slot, *key, store_revision);
  }

  void ResetUnseal() override {
    const absl::MutexLock lock(&mu_);
    ForgetShares();
  }

  void Seal() override {
    const absl::MutexLock lock(&mu_);
    ForgetShares();
    root_key_.Reset();
    Publish(nullptr);
  }

  SealStatus status() const override {
    const absl::MutexLock lock(&mu_);
    SealStatus out;
    out.initialized = !seal_.slots().empty();
    out.vault_id = vault_id_;
    const std::shared_ptr<const KeyringSnapshot> keys = Current();
    out.sealed = keys == nullptr;
    if (keys != nullptr) out.kek_term = keys->active_kek().term;
    for (const SealSlot& slot : seal_.slots()) {
      out.seals.push_back(SealName(slot.type()));
      if (slot.type() == SealSlot::SHAMIR) {
        out.shares_threshold = static_cast<int>(slot.threshold());
      }
    }
    out.shares_given = static_cast<int>(shares_.size());
    out.unseal_nonce = nonce_;
    out.rollback_from = rollback_from_;
    return out;
  }

  absl::StatusOr<std::shared_ptr<const KeyringSnapshot>> Snapshot() const override {
    std::shared_ptr<const KeyringSnapshot> keys = Current();
    if (keys != nullptr) return keys;
    return absl::FailedPreconditionError("the vault is sealed; run: keyturn operator unseal");
  }

  absl::StatusOr<KekTerm> RotateKek(AeadSuite suite, bool compromised) override {
    const absl::MutexLock lock(&mu_);
    ASSIGN_OR_RETURN(const std::shared_ptr<const KeyringSnapshot> keys, Snapshot());
    ASSIGN_OR_RETURN(std::shared_ptr<const KeyringSnapshot> next,
                     keys->WithNextKek(suite, compromised, absl::ToUnixMillis(clock_.Now())));
    RETURN_IF_ERROR(WriteKeys(*next));
    next->Announce();
    const KekTerm term = next->active_kek().term;
    Publish(std::move(next));
    return term;
  }

  absl::Status RetireKeks(KekTerm below) override {
    const absl::MutexLock lock(&mu_);
    ASSIGN_OR_RETURN(const std::shared_ptr<const KeyringSnapshot> keys, Snapshot());
    if (below > keys->active_kek().term) {
      return absl::InvalidArgumentError("the active key cannot be retired");
    }
    if (keys->keks().front()->term >= below) return absl::OkStatus();
    std::shared_ptr<const KeyringSnapshot> next =
        keys->WithoutKeks(below, absl::ToUnixMillis(clock_.Now()));
    RETURN_IF_ERROR(WriteKeys(*next));
    next->ForgetAnnounced(below);
    Publish(std::move(next));
    return absl::OkStatus();
  }

  bool FormerSnapshotsHeld() const override {
    const absl::ReaderMutexLock lock(&keys_mu_);
    const bool held = std::any_of(former_.begin(), former_.end(),
                                  [](const auto& former) { return !former.expired(); });
    // What the last holder did before it let go happens before what the caller looks at.
#if !defined(__SANITIZE_THREAD__)  // which knows no fences
    std::atomic_thread_fence(std::memory_order_acquire);
#endif
    return held;
  }

  absl::Status SaveKekUses() override {
    const absl::MutexLock lock(&mu_);
    ASSIGN_OR_RETURN(const std::shared_ptr<const KeyringSnapshot> keys, Snapshot());
    if (keys->active_kek().uses.load() <= uses_on_disk_) return absl::OkStatus();
    return WriteKeys(*keys);
  }

  absl::Status WriteAnchor(Revision revision) override {
    ASSIGN_OR_RETURN(const std::shared_ptr<const KeyringSnapshot> keys, Snapshot());
    const absl::MutexLock lock(&anchor_mu_);
    return SaveAnchor(files_, options_.anchor_file, *keys, revision);
  }

 private:
  std::string SealPath() const { return absl::StrCat(options_.directory, "/seal.ktn"); }

  // The shares go out with the answer: an init that fails, though seal.ktn has its name already,
  // must not leave a vault that nobody can open.
  absl::Status WriteFirstSealFile(const SealFile& file) {
    absl::Status written = WriteFileAtomically(files_, SealPath(), file.SerializeAsString(), 0600);
    if (written.ok()) return written;
    files_.Remove(SealPath()).IgnoreError();
    files_.SyncDirectory(options_.directory).IgnoreError();
    return written;
  }

  bool unsealed() const { return Current() != nullptr; }

  std::shared_ptr<const KeyringSnapshot> Current() const {
    const absl::ReaderMutexLock lock(&keys_mu_);
    return keys_;
  }

  void Publish(std::shared_ptr<const KeyringSnapshot> keys) {
    const absl::WriterMutexLock lock(&keys_mu_);
    keys_.swap(keys);
    former_.erase(std::remove_if(former_.begin(), former_.end(),
                                 [](const auto& former) { return former.expired(); }),
                  former_.end());
    if (keys != nullptr) former_.push_back(keys);
  }

  void ForgetShares() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    shares_.clear();
    nonce_.clear();
  }

  absl::StatusOr<const SealSlot*> FindSlot(SealSlot::Type type) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    if (seal_.slots().empty()) {
      return absl::FailedPreconditionError(
          "the vault is not initialised; run: keyturn operator init");
    }
    std::string have;
    for (const SealSlot& slot : seal_.slots()) {
      if (slot.type() == type) return &slot;
      absl::StrAppend(&have, have.empty() ? "" : ", ", SealName(slot.type()));
    }
    return absl::FailedPreconditionError(
        absl::StrCat("the vault has no ", SealName(type), " seal; it has: ", have));
  }

  absl::Status OpenWith(const SealSlot& slot, const SecretBytes& unseal_key,
                        Revision store_revision) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    ASSIGN_OR_RETURN(SecretBytes root_key, OpenSlot(slot, vault_id_, unseal_key));
    ASSIGN_OR_RETURN(KeyringCodec::Opened opened,
                     KeyringCodec::Read(vault_id_, root_key, options_.directory, files_));
    const KeyringSnapshot& keys = *opened.keys;
    Revision seen;
    const absl::Status anchored =
        CheckAnchor(files_, options_.anchor_file, keys, store_revision, &seen);
    const bool older = seen > store_revision;
    if (!(older && options_.accept_rollback)) RETURN_IF_ERROR(anchored);
    rollback_from_ = older ? seen : Revision(0);
    RETURN_IF_ERROR(SaveAnchor(files_, options_.anchor_file, keys, store_revision));
    Use(std::move(root_key), opened.generation, std::move(opened.keys));
    return absl::OkStatus();
  }

  // What an unseal has opened.
  void Use(SecretBytes root_key, uint64_t generation, std::shared_ptr<const KeyringSnapshot> keys)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    root_key_ = std::move(root_key);
    generation_ = generation;
    uses_on_disk_ = keys->active_kek().uses.load();
    Publish(std::move(keys));
  }

  // Durable when it returns OK, and so before anybody seals with them.
  absl::Status WriteKeys(const KeyringSnapshot& keys) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    const uint64_t uses = keys.active_kek().uses.load();
    // Also when the write fails: what it left behind must not count as newer than the next.
    ++generation_;
    RETURN_IF_ERROR(KeyringCodec::Write(keys, root_key_, generation_, options_.directory, files_));
    uses_on_disk_ = uses + limits::kKekUsesStep;
    return absl::OkStatus();
  }

  const KeyringOptions options_;
  FileSystem& files_;
  Clock& clock_;

  mutable absl::Mutex mu_;
  SealFile seal_ ABSL_GUARDED_BY(mu_);  // no slots: not initialised
  Uuid vault_id_ ABSL_GUARDED_BY(mu_);
  std::vector<ShamirShare> shares_ ABSL_GUARDED_BY(mu_);
  std::string nonce_ ABSL_GUARDED_BY(mu_);
  Revision rollback_from_ ABSL_GUARDED_BY(mu_);
  SecretBytes root_key_ ABSL_GUARDED_BY(mu_);       // while unsealed
  uint64_t generation_ ABSL_GUARDED_BY(mu_) = 0;    // of keyring.ktn
  uint64_t uses_on_disk_ ABSL_GUARDED_BY(mu_) = 0;  // of the active KEK

  // Apart from mu_, so that calls never wait for an unseal.
  mutable absl::Mutex keys_mu_;
  std::shared_ptr<const KeyringSnapshot> keys_ ABSL_GUARDED_BY(keys_mu_);
  // Published before keys_, while anybody may hold them.
  std::vector<std::weak_ptr<const KeyringSnapshot>> former_ ABSL_GUARDED_BY(keys_mu_);
  absl::Mutex anchor_mu_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Keyring>> Keyring::Open(const KeyringOptions& options,
                                                       FileSystem& files, Clock& clock) {
  auto keyring = std::make_unique<KeyringImpl>(options, files, clock);
  RETURN_IF_ERROR(keyring->Load());
  return keyring;
}

}  // namespace keyturn
