#include "tests/support/fault_env.h"

#include <rocksdb/file_system.h>

#include <cstring>

namespace keyturn {
namespace {

using rocksdb::FileOptions;
using rocksdb::IODebugContext;
using rocksdb::IOOptions;
using rocksdb::IOStatus;
using OpenMode = FaultDisk::OpenMode;

IOStatus ToRocks(const absl::Status& status) {
  if (status.ok()) return IOStatus::OK();
  const std::string message(status.message());
  // As RocksDB's own POSIX file system says it for ENOENT.
  if (absl::IsNotFound(status)) return IOStatus::PathNotFound(message);
  if (absl::IsResourceExhausted(status)) return IOStatus::NoSpace(message);
  return IOStatus::IOError(message);
}

IOStatus CopyOut(const absl::StatusOr<std::string>& bytes, rocksdb::Slice* result, char* scratch) {
  if (!bytes.ok()) return ToRocks(bytes.status());
  std::memcpy(scratch, bytes->data(), bytes->size());
  *result = rocksdb::Slice(scratch, bytes->size());
  return IOStatus::OK();
}

class FaultSequentialFile : public rocksdb::FSSequentialFile {
 public:
  FaultSequentialFile(FaultDisk& disk, FaultDisk::Handle handle)
      : disk_(disk), handle_(std::move(handle)) {}

  IOStatus Read(size_t n, const IOOptions&, rocksdb::Slice* result, char* scratch,
                IODebugContext*) override {
    const IOStatus status = CopyOut(disk_.ReadAt(handle_, offset_, n), result, scratch);
    if (status.ok()) offset_ += result->size();
    return status;
  }
  IOStatus Skip(uint64_t n) override {
    offset_ += n;
    return IOStatus::OK();
  }

 private:
  FaultDisk& disk_;
  const FaultDisk::Handle handle_;
  uint64_t offset_ = 0;
};

class FaultRandomAccessFile : public rocksdb::FSRandomAccessFile {
 public:
  FaultRandomAccessFile(FaultDisk& disk, FaultDisk::Handle handle)
      : disk_(disk), handle_(std::move(handle)) {}

  IOStatus Read(uint64_t offset, size_t n, const IOOptions&, rocksdb::Slice* result, char* scratch,
                IODebugContext*) const override {
    return CopyOut(disk_.ReadAt(handle_, offset, n), result, scratch);
  }

 private:
  FaultDisk& disk_;
  const FaultDisk::Handle handle_;
};

class FaultWritableFile : public rocksdb::FSWritableFile {
 public:
  FaultWritableFile(FaultDisk& disk, FaultDisk::Handle handle)
      : disk_(disk), handle_(std::move(handle)) {}

  using FSWritableFile::Append;
  IOStatus Append(const rocksdb::Slice& data, const IOOptions&, IODebugContext*) override {
    return ToRocks(disk_.Append(handle_, absl::string_view(data.data(), data.size())));
  }
  IOStatus Close(const IOOptions&, IODebugContext*) override { return IOStatus::OK(); }
  IOStatus Flush(const IOOptions&, IODebugContext*) override { return IOStatus::OK(); }
  IOStatus Sync(const IOOptions&, IODebugContext*) override { return ToRocks(disk_.Sync(handle_)); }
  bool IsSyncThreadSafe() const override { return true; }
  uint64_t GetFileSize(const IOOptions&, IODebugContext*) override {
    return disk_.Size(handle_).value_or(0);
  }

 private:
  FaultDisk& disk_;
  const FaultDisk::Handle handle_;
};

class FaultDirectory : public rocksdb::FSDirectory {
 public:
  FaultDirectory(FaultDisk& disk, std::string path) : disk_(disk), path_(std::move(path)) {}

  IOStatus Fsync(const IOOptions&, IODebugContext*) override {
    return ToRocks(disk_.SyncDirectory(path_));
  }
  IOStatus Close(const IOOptions&, IODebugContext*) override { return IOStatus::OK(); }

