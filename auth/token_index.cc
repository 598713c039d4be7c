#include "auth/token_index.h"

#include <algorithm>
#include <cstring>
#include <optional>
#include <string>

#include "absl/strings/strip.h"
#include "base/coding.h"
#include "crypto/mac.h"

namespace keyturn {
namespace {

std::optional<absl::uint128> NumberOfRaw(absl::string_view raw) {
  if (raw.size() != 16) return std::nullopt;
  const uint64_t high = *ReadBigEndian64(&raw);
  return absl::MakeUint128(high, *ReadBigEndian64(&raw));
}

std::optional<absl::uint128> NumberOf(absl::string_view id) {
  if (!absl::ConsumePrefix(&id, "kts-")) return std::nullopt;
  const std::optional<std::string> raw = HexDecode(id);
  return raw.has_value() ? NumberOfRaw(*raw) : std::nullopt;
}

}  // namespace

size_t TokenIndex::LowerBound(absl::uint128 id) const {
  size_t begin = 0;
  for (size_t left = entries_.size(); left > 0;) {
    const size_t half = (left + 1) / 2;
    // A product, so that no branch tells which half it was.
    begin += half * static_cast<size_t>(entries_[begin + half - 1].id < id);
    left -= half;
  }
  return begin;
}

std::optional<TokenIndex::Entry> TokenIndex::EntryOf(absl::string_view id,
                                                     absl::string_view secret_hash) {
  const std::optional<absl::uint128> number = NumberOf(id);
  Entry entry{number.value_or(0), {}};
  if (!number.has_value() || secret_hash.size() != entry.secret_hash.size()) return std::nullopt;
  std::memcpy(entry.secret_hash.data(), secret_hash.data(), secret_hash.size());
  return entry;
}

void TokenIndex::Put(absl::string_view id, absl::string_view secret_hash) {
  const std::optional<Entry> entry = EntryOf(id, secret_hash);
  if (!entry.has_value()) return;
  const auto at = entries_.begin() + static_cast<std::ptrdiff_t>(LowerBound(entry->id));
  if (at != entries_.end() && at->id == entry->id) {
    *at = *entry;
  } else {
    entries_.insert(at, *entry);
  }
}

void TokenIndex::Append(absl::string_view id, absl::string_view secret_hash) {
  const std::optional<Entry> entry = EntryOf(id, secret_hash);
  if (entry.has_value()) entries_.push_back(*entry);
}

void TokenIndex::Sort() {
  std::sort(entries_.begin(), entries_.end(),
            [](const Entry& a, const Entry& b) { return a.id < b.id; });
}

void TokenIndex::Erase(absl::string_view id) {
  const std::optional<absl::uint128> number = NumberOf(id);
  if (!number.has_value()) return;
  const auto at = entries_.begin() + static_cast<std::ptrdiff_t>(LowerBound(*number));
  if (at != entries_.end() && at->id == *number) entries_.erase(at);
}

bool TokenIndex::Matches(absl::string_view raw_id, absl::string_view secret_hash) const {
  const std::optional<absl::uint128> number = NumberOfRaw(raw_id);
  if (!number.has_value() || entries_.empty()) return false;
  const Entry& nearest = entries_[std::min(LowerBound(*number), entries_.size() - 1)];
  const auto same_id = static_cast<unsigned>(nearest.id == *number);
  const auto same_secret = static_cast<unsigned>(ConstantTimeEquals(
      absl::string_view(nearest.secret_hash.data(), nearest.secret_hash.size()), secret_hash));
  return (same_id & same_secret) != 0;
}

}  // namespace keyturn
