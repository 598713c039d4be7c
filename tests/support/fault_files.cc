#include "tests/support/fault_files.h"

#include "base/status_macros.h"

namespace keyturn {
namespace {

using OpenMode = FaultDisk::OpenMode;

class FaultFile : public WritableFile {
 public:
  FaultFile(FaultDisk& disk, FaultDisk::Handle handle) : disk_(disk), handle_(std::move(handle)) {}

  absl::Status Append(absl::string_view bytes) override { return disk_.Append(handle_, bytes); }
  absl::Status Sync() override { return disk_.Sync(handle_); }
  absl::Status Close() override { return absl::OkStatus(); }
  uint64_t size() const override { return disk_.Size(handle_).value_or(0); }

 private:
  FaultDisk& disk_;
  const FaultDisk::Handle handle_;
};

class FaultFileSystem : public FileSystem {
 public:
  explicit FaultFileSystem(FaultDisk& disk) : disk_(disk) {}

  absl::StatusOr<std::unique_ptr<WritableFile>> OpenForAppend(const std::string& path,
                                                              uint32_t) override {
    return Open(path, OpenMode::kAppend);
  }
  absl::StatusOr<std::unique_ptr<WritableFile>> Create(const std::string& path, uint32_t) override {
    return Open(path, OpenMode::kTruncate);
  }
  absl::StatusOr<std::string> Read(const std::string& path) override {
    return ReadAt(path, 0, std::string::npos);
  }
  absl::StatusOr<std::string> ReadAt(const std::string& path, uint64_t offset,
                                     size_t size) override {
    ASSIGN_OR_RETURN(const FaultDisk::Handle handle, disk_.Open(path, OpenMode::kRead));
    return disk_.ReadAt(handle, offset, size);
  }
  absl::StatusOr<uint64_t> FileSize(const std::string& path) override {
    ASSIGN_OR_RETURN(const FaultDisk::Handle handle, disk_.Open(path, OpenMode::kRead));
    return disk_.Size(handle);
  }
  absl::Status Truncate(const std::string& path, uint64_t size) override {
    return disk_.Truncate(path, size);
  }
  absl::Status Rename(const std::string& from, const std::string& to) override {
    return disk_.Rename(from, to);
  }
  absl::Status Remove(const std::string& path) override { return disk_.Remove(path); }
  absl::Status SyncDirectory(const std::string& path) override { return disk_.SyncDirectory(path); }
  absl::Status CreateDirectory(const std::string& path, uint32_t) override {
    return disk_.MakeDirectory(path);
  }
  absl::StatusOr<std::vector<std::string>> List(const std::string& directory) override {
    return disk_.List(directory);
  }
  bool Exists(const std::string& path) override { return disk_.Exists(path); }

 private:
  absl::StatusOr<std::unique_ptr<WritableFile>> Open(const std::string& path, OpenMode mode) {
    ASSIGN_OR_RETURN(FaultDisk::Handle handle, disk_.Open(path, mode));
    return std::make_unique<FaultFile>(disk_, std::move(handle));
  }

  FaultDisk& disk_;
};

}  // namespace

std::unique_ptr<FileSystem> NewFaultFileSystem(FaultDisk& disk) {
  return std::make_unique<FaultFileSystem>(disk);
}

}  // namespace keyturn
