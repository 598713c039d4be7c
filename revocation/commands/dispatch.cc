#include "revocation/commands/dispatch.h"

#include <atomic>
#include <cstdlib>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "base/log.h"
#include "revocation/commands/tracking_commands.h"
#include "revocation/commands/words.h"

namespace keyturn {
namespace {

constexpr size_t kQuotedNameBytesMax = 128;
constexpr int64_t kScriptingLogSeconds = 60;

// An error that also makes the EXEC under way fail; an EXEC that is refused ends it. `code` "ERR"
// is not told then.
void Reject(RespCall& call, absl::string_view code, absl::string_view text) {
  if (call.command != nullptr && call.command->name == "exec") {
    call.connection.Discard();
    call.writer.Error(absl::StrCat("EXECABORT Transaction discarded because of: ",
                                   code == "ERR" ? "" : code, code == "ERR" ? "" : " ", text));
    return;
  }
  if (call.connection.queue.has_value()) call.connection.queue_failed = true;
  call.writer.Error(absl::StrCat(code, " ", text));
}

void RejectUnknown(RespCall& call) {
  const absl::string_view name = CutAtNul(call[0]);
  if (RespCommandTable::Get().Find(call[0]) != nullptr) {  // then its sub-command is unknown
    Reject(call, "ERR",
           absl::StrCat("unknown subcommand '", CutAtNul(call[1]).substr(0, kQuotedNameBytesMax),
                        "'. Try ", absl::AsciiStrToUpper(name), " HELP."));
    return;
  }
  Reject(call, "ERR",
         absl::StrCat("unknown command '", name.substr(0, kQuotedNameBytesMax),
                      "', with args beginning with: ",
                      QuoteArguments(&call.arguments[0] + 1, call.size() - 1)));
}

// A browser that was made to send a request here: what it sends must not be taken for commands. As
// in Redis at most one line a minute is logged.
bool IsHttp(RespCall& call) {
  if (!IsWord(call[0], "post") && !IsWord(call[0], "host:")) return false;
  static std::atomic<int64_t> logged_seconds = 0;
  const int64_t now = absl::ToUnixSeconds(call.clock.Now());
  int64_t before = logged_seconds.load(std::memory_order_relaxed);
  if (std::abs(now - before) > kScriptingLogSeconds &&
      logged_seconds.compare_exchange_strong(before, now, std::memory_order_relaxed)) {
    LogWarning("an HTTP request came to the Redis protocol: connection closed",
               {{"address", call.connection.client.address}});
  }
  call.connection.broken = true;
  return true;
}

// False when it was refused.
bool MayRunNow(RespCall& call, bool sealed) {
  const RespCommand& command = *call.command;
  if (!call.connection.authenticated && !command.Has(RespCommand::kStranger)) {
    Reject(call, "NOAUTH", "Authentication required.");
  } else if (sealed && !command.Has(RespCommand::kSealed)) {
    Reject(call, "LOADING", "Keyturn is sealed");
  } else if (call.connection.queue.has_value() && command.Has(RespCommand::kNotInMulti)) {
    Reject(call, "ERR", "Command not allowed inside a transaction");
  } else if (!MayRun(call.connection, command)) {
    Reject(call, "NOPERM",
           absl::StrCat("this user has no permissions to run the '", command.name, "' command"));
  } else if (call.connection.version == RespVersion::k2 && call.connection.subscribed() &&
             !command.Has(RespCommand::kListening)) {
    Reject(call, "ERR",
           absl::StrCat("Can't execute '", command.name,
                        "': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are "
                        "allowed in this context"));
  } else {
    return true;
  }
  return false;
}

void Enqueue(RespCall& call) {
  RespConnection& connection = call.connection;
  // What cannot run any more need not be kept.
  if (!connection.queue_failed && !connection.queue->Add(*call.command, call.arguments)) {
    Reject(call, "ERR",
           absl::StrCat("a transaction has at most ", limits::kRespQueuedCommandsMax,
                        " commands of ", limits::kRespQueuedBytesMax, " bytes together"));
    connection.queue.emplace();
    return;
  }
  call.writer.Simple("QUEUED");
}

}  // namespace

void Dispatch(RespCall& call, bool sealed) {
  if (call.command == nullptr) {
    if (!IsHttp(call)) RejectUnknown(call);
    return;
  }
  const RespCommand& command = *call.command;
  if (!command.Takes(static_cast<int>(call.size()))) {
    Reject(call, "ERR", absl::StrCat("wrong number of arguments for '", command.name, "' command"));
    return;
  }
  if (!MayRunNow(call, sealed)) return;
  if (call.connection.queue.has_value() && !command.Has(RespCommand::kNotQueued)) {
    Enqueue(call);
    return;
  }
  RememberKeys(call);
  command.run(call);
}

}  // namespace keyturn
