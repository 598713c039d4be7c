#include "vault/walker.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/limits.h"
#include "base/status_macros.h"
#include "storage/schema.h"

namespace keyturn {
namespace {

// Opened at once where a directory is walked in key order.
constexpr size_t kKeyOrderChunk = 1024;

// Opens the entries of the directory with this prefix, from the key `begin` on, until `fn` returns
// false.
absl::Status ScanEntries(const KeyringSnapshot& keys, const Snapshot& snapshot,
                         const std::string& prefix, const std::string& begin,
                         absl::FunctionRef<bool(const std::string& key, Entry entry)> fn) {
  absl::Status bad;
  RETURN_IF_ERROR(snapshot.Scan(Family::kIndex, begin, schema::PrefixEnd(prefix),
                                [&](absl::string_view key, absl::string_view sealed) {
                                  absl::StatusOr<Entry> entry = OpenEntry(keys, key, sealed);
                                  if (entry.ok()) return fn(std::string(key), *std::move(entry));
                                  bad = entry.status();
                                  return false;
                                }));
  return bad;
}

// One directory's entries with their keys, after a position, in walking order; a bounded number at
// a time when in key order.
class DirectoryReader {
 public:
  struct Item {
    std::string key;
    Entry entry;
  };

  DirectoryReader(const KeyringSnapshot& keys, const Snapshot& snapshot, const Uuid& directory)
      : keys_(keys),
        snapshot_(snapshot),
        directory_(directory),
        prefix_(DirectoryPrefix(keys, directory)) {}

  // `after` may be nullptr: from the start.
  absl::Status Load(const WalkPosition::Level* after, std::vector<Item>* items, bool* by_key) {
    *by_key = after != nullptr && after->by_key;
    if (!*by_key) {
      RETURN_IF_ERROR(Scan(prefix_, limits::kListSortedMax + 1, items));
      if (items->size() <= limits::kListSortedMax) {
        SortAfter(after, items);
        return absl::OkStatus();
      }
      *by_key = true;
      // Started by name, grown since: names up to the last one may come again rather than be lost.
      if (after != nullptr) after = nullptr;
    }
    items->clear();
    std::string begin = prefix_;
    if (after != nullptr) begin = KeyOf(after->name) + '\0';
    return Scan(begin, kKeyOrderChunk, items);
  }

 private:
  std::string KeyOf(absl::string_view display) const {
    const bool directory = absl::ConsumeSuffix(&display, "/");
    return EntryKey(keys_, directory_, display, directory);
  }

  absl::Status Scan(const std::string& begin, size_t limit, std::vector<Item>* items) {
    return ScanEntries(keys_, snapshot_, prefix_, begin, [&](const std::string& key, Entry entry) {
      items->push_back({key, std::move(entry)});
      return items->size() < limit;
    });
  }

  static void SortAfter(const WalkPosition::Level* after, std::vector<Item>* items) {
    std::sort(items->begin(), items->end(),
              [](const Item& a, const Item& b) { return a.entry.Display() < b.entry.Display(); });
    if (after == nullptr) return;
    const auto from = std::upper_bound(
        items->begin(), items->end(), after->name,
        [](const std::string& name, const Item& item) { return name < item.entry.Display(); });
    items->erase(items->begin(), from);
  }

  const KeyringSnapshot& keys_;
  const Snapshot& snapshot_;
  const Uuid directory_;
  const std::string prefix_;
};

class WalkRun {
 public:
  WalkRun(const KeyringSnapshot& keys, const Snapshot& snapshot, WalkPosition* position, WalkFn fn)
      : keys_(keys), snapshot_(snapshot), position_(*position), start_(*position), fn_(fn) {}

  // Returns whether the directory was walked to its end.
  absl::StatusOr<bool> Directory(const Uuid& directory, const std::string& prefix, size_t depth,
                                 bool resuming) {
    if (resuming && depth + 1 < start_.levels.size()) {
      ASSIGN_OR_RETURN(const bool done, ResumeBelow(directory, prefix, depth));
      if (!done) return false;
    }
    const bool has_start =
        resuming && depth < start_.levels.size() && !start_.levels[depth].name.empty();
    WalkPosition::Level after;
    if (has_start) after = start_.levels[depth];
    bool from_start = !has_start;
    while (true) {
      std::vector<DirectoryReader::Item> items;
      bool by_key = false;
      RETURN_IF_ERROR(DirectoryReader(keys_, snapshot_, directory)
                          .Load(from_start ? nullptr : &after, &items, &by_key));
      for (const DirectoryReader::Item& item : items) {
        ASSIGN_OR_RETURN(const bool go_on, Visit(item.entry, prefix, depth, by_key));
        if (!go_on) return false;
      }
      // In name order one load has all; in key order there may be more.
      if (!by_key || items.empty()) return true;
      after = {items.back().entry.Display(), true};
      from_start = false;
    }
  }

