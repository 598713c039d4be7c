#include "revocation/resp_session.h"

#include <array>
#include <cstring>
#include <utility>

#include "absl/strings/match.h"
#include "revocation/commands/call.h"
#include "revocation/commands/changes.h"
#include "revocation/commands/command.h"
#include "revocation/commands/connection.h"
#include "revocation/commands/dispatch.h"
#include "revocation/commands/mail_reader.h"
#include "revocation/commands/replies.h"
#include "revocation/resp_reader.h"
#include "revocation/resp_writer.h"

namespace keyturn {
namespace {

constexpr size_t kBatch = 16;              // requests read before the first of them is run
constexpr size_t kArgumentsKeptMax = 256;  // room for more is given back

struct Request {
  std::vector<absl::string_view> arguments;
  const RespCommand* command = nullptr;
};

class RespSessionImpl : public RespSession {
 public:
  RespSessionImpl(const Parts& parts, RespClient client, RespMailbox::Owner* owner)
      : parts_(parts),
        exists_(table_.Find("exists")),
        changes_(parts.list, client.id),
        replies_(parts.list),
        writer_(&replies_.out()),
        mail_(connection_, parts.list, replies_, writer_) {
    connection_.client = std::move(client);
    connection_.client.resp = static_cast<int>(connection_.version);
    connection_.mailbox = parts.hub.Join(connection_.client.id, owner);
  }
  ~RespSessionImpl() override {
    connection_.Unsubscribe(parts_.hub);
    parts_.hub.Leave(connection_.client.id);
  }

  void SetAccess(RespAccess access) override;

  absl::Span<char> Space(size_t least) override;
  void Added(size_t size) override { reader_.Added(size); }
  void Run() override;
  bool wants_run() const override { return wants_run_; }
  bool wants_bytes() const override {
    return !Ended() && !Full() && !has_batch() && !protocol_error_;
  }

  void ReceiveMail() override;
  bool has_mail() const override { return mail_.has_mail(); }
  void CheckReader(int64_t now_nanos) override { mail_.CheckReader(now_nanos); }

  absl::string_view Sendable() override { return replies_.Sendable(); }
  void Sent(size_t size) override { replies_.Sent(size); }
  bool waits_for_disk() const override { return replies_.waits() || mail_.waits(); }
  bool closing() const override { return connection_.closing; }
  bool broken() const override { return connection_.broken; }

  const RespClient& client() const override { return connection_.client; }
  bool authenticated() const override { return connection_.authenticated; }
  uint64_t commands() const override { return commands_; }
  size_t memory() const override;
  void ReleaseMemory() override;

 private:
  bool Ended() const { return connection_.closing || connection_.broken; }
  bool Full() const { return replies_.size() > limits::kRespOutputBytesPause; }
  bool has_batch() const { return batch_at_ < batch_size_; }
  void CheckAccess();
  bool FillBatch();
  void RunBatch(bool to_the_end);
  void RunOne(Request& request);
  bool MayAskDirectly() const;
  void RunExists();
  void EndChanges() {
    if (changes_.open()) replies_.Hold(changes_.Commit());
  }
  void TakeBackIfSealed(const RespCommand* command, size_t begin);
  void SettleReplies(const RespCommand* command, size_t begin);
  void EndCaching(const RespCommand* command);
  void TellAndMark(bool changes, size_t begin);
  void CheckBounds();
  void EndWithProtocolError();

  const Parts parts_;
  const RespCommandTable& table_ = RespCommandTable::Get();
  const RespCommand* const exists_;
  RespReader reader_;
  RespConnection connection_;
  RespChanges changes_;
  RespReplies replies_;
  RespWriter writer_;
  RespMailReader mail_;

