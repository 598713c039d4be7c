#include "revocation/channels.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/limits.h"

namespace keyturn {
namespace {

using Kind = RespMail::Kind;

}  // namespace

RespChannels::Listeners* RespChannels::ListenersOf(ChannelKind kind, absl::string_view name) {
  if (kind == ChannelKind::kPattern) {
    const auto found = patterns_.find(std::string_view(name.data(), name.size()));
    return found == patterns_.end() ? nullptr : &found->second.listeners;
  }
  const auto found = Of(kind).find(name);
  return found == Of(kind).end() ? nullptr : &found->second;
}

absl::Status RespChannels::Subscribe(ChannelKind kind, absl::string_view name,
                                     const std::shared_ptr<RespMailbox>& mailbox) {
  if (kind == ChannelKind::kPattern && name.size() > limits::kRespPatternBytesMax) {
    return absl::InvalidArgumentError(
        absl::StrCat("a pattern has at most ", limits::kRespPatternBytesMax, " bytes"));
  }
  const absl::MutexLock lock(&mu_);
  Listeners* listeners = ListenersOf(kind, name);
  const bool full = names_.load(std::memory_order_relaxed) >= limits::kRespSubscriptionsTotalMax ||
                    bytes_ + name.size() > limits::kRespSubscriptionBytesTotalMax ||
                    (kind == ChannelKind::kPattern && listeners == nullptr &&
                     patterns_.size() >= limits::kRespPatternsTotalMax);
  if (full) return absl::ResourceExhaustedError("there are too many subscriptions");
  if (listeners == nullptr && kind == ChannelKind::kPattern) {
    listeners = &patterns_.emplace(std::string(name), Pattern(name)).first->second.listeners;
  } else if (listeners == nullptr) {
    listeners = &Of(kind)[name];
  }
  listeners->emplace(mailbox->id(), mailbox);
  bytes_ += name.size();
  names_.fetch_add(1, std::memory_order_relaxed);
  return absl::OkStatus();
}

void RespChannels::Unsubscribe(ChannelKind kind, absl::string_view name,
                               const RespMailbox& mailbox) {
  const absl::MutexLock lock(&mu_);
  Listeners* const listeners = ListenersOf(kind, name);
  if (listeners == nullptr || listeners->erase(mailbox.id()) == 0) return;
  bytes_ -= name.size();
  names_.fetch_sub(1, std::memory_order_relaxed);
  if (!listeners->empty()) return;
  if (kind == ChannelKind::kPattern) {
    patterns_.erase(patterns_.find(std::string_view(name.data(), name.size())));
  } else {
    Of(kind).erase(name);
  }
}

size_t RespChannels::Publish(ChannelKind kind, absl::string_view channel, absl::string_view payload,
                             uint64_t change) {
  RespMail mail = {.kind = kind == ChannelKind::kShard ? Kind::kShardMessage : Kind::kMessage,
                   .change = change};
  size_t sent = 0;
  const auto send = [&](const Listeners& listeners) {
    if (mail.text == nullptr) {
      mail.text = std::make_shared<const RespMail::Text>(
          RespMail::Text{std::string(channel), std::string(payload)});
    }
    for (const auto& [id, mailbox] : listeners) mailbox->Put(mail);
    sent += listeners.size();
  };
  const absl::ReaderMutexLock lock(&mu_);
  const ByName& by_name = kind == ChannelKind::kShard ? shards_ : channels_;
  if (const auto found = by_name.find(channel); found != by_name.end()) send(found->second);
  if (kind == ChannelKind::kShard) return sent;
  mail.kind = Kind::kPatternMessage;
  for (const auto& [name, pattern] : patterns_) {
    if (!pattern.glob.Matches(channel)) continue;
    mail.pattern = pattern.text;
    send(pattern.listeners);
  }
  return sent;
}

std::vector<std::string> RespChannels::Names(ChannelKind kind, const GlobPattern* pattern) const {
  std::vector<std::string> names;
  const absl::ReaderMutexLock lock(&mu_);
  for (const auto& [name, listeners] : Of(kind)) {
    if (pattern == nullptr || pattern->Matches(name)) names.push_back(name);
  }
  return names;
}

size_t RespChannels::Count(ChannelKind kind, absl::string_view name) const {
  const absl::ReaderMutexLock lock(&mu_);
  const auto found = Of(kind).find(name);
  return found == Of(kind).end() ? 0 : found->second.size();
}

size_t RespChannels::patterns() const {
  const absl::ReaderMutexLock lock(&mu_);
  return patterns_.size();
}

size_t RespChannels::channels() const {
  const absl::ReaderMutexLock lock(&mu_);
  return channels_.size();
}

void ChannelNames::Add(absl::string_view name) {
  order_.emplace(name, next_++);
  bytes_ += name.size();
}

bool ChannelNames::Remove(absl::string_view name) {
  const auto found = order_.find(name);
  if (found == order_.end()) return false;
  bytes_ -= found->first.size();
  order_.erase(found);
  return true;
}

std::vector<std::string> ChannelNames::all() const {
  std::vector<std::pair<uint64_t, std::string>> sorted;
  for (const auto& [name, place] : order_) sorted.emplace_back(place, name);
  std::sort(sorted.begin(), sorted.end());
  std::vector<std::string> names;
  names.reserve(sorted.size());
  for (auto& [place, name] : sorted) names.push_back(std::move(name));
  return names;
}

}  // namespace keyturn
