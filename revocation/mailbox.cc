#include "revocation/mailbox.h"

#include <algorithm>
#include <utility>

namespace keyturn {

size_t RespMail::bytes() const {
  size_t bytes = sizeof(RespMail);
  if (text != nullptr) bytes += text->channel.size() + text->payload.size();
  if (pattern != nullptr) bytes += pattern->size();
  if (keys != nullptr) {
    for (const std::string& key : *keys) bytes += sizeof(std::string) + key.size();
  }
  return bytes;
}

void RespMailbox::Put(RespMail mail) {
  const size_t bytes = mail.bytes();
  const absl::MutexLock lock(&mu_);
  if (closed_ || overflown_.load(std::memory_order_relaxed)) return;
  const bool message = mail.kind == RespMail::Kind::kMessage ||
                       mail.kind == RespMail::Kind::kPatternMessage ||
                       mail.kind == RespMail::Kind::kShardMessage;
  Queue& queue = message ? messages_ : invalidations_;
  const bool was_empty = queue.empty();
  if (bytes_ + bytes > limits::kRespMailBytesMax ||
      total_.load(std::memory_order_relaxed) + bytes > limits::kRespMailBytesTotalMax) {
    Discard();
    overflown_.store(true, std::memory_order_release);
  } else {
    bytes_ += bytes;
    total_.fetch_add(bytes, std::memory_order_relaxed);
    queue.push_back(std::move(mail));
  }
  full_.store(true, std::memory_order_release);
  if ((was_empty || overflown_.load(std::memory_order_relaxed)) && owner_ != nullptr) {
    owner_->OnMail(id_);
  }
}

void RespMailbox::Close() {
  const absl::MutexLock lock(&mu_);
  closed_ = true;
  owner_ = nullptr;
  Discard();
}

void RespMailbox::Discard() {
  messages_.clear();
  invalidations_.clear();
  total_.fetch_sub(bytes_, std::memory_order_relaxed);
  bytes_ = 0;
}

size_t RespMailbox::bytes() const {
  const absl::MutexLock lock(&mu_);
  return bytes_;
}

void RespMailbox::TakeFront(Queue& queue, std::vector<RespMail>* out, size_t* left) {
  const size_t bytes = queue.front().bytes();
  if (out != nullptr) out->push_back(std::move(queue.front()));
  queue.pop_front();
  bytes_ -= bytes;
  total_.fetch_sub(bytes, std::memory_order_relaxed);
  *left -= std::min(*left, bytes);
}

RespMailbox::Taken RespMailbox::Take(size_t bytes_max,
                                     absl::FunctionRef<Fate(uint64_t change)> fate) {
  Taken taken;
  const absl::MutexLock lock(&mu_);
  while (!invalidations_.empty() && bytes_max > 0) {
    TakeFront(invalidations_, &taken.invalidations, &bytes_max);
  }
  while (!messages_.empty() && bytes_max > 0) {
    const uint64_t change = messages_.front().change;
    const Fate what = change == 0 ? Fate::kTake : fate(change);
    taken.waits = what == Fate::kWait;
    if (taken.waits) break;
    TakeFront(messages_, what == Fate::kTake ? &taken.messages : nullptr, &bytes_max);
  }
  full_.store(!messages_.empty() || !invalidations_.empty(), std::memory_order_release);
  return taken;
}

}  // namespace keyturn
