#include "revocation/commands/replies.h"

#include <utility>

#include "base/limits.h"
#include "revocation/commands/call.h"
#include "revocation/resp_writer.h"

namespace keyturn {

void RespReplies::Hold(uint64_t change) {
  if (change != 0) {
    for (Piece& piece : marks_) {
      piece.change = change;
      holds_.push_back(piece);
    }
  }
  marks_.clear();
}

absl::string_view RespReplies::Sendable() {
  if (sent_ == ready_.size()) {
    ready_.clear();
    sent_ = 0;
  }
  if (waits()) {
    Settle();
  } else if (ready_.empty() && moved_ == 0) {
    std::swap(ready_, out_);
  } else {
    ready_.append(out_, moved_);
    out_.clear();
    moved_ = 0;
  }
  return absl::string_view(ready_).substr(sent_);
}

// Moves what stands before the first reply that has to wait.
void RespReplies::Settle() {
  uint64_t asked = 0;
  auto durability = RevocationList::Durability::kWaiting;
  for (; next_ < holds_.size(); ++next_) {
    const Piece& piece = holds_[next_];
    if (asked != piece.change) {
      asked = piece.change;
      durability = list_.DurabilityOf(asked);
    }
    if (durability == RevocationList::Durability::kWaiting) {
      ready_.append(out_, moved_, piece.begin - moved_);
      moved_ = piece.begin;
      Compact();
      return;
    }
    const bool failed = durability == RevocationList::Durability::kFailed;
    ready_.append(out_, moved_, (failed ? piece.begin : piece.end) - moved_);
    if (failed) RespWriter(&ready_).Error(kRespLogFailed);
    moved_ = piece.end;
  }
  ready_.append(out_, moved_);
  out_.clear();
  moved_ = 0;
  holds_.clear();
  next_ = 0;
}

// Replies can wait for one change or another without an end. Moves at most as much as was moved on
// since.
void RespReplies::Compact() {
  if (moved_ < limits::kRespBufferBytesKept || 2 * moved_ < out_.size()) return;
  out_.erase(0, moved_);
  holds_.erase(holds_.begin(), holds_.begin() + static_cast<std::ptrdiff_t>(next_));
  next_ = 0;
  for (Piece& piece : holds_) {
    piece.begin -= moved_;
    piece.end -= moved_;
  }
  moved_ = 0;
}

size_t RespReplies::memory() const {
  return ready_.capacity() + out_.capacity() +
         (marks_.capacity() + holds_.capacity()) * sizeof(Piece);
}

void RespReplies::ReleaseMemory() {
  if (sent_ == ready_.size()) {
    std::string().swap(ready_);
    sent_ = 0;
  }
  if (moved_ == out_.size()) {
    std::string().swap(out_);
    moved_ = 0;
  }
  if (marks_.empty()) std::vector<Piece>().swap(marks_);
  if (!waits()) {
    std::vector<Piece>().swap(holds_);
    next_ = 0;
  }
}

}  // namespace keyturn
