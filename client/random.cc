#include "client/random.h"

#include <sys/random.h>

#include <cstdint>
#include <cstdlib>

#include "absl/strings/string_view.h"
#include "base/coding.h"

namespace keyturn {
namespace {

// At most 256 bytes at a time are never cut short (getrandom(2)); without the system call there is
// nothing to fall back on.
template <size_t kSize>
void Fill(char (&bytes)[kSize]) {
  static_assert(kSize <= 256);
  if (getrandom(bytes, kSize, 0) != static_cast<ssize_t>(kSize)) std::abort();
}

}  // namespace

std::string MakeCorrelationId() {
  char bytes[16];
  Fill(bytes);
  return HexEncode(absl::string_view(bytes, sizeof(bytes)));
}

double RandomUnit() {
  char bytes[8];
  Fill(bytes);
  absl::string_view in(bytes, sizeof(bytes));
  return static_cast<double>(*ReadBigEndian64(&in) >> 11) * 0x1.0p-53;
}

}  // namespace keyturn
