#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <filesystem>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "base/failpoint.h"
#include "base/status_macros.h"
#include "storage/file_system.h"

namespace keyturn {
namespace {

absl::Status ErrnoStatus(absl::string_view what, const std::string& path, int error) {
  const std::string message =
      absl::StrCat(what, " ", path, ": ", std::generic_category().message(error));
  if (error == ENOENT) return absl::NotFoundError(message);
  if (error == ENOSPC || error == EDQUOT) return absl::ResourceExhaustedError(message);
  return absl::UnavailableError(message);
}

class PosixWritableFile : public WritableFile {
 public:
  PosixWritableFile(int fd, std::string path, uint64_t size)
      : fd_(fd), path_(std::move(path)), size_(size) {}
  ~PosixWritableFile() override {
    if (fd_ >= 0) close(fd_);
  }

  absl::Status Append(absl::string_view bytes) override {
    while (!bytes.empty()) {
      const ssize_t written = write(fd_, bytes.data(), bytes.size());
      if (written < 0) {
        if (errno == EINTR) continue;
        return ErrnoStatus("cannot write", path_, errno);
      }
      size_ += static_cast<uint64_t>(written);
      bytes.remove_prefix(static_cast<size_t>(written));
    }
    return absl::OkStatus();
  }

  absl::Status Sync() override {
    if (fdatasync(fd_) != 0) return ErrnoStatus("cannot sync", path_, errno);
    return absl::OkStatus();
  }

  absl::Status Close() override {
    const int fd = std::exchange(fd_, -1);
    if (fd >= 0 && close(fd) != 0) return ErrnoStatus("cannot close", path_, errno);
    return absl::OkStatus();
  }

  uint64_t size() const override { return size_; }

 private:
  int fd_;
  const std::string path_;
  uint64_t size_;
};

class PosixFileSystem : public FileSystem {
 public:
  absl::StatusOr<std::unique_ptr<WritableFile>> OpenForAppend(const std::string& path,
                                                              uint32_t mode) override {
    return OpenFile(path, O_WRONLY | O_CREAT | O_APPEND, mode);
  }

  absl::StatusOr<std::unique_ptr<WritableFile>> Create(const std::string& path,
                                                       uint32_t mode) override {
    return OpenFile(path, O_WRONLY | O_CREAT | O_TRUNC, mode);
  }

  absl::StatusOr<std::string> Read(const std::string& path) override {
    ASSIGN_OR_RETURN(const uint64_t size, FileSize(path));
    return ReadAt(path, 0, size);
  }

  absl::StatusOr<std::string> ReadAt(const std::string& path, uint64_t offset,
                                     size_t size) override {
    const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0) return ErrnoStatus("cannot open", path, errno);
    const absl::Cleanup closer = [fd] { close(fd); };
    std::string out(size, '\0');
    size_t done = 0;
    while (done < size) {
      const ssize_t got =
          pread(fd, out.data() + done, size - done, static_cast<off_t>(offset + done));
      if (got < 0) {
        if (errno == EINTR) continue;
        return ErrnoStatus("cannot read", path, errno);
      }
      if (got == 0) break;
      done += static_cast<size_t>(got);
    }
    out.resize(done);
    return out;
  }

  absl::StatusOr<uint64_t> FileSize(const std::string& path) override {
    struct stat info {};
    if (stat(path.c_str(), &info) != 0) return ErrnoStatus("cannot open", path, errno);
    return static_cast<uint64_t>(info.st_size);
  }

  absl::Status Truncate(const std::string& path, uint64_t size) override {
    return Check(truncate(path.c_str(), static_cast<off_t>(size)), "cannot truncate", path);
  }

  absl::Status Rename(const std::string& from, const std::string& to) override {
    return Check(rename(from.c_str(), to.c_str()), "cannot rename", from);
  }

  absl::Status Remove(const std::string& path) override {
    return Check(unlink(path.c_str()), "cannot remove", path);
  }

  absl::Status SyncDirectory(const std::string& path) override {
    const int fd = open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return ErrnoStatus("cannot open", path, errno);
    const absl::Cleanup closer = [fd] { close(fd); };
    return Check(fsync(fd), "cannot sync", path);
  }

  absl::Status CreateDirectory(const std::string& path, uint32_t mode) override {
    const std::filesystem::path parent = std::filesystem::path(path).parent_path();
    if (!parent.empty() && !Exists(parent.string())) {
      RETURN_IF_ERROR(CreateDirectory(parent.string(), mode));
    }
    if (mkdir(path.c_str(), mode) == 0) return absl::OkStatus();
    const int error = errno;
    if (error == EEXIST && std::filesystem::is_directory(path)) return absl::OkStatus();
    return ErrnoStatus("cannot make directory", path, error);
  }

  absl::StatusOr<std::vector<std::string>> List(const std::string& directory) override {
    DIR* const dir = opendir(directory.c_str());
    if (dir == nullptr) return ErrnoStatus("cannot open", directory, errno);
    const absl::Cleanup closer = [dir] { closedir(dir); };
    std::vector<std::string> names;
    // The stream is this call's own.
    while (const dirent* entry = readdir(dir)) {  // NOLINT(concurrency-mt-unsafe)
      const std::string name = entry->d_name;
      if (name != "." && name != "..") names.push_back(name);
    }
    std::sort(names.begin(), names.end());
    return names;
  }

  bool Exists(const std::string& path) override { return access(path.c_str(), F_OK) == 0; }

 private:
  static absl::Status Check(int result, absl::string_view what, const std::string& path) {
    return result == 0 ? absl::OkStatus() : ErrnoStatus(what, path, errno);
  }

  static absl::StatusOr<std::unique_ptr<WritableFile>> OpenFile(const std::string& path, int flags,
                                                                uint32_t mode) {
    const int fd = open(path.c_str(), flags | O_CLOEXEC | O_NOFOLLOW, mode);
    if (fd < 0) return ErrnoStatus("cannot open", path, errno);
    struct stat info {};
    if (fstat(fd, &info) != 0) {
      const int error = errno;
      close(fd);
      return ErrnoStatus("cannot open", path, error);
    }
    return std::make_unique<PosixWritableFile>(fd, path, static_cast<uint64_t>(info.st_size));
  }
};

}  // namespace

FileSystem& FileSystem::Posix() {
  static PosixFileSystem* const files = new PosixFileSystem;
  return *files;
}

absl::Status WriteFileAtomically(FileSystem& files, const std::string& path,
                                 absl::string_view bytes, uint32_t mode) {
  const std::string fresh = path + ".new";
  ASSIGN_OR_RETURN(const std::unique_ptr<WritableFile> file, files.Create(fresh, mode));
  RETURN_IF_ERROR(file->Append(bytes));
  KEYTURN_FAILPOINT("storage/file-written");
  RETURN_IF_ERROR(file->Sync());
  RETURN_IF_ERROR(file->Close());
  KEYTURN_FAILPOINT("storage/file-synced");
  RETURN_IF_ERROR(files.Rename(fresh, path));
  KEYTURN_FAILPOINT("storage/file-renamed");
  const std::string parent = std::filesystem::path(path).parent_path().string();
  RETURN_IF_ERROR(files.SyncDirectory(parent.empty() ? "." : parent));
  KEYTURN_FAILPOINT("storage/file-durable");
  return absl::OkStatus();
}

}  // namespace keyturn
