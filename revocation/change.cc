#include "revocation/change.h"

#include <algorithm>

#include "google/protobuf/io/coded_stream.h"

namespace keyturn {
namespace {

constexpr int64_t kHourMillis = 3'600'000;
constexpr int64_t kSecondMillis = 1000;

// The tag of a field whose value is bytes, as protobuf writes it.
constexpr uint32_t kChangesTag = record::v1::RevocationGroup::kChangesFieldNumber << 3 | 2;
static_assert(kChangesTag < 0x80);

}  // namespace

uint32_t HourOf(int64_t expires_ms) {
  if (expires_ms > (int64_t{kHourForever} - 2) * kHourMillis) return kHourForever;
  const int64_t rounded = (std::max<int64_t>(expires_ms, 0) + kSecondMillis - 1) / kSecondMillis;
  return static_cast<uint32_t>(rounded * kSecondMillis / kHourMillis) + 1;
}

uint32_t HourNow(int64_t now_ms) {
  return static_cast<uint32_t>(std::max<int64_t>(now_ms, 0) / kHourMillis);
}

size_t ChangeEncoder::Append(const ListChange& change, std::string* out) {
  const size_t before = out->size();
  message_.Clear();  // keeps the memory of its strings
  message_.set_kind(static_cast<uint32_t>(change.kind));
  message_.mutable_key()->assign(change.key.data(), change.key.size());
  message_.mutable_value()->assign(change.value.data(), change.value.size());
  if (change.expires_ms != kNoExpiry) message_.set_expires_ms(change.expires_ms);
  for (const absl::string_view member : change.members) {
    message_.add_members()->assign(member.data(), member.size());
  }
  message_.set_creates(change.creates);
  const auto size = static_cast<uint32_t>(message_.ByteSizeLong());
  uint8_t length[8];
  const uint8_t* const end =
      google::protobuf::io::CodedOutputStream::WriteVarint32ToArray(size, length);
  out->push_back(static_cast<char>(kChangesTag));
  out->append(reinterpret_cast<const char*>(length), end - length);
  const size_t at = out->size();
  out->resize(at + size);
  message_.SerializeWithCachedSizesToArray(reinterpret_cast<uint8_t*>(out->data() + at));
  return out->size() - before;
}

ListChange ReadChange(const record::v1::RevocationChange& message) {
  const uint32_t kind = std::min<uint32_t>(message.kind(), UINT8_MAX);
  ListChange change = {.kind = static_cast<ChangeKind>(kind),
                       .key = message.key(),
                       .value = message.value(),
                       .creates = message.creates()};
  if (message.expires_ms() != 0) change.expires_ms = message.expires_ms();
  change.members.assign(message.members().begin(), message.members().end());
  return change;
}

}  // namespace keyturn
