#include "keyring/key_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <system_error>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "base/failpoint.h"
#include "base/status_macros.h"
#include "crypto/random.h"
#include "storage/file_system.h"

namespace keyturn {
namespace {

std::string Reason(int error) { return std::generic_category().message(error); }

absl::Status CheckFile(const std::string& path, int fd) {
  struct stat info {};
  if (fstat(fd, &info) != 0) {
    return absl::UnavailableError(absl::StrCat("key file ", path, ": ", Reason(errno)));
  }
  if (!S_ISREG(info.st_mode)) {
    return absl::FailedPreconditionError(absl::StrCat("key file ", path, ": must be a file"));
  }
  if (info.st_uid != geteuid()) {
    return absl::FailedPreconditionError(
        absl::StrCat("key file ", path, ": belongs to user ", info.st_uid,
                     "; it must belong to the user that runs keyturnd (", geteuid(), ")"));
  }
  if ((info.st_mode & 077) != 0) {
    return absl::FailedPreconditionError(
        absl::StrCat("key file ", path, ": others may read or write it; run: chmod 0400 ", path));
  }
  if (info.st_size != static_cast<off_t>(kKeyFileBytes)) {
    return absl::FailedPreconditionError(absl::StrCat("key file ", path, ": has ", info.st_size,
                                                      " bytes; it must have ", kKeyFileBytes));
  }
  return absl::OkStatus();
}

absl::Status SyncParent(const std::string& path) {
  const std::string parent = std::filesystem::path(path).parent_path().string();
  return FileSystem::Posix().SyncDirectory(parent.empty() ? "." : parent);
}

}  // namespace

absl::StatusOr<SecretBytes> ReadKeyFile(const std::string& path) {
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
  if (fd < 0) {
    const int error = errno;
    if (error == ENOENT) return absl::NotFoundError(absl::StrCat("no key file at ", path));
    if (error == ELOOP) {
      return absl::FailedPreconditionError(
          absl::StrCat("key file ", path, ": is a symbolic link; name the file itself"));
    }
    return absl::UnavailableError(absl::StrCat("key file ", path, ": ", Reason(error)));
  }
  const absl::Cleanup closer = [fd] { close(fd); };
  RETURN_IF_ERROR(CheckFile(path, fd));
  ASSIGN_OR_RETURN(SecretBytes key, SecretBytes::Allocate(kKeyFileBytes));
  if (read(fd, key.Mutable().data(), key.size()) != static_cast<ssize_t>(key.size())) {
    return absl::UnavailableError(absl::StrCat("key file ", path, ": cannot be read whole"));
  }
  return key;
}

absl::StatusOr<SecretBytes> CreateKeyFile(const std::string& path) {
  const auto failed = [&path](int error) {
    const std::string message = absl::StrCat("cannot make key file ", path, ": ", Reason(error));
    return error == EEXIST ? absl::AlreadyExistsError(message) : absl::UnavailableError(message);
  };
  // Under a name of its own until it is whole, so that a crash leaves no key file that is refused.
  const std::string fresh = path + ".new";
  unlink(fresh.c_str());
  const int fd = open(fresh.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0400);
  if (fd < 0) return failed(errno);
  const absl::Cleanup closer = [fd, &fresh] {
    close(fd);
    unlink(fresh.c_str());
  };
  ASSIGN_OR_RETURN(SecretBytes key, RandomSecret(kKeyFileBytes));
  const absl::string_view bytes = key.ExposeForCrypto();
  const ssize_t written = write(fd, bytes.data(), bytes.size());
  if (written < 0) return failed(errno);
  if (written != static_cast<ssize_t>(bytes.size())) return failed(ENOSPC);
  if (fsync(fd) != 0) return failed(errno);
  KEYTURN_FAILPOINT("keyring/key-file-written");
  // Unlike a rename, a link replaces nothing.
  if (link(fresh.c_str(), path.c_str()) != 0) return failed(errno);
  KEYTURN_FAILPOINT("keyring/key-file-linked");
  RETURN_IF_ERROR(SyncParent(path));
  return key;
}

std::string NextKeyFile(const std::string& path) { return path + ".next"; }

absl::Status PromoteNextKeyFile(const std::string& path) {
  if (rename(NextKeyFile(path).c_str(), path.c_str()) != 0) {
    if (errno == ENOENT) return absl::OkStatus();
    return absl::UnavailableError(
        absl::StrCat("key file ", NextKeyFile(path), " cannot take its name: ", Reason(errno)));
  }
  KEYTURN_FAILPOINT("keyring/key-file-promoted");
  return SyncParent(path);
}

void RemoveNextKeyFile(const std::string& path) { unlink(NextKeyFile(path).c_str()); }

}  // namespace keyturn
