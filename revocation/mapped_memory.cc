#include "revocation/mapped_memory.h"

#include <sys/mman.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"

namespace keyturn {

absl::StatusOr<MappedMemory> MappedMemory::Reserve(size_t bytes) {
  void* begin = mmap(nullptr, bytes, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (begin == MAP_FAILED) {
    return absl::ResourceExhaustedError(
        absl::StrCat("the system refuses ", bytes, " bytes of addresses: ", std::strerror(errno)));
  }
  madvise(begin, bytes, MADV_DONTDUMP);
  // A look-up touches a line anywhere in it: with small pages most of its time is in page tables.
  madvise(begin, bytes, MADV_HUGEPAGE);
  return MappedMemory(begin, bytes);
}

MappedMemory::~MappedMemory() {
  if (begin_ != nullptr) munmap(begin_, bytes_);
}

MappedMemory::MappedMemory(MappedMemory&& other) noexcept
    : begin_(std::exchange(other.begin_, nullptr)), bytes_(std::exchange(other.bytes_, 0)) {}

void MappedMemory::Drop(size_t offset, size_t bytes) const {
  if (madvise(static_cast<char*>(begin_) + offset, bytes, MADV_DONTNEED) != 0) std::abort();
}

}  // namespace keyturn
