// A file without a place: its content is in memory, read-only for all, and gone with the last
// descriptor of it. What `run --mount` gives to a program that reads its secret from a file.
//
// A memfd rather than a FIFO in a directory: a FIFO is read once, by whoever of the same user comes
// first, and its name is left behind when this process is killed. A memfd has no name, can be
// opened as often as the program likes, has a size, and needs nobody to write into it, so that the
// program can take the place of this process. Not thread-safe.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "crypto/secret_bytes.h"

namespace keyturn::cli {

class MemoryFile {
 public:
  // Nobody can change it any more, this process neither. RESOURCE_EXHAUSTED when there is no
  // descriptor or memory for it.
  static absl::StatusOr<MemoryFile> Make(const SecretBytes& content);
  ~MemoryFile();
  MemoryFile(MemoryFile&& other) noexcept;
  MemoryFile& operator=(MemoryFile&& other) noexcept;
  MemoryFile(const MemoryFile&) = delete;
  MemoryFile& operator=(const MemoryFile&) = delete;

  // Closed when another program is started, unless that is asked for. At least 10: shell scripts
  // redirect the ones with a single digit.
  int fd() const { return fd_; }
  // Its name for a process that has inherited the descriptor under the same number, each time from
  // the start of the file.
  std::string path() const;

 private:
  explicit MemoryFile(int fd) : fd_(fd) {}

  int fd_;
};

}  // namespace keyturn::cli
