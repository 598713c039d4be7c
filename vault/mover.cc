#include "vault/mover.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/limits.h"
#include "base/status_macros.h"
#include "vault/directories.h"
#include "vault/tree.h"
#include "vault/walker.h"

namespace keyturn {
namespace {

struct Move {
  SecretPath from;
  SecretPath to;
  bool directory = false;
};

absl::StatusOr<Move> ParseMove(const v1::RenameRequest& request) {
  Move move;
  move.directory = request.directory();
  if (move.directory) {
    ASSIGN_OR_RETURN(move.from, SecretPath::ParseDirectory(request.path()));
    ASSIGN_OR_RETURN(move.to, SecretPath::ParseDirectory(request.new_path()));
    if (move.from.is_root() || move.to.is_root()) {
      return absl::InvalidArgumentError("the root directory has no name to change");
    }
  } else {
    ASSIGN_OR_RETURN(move.from, SecretPath::Parse(request.path()));
    ASSIGN_OR_RETURN(move.to, SecretPath::Parse(request.new_path()));
  }
  if (move.from == move.to) return absl::InvalidArgumentError("path and new_path are the same");
  if (move.directory && absl::StartsWith(move.to.text(), move.from.text() + "/")) {
    return absl::InvalidArgumentError("a directory cannot move into itself");
  }
  return move;
}

absl::Status Apply(const KeyringSnapshot& keys, const Move& move, absl::Time now, const View& view,
                   Batch& batch) {
  const std::string& old_name = move.from.segments().back();
  ASSIGN_OR_RETURN(const std::optional<Uuid> from_directory,
                   FindDirectory(keys, view, ParentSegments(move.from)));
  std::optional<Entry> entry;
  if (from_directory.has_value()) {
    ASSIGN_OR_RETURN(entry, ReadEntry(keys, view, *from_directory, old_name, move.directory));
  }
  if (!entry.has_value()) {
    return absl::NotFoundError(
        absl::StrCat("no ", move.directory ? "directory" : "secret", " at ", move.from.text()));
  }
  ASSIGN_OR_RETURN(const Uuid to_directory,
                   MakeDirectories(keys, view, ParentSegments(move.to), batch));
  entry->name = move.to.segments().back();
  ASSIGN_OR_RETURN(const std::optional<Entry> taken,
                   ReadEntry(keys, view, to_directory, entry->name, move.directory));
  if (taken.has_value()) {
    return absl::AlreadyExistsError(absl::StrCat(move.to.text(), " exists already"));
  }
  batch.Delete(Family::kIndex, EntryKey(keys, *from_directory, old_name, move.directory));
  RETURN_IF_ERROR(WriteEntry(keys, to_directory, *entry, batch));
  CountMove(batch);
  if (move.directory) {
    RETURN_IF_ERROR(WriteDirectory(keys, view, entry->uuid, to_directory, entry->name, batch));
  } else {
    ASSIGN_OR_RETURN(std::optional<SecretMetadata> metadata, ReadMetadata(keys, view, entry->uuid));
    if (!metadata.has_value()) {
      return absl::DataLossError(absl::StrCat(move.from.text(), " has a name but no metadata"));
    }
    metadata->set_parent_uuid(std::string(to_directory.bytes()));
    metadata->set_path_hint(entry->name);
    RETURN_IF_ERROR(WriteMetadata(keys, entry->uuid, now, &*metadata, batch));
  }
  const absl::string_view slash = move.directory ? "/" : "";
  batch.Note("new_path", move.to.text());
  return WriteChange(keys, v1::WatchResponse::RENAMED, absl::StrCat(move.from.text(), slash),
                     absl::StrCat(move.to.text(), slash), 0, now, batch);
}

// A directory must not move to where paths below it would be longer than a path may be: nobody
// could name those secrets any more. A scan, so outside of the update; what is put below in between
// can still be moved back.
absl::Status CheckReach(const KeyringSnapshot& keys, const Move& move, const Snapshot& snapshot) {
  const size_t from_segments = move.from.segments().size();
  const size_t to_segments = move.to.segments().size();
  if (to_segments <= from_segments && move.to.text().size() <= move.from.text().size()) {
    return absl::OkStatus();
  }
  ASSIGN_OR_RETURN(const std::optional<Uuid> top,
                   FindDirectory(keys, snapshot, move.from.segments()));
  if (!top.has_value()) return absl::OkStatus();
  ASSIGN_OR_RETURN(const TreeSize size, Measure(keys, snapshot, *top, limits::kRenameScanMax));
  if (size.entries > limits::kRenameScanMax) {
    return absl::FailedPreconditionError(absl::StrCat(
        move.from.text(), " has more than ", limits::kRenameScanMax,
        " entries: it can only move to a path that is neither longer nor deeper than its own"));
  }
  if (to_segments + size.segments > limits::kPathSegmentsMax ||
      move.to.text().size() + size.bytes > limits::kPathBytesMax) {
    return absl::FailedPreconditionError(absl::StrCat(
        "paths below ", move.to.text(), " would have up to ", to_segments + size.segments,
        " segments and ", move.to.text().size() + size.bytes, " bytes; at most ",
        limits::kPathSegmentsMax, " and ", limits::kPathBytesMax, " are allowed"));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<v1::RenameResponse> Mover::Rename(Updater& updater,
                                                 const v1::RenameRequest& request) const {
  ASSIGN_OR_RETURN(const Move move, ParseMove(request));
  ASSIGN_OR_RETURN(const std::shared_ptr<const KeyringSnapshot> keys, context_.keyring.Snapshot());
  if (move.directory) RETURN_IF_ERROR(CheckReach(*keys, move, *context_.store.GetSnapshot()));
  const absl::Time now = context_.clock.Now();
  ASSIGN_OR_RETURN(const Revision revision, updater.Update([&](const View& view, Batch& batch) {
    return Apply(*keys, move, now, view, batch);
  }));
  v1::RenameResponse response;
  response.set_revision(revision.value());
  return response;
}

}  // namespace keyturn
