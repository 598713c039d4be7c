#include "revocation/side_table.h"

#include <cstdlib>

#include "absl/strings/str_cat.h"
#include "base/limits.h"
#include "base/status_macros.h"
#include "crypto/random.h"
#include "crypto/siphash.h"

namespace keyturn {
namespace {

// What a key takes, near enough: nodes of B-trees are three quarters full, and an allocation costs
// its size and a header.
constexpr size_t kAllocationBytes = 16;
constexpr size_t kKeyBytes =
    sizeof(SideKey) + kAllocationBytes +
    (sizeof(uint64_t) + sizeof(void*) + sizeof(std::pair<int64_t, void*>)) * 4 / 3;
constexpr size_t kMemberBytes = sizeof(std::string) * 4 / 3;
constexpr size_t kInlineBytes = 15;  // a std::string has room for in itself

size_t TextBytes(size_t size) { return size <= kInlineBytes ? 0 : size + 1 + kAllocationBytes; }
size_t BytesOfMember(size_t size) { return kMemberBytes + TextBytes(size); }

size_t BytesOf(const SideKey& key) {
  size_t bytes = kKeyBytes + TextBytes(key.name.size()) + TextBytes(key.value.size());
  for (const std::string& member : key.members) bytes += BytesOfMember(member.size());
  return bytes;
}

// As SideTable::Copy of one key, from this member on. False, and from which member to go on, when
// `fn` said so.
bool CopyKey(const SideKey& key, std::string* member,
             absl::FunctionRef<bool(const ListChange&)> fn) {
  if (key.type == KeyType::kString) {
    return fn({.kind = ChangeKind::kPut,
               .key = key.name,
               .value = key.value,
               .expires_ms = key.expires_ms});
  }
  for (auto at = key.members.lower_bound(*member); at != key.members.end();) {
    ListChange part = {.kind = ChangeKind::kAdd, .key = key.name, .expires_ms = key.expires_ms};
    const auto begin = at;
    size_t bytes = 0;
    do {
      bytes += at->size();
      part.members.push_back(*at++);
    } while (at != key.members.end() && bytes + at->size() <= limits::kRevocationSetPartBytes);
    if (fn(part)) continue;
    *member = *begin;
    return false;
  }
  return true;
}

}  // namespace

std::unique_ptr<SideKey> NewSideKey(absl::string_view name, const Fingerprint& print, KeyType type,
                                    int64_t expires_ms) {
  auto key = std::make_unique<SideKey>();
  key->name = std::string(name);
  key->print = print;
  key->type = type;
  key->expires_ms = expires_ms;
  return key;
}

SideTable::SideTable(size_t bytes_max)
    : bytes_max_(bytes_max), hash_key_(RandomBytes(kSipHashKeySize)) {}

// From 1, since a cursor of 0 begins, and below 2^63.
uint64_t SideTable::HashOf(absl::string_view name) const {
  const uint64_t hash = SipHash(hash_key_, name).low >> 1;
  return hash == 0 ? 1 : hash;
}

SideTable::Sight SideTable::See(absl::string_view name,
                                absl::FunctionRef<void(const SideKey&)> fn) const {
  const uint64_t hash = HashOf(name);
  const absl::ReaderMutexLock lock(&mu_);
  for (auto at = by_hash_.lower_bound(hash); at != by_hash_.end() && at->first == hash; ++at) {
    if (at->second->name != name) continue;
    fn(*at->second);
    return {.found = true, .taken = taken_.load()};
  }
  return {.found = false, .taken = taken_.load()};
}

uint64_t SideTable::Scan(uint64_t cursor, size_t count, int64_t now_ms,
                         absl::FunctionRef<void(absl::string_view, KeyType)> fn) const {
  const absl::ReaderMutexLock lock(&mu_);
  size_t looked = 0;
  uint64_t last = 0;
  for (auto at = by_hash_.lower_bound(cursor); at != by_hash_.end(); ++at, ++looked) {
    // Names of one hash go together: a cursor cannot point in between.
    if (looked >= count && at->first != last) return at->first;
    last = at->first;
    if (at->second->alive(now_ms)) fn(at->second->name, at->second->type);
  }
  return 0;
}

SideCursor SideTable::Copy(const SideCursor& from, absl::FunctionRef<bool(const SideKey&)> wanted,
                           absl::FunctionRef<bool(const ListChange&)> fn) const {
  const absl::ReaderMutexLock lock(&mu_);
  auto at = by_hash_.lower_bound(from.hash);
  std::string member;
  for (auto next = at; next != by_hash_.end() && next->first == from.hash; ++next) {
    if (next->second->name != from.name) continue;
    at = next;
    member = from.member;
  }
  for (size_t looked = 0; at != by_hash_.end(); ++at, ++looked) {
    const SideKey& key = *at->second;
    if (looked == limits::kRevocationCopyKeys || (wanted(key) && !CopyKey(key, &member, fn))) {
      return {.hash = at->first, .name = key.name, .member = std::move(member)};
    }
    member.clear();
  }
  return {.ended = true};
}

const SideKey* SideTable::Find(absl::string_view name) const {
  const SideKey* found = nullptr;
  See(name, [&found](const SideKey& key) { found = &key; });
  return found;
}

SideTable::ByHash::iterator SideTable::Locate(uint64_t hash, absl::string_view name) {
  for (auto at = by_hash_.lower_bound(hash); at != by_hash_.end() && at->first == hash; ++at) {
    if (at->second->name == name) return at;
  }
  return by_hash_.end();
}

SideKey& SideTable::Existing(absl::string_view name) {
  const auto at = Locate(HashOf(name), name);
  if (at == by_hash_.end()) std::abort();
  return *at->second;
}

void SideTable::Insert(uint64_t hash, std::unique_ptr<SideKey> key) {
  bytes_ += BytesOf(*key);
  if (key->expires_ms != kNoExpiry) by_end_.insert({key->expires_ms, key.get()});
  by_hash_.emplace(hash, std::move(key));
}

std::unique_ptr<SideKey> SideTable::Remove(ByHash::iterator at) {
  std::unique_ptr<SideKey> key = std::move(at->second);
  by_hash_.erase(at);
  by_end_.erase({key->expires_ms, key.get()});
  bytes_ -= BytesOf(*key);
  return key;
}

absl::Status SideTable::CheckRoom(size_t more, size_t less) const {
  if (more <= less || bytes_ - less + more <= bytes_max_) return absl::OkStatus();
  return absl::ResourceExhaustedError(
      absl::StrCat("the revocation list is full: keys that are kept by name (sets, unusual values, "
                   "lives below 10 seconds) may take ",
                   bytes_max_, " bytes"));
}

absl::StatusOr<std::unique_ptr<SideKey>> SideTable::Put(std::unique_ptr<SideKey> key,
                                                        bool bounded) {
  const uint64_t hash = HashOf(key->name);
  const absl::MutexLock lock(&mu_);
  const auto at = Locate(hash, key->name);
  std::unique_ptr<SideKey> former;
  if (bounded) {
    RETURN_IF_ERROR(CheckRoom(BytesOf(*key), at == by_hash_.end() ? 0 : BytesOf(*at->second)));
  }
  if (at != by_hash_.end()) former = Remove(at);
  Insert(hash, std::move(key));
  return former;
}

std::unique_ptr<SideKey> SideTable::Take(absl::string_view name) {
  const uint64_t hash = HashOf(name);
  const absl::MutexLock lock(&mu_);
  const auto at = Locate(hash, name);
  if (at == by_hash_.end()) return nullptr;
  ++taken_;
  return Remove(at);
}

void SideTable::Retime(absl::string_view name, int64_t expires_ms) {
  const absl::MutexLock lock(&mu_);
  SideKey& key = Existing(name);
  by_end_.erase({key.expires_ms, &key});
  key.expires_ms = expires_ms;
  if (expires_ms != kNoExpiry) by_end_.insert({expires_ms, &key});
}

absl::StatusOr<std::vector<std::string>> SideTable::AddMembers(
    absl::string_view name, absl::Span<const absl::string_view> members, bool bounded) {
  const absl::MutexLock lock(&mu_);
  SideKey& key = Existing(name);
  absl::btree_set<std::string> fresh;
  size_t bytes = 0;
  for (const absl::string_view member : members) {
    if (key.members.contains(member) || !fresh.emplace(member).second) continue;
    bytes += BytesOfMember(member.size());
  }
  if (bounded) RETURN_IF_ERROR(CheckRoom(bytes, 0));
  bytes_ += bytes;
  std::vector<std::string> added(fresh.begin(), fresh.end());
  key.members.merge(fresh);
  return added;
}

std::vector<std::string> SideTable::RemoveMembers(absl::string_view name,
                                                  absl::Span<const absl::string_view> members) {
  const absl::MutexLock lock(&mu_);
  SideKey& key = Existing(name);
  std::vector<std::string> removed;
  for (const absl::string_view member : members) {
    if (key.members.erase(member) == 0) continue;
    bytes_ -= BytesOfMember(member.size());
    removed.emplace_back(member);
  }
  return removed;
}

std::vector<std::pair<std::string, Fingerprint>> SideTable::Ended(int64_t now_ms,
                                                                  size_t count) const {
  const absl::ReaderMutexLock lock(&mu_);
  std::vector<std::pair<std::string, Fingerprint>> ended;
  for (const auto& [expires_ms, key] : by_end_) {
    if (ended.size() == count || key->alive(now_ms)) break;
    ended.emplace_back(key->name, key->print);
  }
  return ended;
}

SideTable::Contents SideTable::TakeAll() {
  Contents contents;
  const absl::MutexLock lock(&mu_);
  ++taken_;
  contents.keys_.swap(by_hash_);
  by_end_.clear();
  bytes_ = 0;
  return contents;
}

void SideTable::PutMissing(Contents contents) {
  const absl::MutexLock lock(&mu_);
  for (auto& [hash, key] : contents.keys_) {
    if (Locate(hash, key->name) == by_hash_.end()) Insert(hash, std::move(key));
  }
}

SideTable::Stats SideTable::stats() const {
  const absl::ReaderMutexLock lock(&mu_);
  return {.keys = by_hash_.size(), .bytes = bytes_};
}

}  // namespace keyturn
