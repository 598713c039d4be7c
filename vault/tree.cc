#include "vault/tree.h"

#include "absl/strings/str_cat.h"
#include "base/coding.h"
#include "base/status_macros.h"
#include "crypto/random.h"
#include "vault/directories.h"

namespace keyturn {

namespace {

constexpr absl::string_view kMovesKey = "vault/moves";

}  // namespace

absl::StatusOr<uint64_t> ReadMoves(const View& view) {
  ASSIGN_OR_RETURN(const std::optional<std::string> stored, view.Get(Family::kMeta, kMovesKey));
  if (!stored.has_value()) return 0;
  absl::string_view rest = *stored;
  return ReadBigEndian64(&rest).value_or(0);
}

void CountMove(Batch& batch) {
  batch.Put(Family::kMeta, kMovesKey, BigEndian64(batch.revision().value()));
}

absl::Span<const std::string> ParentSegments(const SecretPath& path) {
  return absl::MakeConstSpan(path.segments()).first(path.segments().size() - 1);
}

absl::StatusOr<std::optional<Uuid>> FindDirectory(const KeyringSnapshot& keys, const View& view,
                                                  absl::Span<const std::string> segments) {
  Uuid directory;
  for (const std::string& segment : segments) {
    ASSIGN_OR_RETURN(const std::optional<Entry> entry,
                     ReadEntry(keys, view, directory, segment, true));
    if (!entry.has_value()) return std::optional<Uuid>();
    directory = entry->uuid;
  }
  return std::optional<Uuid>(directory);
}

absl::StatusOr<std::optional<Located>> FindSecret(const KeyringSnapshot& keys, const View& view,
                                                  const SecretPath& path) {
  ASSIGN_OR_RETURN(const std::optional<Uuid> directory,
                   FindDirectory(keys, view, ParentSegments(path)));
  if (!directory.has_value()) return std::optional<Located>();
  ASSIGN_OR_RETURN(const std::optional<Entry> entry,
                   ReadEntry(keys, view, *directory, path.segments().back(), false));
  if (!entry.has_value()) return std::optional<Located>();
  return std::optional<Located>(Located{*directory, entry->uuid});
}

absl::Status NoSecret(const SecretPath& path) {
  return absl::NotFoundError(absl::StrCat("no secret at ", path.text()));
}

absl::StatusOr<Located> NeedSecret(const KeyringSnapshot& keys, const View& view,
                                   const SecretPath& path) {
  ASSIGN_OR_RETURN(const std::optional<Located> located, FindSecret(keys, view, path));
  if (!located.has_value()) return NoSecret(path);
  return *located;
}

absl::StatusOr<Uuid> MakeDirectories(const KeyringSnapshot& keys, const View& view,
                                     absl::Span<const std::string> segments, Batch& batch) {
  Uuid directory;
  bool missing = false;
  for (const std::string& segment : segments) {
    if (!missing) {
      ASSIGN_OR_RETURN(const std::optional<Entry> entry,
                       ReadEntry(keys, view, directory, segment, true));
      if (entry.has_value()) {
        directory = entry->uuid;
        continue;
      }
      missing = true;  // and so are all below it
    }
    const Entry fresh{segment, true, RandomUuid()};
    RETURN_IF_ERROR(WriteEntry(keys, directory, fresh, batch));
    RETURN_IF_ERROR(InsertDirectory(keys, fresh.uuid, directory, segment, batch));
    directory = fresh.uuid;
  }
  return directory;
}

}  // namespace keyturn
