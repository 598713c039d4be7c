// The keys of the vault and the ways to unlock them. Two files beside the store: seal.ktn (the root
// key, wrapped once per seal) and keyring.ktn (all other keys, under the root key; two copies).
// Unsealing publishes an immutable KeyringSnapshot; sealing takes it away, and calls that hold one
// finish with it. Thread-safe.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "base/clock.h"
#include "base/types.h"
#include "crypto/password_hash.h"
#include "crypto/secret_bytes.h"
#include "keyring/keyring_snapshot.h"
#include "storage/file_system.h"

namespace keyturn {

struct KeyringOptions {
  std::string directory;    // of seal.ktn and keyring.ktn
  std::string key_file;     // path of the key file, "" when none is configured
  std::string anchor_file;  // path of the rollback anchor, best on another disk; "": none
  Argon2Params argon2;      // of new passphrase seals
  // Unseal a store that is behind its anchor, which is then set back.
  bool accept_rollback = false;
};

// One way to recover the root key, as asked for at init.
struct SealSpec {
  enum class Type { kKeyFile, kPassphrase, kShamir };
  Type type = Type::kKeyFile;
  SecretBytes passphrase;  // kPassphrase: limits::kPassphraseBytesMin..Max bytes
  int shares = 0;          // kShamir
  int threshold = 0;
};

// What opens a seal, as its holder gives it.
struct SealKey {
  SealSpec::Type type = SealSpec::Type::kKeyFile;
  SecretBytes secret;  // the passphrase, or one share in its text form; empty for the key file
};

struct InitResult {
  Uuid vault_id;
  std::vector<SecretBytes> shares;  // text form, one line each: "kt-share-…"; of the kShamir seal
};

struct SealStatus {
  bool initialized = false;
  bool sealed = true;
  Uuid vault_id;                   // nil before init
  std::vector<std::string> seals;  // "keyfile", "passphrase", "shamir"
  int shares_given = 0;
  int shares_threshold = 0;  // 0: no Shamir seal
  std::string unseal_nonce;  // "" when no unseal is under way
  KekTerm kek_term;          // 0 while sealed
  // What the anchor had seen, if this unseal went on with an older store: for the audit log. Else
  // 0.
  Revision rollback_from;
};

// A change of the root key, and of the seals as well if new ones were asked for.
struct RekeyStatus {
  // What is to be given now: keys of the present seals, then those of the new ones, which shows
  // that their holders have them.
  enum class Phase { kNone, kAuthorize, kVerify };
  struct Seal {
    std::string name;  // "keyfile", "passphrase", "shamir"
    int shares_given = 0;
    int shares_threshold = 0;  // 0: no Shamir seal
    bool done = false;
  };
  Phase phase = Phase::kNone;
  std::string nonce;
  bool root_key_only = false;  // the seals keep their keys
  absl::Time started;
  std::vector<Seal> seals;     // of this phase
  bool any_is_enough = false;  // one of `seals`; else all of them
};

struct RekeyStep {
  RekeyStatus status;
  std::vector<SecretBytes> shares;  // of a new Shamir seal, when this step ended kAuthorize
  bool finished = false;            // the new root key is in force
};

class Keyring {
 public:
  // Reads seal.ktn if there is one. DATA_LOSS when it is bad. `files` and `clock` outlive this.
  static absl::StatusOr<std::unique_ptr<Keyring>> Open(const KeyringOptions& options,
                                                       FileSystem& files, Clock& clock);
  virtual ~Keyring() = default;

  // Makes all keys and both files, durably, and unseals. FAILED_PRECONDITION when initialised
  // already; INVALID_ARGUMENT for no seals, two of one type, or bad parameters. The key file is
  // made (0400) when absent, and refused when it has other than 32 bytes, group or other bits, is a
  // symbolic link or belongs to another user. A failure leaves the directory uninitialised.
  virtual absl::StatusOr<InitResult> Init(std::vector<SealSpec> seals) = 0;

  // Each gives one answer; OK with status().sealed still true means that shares are missing.
  // UNAUTHENTICATED for a wrong key, passphrase or set of shares (which are then forgotten);
  // FAILED_PRECONDITION before init, for a seal of another type and for a rollback (the anchor is
  // ahead of `store_revision`); INVALID_ARGUMENT for a malformed or repeated share, or a nonce that
  // is not the session's. All are no-ops when unsealed.
  virtual absl::Status UnsealWithKeyFile(Revision store_revision) = 0;
  virtual absl::Status UnsealWithPassphrase(const SecretBytes& passphrase,
                                            Revision store_revision) = 0;
  virtual absl::Status UnsealWithShare(const SecretBytes& share, absl::string_view nonce,
                                       Revision store_revision) = 0;
  // Forgets the shares given so far.
  virtual void ResetUnseal() = 0;
  virtual void Seal() = 0;
  virtual SealStatus status() const = 0;

  // FAILED_PRECONDITION with a message that names `keyturn operator unseal`, while sealed or before
  // init. Cheap: once per call is fine, once per record is not.
  virtual absl::StatusOr<std::shared_ptr<const KeyringSnapshot>> Snapshot() const = 0;

  // Makes a KEK of the next term, durably, and publishes a snapshot that seals with it.
  // `compromised`: the older ones may be known to others. FAILED_PRECONDITION while sealed;
  // RESOURCE_EXHAUSTED (KeyringSnapshot::WithNextKek); UNAVAILABLE, or RESOURCE_EXHAUSTED for a
  // full disk, when the files cannot be written: then the keys in use stay, and the next unseal may
  // find either.
  virtual absl::StatusOr<KekTerm> RotateKek(AeadSuite suite, bool compromised) = 0;
  // Forgets the KEKs of terms below `below`, on disk and in the snapshots from now on. REQUIRES:
  // nothing is sealed under them, and FormerSnapshotsHeld() was false before that was found out.
  virtual absl::Status RetireKeks(KekTerm below) = 0;
  // Whether anybody still holds a snapshot from before the newest one: it seals with an older KEK.
  virtual bool FormerSnapshotsHeld() const = 0;
  // Writes how often the active KEK was used, when that has left what is on disk behind (server:
  // every second).
  virtual absl::Status SaveKekUses() = 0;

  // Begins a change of the root key. `seals` replace the present ones, which must be opened once
  // more, by any of them; empty: they keep their keys, and each must be opened once more. Nothing
  // on disk changes before the last step, but for "<key_file>.next". A change under way ends when
  // the vault is sealed. FAILED_PRECONDITION while sealed, while another is under way, and for a
  // key file that is there without being a seal; INVALID_ARGUMENT as Init.
  virtual absl::StatusOr<RekeyStatus> StartRekey(std::vector<SealSpec> seals) = 0;
  // One key of the phase. The step that ends the last phase puts the new root key in force,
  // durably, and forgets the old one; a new key file has then taken its name. Errors as Unseal, and
  // FAILED_PRECONDITION when none is under way. After UNAVAILABLE or RESOURCE_EXHAUSTED the change
  // is over and either root key may be found at the next unseal: keep the keys of both.
  virtual absl::StatusOr<RekeyStep> GiveRekeyKey(const SealKey& key, absl::string_view nonce) = 0;
  // FAILED_PRECONDITION when none is under way: then nothing was changed, and the message says
  // whether the last one was finished, so that nobody takes its new keys for worthless.
  virtual absl::Status CancelRekey() = 0;
  virtual RekeyStatus rekey_status() const = 0;

  // Moves the rollback anchor forward to `revision` (server: every few seconds and at shutdown).
  virtual absl::Status WriteAnchor(Revision revision) = 0;
};

}  // namespace keyturn
