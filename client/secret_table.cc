#include "client/secret_table.h"

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "client/wipe.h"

namespace keyturn {

CachedSecret::CachedSecret(v1::GetResponse response) : response_(std::move(response)) {}
CachedSecret::~CachedSecret() { WipeValues(&response_); }

const std::string* CachedSecret::Find(absl::string_view field) const {
  for (const v1::Field& each : response_.data().fields()) {
    if (each.name() == field) return &each.value();
  }
  return nullptr;
}

absl::Duration Moment::Since(const Moment& earlier) const {
  return std::max(wall_ - earlier.wall_, absl::Nanoseconds(nanos_ - earlier.nanos_));
}

SecretEntry* SecretTable::Find(absl::string_view path) {
  const auto found = by_path_.find(path);
  if (found == by_path_.end()) return nullptr;
  entries_.splice(entries_.begin(), entries_, found->second);
  return &found->second->entry;
}

void SecretTable::Put(SecretEntry entry, const Moment& now) {
  const std::string path = entry.secret->path();
  Erase(path);
  // What can no longer be given out is not kept until somebody asks for it.
  for (auto slot = entries_.begin(); slot != entries_.end();) {
    const auto next = std::next(slot);
    if (!slot->entry.IsUsable(now)) EraseSlot(slot);
    slot = next;
  }
  const size_t bytes = entry.secret->response().ByteSizeLong();
  if (bytes > bytes_max_) return;
  while (entries_.size() >= entries_max_ || bytes_ + bytes > bytes_max_) {
    EraseSlot(std::prev(entries_.end()));
  }
  entries_.push_front({std::move(entry), bytes});
  by_path_[path] = entries_.begin();
  bytes_ += bytes;
}

std::vector<std::string> SecretTable::PathsAt(absl::string_view path) const {
  std::vector<std::string> out;
  if (!absl::EndsWith(path, "/")) {
    if (by_path_.contains(path)) out.emplace_back(path);
    return out;
  }
  for (const auto& [each, slot] : by_path_) {
    if (absl::StartsWith(each, path)) out.push_back(each);
  }
  return out;
}

std::vector<std::string> SecretTable::AllPaths() const {
  std::vector<std::string> out;
  for (const auto& [each, slot] : by_path_) out.push_back(each);
  return out;
}

void SecretTable::Erase(absl::string_view path) {
  const auto found = by_path_.find(path);
  if (found != by_path_.end()) EraseSlot(found->second);
}

void SecretTable::EraseSlot(Slots::iterator slot) {
  bytes_ -= slot->bytes;
  by_path_.erase(slot->entry.secret->path());
  entries_.erase(slot);
}

}  // namespace keyturn
