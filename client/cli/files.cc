#include "client/cli/files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <system_error>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "client/cli/environment_variable.h"
#include "client/cli/exit_codes.h"

namespace keyturn::cli {
namespace {

absl::Status Failed(absl::string_view what, absl::string_view path, int error) {
  const std::string message =
      absl::StrCat("cannot ", what, " ", path, ": ", std::generic_category().message(error));
  // A file of this machine: not what exit code 3 or `doctor` are about.
  const absl::Status status =
      error == ENOENT ? absl::NotFoundError(message) : absl::FailedPreconditionError(message);
  return WithExitCode(status, kExitError);
}

absl::StatusOr<std::string> XdgDirectory(const char* variable, absl::string_view below_home) {
  const std::string set = EnvironmentVariable(variable);
  if (absl::StartsWith(set, "/")) return absl::StrCat(set, "/keyturn");
  const std::string home = EnvironmentVariable("HOME");
  if (absl::StartsWith(home, "/")) return absl::StrCat(home, "/", below_home, "/keyturn");
  return absl::NotFoundError(
      absl::StrCat("neither HOME nor ", variable, " is set to an absolute path"));
}

absl::Status WriteAll(int fd, absl::string_view bytes, const std::string& path) {
  while (!bytes.empty()) {
    const ssize_t written = write(fd, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return Failed("write", path, errno);
    bytes.remove_prefix(static_cast<size_t>(written));
  }
  if (fsync(fd) != 0) return Failed("write", path, errno);
  return absl::OkStatus();
}

// The file that a name stands for, and what is to be kept of it.
struct Target {
  std::string path;
  mode_t mode = 0600;
  uid_t owner = static_cast<uid_t>(-1);  // as chown(2): no change
  gid_t group = static_cast<gid_t>(-1);
};

// Renaming over a device or a pipe would replace it for everybody on the machine.
absl::StatusOr<Target> FindTarget(const std::string& name) {
  struct stat info;
  if (stat(name.c_str(), &info) != 0) return Target{name};
  if (!S_ISREG(info.st_mode)) {
    return UsageError(absl::StrCat(
        name, " is not a regular file; name one, or leave it out for standard output"));
  }
  std::error_code error;
  const std::filesystem::path real = std::filesystem::canonical(name, error);
  if (error) return Failed("write", name, error.value());
  return Target{real.string(), info.st_mode & 0777, info.st_uid, info.st_gid};
}

}  // namespace

absl::StatusOr<SecretBytes> ReadSecretFd(int fd, absl::string_view name, size_t bytes_max) {
  // One block for the most there may be, so that no partial copy is left behind by growing.
  ASSIGN_OR_RETURN(SecretBytes bytes, SecretBytes::Allocate(bytes_max + 1));
  size_t size = 0;
  while (size <= bytes_max) {
    const ssize_t got = read(fd, bytes.Mutable().data() + size, bytes_max + 1 - size);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return Failed("read", name, errno);
    if (got == 0) {
      bytes.Truncate(size);
      return bytes;
    }
    size += static_cast<size_t>(got);
  }
  return UsageError(absl::StrCat(name, " is too large: at most ", bytes_max, " bytes"));
}

absl::StatusOr<SecretBytes> ReadSecretFile(const std::string& path, size_t bytes_max) {
  if (path == "-") return ReadSecretFd(STDIN_FILENO, "standard input", bytes_max);
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return Failed("read", path, errno);
  const absl::Cleanup closer = [fd] { close(fd); };
  return ReadSecretFd(fd, path, bytes_max);
}

absl::StatusOr<std::string> ReadPublicFile(const std::string& path, size_t bytes_max) {
  ASSIGN_OR_RETURN(const SecretBytes bytes, ReadSecretFile(path, bytes_max));
  return std::string(bytes.ExposeForCrypto());
}

absl::Status WriteFileWhole(const std::string& name, absl::string_view bytes,
                            std::optional<int> mode) {
  ASSIGN_OR_RETURN(const Target target, FindTarget(name));
  const std::string& path = target.path;
  std::string temporary = absl::StrCat(path, ".XXXXXX");
  const int fd = mkostemp(temporary.data(), O_CLOEXEC);
  if (fd < 0) return Failed("write", path, errno);
  absl::Cleanup remover = [&] { unlink(temporary.c_str()); };
  const absl::Cleanup closer = [fd] { close(fd); };
  const mode_t wanted = mode.has_value() ? static_cast<mode_t>(*mode) : target.mode;
  // Another owner is kept if this user may give files away; what is not given away stays private.
  if (fchown(fd, target.owner, target.group) != 0 && errno != EPERM) {
    return Failed("write", path, errno);
  }
  if (fchmod(fd, wanted) != 0) return Failed("write", path, errno);
  RETURN_IF_ERROR(WriteAll(fd, bytes, path));
  if (rename(temporary.c_str(), path.c_str()) != 0) return Failed("write", path, errno);
  std::move(remover).Cancel();
  return absl::OkStatus();
}

absl::Status MakePrivateDirectory(const std::string& path) {
  std::string reached;
  for (const auto& part : std::filesystem::path(path)) {
    reached = (std::filesystem::path(reached) / part).string();
    if (mkdir(reached.c_str(), 0700) != 0 && errno != EEXIST) {
      return Failed("make the directory", reached, errno);
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> ConfigDirectory() { return XdgDirectory("XDG_CONFIG_HOME", ".config"); }
absl::StatusOr<std::string> StateDirectory() {
  return XdgDirectory("XDG_STATE_HOME", ".local/state");
}

}  // namespace keyturn::cli