 private:
  // The last page ended inside one of this directory's directories.
  absl::StatusOr<bool> ResumeBelow(const Uuid& directory, const std::string& prefix, size_t depth) {
    absl::string_view name = start_.levels[depth].name;
    if (!absl::ConsumeSuffix(&name, "/")) return true;
    ASSIGN_OR_RETURN(const std::optional<Entry> entry,
                     ReadEntry(keys_, snapshot_, directory, name, true));
    if (!entry.has_value()) return true;  // gone since: go on behind its name
    return Directory(entry->uuid, absl::StrCat(prefix, name, "/"), depth + 1, true);
  }

  absl::StatusOr<bool> Visit(const Entry& entry, const std::string& prefix, size_t depth,
                             bool by_key) {
    if (++scanned_ > limits::kListScanMax) return false;
    const std::string relative = prefix + entry.Display();
    ASSIGN_OR_RETURN(const WalkStep step, fn_(entry, relative));
    if (step == WalkStep::kStop) return false;
    position_.levels.resize(depth);
    position_.levels.push_back({entry.Display(), by_key});
    if (step == WalkStep::kOver || !entry.directory) return true;
    // No path leads deeper, and a damaged tree may be a circle.
    if (depth + 1 >= limits::kPathSegmentsMax) return true;
    // Inside, before its first entry: a walk that stops here goes on inside.
    position_.levels.push_back({"", false});
    return Directory(entry.uuid, relative, depth + 1, false);
  }

  const KeyringSnapshot& keys_;
  const Snapshot& snapshot_;
  WalkPosition& position_;
  const WalkPosition start_;
  const WalkFn fn_;
  size_t scanned_ = 0;
};

}  // namespace

absl::StatusOr<bool> Walk(const KeyringSnapshot& keys, const Snapshot& snapshot, const Uuid& top,
                          WalkPosition* position, WalkFn fn) {
  return WalkRun(keys, snapshot, position, fn).Directory(top, "", 0, true);
}

absl::StatusOr<bool> HasSecrets(const KeyringSnapshot& keys, const Snapshot& snapshot,
                                const Uuid& directory, size_t* budget) {
  bool found = false;
  std::vector<Uuid> rest = {directory};
  while (!rest.empty() && !found) {
    if (*budget == 0) return true;
    --*budget;
    const std::string prefix = DirectoryPrefix(keys, rest.back());
    rest.pop_back();
    RETURN_IF_ERROR(
        ScanEntries(keys, snapshot, prefix, prefix, [&](const std::string&, const Entry& entry) {
          found = !entry.directory || rest.size() >= *budget;
          if (!found) rest.push_back(entry.uuid);
          return !found;
        }));
  }
  return found;
}

absl::StatusOr<TreeSize> Measure(const KeyringSnapshot& keys, const Snapshot& snapshot,
                                 const Uuid& top, size_t limit) {
  struct Level {
    Uuid directory;
    size_t depth;
    size_t bytes;
  };
  TreeSize size;
  std::vector<Level> rest = {{top, 0, 0}};
  while (!rest.empty() && size.entries <= limit) {
    const Level level = rest.back();
    rest.pop_back();
    const std::string prefix = DirectoryPrefix(keys, level.directory);
    RETURN_IF_ERROR(
        ScanEntries(keys, snapshot, prefix, prefix, [&](const std::string&, const Entry& entry) {
          const Level below = {entry.uuid, level.depth + 1, level.bytes + 1 + entry.name.size()};
          size.segments = std::max(size.segments, below.depth);
          size.bytes = std::max(size.bytes, below.bytes);
          // Deeper than a path can be: damaged, and perhaps a circle.
          if (entry.directory && below.depth <= limits::kPathSegmentsMax) rest.push_back(below);
          return ++size.entries <= limit;
        }));
  }
  return size;
}

}  // namespace keyturn
