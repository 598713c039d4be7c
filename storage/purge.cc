#include "storage/purge.h"

#include <rocksdb/options.h>

#include <algorithm>
#include <bitset>
#include <cstring>
#include <memory>
#include <set>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/failpoint.h"
#include "base/reason.h"
#include "base/status_macros.h"

namespace keyturn {
namespace {

constexpr size_t kGroup = 16;
constexpr size_t kReadBytes = 1 << 20;

// Groups of 16 bytes, found in passing over a text once.
class GroupFinder {
 public:
  explicit GroupFinder(absl::Span<const std::string> needles) {
    for (const std::string& needle : needles) {
      for (size_t at = 0; at + kGroup <= needle.size(); at += kGroup) {
        groups_.insert(needle.substr(at, kGroup));
        begins_.set(Begin(needle.data() + at));
      }
    }
  }
  bool FoundIn(absl::string_view text) const {
    for (size_t at = 0; at + kGroup <= text.size(); ++at) {
      if (begins_.test(Begin(text.data() + at)) &&
          groups_.contains(std::string(text.substr(at, kGroup)))) {
        return true;
      }
    }
    return false;
  }

 private:
  static uint16_t Begin(const char* bytes) {
    uint16_t begin = 0;
    std::memcpy(&begin, bytes, sizeof(begin));
    return begin;
  }

  std::bitset<1 << 16> begins_;  // first two bytes of the groups: most places end here
  absl::flat_hash_set<std::string> groups_;
};

// nullptr for what is no file, or is gone: removing it is what the search is there to see.
absl::StatusOr<std::unique_ptr<rocksdb::SequentialFile>> OpenIfThere(rocksdb::Env& env,
                                                                     const std::string& path) {
  bool directory = false;
  if (env.IsDirectory(path, &directory).ok() && directory) return nullptr;
  std::unique_ptr<rocksdb::SequentialFile> file;
  const rocksdb::Status opened = env.NewSequentialFile(path, &file, rocksdb::EnvOptions());
  if (opened.ok()) return file;
  // The file system in memory has it, holding nothing, and lets nobody read it.
  if (opened.IsInvalidArgument() && absl::EndsWith(path, "/LOCK")) return nullptr;
  if (env.FileExists(path).IsNotFound()) return nullptr;
  return FromRocks(opened);
}

// Readers keep what they may still read: the compaction leaves records that an older snapshot
// shows, and the tables that it replaces stay while a scan has them open.
absl::Status OldStateRead() {
  return WithReason(absl::FailedPreconditionError(
                        "a verification or a listing reads an older state of the store, which "
                        "keeps what was deleted; try again when it has ended"),
                    "OLD_STATE_READ");
}

bool AnOlderSnapshotIsHeld(rocksdb::DB& db) {
  const rocksdb::SequenceNumber now = db.GetLatestSequenceNumber();
  uint64_t held = 0, oldest = 0;
  db.GetIntProperty(rocksdb::DB::Properties::kNumSnapshots, &held);
  db.GetIntProperty(rocksdb::DB::Properties::kOldestSnapshotSequence, &oldest);
  return held > 0 && oldest < now;
}

std::set<std::string> Tables(const RocksDb& db) {
  std::set<std::string> names;
  for (const rocksdb::LiveFileMetaData& table : db.LiveTables())
    names.insert(table.db_path + table.name);
  return names;
}

bool AReplacedTableIsLeft(const RocksDb& db, const std::set<std::string>& before) {
  const std::set<std::string> live = Tables(db);
  return std::any_of(before.begin(), before.end(), [&](const std::string& path) {
    return live.count(path) == 0 && db.db().GetEnv()->FileExists(path).ok();
  });
}

}  // namespace

absl::Status PurgeFamily(const RocksDb& db, Family family) {
  std::vector<rocksdb::ColumnFamilyHandle*> all;
  for (size_t i = 0; i < kFamilies; ++i) all.push_back(db.family(static_cast<Family>(i)));
  RETURN_IF_ERROR(FromRocks(db.db().Flush(rocksdb::FlushOptions(), all)));
  KEYTURN_FAILPOINT("storage/purge-flushed");
  const bool held = AnOlderSnapshotIsHeld(db.db());
  const std::set<std::string> before = Tables(db);
  rocksdb::CompactRangeOptions compact;
  compact.bottommost_level_compaction = rocksdb::BottommostLevelCompaction::kForce;
  compact.exclusive_manual_compaction = false;
  RETURN_IF_ERROR(FromRocks(db.db().CompactRange(compact, db.family(family), nullptr, nullptr)));
  KEYTURN_FAILPOINT("storage/purge-compacted");
  // Removes what nothing needs any more before it returns; otherwise a background thread does,
  // some time.
  RETURN_IF_ERROR(FromRocks(db.db().DisableFileDeletions()));
  RETURN_IF_ERROR(FromRocks(db.db().EnableFileDeletions(/*force=*/true)));
  KEYTURN_FAILPOINT("storage/purge-cleared");
  return held || AReplacedTableIsLeft(db, before) ? OldStateRead() : absl::OkStatus();
}

absl::StatusOr<FileSearch> SearchStoreFiles(const RocksDb& db,
                                            absl::Span<const std::string> needles,
                                            ProgressFn progress) {
  const GroupFinder finder(needles);
  rocksdb::Env& env = *db.db().GetEnv();
  std::vector<std::string> names;
  RETURN_IF_ERROR(FromRocks(env.GetChildren(db.db().GetName(), &names)));
  FileSearch search;
  std::string buffer(kReadBytes, '\0');
  for (const std::string& name : names) {
    ASSIGN_OR_RETURN(const auto file, OpenIfThere(env, absl::StrCat(db.db().GetName(), "/", name)));
    if (file == nullptr) continue;
    ++search.files;
    std::string text;  // what was read, behind the end of what was read before
    bool found = false;
    while (true) {
      rocksdb::Slice got;
      RETURN_IF_ERROR(FromRocks(file->Read(buffer.size(), &got, buffer.data())));
      if (got.empty()) break;
      search.bytes += got.size();
      text.append(got.data(), got.size());
      found = found || finder.FoundIn(text);
      text.erase(0, text.size() - std::min(text.size(), kGroup - 1));
      RETURN_IF_ERROR(progress(search.bytes, 0));
    }
    if (found) search.found.push_back(name);
  }
  return search;
}

}  // namespace keyturn
