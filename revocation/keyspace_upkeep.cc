// What is not part of a client's command: clearing and undoing, replay, sweeping.
#include <utility>

#include "base/log.h"
#include "base/status_macros.h"
#include "revocation/keyspace.h"
#include "revocation/values.h"

namespace keyturn {
namespace {

int64_t SecondsOf(int64_t now_ms) { return now_ms / 1000; }

}  // namespace

void Keyspace::EraseAny(const ListKey& key, int64_t now_ms) {
  const std::optional<RevokedEntry> before = LookUp(key.print, SecondsOf(now_ms));
  if (!before) return;
  index_.load()->Erase(key.print);
  if (before->value == kSideValue) side_.Take(key.name);
}

uint64_t Keyspace::Clear() {
  const uint64_t keys = stats().keys;
  const absl::MutexLock lock(&cleared_mu_);
  if (keeps_cleared_) {
    index_.load()->Clear();
    side_.TakeAll();
    return keys;
  }
  // Who has just found a marker in the other index looks again, and then here.
  index_ = &Other();
  cleared_ = side_.TakeAll();
  keeps_cleared_ = true;
  return keys;
}

bool Keyspace::keeps_cleared() const {
  const absl::MutexLock lock(&cleared_mu_);
  return keeps_cleared_;
}

void Keyspace::ForgetCleared() {
  SideTable::Contents forgotten;  // freed without the lock
  const absl::MutexLock lock(&cleared_mu_);
  if (!keeps_cleared_) return;
  Other().Clear();
  std::swap(forgotten, cleared_);
  keeps_cleared_ = false;
}

void Keyspace::UndoClear() {
  const absl::MutexLock lock(&cleared_mu_);
  if (!keeps_cleared_) return;
  side_.PutMissing(std::move(cleared_));
  cleared_ = SideTable::Contents();
  fallback_ = &Other();
}

void Keyspace::Restore(Former former, int64_t now_ms) {
  if (!former->alive(now_ms)) return;
  const std::string name = former->name;
  const ListKey key = {.name = name, .print = former->print};
  const std::optional<KeyInfo> now = Find(key, now_ms);
  absl::Status status;
  if (former->type == KeyType::kString) {
    const bool longer =
        now && now->type == KeyType::kString && now->expires_ms >= former->expires_ms;
    if (!longer) status = Put(key, former->value, former->expires_ms, now_ms, false).status();
  } else if (now && now->type == KeyType::kSet) {
    const std::vector<absl::string_view> members(former->members.begin(), former->members.end());
    status = side_.AddMembers(name, members, false).status();
    if (former->expires_ms > now->expires_ms) {
      status.Update(SetEnd(key, now->expires_ms, former->expires_ms, now_ms));
    }
  } else if (!former->members.empty()) {
    status = PutSide(std::move(former), now_ms, false).status();
  }
  if (!status.ok()) {
    LogError("a revocation could not be put back", {{"error", std::string(status.message())}});
  }
}

void Keyspace::Undo(std::vector<Former> changes, int64_t now_ms) {
  for (auto change = changes.rbegin(); change != changes.rend(); ++change) {
    if (*change == nullptr) {
      UndoClear();
    } else {
      Restore(std::move(*change), now_ms);
    }
  }
}

absl::Status Keyspace::ApplyAdd(const ListChange& change, const ListKey& key, const SideKey* known,
                                int64_t now_ms) {
  if (change.creates || known == nullptr || known->type != KeyType::kSet) {
    Former set = NewSideKey(key.name, key.print, KeyType::kSet, change.expires_ms);
    for (const absl::string_view member : change.members) set->members.emplace(member);
    return PutSide(std::move(set), now_ms, false).status();
  }
  RETURN_IF_ERROR(side_.AddMembers(key.name, change.members, false).status());
  return SetEnd(key, known->expires_ms, change.expires_ms, now_ms);
}

absl::Status Keyspace::Apply(const ListChange& change, const Fingerprint& print, int64_t now_ms) {
  const ListKey key = {.name = change.key, .print = print};
  if (change.kind == ChangeKind::kPut && change.expires_ms > now_ms) {
    return Put(key, change.value, change.expires_ms, now_ms, false).status();
  }
  const SideKey* const known = FindSide(key, now_ms);
  switch (change.kind) {
    case ChangeKind::kPut:
    case ChangeKind::kErase:
      EraseAny(key, now_ms);
      return absl::OkStatus();
    case ChangeKind::kRetime:
      if (known == nullptr) return absl::OkStatus();
      return SetEnd(key, known->expires_ms, change.expires_ms, now_ms);
    case ChangeKind::kAdd:
      return ApplyAdd(change, key, known, now_ms);
    case ChangeKind::kRemove:
      if (known == nullptr) return absl::OkStatus();
      side_.RemoveMembers(key.name, change.members);
      if (known->members.empty()) EraseAny(key, now_ms);
      return absl::OkStatus();
    case ChangeKind::kClear:
      ForgetAll();
      return absl::OkStatus();
  }
  return absl::DataLossError("the revocation log has a change of an unknown kind");
}

void Keyspace::CopyRegion(uint32_t region, int64_t now_ms,
                          std::vector<IndexedToken>* tokens) const {
  const int64_t now_s = SecondsOf(now_ms);
  index_.load()->Copy(region, now_s, tokens);
  std::erase_if(*tokens, [now_s](const IndexedToken& token) {
    return packed_entry::Unpack(token.entry, now_s)->value == kSideValue;
  });
}

SideCursor Keyspace::CopySide(const SideCursor& from, int64_t now_ms,
                              absl::FunctionRef<bool(const ListChange&)> fn) const {
  // A name whose key is in the index alone by now is there until it is swept.
  const auto here = [&](const SideKey& key) {
    const std::optional<RevokedEntry> entry = LookUp(key.print, SecondsOf(now_ms));
    return key.alive(now_ms) && entry && entry->value == kSideValue;
  };
  return side_.Copy(from, here, fn);
}

absl::Status Keyspace::FillRegion(uint32_t region, int64_t taken_s, int64_t now_ms,
                                  std::vector<IndexedToken>* tokens) {
  const int64_t now_s = SecondsOf(now_ms);
  std::erase_if(*tokens, [&](IndexedToken& token) {
    std::optional<RevokedEntry> entry = packed_entry::Unpack(token.entry, taken_s);
    if (!entry || entry->expires_s <= now_s) return true;
    // By a clock that is far behind: further ahead than an entry can say.
    if (entry->expires_s != RevokedEntry::kNever &&
        entry->expires_s - now_s > RevokedEntry::kTtlSecondsMax) {
      token.entry = packed_entry::Pack({.expires_s = RevokedEntry::kNever, .value = entry->value});
    }
    return false;
  });
  return index_.load()->Fill(region, *tokens);
}

size_t Keyspace::SweepSide(int64_t now_ms, size_t count,
                           absl::FunctionRef<void(absl::string_view)> fn) {
  const auto ended = side_.Ended(now_ms, count);
  for (const auto& [name, print] : ended) {
    const std::optional<RevokedEntry> entry = LookUp(print, SecondsOf(now_ms));
    // A key that was put since without its name has the slot now.
    if (!entry || entry->value == kSideValue) index_.load()->Erase(print);
    side_.Take(name);
    fn(name);
  }
  return ended.size();
}

void Keyspace::SweepIndex(int64_t now_ms, uint32_t regions) {
  index_.load()->Sweep(SecondsOf(now_ms), regions);
}

void Keyspace::ForgetAll() {
  const absl::MutexLock lock(&cleared_mu_);
  fallback_ = nullptr;
  for (const auto& index : indexes_) index->Clear();
  side_.TakeAll();
  cleared_ = SideTable::Contents();
  keeps_cleared_ = false;
}

Keyspace::Stats Keyspace::stats() const {
  const RevocationIndex::Stats index = index_.load()->stats();
  const RevocationIndex::Stats other = Other().stats();
  const SideTable::Stats side = side_.stats();
  const bool undone = fallback_.load() != nullptr;
  return {.keys = index.tokens + (undone ? other.tokens : 0),
          .side_keys = side.keys,
          .index_bytes = index.bytes + other.bytes,
          .side_bytes = side.bytes};
}

}  // namespace keyturn
