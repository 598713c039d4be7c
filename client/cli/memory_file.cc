#include "client/cli/memory_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

// Since Linux 6.3; Debian 12's headers are older.
#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 0x0008U
#endif

namespace keyturn::cli {
namespace {

constexpr int kLowest = 10;
constexpr int kSeals = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;
// Of all, as the program may have given up its user before it opens the file. The way to it leads
// through /proc/PID/fd, which only the process itself, and who may trace it, can go.
constexpr mode_t kMode = 0444;

absl::Status Failed(absl::string_view what) {
  return absl::ResourceExhaustedError(
      absl::StrCat("cannot ", what, " a file in memory: ", std::generic_category().message(errno)));
}

// Some machines refuse one that could be executed (sysctl vm.memfd_noexec), older ones do not know
// of any other.
int Create() {
  constexpr unsigned kFlags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
  const int fd = memfd_create("keyturn", kFlags | MFD_NOEXEC_SEAL);
  return fd < 0 && errno == EINVAL ? memfd_create("keyturn", kFlags) : fd;
}

}  // namespace

absl::StatusOr<MemoryFile> MemoryFile::Make(const SecretBytes& content) {
  const int low = Create();
  if (low < 0) return Failed("make");
  const absl::Cleanup closer = [low] { close(low); };
  const int fd = fcntl(low, F_DUPFD_CLOEXEC, kLowest);
  if (fd < 0) return Failed("make");
  MemoryFile file(fd);
  absl::string_view rest = content.ExposeForWire();
  while (!rest.empty()) {
    const ssize_t written = write(fd, rest.data(), rest.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return Failed("write");
    rest.remove_prefix(static_cast<size_t>(written));
  }
  // So that who reads the descriptor itself begins at the start as well.
  if (lseek(fd, 0, SEEK_SET) != 0 || fchmod(fd, kMode) != 0) return Failed("write");
  if (fcntl(fd, F_ADD_SEALS, kSeals) != 0) return Failed("seal");
  return file;
}

MemoryFile::~MemoryFile() {
  if (fd_ >= 0) close(fd_);
}

MemoryFile::MemoryFile(MemoryFile&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}

MemoryFile& MemoryFile::operator=(MemoryFile&& other) noexcept {
  std::swap(fd_, other.fd_);
  return *this;
}

std::string MemoryFile::path() const { return absl::StrCat("/proc/self/fd/", fd_); }

}  // namespace keyturn::cli
