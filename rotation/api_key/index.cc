#include "rotation/api_key/index.h"

#include <algorithm>
#include <cstring>
#include <iterator>

#include "absl/strings/str_cat.h"
#include "base/coding.h"
#include "crypto/mac.h"
#include "crypto/random.h"

namespace keyturn {

ApiKeyIndex::ApiKeyIndex() : dummy_{} {
  FillRandom(absl::MakeSpan(dummy_));
  Entry last{absl::Uint128Max(), {}};
  last.macs.fill(dummy_);
  for (Row& row : rows_) row.push_back(last);
}

size_t ApiKeyIndex::RowOf(absl::string_view id) {
  // Its last two characters have 62 * 62 values, which the fold spreads over all rows.
  const auto high = static_cast<uint8_t>(id[id.size() - 2]);
  const auto low = static_cast<uint8_t>(id[id.size() - 1]);
  return (high * 31U + low) % 256;
}

absl::uint128 ApiKeyIndex::NumberOf(absl::string_view id) {
  const uint64_t high = *ReadBigEndian64(&id);
  return absl::MakeUint128(high, *ReadBigEndian64(&id));
}

size_t ApiKeyIndex::LowerBound(const Row& row, absl::uint128 id) {
  size_t begin = 0;
  for (size_t left = row.size(); left > 0;) {
    const size_t half = (left + 1) / 2;
    // A product, so that no branch tells which half it was.
    begin += half * static_cast<size_t>(row[begin + half - 1].id < id);
    left -= half;
  }
  return begin;
}

ApiKeyIndex::Entry ApiKeyIndex::EntryOf(const ApiKeyRecord& record) const {
  Entry entry{NumberOf(record.id()), {}};
  entry.macs.fill(dummy_);
  const int count = std::min(record.secrets_size(), limits::kApiKeySecretsMax);
  for (int i = 0; i < count; ++i) {
    const ApiKeySecret& secret = record.secrets(i);
    if (secret.legacy() || secret.mac().size() < kMacBytes) continue;  // found by FindLegacy
    std::memcpy(entry.macs[static_cast<size_t>(i)].data(), secret.mac().data(), kMacBytes);
  }
  return entry;
}

void ApiKeyIndex::ForgetEnd(absl::string_view id, const Summary& summary) {
  if (!summary.revoked) ends_.erase({summary.end, NumberOf(id)});
}

size_t ApiKeyIndex::CountEndingBy(absl::Time time) const {
  return static_cast<size_t>(
      std::distance(ends_.begin(), ends_.upper_bound({time, absl::Uint128Max()})));
}

std::vector<std::string> ApiKeyIndex::EndingBetween(absl::Time from, absl::Time to) const {
  std::vector<std::string> out;
  const auto end = ends_.upper_bound({to, absl::Uint128Max()});
  for (auto it = ends_.upper_bound({from, absl::Uint128Max()}); it != end; ++it) {
    out.push_back(absl::StrCat(BigEndian64(absl::Uint128High64(it->second)),
                               BigEndian64(absl::Uint128Low64(it->second))));
  }
  return out;
}

void ApiKeyIndex::PutSummary(const ApiKeyRecord& record) {
  Summary& summary = summaries_[record.id()];
  ForgetEnd(record.id(), summary);
  if (summary.path != record.path()) {
    places_.erase({summary.path, record.id()});
    places_.insert({record.path(), record.id()});
  }
  for (const std::string& mac : summary.legacy_macs) legacy_.erase(mac);
  summary = {record.path(), EndOf(record), record.revoked_ms() != 0, {}};
  if (!summary.revoked) ends_.insert({summary.end, NumberOf(record.id())});
  for (const ApiKeySecret& secret : record.secrets()) {
    if (!secret.legacy()) continue;
    summary.legacy_macs.push_back(secret.mac());
    legacy_[secret.mac()] = record.id();
  }
}

void ApiKeyIndex::Put(const ApiKeyRecord& record) {
  const Entry entry = EntryOf(record);
  Row& row = rows_[RowOf(record.id())];
  const auto at = row.begin() + static_cast<std::ptrdiff_t>(LowerBound(row, entry.id));
  if (at->id == entry.id) {
    *at = entry;
  } else {
    row.insert(at, entry);
  }
  PutSummary(record);
}

void ApiKeyIndex::Append(const ApiKeyRecord& record) {
  rows_[RowOf(record.id())].push_back(EntryOf(record));
  PutSummary(record);
}

void ApiKeyIndex::Sort() {
  for (Row& row : rows_) {
    std::sort(row.begin(), row.end(), [](const Entry& a, const Entry& b) { return a.id < b.id; });
  }
}

void ApiKeyIndex::Erase(absl::string_view id) {
  const auto known = summaries_.find(id);
  if (known == summaries_.end()) return;
  Row& row = rows_[RowOf(id)];
  const auto at = row.begin() + static_cast<std::ptrdiff_t>(LowerBound(row, NumberOf(id)));
  if (at->id == NumberOf(id)) row.erase(at);
  places_.erase({known->second.path, std::string(id)});
  ForgetEnd(id, known->second);
  for (const std::string& mac : known->second.legacy_macs) legacy_.erase(mac);
  summaries_.erase(known);
}

bool ApiKeyIndex::Match(absl::string_view id, absl::string_view mac) const {
  const absl::uint128 number = NumberOf(id);
  const Row& row = rows_[RowOf(id)];
  const Entry& nearest = row[LowerBound(row, number)];
  unsigned same = 0;
  for (const HalfMac& known : nearest.macs) {
    same |= static_cast<unsigned>(
        ConstantTimeEquals({known.data(), known.size()}, mac.substr(0, kMacBytes)));
  }
  return (static_cast<unsigned>(nearest.id == number) & same) != 0;
}

std::string ApiKeyIndex::FindLegacy(absl::string_view mac) const {
  const auto found = legacy_.find(mac);
  return found == legacy_.end() ? "" : found->second;
}

const ApiKeyIndex::Summary* ApiKeyIndex::Find(absl::string_view id) const {
  const auto found = summaries_.find(id);
  return found == summaries_.end() ? nullptr : &found->second;
}

}  // namespace keyturn
