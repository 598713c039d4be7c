#include "revocation/resp_hub.h"

#include <utility>

#include "revocation/change_events.h"

namespace keyturn {

std::shared_ptr<RespMailbox> RespHub::Join(uint64_t id, RespMailbox::Owner* owner) {
  auto mailbox = std::make_shared<RespMailbox>(id, owner, total_);
  const absl::MutexLock lock(&mailboxes_mu_);
  mailboxes_[id] = mailbox;
  return mailbox;
}

void RespHub::Leave(uint64_t id) {
  DisableTracking(id);
  std::shared_ptr<RespMailbox> mailbox;
  {
    const absl::MutexLock lock(&mailboxes_mu_);
    const auto at = mailboxes_.find(id);
    if (at == mailboxes_.end()) return;
    mailbox = std::move(at->second);
    mailboxes_.erase(at);
  }
  mailbox->Close();
}

bool RespHub::Has(uint64_t id) const {
  const absl::ReaderMutexLock lock(&mailboxes_mu_);
  return mailboxes_.contains(id);
}

bool RespHub::Post(uint64_t id, RespMail mail) {
  const absl::ReaderMutexLock lock(&mailboxes_mu_);
  const auto at = mailboxes_.find(id);
  if (at == mailboxes_.end()) return false;
  at->second->Put(std::move(mail));
  return true;
}

// Each who changes what it depends on looks at all of it afterwards, so the last one is right.
void RespHub::TakeStock() {
  const absl::MutexLock lock(&noted_mu_);
  listens_.store(tracking_.any() || (channels_.any() && TellsEvents(event_classes())));
}

absl::Status RespHub::Subscribe(ChannelKind kind, absl::string_view name,
                                const std::shared_ptr<RespMailbox>& mailbox) {
  absl::Status status = channels_.Subscribe(kind, name, mailbox);
  TakeStock();
  return status;
}

void RespHub::Unsubscribe(ChannelKind kind, absl::string_view name, const RespMailbox& mailbox) {
  channels_.Unsubscribe(kind, name, mailbox);
  TakeStock();
}

void RespHub::SetEventClasses(uint32_t classes) {
  event_classes_.store(classes, std::memory_order_relaxed);
  TakeStock();
}

size_t RespHub::Publish(ChannelKind kind, absl::string_view channel, absl::string_view message) {
  if (!channels_.any()) return 0;
  const absl::MutexLock lock(&turn_);
  DeliverNoted();
  return channels_.Publish(kind, channel, message, 0);
}

absl::Status RespHub::EnableTracking(uint64_t id, const TrackingOptions& options) {
  absl::Status status = tracking_.Enable(id, options);
  TakeStock();
  return status;
}

void RespHub::DisableTracking(uint64_t id) {
  if (!tracking_.any()) return;
  tracking_.Disable(id);
  TakeStock();
}

void RespHub::Remember(uint64_t id, absl::Span<const absl::string_view> keys) {
  tracking_.Remember(id, keys,
                     [this](uint64_t to, RespMail mail) { return Post(to, std::move(mail)); });
}

void RespHub::OnCommit(std::vector<SeenChange> changes, uint64_t change, uint64_t origin) {
  const absl::MutexLock lock(&noted_mu_);
  noted_.push_back({std::move(changes), change, origin});
}

void RespHub::Deliver() {
  const absl::MutexLock lock(&turn_);
  DeliverNoted();
}

void RespHub::DeliverNoted() {
  std::vector<Noted> noted;
  {
    const absl::MutexLock lock(&noted_mu_);
    noted.swap(noted_);
  }
  const uint32_t classes = event_classes();
  const bool tells = TellsEvents(classes) && channels_.any();
  for (const Noted& one : noted) {
    tracking_.Invalidate(one.changes, one.origin,
                         [this](uint64_t to, RespMail mail) { return Post(to, std::move(mail)); });
    if (!tells) continue;
    for (const SeenChange& change : one.changes) {
      TellEvents(change, classes, [&](absl::string_view channel, absl::string_view message) {
        channels_.Publish(ChannelKind::kChannel, channel, message, one.change);
      });
    }
  }
}

void RespHub::OnForgotten() {
  if (!tracking_.any()) return;
  const absl::MutexLock lock(&turn_);
  DeliverNoted();
  tracking_.InvalidateAll([this](uint64_t to, RespMail mail) { return Post(to, std::move(mail)); });
}

void RespHub::OnSweep(int64_t now_ms) {
  tracking_.Sweep(now_ms, [this](uint64_t to, RespMail mail) { return Post(to, std::move(mail)); });
}

}  // namespace keyturn
