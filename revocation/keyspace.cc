#include "revocation/keyspace.h"

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "base/limits.h"
#include "base/status_macros.h"
#include "revocation/values.h"

namespace keyturn {
namespace {

constexpr size_t kBatch = RevocationIndex::kBatch;

int64_t Seconds(int64_t now_ms) { return now_ms / 1000; }

// Up, so that nothing ends early.
int64_t EndSecond(int64_t expires_ms) {
  if (expires_ms == kNoExpiry) return RevokedEntry::kNever;
  return expires_ms / 1000 + (expires_ms % 1000 == 0 ? 0 : 1);
}

// Not before the key's end. One that has ended comes from the log, where a later change may put its
// end off.
RevokedEntry MarkerUntil(int64_t expires_ms, int64_t now_ms) {
  const int64_t end_s = EndSecond(expires_ms);
  const int64_t now_s = Seconds(now_ms);
  const bool fits = end_s > now_s && end_s <= now_s + RevokedEntry::kTtlSecondsMax;
  return {.expires_s = fits ? end_s : RevokedEntry::kNever, .value = kSideValue};
}

int64_t EndMillis(const RevokedEntry& entry) {
  return entry.expires_s == RevokedEntry::kNever ? kNoExpiry : entry.expires_s * 1000;
}

Keyspace::Former FormerOfHot(const ListKey& key, const RevokedEntry& entry) {
  auto former = NewSideKey(key.name, key.print, KeyType::kString, EndMillis(entry));
  former->value = std::string(UsualValue(entry.value));
  return former;
}

}  // namespace

absl::StatusOr<std::unique_ptr<Keyspace>> Keyspace::Create(const Options& options) {
  ASSIGN_OR_RETURN(auto one, RevocationIndex::Create(options.index_bytes_max));
  ASSIGN_OR_RETURN(auto other, RevocationIndex::Create(options.index_bytes_max));
  return std::unique_ptr<Keyspace>(new Keyspace(options, std::move(one), std::move(other)));
}

Keyspace::Keyspace(const Options& options, std::unique_ptr<RevocationIndex> one,
                   std::unique_ptr<RevocationIndex> other)
    : keep_names_(options.keep_names),
      indexes_{std::move(one), std::move(other)},
      index_(indexes_[0].get()),
      side_(options.side_bytes_max) {}

RevocationIndex& Keyspace::Other() const { return *indexes_[index_ == indexes_[0].get() ? 1 : 0]; }

std::optional<RevokedEntry> Keyspace::LookUp(const Fingerprint& print, int64_t now_s) const {
  std::optional<RevokedEntry> entry = index_.load()->Find(print, now_s);
  if (entry) return entry;
  RevocationIndex* const fallback = fallback_.load();
  return fallback == nullptr ? std::nullopt : fallback->Find(print, now_s);
}

// A key leaves the side table only after the index says where it went. So if there is a marker and
// nothing behind it, something was taken since; if nothing was, the marker is another name's.
template <typename HotFn, typename SideFn>
bool Keyspace::See(const ListKey& key, int64_t now_ms, const HotFn& hot, const SideFn& side) const {
  for (;;) {
    const uint64_t taken = side_.taken();
    const std::optional<RevokedEntry> entry = LookUp(key.print, Seconds(now_ms));
    if (!entry) return false;
    if (entry->value != kSideValue) {
      hot(*entry);
      return true;
    }
    bool alive = false;
    const SideTable::Sight sight = side_.See(key.name, [&](const SideKey& found) {
      alive = found.alive(now_ms);
      if (alive) side(found);
    });
    if (sight.found) return alive;
    if (sight.taken == taken) return false;
  }
}

bool Keyspace::Exists(const ListKey& key, int64_t now_ms) const {
  return See(
      key, now_ms, [](const RevokedEntry&) {}, [](const SideKey&) {});
}

void Keyspace::ExistsMany(absl::Span<const absl::string_view> names,
                          absl::Span<const Fingerprint> prints, int64_t now_ms,
                          absl::Span<bool> results) const {
  std::array<std::optional<RevokedEntry>, kBatch> entries;
  for (size_t begin = 0; begin < prints.size(); begin += kBatch) {
    const auto batch = prints.subspan(begin, kBatch);
    index_.load()->FindMany(batch, Seconds(now_ms), absl::MakeSpan(entries.data(), batch.size()));
    const bool falls_back = fallback_.load() != nullptr;
    for (size_t i = 0; i < batch.size(); ++i) {
      const bool hot = entries[i].has_value() && entries[i]->value != kSideValue;
      const bool look = entries[i].has_value() || falls_back;
      results[begin + i] =
          hot || (look && Exists({.name = names[begin + i], .print = batch[i]}, now_ms));
    }
  }
}

std::optional<KeyInfo> Keyspace::Find(const ListKey& key, int64_t now_ms) const {
  KeyInfo info;
  const bool found = See(
      key, now_ms,
      [&info](const RevokedEntry& entry) {
        info = {.value = std::string(UsualValue(entry.value)), .expires_ms = EndMillis(entry)};
      },
      [&info](const SideKey& side) {
        info = {.type = side.type,
                .value = side.value,
                .members = side.members.size(),
                .expires_ms = side.expires_ms};
      });
  return found ? std::make_optional(std::move(info)) : std::nullopt;
}

absl::Status Keyspace::FindMembers(const ListKey& key, absl::Span<const absl::string_view> members,
                                   int64_t now_ms, absl::Span<bool> results) const {
  if (members.size() != results.size()) std::abort();
  std::fill(results.begin(), results.end(), false);
  bool is_set = true;
  See(
      key, now_ms, [&is_set](const RevokedEntry&) { is_set = false; },
      [&](const SideKey& side) {
        is_set = side.type == KeyType::kSet;
        for (size_t i = 0; i < members.size(); ++i) results[i] = side.members.contains(members[i]);
      });
  if (is_set) return absl::OkStatus();
  return absl::InvalidArgumentError("the key has a value; members are of a set");
}

uint64_t Keyspace::Scan(uint64_t cursor, size_t count, int64_t now_ms,
                        absl::FunctionRef<void(absl::string_view, KeyType)> fn) const {
  return side_.Scan(cursor, count, now_ms, fn);
}

bool Keyspace::IsHot(std::optional<uint8_t> value, int64_t expires_ms, int64_t now_ms) const {
  if (!value.has_value() || keep_names_) return false;
  if (expires_ms == kNoExpiry) return true;
  return expires_ms - now_ms >= limits::kRevocationTtlMillisMin &&
         EndSecond(expires_ms) - Seconds(now_ms) <= RevokedEntry::kTtlSecondsMax;
}

absl::StatusOr<Keyspace::Former> Keyspace::Put(const ListKey& key, absl::string_view value,
                                               int64_t expires_ms, int64_t now_ms) {
  if (expires_ms <= now_ms) std::abort();
  return Put(key, value, expires_ms, now_ms, true);
}

absl::StatusOr<Keyspace::Former> Keyspace::Put(const ListKey& key, absl::string_view value,
                                               int64_t expires_ms, int64_t now_ms, bool bounded) {
  const std::optional<uint8_t> id = UsualValueId(value);
  if (IsHot(id, expires_ms, now_ms)) {
    return PutHot(key, {.expires_s = EndSecond(expires_ms), .value = *id}, now_ms);
  }
  Former side = NewSideKey(key.name, key.print, KeyType::kString, expires_ms);
  side->value = std::string(value);
  return PutSide(std::move(side), now_ms, bounded);
}

absl::StatusOr<Keyspace::Former> Keyspace::PutHot(const ListKey& key, const RevokedEntry& entry,
                                                  int64_t now_ms) {
  const std::optional<RevokedEntry> before = LookUp(key.print, Seconds(now_ms));
  RETURN_IF_ERROR(index_.load()->Put(key.print, entry, Seconds(now_ms)));
  if (!before) return nullptr;
  if (before->value != kSideValue) return FormerOfHot(key, *before);
  Former former = side_.Take(key.name);
  if (former == nullptr || !former->alive(now_ms)) return nullptr;
  return former;
}

absl::StatusOr<Keyspace::Former> Keyspace::PutSide(Former key, int64_t now_ms, bool bounded) {
  const std::string name = key->name;
  const ListKey of = {.name = name, .print = key->print};
  const RevokedEntry marker = MarkerUntil(key->expires_ms, now_ms);
  const std::optional<RevokedEntry> before = LookUp(of.print, Seconds(now_ms));
  ASSIGN_OR_RETURN(Former former, side_.Put(std::move(key), bounded));
  if (absl::Status status = index_.load()->Put(of.print, marker, Seconds(now_ms)); !status.ok()) {
    // It had no slot, so nobody has seen it.
    side_.Take(name);
    if (former != nullptr) side_.Put(std::move(former), false).IgnoreError();
    return status;
  }
  if (before && before->value != kSideValue) return FormerOfHot(of, *before);
  if (former == nullptr || !former->alive(now_ms)) return nullptr;
  return former;
}

const SideKey* Keyspace::FindSide(const ListKey& key, int64_t now_ms) const {
  const std::optional<RevokedEntry> entry = LookUp(key.print, Seconds(now_ms));
  return entry && entry->value == kSideValue ? side_.Find(key.name) : nullptr;
}

Keyspace::Former Keyspace::Erase(const ListKey& key, int64_t now_ms) {
  const std::optional<RevokedEntry> before = LookUp(key.print, Seconds(now_ms));
  if (!before) return nullptr;
  if (before->value != kSideValue) {
    index_.load()->Erase(key.print);
    return FormerOfHot(key, *before);
  }
  const SideKey* const side = side_.Find(key.name);
  if (side == nullptr || !side->alive(now_ms)) return nullptr;
  index_.load()->Erase(key.print);
  return side_.Take(key.name);
}

absl::Status Keyspace::SetEnd(const ListKey& key, int64_t from_ms, int64_t to_ms, int64_t now_ms) {
  side_.Retime(key.name, to_ms);
  absl::Status status = index_.load()->Put(key.print, MarkerUntil(to_ms, now_ms), Seconds(now_ms));
  if (!status.ok()) side_.Retime(key.name, from_ms);
  return status;
}

absl::StatusOr<Keyspace::Former> Keyspace::RetimeSet(const ListKey& key, int64_t expires_ms,
                                                     int64_t now_ms) {
  const SideKey* const set = FindSide(key, now_ms);
  if (set == nullptr || set->type != KeyType::kSet || expires_ms <= now_ms) std::abort();
  Former former = NewSideKey(key.name, key.print, KeyType::kSet, set->expires_ms);
  RETURN_IF_ERROR(SetEnd(key, former->expires_ms, expires_ms, now_ms));
  return former;
}

absl::StatusOr<Keyspace::Added> Keyspace::AddMembers(const ListKey& key,
                                                     absl::Span<const absl::string_view> members,
                                                     int64_t now_ms) {
  if (members.empty()) return Added();
  const std::optional<KeyInfo> known = Find(key, now_ms);
  if (known && known->type != KeyType::kSet) std::abort();
  if (known) {
    ASSIGN_OR_RETURN(std::vector<std::string> added, side_.AddMembers(key.name, members, true));
    return Added{.members = std::move(added), .expires_ms = known->expires_ms};
  }
  Former set = NewSideKey(key.name, key.print, KeyType::kSet, kNoExpiry);
  for (const absl::string_view member : members) set->members.emplace(member);
  Added added = {.members = {set->members.begin(), set->members.end()}, .created = true};
  RETURN_IF_ERROR(PutSide(std::move(set), now_ms, true).status());
  return added;
}

Keyspace::Former Keyspace::RemoveMembers(const ListKey& key,
                                         absl::Span<const absl::string_view> members,
                                         int64_t now_ms) {
  const SideKey* const set = FindSide(key, now_ms);
  if (set == nullptr || !set->alive(now_ms)) {
    if (Exists(key, now_ms)) std::abort();
    return nullptr;
  }
  if (set->type != KeyType::kSet) std::abort();
  Former former = NewSideKey(key.name, key.print, KeyType::kSet, set->expires_ms);
  for (std::string& member : side_.RemoveMembers(key.name, members)) {
    former->members.insert(std::move(member));
  }
  if (set->members.empty()) EraseAny(key, now_ms);
  if (former->members.empty()) return nullptr;
  return former;
}

}  // namespace keyturn
