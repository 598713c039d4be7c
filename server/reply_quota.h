// How much of the arena the replies may hold that their peers have not taken yet: in total a part
// of it, and of one caller a smaller part, so that a peer that reads nothing can neither stop
// writes nor the reads of others. Counted in whole blocks. Thread-safe, without a lock.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/limits.h"

namespace keyturn {

class ReplyQuota {
 public:
  // Bytes taken; given back with it. The quota outlives it.
  class Lease {
   public:
    Lease() = default;
    ~Lease() { Return(); }
    Lease(Lease&& other) noexcept
        : quota_(std::exchange(other.quota_, nullptr)),
          share_(other.share_),
          bytes_(other.bytes_) {}
    Lease& operator=(Lease&& other) noexcept;
    Lease(const Lease&) = delete;
    Lease& operator=(const Lease&) = delete;

   private:
    friend class ReplyQuota;
    Lease(ReplyQuota* quota, std::atomic<size_t>* share, size_t bytes)
        : quota_(quota), share_(share), bytes_(bytes) {}
    void Return();

    ReplyQuota* quota_ = nullptr;
    std::atomic<size_t>* share_ = nullptr;
    size_t bytes_ = 0;
  };

  // All in bytes.
  ReplyQuota(size_t total_max, size_t share_max) : total_max_(total_max), share_max_(share_max) {}
  ReplyQuota(const ReplyQuota&) = delete;
  ReplyQuota& operator=(const ReplyQuota&) = delete;

  // RESOURCE_EXHAUSTED (reason REPLIES_WAITING, with the time to wait) when the replies of
  // `caller`, or of all, hold too much. A caller whose replies hold nothing gets any size that
  // `total_max` has room for, so that a small arena does not make large secrets unreadable.
  absl::StatusOr<Lease> Take(absl::string_view caller, size_t bytes);
  size_t held() const { return total_.load(std::memory_order_relaxed); }

 private:
  const size_t total_max_, share_max_;
  std::atomic<size_t> total_{0};
  // By a hash of the caller that differs from process to process: two may share one, rarely.
  std::array<std::atomic<size_t>, limits::kReplySharesMax> shares_{};
};

// Of the arena of this process. It lives for ever, as the arena does: a transport may let go of a
// reply after the server is gone.
ReplyQuota& ArenaReplyQuota();

}  // namespace keyturn
