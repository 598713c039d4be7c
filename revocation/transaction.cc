#include "revocation/transaction.h"

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/limits.h"
#include "base/status_macros.h"

namespace keyturn {
namespace {

// Of members in one change: a set of any size goes into records of a bounded one.
constexpr size_t kMembersBytes = limits::kRevocationGroupBytesMax / 2;

absl::Status CheckSize(size_t bytes) {
  if (bytes <= limits::kRevocationChangeBytesMax) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("a name with its value or member may have ",
                                                 limits::kRevocationChangeBytesMax, " bytes"));
}

// In which the log may forget that it was replaced.
uint32_t HourOfFormer(const Keyspace::Former& former) {
  if (former == nullptr) return 0;
  return former->type == KeyType::kSet ? kHourForever : HourOf(former->expires_ms);
}

}  // namespace

ListTransaction::ListTransaction(Shared& shared, Keyspace& keyspace, RevocationLog& log,
                                 const Fingerprinter& fingerprinter,
                                 std::shared_ptr<const RevocationWriter> writer,
                                 const ListTime& time)
    : shared_(shared), keyspace_(keyspace), log_(log), fingerprinter_(fingerprinter), time_(time) {
  logged_.writer = std::move(writer);
}

std::optional<KeyInfo> ListTransaction::Find(absl::string_view key) const {
  return keyspace_.Find(KeyOf(key), time_.now_ms);
}

absl::Status ListTransaction::FindMembers(absl::string_view key,
                                          absl::Span<const absl::string_view> members,
                                          absl::Span<bool> results) const {
  return keyspace_.FindMembers(KeyOf(key), members, time_.now_ms, results);
}

// The turn is this transaction's from its beginning to its Commit, which the analysis cannot see.
void ListTransaction::Log(const ListChange& change, uint32_t hour,
                          Keyspace::Former former) ABSL_NO_THREAD_SAFETY_ANALYSIS {
  if (over_) std::abort();
  LoggedTransaction::Change logged = {.hour = hour};
  logged.bytes = static_cast<uint32_t>(shared_.encoder.Append(change, &logged_.encoded));
  const auto members = static_cast<uint32_t>(change.members.size());
  switch (change.kind) {
    case ChangeKind::kPut:
    case ChangeKind::kRetime:
      logged.puts = 1;
      break;
    case ChangeKind::kErase:
      logged.erases = 1;
      break;
    case ChangeKind::kAdd:
      logged.puts = members;
      break;
    case ChangeKind::kRemove:
      logged.erases = members;
      break;
    case ChangeKind::kClear:
      logged.clears = 1;
      break;
  }
  logged_.changes.push_back(logged);
  if (former != nullptr) logged_.undo.push_back(std::move(former));
}

void ListTransaction::LogMembers(ListChange change, const std::vector<absl::string_view>& members) {
  for (auto at = members.begin(); at != members.end();) {
    change.members.clear();
    size_t bytes = 0;
    for (; at != members.end() && (bytes == 0 || bytes + at->size() < kMembersBytes); ++at) {
      bytes += at->size() + 4;
      change.members.push_back(*at);
    }
    Log(change, kHourForever, nullptr);
    change.creates = false;
  }
}

void ListTransaction::Tell(absl::string_view key, uint32_t what) {
  if (shared_.listener == nullptr || !shared_.listener->listens()) return;
  seen_.push_back({what, std::string(key)});
}

absl::Status ListTransaction::Put(absl::string_view key, absl::string_view value,
                                  int64_t expires_ms) {
  const uint32_t what = SeenChange::kSet | (expires_ms == kNoExpiry ? 0 : SeenChange::kExpire);
  if (expires_ms > time_.now_ms) return PutAs(key, value, expires_ms, what);
  TakeAway(key);
  Tell(key, what | SeenChange::kExpired);
  return absl::OkStatus();
}

absl::Status ListTransaction::PutValue(absl::string_view key, absl::string_view value) {
  const std::optional<KeyInfo> info = Find(key);
  return PutAs(key, value, info.has_value() ? info->expires_ms : kNoExpiry, SeenChange::kSet);
}

absl::Status ListTransaction::PutAs(absl::string_view key, absl::string_view value,
                                    int64_t expires_ms, uint32_t what) {
  RETURN_IF_ERROR(CheckSize(key.size() + value.size()));
  ASSIGN_OR_RETURN(Keyspace::Former former,
                   keyspace_.Put(KeyOf(key), value, expires_ms, time_.now_ms));
  const uint32_t hour = std::max(HourOf(expires_ms), HourOfFormer(former));
  Tell(key, what | (former == nullptr ? SeenChange::kNew : 0));
  Log({.kind = ChangeKind::kPut, .key = key, .value = value, .expires_ms = expires_ms}, hour,
      std::move(former));
  if (shared_.on_put) shared_.on_put(key);
  return absl::OkStatus();
}

