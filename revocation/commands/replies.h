// The replies of one connection that are not sent yet, in order. Some tell of a change that is not
// durable yet: they wait for that, and what is behind them waits with them. A reply to a question
// is not held for itself: a revocation that is seen early is safe. Not thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "revocation/list.h"

namespace keyturn {

class RespReplies {
 public:
  // `list` outlives this.
  explicit RespReplies(const RevocationList& list) : list_(list) {}

  // Where replies are written, and nothing but appended and taken off again.
  std::string& out() { return out_; }
  // What stands in out() from `begin` to `end` tells of a change whose number is not known yet:
  // Hold() gives it.
  void Mark(size_t begin, size_t end) { marks_.push_back({begin, end, 0}); }
  // Holds all that was marked since until `change` is durable; 0 for nothing. A reply whose change
  // fails becomes an error.
  void Hold(uint64_t change);

  // What may be sent now, oldest first, and then how many bytes of it were. The view ends with the
  // next call of anything.
  absl::string_view Sendable();
  void Sent(size_t size) { sent_ += size; }

  bool waits() const { return next_ < holds_.size(); }
  size_t size() const { return ready_.size() - sent_ + out_.size() - moved_; }
  size_t memory() const;
  // Gives back memory that holds nothing.
  void ReleaseMemory();

 private:
  // Of out_.
  struct Piece {
    size_t begin, end;
    uint64_t change;
  };

  void Settle();
  void Compact();

  const RevocationList& list_;
  std::string ready_;  // may be sent, from sent_ on
  size_t sent_ = 0;
  std::string out_;  // the rest, from moved_ on
  size_t moved_ = 0;
  std::vector<Piece> marks_;
  std::vector<Piece> holds_;  // from next_ on, in order
  size_t next_ = 0;
};

}  // namespace keyturn
