#include "vault/verifier.h"

#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/functional/function_ref.h"
#include "absl/strings/str_cat.h"
#include "base/coding.h"
#include "base/limits.h"
#include "base/status_macros.h"
#include "storage/schema.h"
#include "vault/directories.h"
#include "vault/record_check.h"
#include "vault/records.h"
#include "vault/versions.h"

namespace keyturn {
namespace {

constexpr size_t kProblemsMax = 1000;
constexpr size_t kPrefixBytes = 16;

using ScanFn = absl::FunctionRef<void(absl::string_view key, absl::string_view sealed)>;

class Run {
 public:
  Run(const KeyringSnapshot& keys, const Snapshot& snapshot, ProgressFn progress)
      : keys_(keys), snapshot_(snapshot), progress_(progress), check_(keys) {}

  absl::StatusOr<std::vector<StoreProblem>> All() {
    std::vector<Uuid> directories(1);  // the root
    while (!directories.empty()) {
      const Uuid directory = directories.back();
      directories.pop_back();
      RETURN_IF_ERROR(Directory(directory, &directories));
    }
    RETURN_IF_ERROR(Others());
    RETURN_IF_ERROR(progress_(done_, done_));
    return std::move(problems_);
  }

 private:
  void Problem(std::string what) {
    if (problems_.size() < kProblemsMax) problems_.push_back({std::move(what)});
  }

  void ProblemUnlessEmpty(std::string what) {
    if (!what.empty()) Problem(std::move(what));
  }

  absl::Status Directory(const Uuid& directory, std::vector<Uuid>* directories) {
    const std::string prefix = DirectoryPrefix(keys_, directory);
    prefixes_.insert(prefix);
    std::vector<Uuid> secrets;
    RETURN_IF_ERROR(snapshot_.Scan(
        Family::kIndex, prefix, schema::PrefixEnd(prefix),
        [&](absl::string_view key, absl::string_view sealed) {
          const absl::StatusOr<Entry> entry = OpenEntry(keys_, key, sealed);
          if (!entry.ok()) {
            Problem("an index entry does not open");
          } else if (!entry->directory) {
            secrets.push_back(entry->uuid);
          } else if (directories_.insert(entry->uuid).second) {
            CheckPlace(*entry, directory);
            directories->push_back(entry->uuid);
          } else {
            Problem(absl::StrCat("directory ", entry->uuid.ToString(), ": has two names"));
          }
          return true;
        }));
    for (const Uuid& secret : secrets) RETURN_IF_ERROR(Secret(secret));
    return absl::OkStatus();
  }

  // Directories of an older vault have no record.
  void CheckPlace(const Entry& entry, const Uuid& parent) {
    const absl::StatusOr<std::optional<DirectoryPlace>> place =
        ReadDirectory(keys_, snapshot_, entry.uuid);
    if (place.ok() && !place->has_value()) return;
    if (place.ok() && (*place)->parent == parent && (*place)->name == entry.name) return;
    Problem(absl::StrCat("directory ", entry.uuid.ToString(), ": its record ",
                         place.ok() ? "names another place" : "does not open"));
  }

  absl::Status Secret(const Uuid& secret) {
    if (++done_ % limits::kProgressEveryRecords == 0) RETURN_IF_ERROR(progress_(done_, 0));
    if (!named_.insert(secret).second) {
      Problem(absl::StrCat("secret ", secret.ToString(), ": has two names"));
      return absl::OkStatus();
    }
    const absl::StatusOr<std::optional<SecretMetadata>> metadata =
        ReadMetadata(keys_, snapshot_, secret);
    if (!metadata.ok() || !metadata->has_value()) {
      Problem(absl::StrCat("secret ", secret.ToString(), ": its metadata ",
                           metadata.ok() ? "is missing" : "does not open"));
      return absl::OkStatus();
    }
    for (const VersionRecord& version : (*metadata)->versions()) {
      if (IsDestroyed(version)) continue;
      if (const absl::Status status = Version(secret, **metadata, version); !status.ok()) {
        Problem(absl::StrCat("secret ", secret.ToString(), " version ", version.version(), ": ",
                             status.message()));
      }
    }
    return Unlisted(secret, **metadata);
  }

  // Data of versions that the metadata does not have: destroyed once, and back again.
  absl::Status Unlisted(const Uuid& secret, const SecretMetadata& metadata) {
    const auto check = [&](absl::string_view what, absl::string_view number) {
      const uint64_t version = ReadBigEndian64(&number).value_or(0);
      const VersionRecord* record = FindVersion(metadata, version);
      if (record != nullptr && !IsDestroyed(*record)) return;
      Problem(absl::StrCat("secret ", secret.ToString(), " version ", version, ": ", what,
                           " is there, but the version is not"));
    };
    const std::string payloads = absl::StrCat(secret.bytes(), "p");
    RETURN_IF_ERROR(snapshot_.Scan(Family::kRecords, payloads, schema::PrefixEnd(payloads),
                                   [&](absl::string_view key, absl::string_view) {
                                     check("data", key.substr(payloads.size()));
                                     return true;
                                   }));
    return snapshot_.Scan(Family::kDeks, secret.bytes(), schema::PrefixEnd(secret.bytes()),
                          [&](absl::string_view key, absl::string_view) {
                            check("a key", key.substr(Uuid::kSize));
                            return true;
                          });
  }