 private:
  FaultDisk& disk_;
  const std::string path_;
};

class FaultLock : public rocksdb::FileLock {
 public:
  explicit FaultLock(std::string path) : path(std::move(path)) {}
  const std::string path;
};

// RocksDB's own log is not under test.
class NoLogger : public rocksdb::Logger {
 public:
  using Logger::Logv;
  void Logv(const char*, va_list) override {}
  size_t GetLogFileSize() const override { return 0; }
};

// RocksDB asks for some paths with a slash at the end or two within.
std::string Clean(const std::string& path) {
  std::string out;
  for (const char c : path) {
    if (c != '/' || out.empty() || out.back() != '/') out.push_back(c);
  }
  if (out.size() > 1 && out.back() == '/') out.pop_back();
  return out;
}

// The default file system is behind it only for what touches no file (tuning of options).
class FaultRocksFileSystem : public rocksdb::FileSystemWrapper {
 public:
  explicit FaultRocksFileSystem(FaultDisk& disk)
      : FileSystemWrapper(rocksdb::FileSystem::Default()), disk_(disk) {}

  const char* Name() const override { return "KeyturnFaultFileSystem"; }

  IOStatus NewSequentialFile(const std::string& path, const FileOptions&,
                             std::unique_ptr<rocksdb::FSSequentialFile>* out,
                             IODebugContext*) override {
    return Open<FaultSequentialFile>(path, OpenMode::kRead, out);
  }
  IOStatus NewRandomAccessFile(const std::string& path, const FileOptions&,
                               std::unique_ptr<rocksdb::FSRandomAccessFile>* out,
                               IODebugContext*) override {
    return Open<FaultRandomAccessFile>(path, OpenMode::kRead, out);
  }
  IOStatus NewWritableFile(const std::string& path, const FileOptions&,
                           std::unique_ptr<rocksdb::FSWritableFile>* out,
                           IODebugContext*) override {
    return Open<FaultWritableFile>(path, OpenMode::kTruncate, out);
  }
  IOStatus ReopenWritableFile(const std::string& path, const FileOptions&,
                              std::unique_ptr<rocksdb::FSWritableFile>* out,
                              IODebugContext*) override {
    return Open<FaultWritableFile>(path, OpenMode::kAppend, out);
  }
  IOStatus ReuseWritableFile(const std::string& path, const std::string& old_path,
                             const FileOptions& options,
                             std::unique_ptr<rocksdb::FSWritableFile>* out,
                             IODebugContext* debug) override {
    const IOStatus renamed = RenameFile(old_path, path, IOOptions(), debug);
    return renamed.ok() ? NewWritableFile(path, options, out, debug) : renamed;
  }
  IOStatus NewRandomRWFile(const std::string&, const FileOptions&,
                           std::unique_ptr<rocksdb::FSRandomRWFile>*, IODebugContext*) override {
    return IOStatus::NotSupported("random writes");
  }
  IOStatus NewMemoryMappedFileBuffer(const std::string&,
                                     std::unique_ptr<rocksdb::MemoryMappedFileBuffer>*) override {
    return IOStatus::NotSupported("mapped files");
  }
  IOStatus NewDirectory(const std::string& path, const IOOptions&,
                        std::unique_ptr<rocksdb::FSDirectory>* out, IODebugContext*) override {
    *out = std::make_unique<FaultDirectory>(disk_, Clean(path));
    return IOStatus::OK();
  }

