#include "vault/directories.h"

#include <utility>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/limits.h"
#include "base/reason.h"
#include "base/status_macros.h"
#include "storage/schema.h"

namespace keyturn {
namespace {

using Children = std::vector<std::pair<Uuid, DirectoryPlace>>;

// Directories in `directory`.
absl::StatusOr<Children> ChildrenOf(const KeyringSnapshot& keys, const Snapshot& snapshot,
                                    const Uuid& directory) {
  Children out;
  const std::string prefix = DirectoryPrefix(keys, directory);
  RETURN_IF_ERROR(snapshot.Scan(Family::kIndex, prefix, schema::PrefixEnd(prefix),
                                [&](absl::string_view key, absl::string_view sealed) {
                                  const absl::StatusOr<Entry> entry = OpenEntry(keys, key, sealed);
                                  // One that does not open is for Verify to tell of.
                                  if (entry.ok() && entry->directory) {
                                    out.push_back({entry->uuid, {directory, entry->name}});
                                  }
                                  return true;
                                }));
  return out;
}

record::v1::DirectoryRecord RecordOf(const Uuid& parent, absl::string_view name) {
  record::v1::DirectoryRecord record;
  record.set_parent_uuid(std::string(parent.bytes()));
  record.set_name(std::string(name));
  return record;
}

absl::StatusOr<DirectoryPlace> OpenDirectory(const KeyringSnapshot& keys, const std::string& key,
                                             const std::string& sealed) {
  ASSIGN_OR_RETURN(const OpenedRecord opened, OpenRecord(keys, Purpose::kDirectory, key, sealed));
  ASSIGN_OR_RETURN(record::v1::DirectoryRecord record,
                   ParseRecord<record::v1::DirectoryRecord>(opened, "a record of a directory"));
  DirectoryPlace place;
  ASSIGN_OR_RETURN(place.parent, Uuid::FromBytes(record.parent_uuid()));
  place.name = std::move(*record.mutable_name());
  return place;
}

// Those of `found` that have no record.
absl::StatusOr<int> Add(const KeyringSnapshot& keys, Updater& updater, const Children& found) {
  int added = 0;
  const absl::StatusOr<Revision> revision =
      updater.Update([&](const View& view, Batch& batch) -> absl::Status {
        added = 0;
        for (const auto& [directory, place] : found) {
          ASSIGN_OR_RETURN(const std::optional<DirectoryPlace> there,
                           ReadDirectory(keys, view, directory));
          if (there.has_value()) continue;
          // It may have moved since the look, with a record then.
          ASSIGN_OR_RETURN(const std::optional<Entry> entry,
                           ReadEntry(keys, view, place.parent, place.name, true));
          if (!entry.has_value() || entry->uuid != directory) continue;
          RETURN_IF_ERROR(WriteDirectory(keys, view, directory, place.parent, place.name, batch));
          ++added;
        }
        if (added > 0) batch.Note("directories", absl::StrCat(added));
        return absl::OkStatus();
      });
  RETURN_IF_ERROR(revision.status());
  return added;
}

}  // namespace

absl::Status InsertDirectory(const KeyringSnapshot& keys, const Uuid& directory, const Uuid& parent,
                             absl::string_view name, Batch& batch) {
  const std::string key = schema::DirectoryKey(directory);
  ASSIGN_OR_RETURN(
      const std::string sealed,
      SealRecord(keys, {Purpose::kDirectory, key, 1}, RecordOf(parent, name).SerializeAsString()));
  batch.Insert(Family::kRecords, key, sealed);
  return absl::OkStatus();
}

absl::Status WriteDirectory(const KeyringSnapshot& keys, const View& view, const Uuid& directory,
                            const Uuid& parent, absl::string_view name, Batch& batch) {
  return PutRecord(keys, view, Family::kRecords, Purpose::kDirectory,
                   schema::DirectoryKey(directory), RecordOf(parent, name).SerializeAsString(),
                   batch);
}

absl::StatusOr<std::optional<DirectoryPlace>> ReadDirectory(const KeyringSnapshot& keys,
                                                            const View& view,
                                                            const Uuid& directory) {
  const std::string key = schema::DirectoryKey(directory);
  ASSIGN_OR_RETURN(const std::optional<std::string> sealed, view.Get(Family::kRecords, key));
  if (!sealed.has_value()) return std::optional<DirectoryPlace>();
  ASSIGN_OR_RETURN(DirectoryPlace place, OpenDirectory(keys, key, *sealed));
  return std::optional<DirectoryPlace>(std::move(place));
}

absl::StatusOr<ResolvedPath> ResolvePath(const KeyringSnapshot& keys, const View& view,
                                         const SecretMetadata& metadata) {
  ResolvedPath out{
      .path = "", .parent = metadata.parent_uuid(), .name = metadata.path_hint(), .records = {}};
  std::vector<std::string> names = {metadata.path_hint()};
  ASSIGN_OR_RETURN(Uuid directory, Uuid::FromBytes(metadata.parent_uuid()));
  while (!directory.is_nil()) {
    // Old records, put back, could lead in a circle.
    if (names.size() >= limits::kPathSegmentsMax) {
      return absl::DataLossError("the directories above a secret do not lead to the root");
    }
    std::string key = schema::DirectoryKey(directory);
    ASSIGN_OR_RETURN(std::optional<std::string> sealed, view.Get(Family::kRecords, key));
    if (!sealed.has_value()) {
      return WithReason(absl::FailedPreconditionError("a directory above the secret has no record"),
                        "DIRECTORY_UNKNOWN");
    }
    ASSIGN_OR_RETURN(DirectoryPlace place, OpenDirectory(keys, key, *sealed));
    out.records.emplace_back(std::move(key), *std::move(sealed));
    names.push_back(std::move(place.name));
    directory = place.parent;
  }
  out.path = absl::StrJoin(names.rbegin(), names.rend(), "/");
  return out;
}

absl::StatusOr<std::string> PathOf(const KeyringSnapshot& keys, const View& view,
                                   const SecretMetadata& metadata) {
  ASSIGN_OR_RETURN(ResolvedPath resolved, ResolvePath(keys, view, metadata));
  return std::move(resolved.path);
}

absl::StatusOr<bool> IsStillAt(const ResolvedPath& known, const View& view,
                               const SecretMetadata& metadata) {
  if (metadata.parent_uuid() != known.parent || metadata.path_hint() != known.name) return false;
  for (const auto& [key, sealed] : known.records) {
    ASSIGN_OR_RETURN(const std::optional<std::string> now, view.Get(Family::kRecords, key));
    if (now != sealed) return false;
  }
  return true;
}

absl::StatusOr<int> AddMissingDirectories(const KeyringSnapshot& keys, const Store& store,
                                          Updater& updater) {
  const std::shared_ptr<const Snapshot> snapshot = store.GetSnapshot();
  int added = 0;
  std::vector<Uuid> open = {Uuid()};
  absl::flat_hash_set<Uuid> seen;  // old entries, put back, could lead in a circle
  Children missing;
  while (!open.empty()) {
    const Uuid directory = open.back();
    open.pop_back();
    ASSIGN_OR_RETURN(const Children children, ChildrenOf(keys, *snapshot, directory));
    for (const auto& child : children) {
      if (!seen.insert(child.first).second) continue;
      open.push_back(child.first);
      ASSIGN_OR_RETURN(const std::optional<DirectoryPlace> there,
                       ReadDirectory(keys, *snapshot, child.first));
      if (!there.has_value()) missing.push_back(child);
    }
    while (missing.size() >= limits::kDirectoriesPerUpdate || (open.empty() && !missing.empty())) {
      const auto step =
          static_cast<ptrdiff_t>(std::min(missing.size(), limits::kDirectoriesPerUpdate));
      ASSIGN_OR_RETURN(const int done,
                       Add(keys, updater, Children(missing.begin(), missing.begin() + step)));
      added += done;
      missing.erase(missing.begin(), missing.begin() + step);
    }
  }
  return added;
}

}  // namespace keyturn
