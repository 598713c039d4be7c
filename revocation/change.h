// One change of one key, as the log has it, and the hour in which the log may forget it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "keyturn/record/v1/revocation.pb.h"
#include "revocation/key_info.h"

namespace keyturn {

// Do not renumber: in the log.
enum class ChangeKind : uint8_t {
  kPut = 1,     // a string, in place of whatever is there
  kErase = 2,   // of a string or set
  kRetime = 3,  // of a set; that of a string is a put
  kAdd = 4,     // members to a set
  kRemove = 5,  // members from a set, which is gone without any
  kClear = 6,   // of everything
};

// Views: the bytes are someone else's.
struct ListChange {
  ChangeKind kind = ChangeKind::kErase;
  absl::string_view key = {};
  absl::string_view value = {};
  int64_t expires_ms = kNoExpiry;
  std::vector<absl::string_view> members = {};
  bool creates = false;
};

// Hours of the Unix clock, counted from 1. A record of hour h says nothing that still counts once
// that hour has begun.
inline constexpr uint32_t kHourForever = UINT32_MAX;

// In which a key has ended that ends at `expires_ms`, rounded up to a second as the index does.
uint32_t HourOf(int64_t expires_ms);
// The last one that has begun.
uint32_t HourNow(int64_t now_ms);

// Not thread-safe: it keeps memory from call to call.
class ChangeEncoder {
 public:
  // Appends `change` as a field of RevocationGroup: fields that stand one behind another are one
  // message. Returns how many bytes.
  size_t Append(const ListChange& change, std::string* out);

 private:
  record::v1::RevocationChange message_;
};

// Views into `message`.
ListChange ReadChange(const record::v1::RevocationChange& message);

}  // namespace keyturn