  IOStatus FileExists(const std::string& path, const IOOptions&, IODebugContext*) override {
    return disk_.Exists(Clean(path)) ? IOStatus::OK() : IOStatus::NotFound();
  }
  IOStatus GetChildren(const std::string& path, const IOOptions&, std::vector<std::string>* out,
                       IODebugContext*) override {
    absl::StatusOr<std::vector<std::string>> names = disk_.List(Clean(path));
    if (absl::IsNotFound(names.status())) return IOStatus::NotFound(path);
    if (names.ok()) *out = *std::move(names);
    return ToRocks(names.status());
  }
  IOStatus GetChildrenFileAttributes(const std::string& path, const IOOptions& options,
                                     std::vector<rocksdb::FileAttributes>* out,
                                     IODebugContext* debug) override {
    return FileSystem::GetChildrenFileAttributes(path, options, out, debug);
  }
  IOStatus DeleteFile(const std::string& path, const IOOptions&, IODebugContext*) override {
    return ToRocks(disk_.Remove(Clean(path)));
  }
  IOStatus Truncate(const std::string& path, size_t size, const IOOptions&,
                    IODebugContext*) override {
    return ToRocks(disk_.Truncate(Clean(path), size));
  }
  IOStatus CreateDir(const std::string& path, const IOOptions&, IODebugContext*) override {
    return ToRocks(disk_.MakeDirectory(Clean(path)));
  }
  IOStatus CreateDirIfMissing(const std::string& path, const IOOptions&, IODebugContext*) override {
    return ToRocks(disk_.MakeDirectory(Clean(path)));
  }
  IOStatus DeleteDir(const std::string& path, const IOOptions&, IODebugContext*) override {
    return ToRocks(disk_.RemoveDirectory(Clean(path)));
  }
  IOStatus GetFileSize(const std::string& path, const IOOptions&, uint64_t* size,
                       IODebugContext*) override {
    const absl::StatusOr<FaultDisk::Handle> handle = disk_.Open(Clean(path), OpenMode::kRead);
    if (!handle.ok()) return ToRocks(handle.status());
    *size = disk_.Size(*handle).value_or(0);
    return IOStatus::OK();
  }
  IOStatus GetFileModificationTime(const std::string&, const IOOptions&, uint64_t* time,
                                   IODebugContext*) override {
    *time = 0;
    return IOStatus::OK();
  }
  IOStatus GetAbsolutePath(const std::string& path, const IOOptions&, std::string* out,
                           IODebugContext*) override {
    *out = Clean(path);
    return IOStatus::OK();
  }
  IOStatus RenameFile(const std::string& from, const std::string& to, const IOOptions&,
                      IODebugContext*) override {
    return ToRocks(disk_.Rename(Clean(from), Clean(to)));
  }
  IOStatus LinkFile(const std::string&, const std::string&, const IOOptions&,
                    IODebugContext*) override {
    return IOStatus::NotSupported("links");
  }
  IOStatus LockFile(const std::string& path, const IOOptions&, rocksdb::FileLock** lock,
                    IODebugContext*) override {
    const absl::Status status = disk_.Lock(Clean(path));
    if (status.ok()) *lock = new FaultLock(Clean(path));
    return ToRocks(status);
  }
  IOStatus UnlockFile(rocksdb::FileLock* lock, const IOOptions&, IODebugContext*) override {
    const std::unique_ptr<FaultLock> held(static_cast<FaultLock*>(lock));
    disk_.Unlock(held->path);
    return IOStatus::OK();
  }
  IOStatus NewLogger(const std::string&, const IOOptions&, std::shared_ptr<rocksdb::Logger>* out,
                     IODebugContext*) override {
    *out = std::make_shared<NoLogger>();
    return IOStatus::OK();
  }
  IOStatus GetFreeSpace(const std::string&, const IOOptions&, uint64_t*, IODebugContext*) override {
    return IOStatus::NotSupported("free space");
  }
  IOStatus IsDirectory(const std::string& path, const IOOptions&, bool* is,
                       IODebugContext*) override {
    *is = disk_.IsDirectory(Clean(path));
    return IOStatus::OK();
  }

 private:
  template <typename File, typename Base>
  IOStatus Open(const std::string& path, OpenMode mode, std::unique_ptr<Base>* out) {
    absl::StatusOr<FaultDisk::Handle> handle = disk_.Open(Clean(path), mode);
    if (!handle.ok()) return ToRocks(handle.status());
    *out = std::make_unique<File>(disk_, *std::move(handle));
    return IOStatus::OK();
  }

  FaultDisk& disk_;
};

}  // namespace

std::unique_ptr<rocksdb::Env> NewFaultEnv(FaultDisk& disk) {
  return rocksdb::NewCompositeEnv(std::make_shared<FaultRocksFileSystem>(disk));
}

}  // namespace keyturn
