// Files outside the store (seal, keyring, audit segments, certificates), behind an interface so
// that fault tests can drop unsynced bytes, tear the last write and fail any operation, and so that
// dev mode never touches a disk. Errors are UNAVAILABLE with the path and the system's reason,
// NOT_FOUND when the file is absent, RESOURCE_EXHAUSTED for a full disk. Thread-safe, except a
// WritableFile, which has one user.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace keyturn {

class WritableFile {
 public:
  virtual ~WritableFile() = default;
  // One write(2), continued if it was short. After an error the file must not be appended to again:
  // its end is unknown until it is reopened.
  virtual absl::Status Append(absl::string_view bytes) = 0;
  // fdatasync. After an error the file's unsynced bytes must be taken as lost.
  virtual absl::Status Sync() = 0;
  virtual absl::Status Close() = 0;
  // Bytes, including what was there when it was opened.
  virtual uint64_t size() const = 0;
};

class FileSystem {
 public:
  virtual ~FileSystem() = default;

  // Opens for appending, creating it with `mode` if absent.
  virtual absl::StatusOr<std::unique_ptr<WritableFile>> OpenForAppend(const std::string& path,
                                                                      uint32_t mode) = 0;
  // Creates or empties.
  virtual absl::StatusOr<std::unique_ptr<WritableFile>> Create(const std::string& path,
                                                               uint32_t mode) = 0;
  virtual absl::StatusOr<std::string> Read(const std::string& path) = 0;
  // At most `size` bytes from `offset`; shorter at the end of the file.
  virtual absl::StatusOr<std::string> ReadAt(const std::string& path, uint64_t offset,
                                             size_t size) = 0;
  virtual absl::StatusOr<uint64_t> FileSize(const std::string& path) = 0;
  virtual absl::Status Truncate(const std::string& path, uint64_t size) = 0;
  virtual absl::Status Rename(const std::string& from, const std::string& to) = 0;
  virtual absl::Status Remove(const std::string& path) = 0;
  // fsync of the directory, which makes creations and renames in it durable.
  virtual absl::Status SyncDirectory(const std::string& path) = 0;
  // Parents too. An existing directory is fine.
  virtual absl::Status CreateDirectory(const std::string& path, uint32_t mode) = 0;
  // Names, not paths, sorted.
  virtual absl::StatusOr<std::vector<std::string>> List(const std::string& directory) = 0;
  virtual bool Exists(const std::string& path) = 0;

  // The machine's. Lives as long as the process.
  static FileSystem& Posix();
};

// A file system that lives in memory, empty at the start.
std::unique_ptr<FileSystem> NewMemoryFileSystem();

// Replaces `path` so that a reader sees the old bytes or the new, never a mixture, and the new are
// durable on return: write to "<path>.new", sync, rename, sync the directory.
absl::Status WriteFileAtomically(FileSystem& files, const std::string& path,
                                 absl::string_view bytes, uint32_t mode);

}  // namespace keyturn
