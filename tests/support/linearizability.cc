#include "tests/support/linearizability.h"

#include <algorithm>
#include <set>
#include <tuple>

namespace keyturn {
namespace {

// Begins and ends of calls in the order of time, as a list from which a call that has found its
// place in the order is lifted, and into which it is put back when the place was wrong.
class Search {
 public:
  Search(absl::Span<const CallTimes> calls, LinearizeStep step, size_t configurations_max)
      : step_(step), configurations_max_(configurations_max), done_((calls.size() + 63) / 64) {
    std::vector<std::tuple<uint64_t, bool, size_t>> moments;
    for (size_t call = 0; call < calls.size(); ++call) {
      moments.emplace_back(calls[call].invoked, false, call);
      if (calls[call].returned == kNeverReturned) continue;
      moments.emplace_back(calls[call].returned, true, call);
      ++returned_left_;
    }
    std::sort(moments.begin(), moments.end());
    return_of_.resize(calls.size(), kHead);
    list_.resize(moments.size() + 1);
    for (size_t i = 0; i < moments.size(); ++i) {
      const auto& [time, is_return, call] = moments[i];
      list_[i + 1] = {call, is_return, i, i + 2 <= moments.size() ? i + 2 : kHead};
      if (is_return) return_of_[call] = i + 1;
    }
    list_[kHead] = {0, true, moments.size(), moments.empty() ? kHead : 1};
  }

  Linearization Run() {
    size_t at = list_[kHead].next;
    while (returned_left_ > 0) {
      if (list_[at].is_return) {
        // Of a call that is not in the order yet, so it must have come earlier; or the end.
        if (order_.empty()) return Result(Verdict::kViolation);
        at = list_[TakeBack()].next;
        continue;
      }
      const std::optional<size_t> next = step_(state_, list_[at].call);
      if (next.has_value() && Try(at, *next)) {
        if (tried_.size() > configurations_max_) return Result(Verdict::kUndecided);
        at = list_[kHead].next;
      } else {
        at = list_[at].next;
      }
    }
    return Result(Verdict::kLinearizable);
  }

 private:
  static constexpr size_t kHead = 0;
  // The head stands for the end too, and counts as a return.
  struct Moment {
    size_t call = 0;
    bool is_return = false;
    size_t previous = 0, next = 0;
  };
  struct Placed {
    size_t at;
    size_t state_before;
  };

  // False when calls done and state are those of an attempt that came to nothing.
  bool Try(size_t at, size_t next_state) {
    const size_t call = list_[at].call;
    Flip(call);
    if (!tried_.emplace(done_, next_state).second) {
      Flip(call);
      return false;
    }
    order_.push_back({at, state_});
    state_ = next_state;
    Unlink(at);
    if (return_of_[call] != kHead) {
      Unlink(return_of_[call]);
      --returned_left_;
    }
    if (order_.size() > longest_.size()) longest_ = Order();
    return true;
  }

  size_t TakeBack() {
    const Placed last = order_.back();
    order_.pop_back();
    const size_t call = list_[last.at].call;
    if (return_of_[call] != kHead) {
      Link(return_of_[call]);
      ++returned_left_;
    }
    Link(last.at);
    Flip(call);
    state_ = last.state_before;
    return last.at;
  }

  void Unlink(size_t at) {
    list_[list_[at].previous].next = list_[at].next;
    list_[list_[at].next].previous = list_[at].previous;
  }
  void Link(size_t at) {
    list_[list_[at].previous].next = at;
    list_[list_[at].next].previous = at;
  }
  void Flip(size_t call) { done_[call / 64] ^= uint64_t{1} << (call % 64); }

  std::vector<size_t> Order() const {
    std::vector<size_t> out;
    for (const Placed& placed : order_) out.push_back(list_[placed.at].call);
    return out;
  }
  Linearization Result(Verdict verdict) const {
    return {verdict, verdict == Verdict::kLinearizable ? Order() : longest_, tried_.size()};
  }

  const LinearizeStep step_;
  const size_t configurations_max_;
  std::vector<Moment> list_;
  std::vector<size_t> return_of_;  // kHead: it never returned
  size_t returned_left_ = 0;
  std::vector<Placed> order_;
  std::vector<size_t> longest_;
  size_t state_ = 0;
  std::vector<uint64_t> done_;  // a bit for each call in the order
  std::set<std::pair<std::vector<uint64_t>, size_t>> tried_;
};

}  // namespace

Linearization Linearize(absl::Span<const CallTimes> calls, LinearizeStep step,
                        size_t configurations_max) {
  return Search(calls, step, configurations_max).Run();
}

}  // namespace keyturn