bool ListTransaction::TakeAway(absl::string_view key) {
  Keyspace::Former former = keyspace_.Erase(KeyOf(key), time_.now_ms);
  if (former == nullptr) return false;
  const uint32_t hour = HourOfFormer(former);
  Log({.kind = ChangeKind::kErase, .key = key}, hour, std::move(former));
  return true;
}

bool ListTransaction::Erase(absl::string_view key) {
  const bool erased = TakeAway(key);
  if (erased) Tell(key, SeenChange::kDel);
  return erased;
}

absl::Status ListTransaction::Retime(absl::string_view key, int64_t expires_ms) {
  const std::optional<KeyInfo> info = Find(key);
  if (!info.has_value()) std::abort();
  if (expires_ms <= time_.now_ms) {
    Erase(key);
    return absl::OkStatus();
  }
  const uint32_t what = expires_ms == kNoExpiry ? SeenChange::kPersist : SeenChange::kExpire;
  // The log has a string whole each time: the record with its value may be dropped before this one.
  if (info->type == KeyType::kString) return PutAs(key, info->value, expires_ms, what);
  ASSIGN_OR_RETURN(Keyspace::Former former,
                   keyspace_.RetimeSet(KeyOf(key), expires_ms, time_.now_ms));
  Tell(key, what);
  Log({.kind = ChangeKind::kRetime, .key = key, .expires_ms = expires_ms}, kHourForever,
      std::move(former));
  return absl::OkStatus();
}

absl::StatusOr<size_t> ListTransaction::AddMembers(absl::string_view key,
                                                   absl::Span<const absl::string_view> members) {
  for (const absl::string_view member : members) {
    RETURN_IF_ERROR(CheckSize(key.size() + member.size()));
  }
  ASSIGN_OR_RETURN(const Keyspace::Added added,
                   keyspace_.AddMembers(KeyOf(key), members, time_.now_ms));
  LogMembers({.kind = ChangeKind::kAdd,
              .key = key,
              .expires_ms = added.expires_ms,
              .creates = added.created},
             {added.members.begin(), added.members.end()});
  if (!added.members.empty()) {
    Tell(key, SeenChange::kAdd | (added.created ? SeenChange::kNew : 0));
  }
  if (shared_.on_put) shared_.on_put(key);
  return added.members.size();
}

absl::StatusOr<size_t> ListTransaction::RemoveMembers(absl::string_view key,
                                                      absl::Span<const absl::string_view> members) {
  Keyspace::Former former = keyspace_.RemoveMembers(KeyOf(key), members, time_.now_ms);
  if (former == nullptr) return 0;
  LogMembers({.kind = ChangeKind::kRemove, .key = key},
             {former->members.begin(), former->members.end()});
  const bool gone = !keyspace_.Exists(KeyOf(key), time_.now_ms);
  Tell(key, SeenChange::kRemove | (gone ? SeenChange::kDel : 0));
  const size_t removed = former->members.size();
  logged_.undo.push_back(std::move(former));
  return removed;
}

uint64_t ListTransaction::Clear() ABSL_NO_THREAD_SAFETY_ANALYSIS {
  uint64_t keys = 0;
  // What an earlier Clear cleared can be brought back only if it is the last one, so that is waited
  // for: two within one write to the disk are rare.
  if (!cleared_ && keyspace_.keeps_cleared()) log_.WaitUntilTried(shared_.last_clear);
  if (cleared_ || !keyspace_.keeps_cleared()) {
    keys = keyspace_.Clear();
    cleared_ = true;
    logged_.undo.push_back(nullptr);
  }
  Log({.kind = ChangeKind::kClear}, kHourForever, nullptr);
  Tell("", SeenChange::kClear);
  return keys;
}

uint64_t ListTransaction::Commit() ABSL_NO_THREAD_SAFETY_ANALYSIS {
  if (over_) return number_;
  over_ = true;
  if (!logged_.changes.empty()) {
    std::vector<Keyspace::Former> to_undo;
    number_ = log_.Append(std::move(logged_), &to_undo);
    const bool undone = !to_undo.empty();
    keyspace_.Undo(std::move(to_undo), time_.now_ms);
    if (undone && shared_.on_put) shared_.on_put("");
    if (cleared_) shared_.last_clear = number_;
  } else {
    number_ = log_.newest();
  }
  const bool seen = !seen_.empty();
  if (seen) shared_.listener->OnCommit(std::move(seen_), number_, origin_);
  shared_.turn.Unlock();
  if (seen) shared_.listener->Deliver();
  return number_;
}

}  // namespace keyturn
