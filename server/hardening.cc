#include "server/hardening.h"

#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <string>
#include <system_error>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "net/tls_policy.h"
#include "storage/file_system.h"

namespace keyturn {
namespace {

constexpr char kAllocatorName[] = "MALLOC_CONF";  // of jemalloc
constexpr char kAllocator[] = "junk:free";
constexpr char kLoaderName[] = "LD_BIND_NOW";  // of the dynamic linker: any value but ""
constexpr char kMarker[] = "KEYTURN_SETTINGS_APPLIED";

absl::Status Failed(absl::string_view call) {
  return absl::UnavailableError(
      absl::StrCat(call, " failed: ", std::generic_category().message(errno)));
}

}  // namespace

// There is one thread yet. NOLINTBEGIN(concurrency-mt-unsafe)
void SetGrpcSettings() {
  setenv("GRPC_SSL_CIPHER_SUITES", GrpcCipherSuites(), 1);
  // A trace of gRPC prints headers, which hold tokens.
  unsetenv("GRPC_TRACE");
  unsetenv("GRPC_VERBOSITY");
}

absl::Status ReexecWithSettings(char** argv) {
  if (std::getenv(kMarker) == nullptr) {
    const char* const before = std::getenv(kAllocatorName);
    // The last word counts.
    const std::string settings =
        before == nullptr ? kAllocator : absl::StrCat(before, ",", kAllocator);
    setenv(kAllocatorName, settings.c_str(), 1);
    setenv(kLoaderName, "1", 1);
    setenv(kMarker, "1", 1);
    execv("/proc/self/exe", argv);
    return Failed("execv of /proc/self/exe");
  }
  const char* const settings = std::getenv(kAllocatorName);
  if (settings == nullptr || !absl::EndsWith(settings, kAllocator)) {
    return absl::FailedPreconditionError(absl::StrCat("the environment has ", kMarker, " but not ",
                                                      kAllocatorName, "=", kAllocator, "; unset ",
                                                      kMarker));
  }
  const char* const loader = std::getenv(kLoaderName);
  if (loader == nullptr || *loader == '\0') {
    return absl::FailedPreconditionError(absl::StrCat("the environment has ", kMarker, " but not ",
                                                      kLoaderName, "=1; unset ", kMarker));
  }
  // After /proc/self/exe, `ps` and `pgrep` would know the server as "exe".
  prctl(PR_SET_NAME, "keyturnd");
  return absl::OkStatus();
}
// NOLINTEND(concurrency-mt-unsafe)

absl::Status HardenProcess(bool dev) {
  umask(077);
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return Failed("prctl(PR_SET_NO_NEW_PRIVS)");
  // All the descriptors that it may have: the soft limit is for programs that use select(2).
  rlimit descriptors = {};
  if (getrlimit(RLIMIT_NOFILE, &descriptors) != 0) return Failed("getrlimit(RLIMIT_NOFILE)");
  descriptors.rlim_cur = descriptors.rlim_max;
  if (setrlimit(RLIMIT_NOFILE, &descriptors) != 0) return Failed("setrlimit(RLIMIT_NOFILE)");
  if (dev) return absl::OkStatus();
  const rlimit none = {0, 0};
  if (setrlimit(RLIMIT_CORE, &none) != 0) return Failed("setrlimit(RLIMIT_CORE)");
  if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0) return Failed("prctl(PR_SET_DUMPABLE)");
  return absl::OkStatus();
}

absl::Status CheckDataDirectory(const std::string& directory) {
  struct stat info;
  if (lstat(directory.c_str(), &info) != 0) {
    if (errno != ENOENT) return Failed(absl::StrCat("reading ", directory));
    return FileSystem::Posix().CreateDirectory(directory, 0700);
  }
  if (!S_ISDIR(info.st_mode)) {
    return absl::FailedPreconditionError(absl::StrCat(directory, " is not a directory"));
  }
  if (info.st_uid != geteuid()) {
    return absl::FailedPreconditionError(
        absl::StrCat(directory, " belongs to another user (uid ", info.st_uid, ")"));
  }
  if ((info.st_mode & 077) != 0) {
    return absl::FailedPreconditionError(absl::StrCat(
        directory, " may be entered by other users; run `chmod 0700 ", directory, "`"));
  }
  return absl::OkStatus();
}

}  // namespace keyturn
