#include "absl/strings/str_cat.h"
#include "revocation/commands/call.h"
#include "revocation/commands/client_names.h"
#include "revocation/commands/command.h"
#include "revocation/commands/tracking_commands.h"
#include "revocation/commands/words.h"

namespace keyturn {
namespace {

using C = RespCommand;

constexpr int64_t kDatabases = 16;  // as Redis has; here all are the same list

// False when it was answered that the caller is not known. Who was known before stays so.
bool Authenticate(RespCall& call, absl::string_view user, absl::string_view password) {
  if (!call.list.loaded()) {  // nobody can be identified
    call.writer.Error(kRespSealed);
    return false;
  }
  RespConnection& connection = call.connection;
  absl::StatusOr<RespAccess> access = call.host.Authenticate(connection.client, user, password);
  if (access.ok()) {
    connection.access = *std::move(access);
    connection.authenticated = true;
    connection.gone = false;
    connection.client.user = connection.access.writer->principal;
    return true;
  }
  if (absl::IsFailedPrecondition(access.status())) {
    call.writer.Error(kRespSealed);
  } else if (absl::IsResourceExhausted(access.status())) {
    call.writer.Error("ERR too many wrong passwords came from this address: try again later");
  } else {
    call.writer.Error("WRONGPASS invalid username-password pair or user is disabled.");
  }
  return false;
}

void RunAuth(RespCall& call) {
  if (call.size() > 3) {
    call.writer.Error(kRespSyntaxError);
    return;
  }
  const absl::string_view user = call.size() == 2 ? absl::string_view("default") : call[1];
  if (Authenticate(call, user, call[call.size() - 1])) call.writer.Simple("OK");
}

// Options take effect one after the other, also when a later one is wrong. Source: networking.c,
// helloCommand.
bool TakeHelloOptions(RespCall& call) {
  for (size_t i = 2; i < call.size(); ++i) {
    const size_t more = call.size() - 1 - i;
    if (IsWord(call[i], "auth") && more >= 2) {
      if (!Authenticate(call, call[i + 1], call[i + 2])) return false;
      i += 2;
    } else if (IsWord(call[i], "setname") && more >= 1) {
      if (!SetClientName(call, call[i + 1])) return false;
      ++i;
    } else {
      call.writer.Error(absl::StrCat("ERR Syntax error in HELLO option '", CutAtNul(call[i]), "'"));
      return false;
    }
  }
  return true;
}

void RunHello(RespCall& call) {
  RespConnection& connection = call.connection;
  int64_t version = 0;
  if (call.size() >= 2) {
    if (!ParseRespInteger(call[1], &version)) {
      call.writer.Error("ERR Protocol version is not an integer or out of range");
      return;
    }
    if (version < 2 || version > 3) {
      call.writer.Error("NOPROTO unsupported protocol version");
      return;
    }
  }
  if (!TakeHelloOptions(call)) return;
  if (!connection.authenticated) {
    call.writer.Error(
        "NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO "
        "AUTH <user> <pass> option can be used to authenticate the client and select the RESP "
        "protocol version at the same time");
    return;
  }
  if (version != 0) connection.version = version == 3 ? RespVersion::k3 : RespVersion::k2;
  call.writer.set_version(connection.version);
  connection.client.resp = static_cast<int>(connection.version);
  call.writer.Map(7);
  call.writer.Bulk("server");
  call.writer.Bulk("redis");
  call.writer.Bulk("version");
  call.writer.Bulk(kRespRedisVersion);
  call.writer.Bulk("proto");
  call.writer.Integer(connection.client.resp);
  call.writer.Bulk("id");
  call.writer.Integer(static_cast<int64_t>(connection.client.id));
  call.writer.Bulk("mode");
  call.writer.Bulk("standalone");
  call.writer.Bulk("role");
  call.writer.Bulk("master");
  call.writer.Bulk("modules");
  call.writer.Array(0);
}

void RunPing(RespCall& call) {
  if (call.size() > 2) {
    call.WrongArity();
  } else if (call.connection.version == RespVersion::k2 && call.connection.subscribed()) {
    call.writer.Array(2);
    call.writer.Bulk("pong");
    call.writer.Bulk(call.size() == 2 ? call[1] : "");
  } else if (call.size() == 2) {
    call.writer.Bulk(call[1]);
  } else {
    call.writer.Simple("PONG");
  }
}

void RunEcho(RespCall& call) { call.writer.Bulk(call[1]); }

void RunQuit(RespCall& call) {
  call.writer.Simple("OK");
  call.connection.closing = true;
}

// As a new connection; who was known without AUTH still is.
void RunReset(RespCall& call) {
  RespConnection& connection = call.connection;
  connection.Discard();
  connection.Unsubscribe(call.hub);
  StopTracking(connection, call.hub);
  connection.authenticated = connection.own_access.has_value() && !connection.gone;
  connection.access = connection.own_access.value_or(RespAccess());
  connection.client.name.clear();
  connection.client.user =
      connection.authenticated ? connection.access.writer->principal : std::string();
  connection.replies = RespConnection::Replies::kOn;
  connection.version = RespVersion::k2;
  connection.client.resp = 2;
  call.writer.set_version(connection.version);
  call.writer.Simple("RESET");
}

void RunSelect(RespCall& call) {
  constexpr absl::string_view kOutOfRange = "ERR DB index is out of range";
  int64_t database = 0;
  if (!call.Integer(1, &database)) return;
  if (database < std::numeric_limits<int32_t>::min() ||
      database > std::numeric_limits<int32_t>::max()) {
    call.writer.Error("ERR value is out of range, value must between -2147483648 and 2147483647");
  } else if (database < 0 || database >= kDatabases) {
    call.writer.Error(kOutOfRange);
  } else {
    call.writer.Simple("OK");
  }
}

constexpr RespCommand kCommands[] = {
    {"hello", -1, RunHello, C::kStranger | C::kSealed | C::kNotInMulti | C::kSecret | C::kAlone,
     "noscript loading stale fast no_auth allow_busy", "@fast @connection", "6.0.0", "connection",
     "Handshake with Redis"},
    {"auth", -2, RunAuth, C::kStranger | C::kNotInMulti | C::kSecret | C::kAlone,
     "noscript loading stale fast no_auth allow_busy", "@fast @connection", "1.0.0", "connection",
     "Authenticate to the server"},
    {"ping",
     -1,
     RunPing,
     C::kSealed | C::kListening,
     "fast",
     "@fast @connection",
     "1.0.0",
     "connection",
     "Ping the server",
     {},
     "request_policy:all_shards response_policy:all_succeeded"},
    {"echo", 2, RunEcho, 0, "loading stale fast", "@fast @connection", "1.0.0", "connection",
     "Echo the given string"},
    {"quit", -1, RunQuit, C::kStranger | C::kSealed | C::kNotQueued | C::kAlone | C::kListening,
     "noscript loading stale fast no_auth allow_busy", "@fast @connection", "1.0.0", "connection",
     "Close the connection"},
    {"reset", 1, RunReset, C::kStranger | C::kSealed | C::kNotQueued | C::kAlone | C::kListening,
     "noscript loading stale fast no_auth allow_busy", "@fast @connection", "6.2.0", "connection",
     "Reset the connection"},
    {"select", 2, RunSelect, 0, "loading stale fast", "@fast @connection", "1.0.0", "connection",
     "Change the selected database for the current connection"},
};

}  // namespace

absl::Span<const RespCommand> ConnectionCommands() { return kCommands; }

}  // namespace keyturn
