#include <map>
#include <set>

#include "absl/base/thread_annotations.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "storage/file_system.h"

namespace keyturn {
namespace {

// Contents shared between the file system and open files, so that a renamed or removed file can
// still be written to, as on a disk.
struct Contents {
  absl::Mutex mu;
  std::string bytes ABSL_GUARDED_BY(mu);
};

class MemoryFile : public WritableFile {
 public:
  explicit MemoryFile(std::shared_ptr<Contents> contents) : contents_(std::move(contents)) {}

  absl::Status Append(absl::string_view bytes) override {
    const absl::MutexLock lock(&contents_->mu);
    contents_->bytes.append(bytes.data(), bytes.size());
    return absl::OkStatus();
  }
  absl::Status Sync() override { return absl::OkStatus(); }
  absl::Status Close() override { return absl::OkStatus(); }
  uint64_t size() const override {
    const absl::MutexLock lock(&contents_->mu);
    return contents_->bytes.size();
  }

 private:
  const std::shared_ptr<Contents> contents_;
};

class MemoryFileSystem : public FileSystem {
 public:
  absl::StatusOr<std::unique_ptr<WritableFile>> OpenForAppend(const std::string& path,
                                                              uint32_t) override {
    const absl::MutexLock lock(&mu_);
    std::shared_ptr<Contents>& contents = files_[path];
    if (contents == nullptr) contents = std::make_shared<Contents>();
    return std::make_unique<MemoryFile>(contents);
  }

  absl::StatusOr<std::unique_ptr<WritableFile>> Create(const std::string& path, uint32_t) override {
    const absl::MutexLock lock(&mu_);
    files_[path] = std::make_shared<Contents>();
    return std::make_unique<MemoryFile>(files_[path]);
  }

  absl::StatusOr<std::string> Read(const std::string& path) override {
    return ReadAt(path, 0, std::string::npos);
  }

  absl::StatusOr<std::string> ReadAt(const std::string& path, uint64_t offset,
                                     size_t size) override {
    const std::shared_ptr<Contents> contents = Find(path);
    if (contents == nullptr) return Absent(path);
    const absl::MutexLock lock(&contents->mu);
    if (offset >= contents->bytes.size()) return std::string();
    return contents->bytes.substr(offset, size);
  }

  absl::StatusOr<uint64_t> FileSize(const std::string& path) override {
    const std::shared_ptr<Contents> contents = Find(path);
    if (contents == nullptr) return Absent(path);
    const absl::MutexLock lock(&contents->mu);
    return contents->bytes.size();
  }

  absl::Status Truncate(const std::string& path, uint64_t size) override {
    const std::shared_ptr<Contents> contents = Find(path);
    if (contents == nullptr) return Absent(path);
    const absl::MutexLock lock(&contents->mu);
    contents->bytes.resize(size);
    return absl::OkStatus();
  }

  absl::Status Rename(const std::string& from, const std::string& to) override {
    const absl::MutexLock lock(&mu_);
    const auto it = files_.find(from);
    if (it == files_.end()) return Absent(from);
    if (from == to) return absl::OkStatus();
    files_[to] = it->second;
    files_.erase(from);
    return absl::OkStatus();
  }

  absl::Status Remove(const std::string& path) override {
    const absl::MutexLock lock(&mu_);
    return files_.erase(path) == 1 ? absl::OkStatus() : Absent(path);
  }

  absl::Status SyncDirectory(const std::string&) override { return absl::OkStatus(); }

  absl::Status CreateDirectory(const std::string& path, uint32_t) override {
    const absl::MutexLock lock(&mu_);
    directories_.insert(path);
    return absl::OkStatus();
  }

  absl::StatusOr<std::vector<std::string>> List(const std::string& directory) override {
    const absl::MutexLock lock(&mu_);
    const std::string prefix = directory + "/";
    std::vector<std::string> names;
    for (auto it = files_.lower_bound(prefix);
         it != files_.end() && absl::StartsWith(it->first, prefix); ++it) {
      const std::string name = it->first.substr(prefix.size());
      if (name.find('/') == std::string::npos) names.push_back(name);
    }
    if (names.empty() && directories_.count(directory) == 0) return Absent(directory);
    return names;
  }

  bool Exists(const std::string& path) override {
    const absl::MutexLock lock(&mu_);
    return files_.count(path) != 0 || directories_.count(path) != 0;
  }

 private:
  static absl::Status Absent(const std::string& path) {
    return absl::NotFoundError(absl::StrCat("cannot open ", path, ": no such file or directory"));
  }

  std::shared_ptr<Contents> Find(const std::string& path) {
    const absl::MutexLock lock(&mu_);
    const auto it = files_.find(path);
    return it == files_.end() ? nullptr : it->second;
  }

  absl::Mutex mu_;
  std::map<std::string, std::shared_ptr<Contents>> files_ ABSL_GUARDED_BY(mu_);
  std::set<std::string> directories_ ABSL_GUARDED_BY(mu_);
};

}  // namespace

std::unique_ptr<FileSystem> NewMemoryFileSystem() { return std::make_unique<MemoryFileSystem>(); }

}  // namespace keyturn
