#include "server/reply_quota.h"

#include "absl/hash/hash.h"
#include "absl/strings/str_cat.h"
#include "base/reason.h"
#include "crypto/arena.h"

namespace keyturn {
namespace {

absl::Status Full(absl::string_view whose, size_t most) {
  return WithRetryAfter(
      WithReason(absl::ResourceExhaustedError(absl::StrCat(
                     "the replies of ", whose, " that were not taken yet may hold ", most,
                     " bytes of memory: take them, or ask for less at once, and try again")),
                 "REPLIES_WAITING"),
      absl::Milliseconds(limits::kBusyRetryMilliseconds));
}

}  // namespace

ReplyQuota::Lease& ReplyQuota::Lease::operator=(Lease&& other) noexcept {
  if (this != &other) {
    Return();
    quota_ = std::exchange(other.quota_, nullptr);
    share_ = other.share_;
    bytes_ = other.bytes_;
  }
  return *this;
}

void ReplyQuota::Lease::Return() {
  if (quota_ == nullptr) return;
  share_->fetch_sub(bytes_, std::memory_order_relaxed);
  quota_->total_.fetch_sub(bytes_, std::memory_order_relaxed);
  quota_ = nullptr;
}

absl::StatusOr<ReplyQuota::Lease> ReplyQuota::Take(absl::string_view caller, size_t bytes) {
  if (bytes == 0) return Lease();
  std::atomic<size_t>& share = shares_[absl::Hash<absl::string_view>()(caller) % shares_.size()];
  size_t mine = share.load(std::memory_order_relaxed);
  do {
    if (mine != 0 && mine + bytes > share_max_) return Full("this caller", share_max_);
  } while (!share.compare_exchange_weak(mine, mine + bytes, std::memory_order_relaxed));
  if (total_.fetch_add(bytes, std::memory_order_relaxed) + bytes > total_max_) {
    const Lease undo(this, &share, bytes);
    return Full("all callers", total_max_);
  }
  return Lease(this, &share, bytes);
}

ReplyQuota& ArenaReplyQuota() {
  static ReplyQuota* const quota = [] {
    const size_t arena = GetArenaStats().capacity;
    return new ReplyQuota(arena / limits::kRepliesArenaDivisor,
                          arena / limits::kReplyShareArenaDivisor);
  }();
  return *quota;
}

}  // namespace keyturn
