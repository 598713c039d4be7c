#include "revocation/commands/mail_reader.h"

#include <algorithm>

#include "base/limits.h"
#include "revocation/commands/mail_writer.h"

namespace keyturn {
namespace {

using Fate = RespMailbox::Fate;

Fate FateOf(RevocationList::Durability durability) {
  switch (durability) {
    case RevocationList::Durability::kDurable:
      return Fate::kTake;
    case RevocationList::Durability::kWaiting:
      return Fate::kWait;
    case RevocationList::Durability::kFailed:
      break;
  }
  return Fate::kDrop;
}

}  // namespace

// What others have told to one who may not ask is only thrown away: they can choose whom they tell.
bool RespMailReader::MayReceive() {
  RespMailbox& mailbox = *connection_.mailbox;
  const bool may = connection_.authenticated && connection_.access.check;
  if (may && !mailbox.overflown()) return true;
  mailbox.Take(SIZE_MAX, [](uint64_t) { return Fate::kDrop; });
  if (connection_.subscribed() || mailbox.overflown()) connection_.broken = true;
  return false;
}

RespMailbox::Taken RespMailReader::Take(size_t bytes_max, uint64_t change) {
  uint64_t asked = 0;
  Fate fate = Fate::kTake;
  return connection_.mailbox->Take(bytes_max, [&](uint64_t of) {
    if (of <= change) return Fate::kTake;
    if (of != asked) fate = FateOf(list_.DurabilityOf(of));
    asked = of;
    return fate;
  });
}

void RespMailReader::Write(const std::vector<RespMail>& mail) {
  for (const RespMail& one : mail) WriteMail(one, connection_, writer_);
}

void RespMailReader::Receive() {
  waits_ = false;
  while (has_mail() && !waits_ && MayReceive() &&
         replies_.size() <= limits::kRespOutputBytesPause) {
    const RespMailbox::Taken taken = Take(limits::kRespOutputBytesPause, 0);
    Write(taken.invalidations);
    Write(taken.messages);
    waits_ = taken.waits;
  }
}

void RespMailReader::Place(size_t begin, uint64_t change) {
  if (!has_mail() || !MayReceive()) return;
  std::string& out = replies_.out();
  const auto end = static_cast<std::ptrdiff_t>(out.size());
  const RespMailbox::Taken taken = Take(limits::kRespOutputBytesMax, change);
  Write(taken.messages);
  if (connection_.tells_first) {
    std::rotate(out.begin() + static_cast<std::ptrdiff_t>(begin), out.begin() + end, out.end());
  }
  Write(taken.invalidations);
  waits_ = taken.waits;
}

void RespMailReader::CheckReader(int64_t now_nanos) {
  constexpr int64_t kNanos = limits::kRespMailSlowSeconds * 1'000'000'000;
  const bool behind = connection_.subscribed() &&
                      replies_.size() + connection_.mailbox->bytes() > limits::kRespMailBytesSlow;
  if (!behind) {
    behind_nanos_ = 0;
  } else if (behind_nanos_ == 0) {
    behind_nanos_ = now_nanos;
  } else if (now_nanos - behind_nanos_ > kNanos) {
    connection_.broken = true;
  }
}

}  // namespace keyturn