  // Read and not run yet: from batch_at_ to batch_size_. Arguments point into reader_.
  std::array<Request, kBatch> batch_;
  size_t batch_at_ = 0, batch_size_ = 0;
  ListTime time_;
  bool sealed_ = false;
  bool unsure_ = false;  // what the caller may do could not be asked
  bool protocol_error_ = false;
  bool wants_run_ = false;
  uint64_t commands_ = 0;
};

void RespSessionImpl::SetAccess(RespAccess access) {
  connection_.own_access = access;
  connection_.access = std::move(access);
  connection_.authenticated = true;
  connection_.client.user = connection_.access.writer->principal;
  reader_.set_authenticated(true);
}

absl::Span<char> RespSessionImpl::Space(size_t least) {
  // Arguments of requests that are not run yet would end.
  if (has_batch()) RunBatch(/*to_the_end=*/true);
  return reader_.Space(least);
}

// Asked once for all requests at hand: who is told so late that he may not ask was answered what he
// might ask a moment before.
void RespSessionImpl::CheckAccess() {
  unsure_ = false;
  RespAccess& access = connection_.access;
  if (!connection_.authenticated) return;
  const bool current =
      access.epoch == parts_.host.epoch() &&
      (access.until == absl::InfiniteFuture() || parts_.clock.Now() < access.until);
  if (current) return;
  absl::StatusOr<RespAccess> now = parts_.host.Refresh(access);
  if (now.ok()) {
    access = *std::move(now);
  } else if (absl::IsUnauthenticated(now.status())) {
    access = RespAccess();
    connection_.authenticated = false;
    connection_.gone = true;
    reader_.set_authenticated(false);
  } else {
    unsure_ = true;
  }
}

void RespSessionImpl::Run() {
  wants_run_ = false;
  if (Ended()) return;
  CheckAccess();
  ReceiveMail();
  while (!Ended()) {
    if (Full()) {
      wants_run_ |= has_batch() || protocol_error_ || reader_.buffered() > 0;
      break;
    }
    if (!has_batch() && !FillBatch()) break;
    RunBatch(/*to_the_end=*/false);
  }
  connection_.client.last_used = parts_.clock.Now();
  const RespCommand* const last = connection_.last_command;
  if (last != nullptr && connection_.client.last_command != last->name) {
    connection_.client.last_command = std::string(last->name);
  }
}

// False when there is nothing to run. Behind a request that may say who the caller is nothing is
// read ahead, since that sets the bounds of what follows.
bool RespSessionImpl::FillBatch() {
  batch_at_ = batch_size_ = 0;
  while (batch_size_ < kBatch && !protocol_error_) {
    Request& request = batch_[batch_size_];
    const RespReader::Result result = reader_.Next(&request.arguments);
    if (result == RespReader::Result::kNeedMore) break;
    if (result == RespReader::Result::kProtocolError) {
      protocol_error_ = true;
      break;
    }
    request.command = table_.Find(request.arguments);
    ++batch_size_;
    if (request.command != nullptr && request.command->Has(RespCommand::kAlone)) break;
  }
  if (protocol_error_ && !has_batch()) EndWithProtocolError();
  return has_batch();
}

void RespSessionImpl::RunBatch(bool to_the_end) {
  time_ = parts_.list.Now();
  sealed_ = unsure_ || !parts_.list.loaded();
  while (has_batch() && !Ended() && (to_the_end || !Full())) {
    if (batch_[batch_at_].command == exists_ && MayAskDirectly()) {
      RunExists();
    } else {
      RunOne(batch_[batch_at_++]);
    }
  }
  EndChanges();
}

bool RespSessionImpl::MayAskDirectly() const {
  return batch_[batch_at_].arguments.size() == 2 && !connection_.tracking.has_value() &&
         connection_.authenticated && !sealed_ && connection_.access.check &&
         !connection_.queue.has_value() && connection_.replies == RespConnection::Replies::kOn;
}

// All that follow each other and ask for one key, in one go.
void RespSessionImpl::RunExists() {
  EndChanges();
  std::array<absl::string_view, kBatch> keys;
  std::array<bool, kBatch> there;
  size_t count = 0;
  for (; has_batch(); ++batch_at_) {
    const Request& request = batch_[batch_at_];
    if (request.command != exists_ || request.arguments.size() != 2) break;
    keys[count++] = request.arguments[1];
  }
  parts_.list.ExistsMany(absl::MakeConstSpan(keys.data(), count), time_,
                         absl::MakeSpan(there.data(), count));
  if (parts_.list.loaded()) {
    std::array<char, 4 * kBatch> text;
    for (size_t i = 0; i < count; ++i) {
      std::memcpy(&text[4 * i], there[i] ? ":1\r\n" : ":0\r\n", 4);
    }
    replies_.out().append(text.data(), 4 * count);
  } else {
    for (size_t i = 0; i < count; ++i) writer_.Error(kRespSealed);
  }
  commands_ += count;
  connection_.last_command = exists_;
}

void RespSessionImpl::RunOne(Request& request) {
  const RespCommand* const command = request.command;
  const bool changes = command != nullptr && command->Has(RespCommand::kChanges);
  if (!changes) EndChanges();  // others ask the list, which is to know what was done before
  const size_t begin = replies_.out().size();
  RespCall call = {connection_,  parts_.list,       parts_.host, parts_.hub,
                   parts_.clock, changes_,          writer_,     replies_.out(),
                   command,      request.arguments, time_};
  connection_.tells_first = command != nullptr && command->Has(RespCommand::kTellsFirst);
  connection_.last_command = command;
  ++commands_;
  Dispatch(call, sealed_);
  if (connection_.gone) connection_.closing = true;
  TakeBackIfSealed(command, begin);
  if (connection_.caching) EndCaching(command);
  SettleReplies(command, begin);
  TellAndMark(changes, begin);
  if (!changes) EndChanges();  // of EXEC
  if (command != nullptr && command->Has(RespCommand::kSecret)) {
    for (size_t i = 1; i < request.arguments.size(); ++i) reader_.Wipe(request.arguments[i]);
  }
  if (command != nullptr && command->Has(RespCommand::kAlone)) {
    reader_.set_authenticated(connection_.authenticated);
    if (!connection_.gone) CheckAccess();
  }
  if (request.arguments.size() > kArgumentsKeptMax) {
    std::vector<absl::string_view>().swap(request.arguments);
  }
  CheckBounds();
}

// A list that was sealed meanwhile has nothing, and would call a revoked token good.
void RespSessionImpl::TakeBackIfSealed(const RespCommand* command, size_t begin) {
  if (sealed_ || command == nullptr || !command->Has(RespCommand::kCheck)) return;
  if (!connection_.authenticated || parts_.list.loaded()) return;
  if (command->Has(RespCommand::kPushes)) return;  // shows nothing of it
  replies_.out().resize(begin);
  writer_.Error(kRespSealed);
}

// Also the reply of one that was to change something and found nothing to do is marked: what it
// found may be a change that is not durable yet. Who is told of its own changes is told of each by
// itself, and waits for the disk with the reply.
void RespSessionImpl::TellAndMark(bool changes, size_t begin) {
  const std::string& out = replies_.out();
  const bool changed = changes_.TakeChanged();
  const bool looked = changes && changes_.open();
  const bool held = changed || (looked && out.size() > begin && out[begin] != '-');
  const bool alone = changes_.open() && connection_.hears();
  const uint64_t change = alone ? changes_.Commit() : 0;
  mail_.Place(begin, change);
  if (held && out.size() > begin) replies_.Mark(begin, out.size());
  if (alone) replies_.Hold(change);
}

// What the caller may do is asked again: it may be long since it asked for anything.
void RespSessionImpl::ReceiveMail() {
  if (!mail_.has_mail() || Ended()) return;
  CheckAccess();
  if (unsure_) return;
  mail_.Receive();
  wants_run_ |= Full() && mail_.has_mail();
}

// CLIENT CACHING is for the next command, or transaction. Source: networking.c, resetClient.
void RespSessionImpl::EndCaching(const RespCommand* command) {
  const bool client = command != nullptr && absl::StartsWith(command->name, "client|");
  if (!client && !connection_.queue.has_value()) connection_.caching = false;
}

// What CLIENT REPLY says of the request that was run, and of the next.
void RespSessionImpl::SettleReplies(const RespCommand* command, size_t begin) {
  const std::string& out = replies_.out();
  if (command != nullptr && command->Has(RespCommand::kPushes) && out.size() > begin &&
      out[begin] != '-') {
    begin = out.size();
  }
  RespConnection::Replies& replies = connection_.replies;
  switch (replies) {
    case RespConnection::Replies::kOn:
      break;
    case RespConnection::Replies::kOff:
      replies_.out().resize(begin);
      break;
    case RespConnection::Replies::kSkipNext:
      replies = RespConnection::Replies::kSkip;
      break;
    case RespConnection::Replies::kSkip:
      replies_.out().resize(begin);
      replies = RespConnection::Replies::kOn;
      break;
  }
}

void RespSessionImpl::CheckBounds() {
  const size_t most =
      connection_.authenticated ? limits::kRespOutputBytesMax : limits::kRespStrangerOutputBytesMax;
  if (replies_.size() > most) connection_.broken = true;
}

void RespSessionImpl::EndWithProtocolError() {
  if (connection_.replies == RespConnection::Replies::kOn) writer_.Error(reader_.error());
  connection_.closing = true;
}

size_t RespSessionImpl::memory() const {
  size_t bytes = sizeof(*this) + reader_.memory() + replies_.memory() + connection_.memory() +
                 connection_.mailbox->bytes();
  for (const Request& request : batch_) {
    bytes += request.arguments.capacity() * sizeof(absl::string_view);
  }
  return bytes;
}

void RespSessionImpl::ReleaseMemory() {
  if (has_batch()) return;
  reader_.ReleaseMemory();
  replies_.ReleaseMemory();
  for (Request& request : batch_) std::vector<absl::string_view>().swap(request.arguments);
}

}  // namespace

std::unique_ptr<RespSession> RespSession::Create(const Parts& parts, RespClient client,
                                                 RespMailbox::Owner* owner) {
  return std::make_unique<RespSessionImpl>(parts, std::move(client), owner);
}

}  // namespace keyturn