  absl::Status Version(const Uuid& secret, const SecretMetadata& metadata,
                       const VersionRecord& version) {
    const SecretVersion number(version.version());
    const VersionPlace place = PlaceOf(secret, metadata, version);
    ASSIGN_OR_RETURN(const std::optional<std::string> wrapped,
                     snapshot_.Get(Family::kDeks, schema::DekKey(secret, number)));
    if (!wrapped.has_value()) return absl::DataLossError("its key is missing");
    ASSIGN_OR_RETURN(const SecretBytes dek, UnwrapDek(keys_, place, *wrapped));
    ASSIGN_OR_RETURN(const std::optional<std::string> payload,
                     snapshot_.Get(Family::kRecords, schema::PayloadKey(secret, number)));
    if (!payload.has_value()) return absl::DataLossError("its data is missing");
    return OpenPayload(keys_, place, dek, *payload).status();
  }

  // For scans, which say nothing else of how far they are.
  bool GoOn() {
    if (++scanned_ % limits::kProgressEveryRecords == 0) interrupted_ = progress_(done_, 0);
    return interrupted_.ok();
  }

  absl::Status Scan(Family family, ScanFn fn) {
    RETURN_IF_ERROR(
        snapshot_.Scan(family, "", "", [&](absl::string_view key, absl::string_view sealed) {
          fn(key, sealed);
          return GoOn();
        }));
    return interrupted_;
  }

  void Belongs(absl::string_view key, absl::string_view what, absl::string_view whose = "secret") {
    const absl::StatusOr<Uuid> owner = Uuid::FromBytes(key.substr(0, Uuid::kSize));
    const auto& known = whose == "secret" ? named_ : directories_;
    if (owner.ok() && !known.contains(*owner)) {
      Problem(absl::StrCat(what, " of ", whose, " ", owner->ToString(), " belongs to no name"));
    }
  }

  // What no name has led to: without an owner, or of another room.
  absl::Status Others() {
    RETURN_IF_ERROR(Scan(Family::kRecords, [&](absl::string_view key, absl::string_view sealed) {
      if (schema::IsMetadataKey(key) || schema::IsPayloadKey(key)) Belongs(key, "a record");
      if (schema::IsRotationRunKey(key)) Belongs(key, "a rotation run");
      if (schema::IsUsageKey(key)) Belongs(key, "a record of uses");
      if (schema::IsDirectoryKey(key)) Belongs(key, "a record", "directory");
      ProblemUnlessEmpty(check_.OfRecords(key, sealed));
    }));
    RETURN_IF_ERROR(Scan(Family::kIndex, [&](absl::string_view key, absl::string_view sealed) {
      bool of_table = false;
      ProblemUnlessEmpty(check_.OfIndex(key, sealed, &of_table));
      if (of_table || prefixes_.contains(key.substr(0, kPrefixBytes))) return;
      Problem("an index entry belongs to no directory");
    }));
    RETURN_IF_ERROR(Scan(Family::kChanges, [&](absl::string_view key, absl::string_view sealed) {
      ProblemUnlessEmpty(check_.OfChanges(key, sealed));
    }));
    return Scan(Family::kDeks,
                [&](absl::string_view key, absl::string_view) { Belongs(key, "a data key"); });
  }

  const KeyringSnapshot& keys_;
  const Snapshot& snapshot_;
  ProgressFn progress_;
  const RecordCheck check_;
  absl::flat_hash_set<Uuid> named_;
  absl::flat_hash_set<Uuid> directories_;
  absl::flat_hash_set<std::string> prefixes_;  // of the directories' entries
  std::vector<StoreProblem> problems_;
  uint64_t done_ = 0;     // secrets
  uint64_t scanned_ = 0;  // records
  absl::Status interrupted_;
};

}  // namespace

absl::StatusOr<std::vector<StoreProblem>> VerifyVault(const VaultContext& context,
                                                      ProgressFn progress) {
  ASSIGN_OR_RETURN(const std::shared_ptr<const KeyringSnapshot> keys, context.keyring.Snapshot());
  const std::shared_ptr<const Snapshot> snapshot = context.store.GetSnapshot();
  return Run(*keys, *snapshot, progress).All();
}

}  // namespace keyturn
