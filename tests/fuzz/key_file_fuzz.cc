// The key file: it is read if it has 32 bytes and nobody else may read or write it, to those bytes.
#include "keyring/key_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "absl/cleanup/cleanup.h"
#include "tests/fuzz/fuzz.h"
#include "tests/support/temp_dir.h"

namespace keyturn::fuzz {

void FuzzKeyFile(absl::string_view input) {
  static const TempDir directory;
  static const std::string path = directory.File("key");
  const mode_t mode = 0400 | TakeByte(&input);
  const int file = open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  Require(file >= 0, "a file is made");
  const absl::Cleanup remove = [] { unlink(path.c_str()); };
  Require(write(file, input.data(), input.size()) == static_cast<ssize_t>(input.size()), "written");
  Require(fchmod(file, mode) == 0 && close(file) == 0, "and closed");
  const absl::StatusOr<SecretBytes> key = ReadKeyFile(path);
  Require(key.ok() == (input.size() == kKeyFileBytes && (mode & 077) == 0), "32 bytes, ours alone");
  if (key.ok()) Require(key->ExposeForCrypto() == input, "as they are");
}

}  // namespace keyturn::fuzz

FUZZ_TARGET(FuzzKeyFile)
