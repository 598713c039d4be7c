// Memory from the system that is zero, takes nothing until it is written, and is in no core dump.
// Not thread-safe.
#pragma once

#include <cstddef>

#include "absl/status/statusor.h"

namespace keyturn {

class MappedMemory {
 public:
  // RESOURCE_EXHAUSTED when the system has no such range of addresses.
  static absl::StatusOr<MappedMemory> Reserve(size_t bytes);

  ~MappedMemory();
  MappedMemory(MappedMemory&& other) noexcept;
  MappedMemory& operator=(MappedMemory&&) = delete;

  // At a page's beginning.
  void* begin() const { return begin_; }
  size_t bytes() const { return bytes_; }

  // Gives the pages of a range back; they are zero then. REQUIRES: whole pages.
  void Drop(size_t offset, size_t bytes) const;

 private:
  MappedMemory(void* begin, size_t bytes) : begin_(begin), bytes_(bytes) {}

  void* begin_;
  size_t bytes_;
};

}  // namespace keyturn
