#include "absl/strings/str_cat.h"
#include "revocation/commands/call.h"
#include "revocation/commands/client_names.h"
#include "revocation/commands/command.h"
#include "revocation/commands/tracking_commands.h"
#include "revocation/commands/words.h"

namespace keyturn {
namespace {

using C = RespCommand;
using Replies = RespConnection::Replies;

void RunId(RespCall& call) { call.writer.Integer(static_cast<int64_t>(call.connection.client.id)); }

void RunSetname(RespCall& call) {
  if (SetClientName(call, call[2])) call.writer.Simple("OK");
}

void RunGetname(RespCall& call) {
  if (call.connection.client.name.empty()) {
    call.writer.Null();
  } else {
    call.writer.Bulk(call.connection.client.name);
  }
}

// Of Redis 7.2: every library sends it. Source: its networking.c, clientSetinfoCommand.
void RunSetinfo(RespCall& call) {
  const absl::string_view option = CutAtNul(call[2]);
  RespClient& client = call.connection.client;
  std::string* const field = IsWord(option, "lib-name")  ? &client.library_name
                             : IsWord(option, "lib-ver") ? &client.library_version
                                                         : nullptr;
  if (field == nullptr) {
    call.writer.Error(absl::StrCat("ERR Unrecognized option '", option, "'"));
  } else if (!IsClientName(call[3])) {
    call.writer.Error(
        absl::StrCat("ERR ", option, " cannot contain spaces, newlines or special characters."));
  } else if (call[3].size() > limits::kRespNameBytesMax) {
    call.writer.Error(
        absl::StrCat("ERR ", option, " has at most ", limits::kRespNameBytesMax, " bytes"));
  } else {
    *field = std::string(call[3]);
    call.writer.Simple("OK");
  }
}

// Nothing is evicted, and no use of a key is noted: it is so already.
void RunOnOff(RespCall& call) {
  if (IsWord(call[2], "on") || IsWord(call[2], "off")) {
    call.writer.Simple("OK");
  } else {
    call.writer.Error(kRespSyntaxError);
  }
}

void RunReply(RespCall& call) {
  Replies& replies = call.connection.replies;
  if (IsWord(call[2], "on")) {
    replies = Replies::kOn;
    call.writer.Simple("OK");
  } else if (IsWord(call[2], "off")) {
    replies = Replies::kOff;
  } else if (IsWord(call[2], "skip")) {
    if (replies != Replies::kOff) replies = Replies::kSkipNext;
  } else {
    call.writer.Error(kRespSyntaxError);
  }
}

// Nobody can be paused.
void RunUnpause(RespCall& call) { call.writer.Simple("OK"); }

void RunClientHelp(RespCall& call) {
  AnswerHelp(call,
             {"CACHING (YES|NO)",
              "    Enable/disable tracking of the keys for next command in OPTIN/OPTOUT modes.",
              "GETREDIR",
              "    Return the client ID we are redirecting to when tracking is enabled.",
              "GETNAME",
              "    Return the name of the current connection.",
              "ID",
              "    Return the ID of the current connection.",
              "INFO",
              "    Return information about the current client connection.",
              "KILL <ip:port>",
              "    Kill connection made from <ip:port>.",
              "KILL <option> <value> [<option> <value> [...]]",
              "    Kill connections. Options are:",
              "    * ADDR (<ip:port>|<unixsocket>:0)",
              "      Kill connections made from the specified address",
              "    * LADDR (<ip:port>|<unixsocket>:0)",
              "      Kill connections made to specified local address",
              "    * TYPE (NORMAL|MASTER|REPLICA|PUBSUB)",
              "      Kill connections by type.",
              "    * USER <username>",
              "      Kill connections authenticated by <username>.",
              "    * SKIPME (YES|NO)",
              "      Skip killing current connection (default: yes).",
              "LIST [options ...]",
              "    Return information about client connections. Options:",
              "    * TYPE (NORMAL|MASTER|REPLICA|PUBSUB)",
              "      Return clients of specified type.",
              "UNPAUSE",
              "    Stop the current client pause, resuming traffic.",
              "REPLY (ON|OFF|SKIP)",
              "    Control the replies sent to the current connection.",
              "SETINFO <option> <value>",
              "    Set client meta attr. Options are:",
              "    * LIB-NAME: the client lib name.",
              "    * LIB-VER: the client lib version.",
              "SETNAME <name>",
              "    Assign the name <name> to the current connection.",
              "TRACKING (ON|OFF) [REDIRECT <id>] [BCAST] [PREFIX <prefix> [...]]",
              "         [OPTIN] [OPTOUT] [NOLOOP]",
              "    Control server assisted client side caching.",
              "TRACKINGINFO",
              "    Report tracking status for the current connection.",
              "NO-EVICT (ON|OFF)",
              "    Protect current client connection from eviction.",
              "NO-TOUCH (ON|OFF)",
              "    Will not touch LRU/LFU stats when this mode is on."});
}

constexpr RespCommand kClientCommands[] = {
    {"client|caching", 3, RunCaching, 0, "noscript loading stale", "@slow @connection", "6.0.0",
     "connection", "Instruct the server about tracking or not keys in the next request"},
    {"client|getname", 2, RunGetname, 0, "noscript loading stale", "@slow @connection", "2.6.9",
     "connection", "Get the current connection name"},
    {"client|getredir", 2, RunGetredir, 0, "noscript loading stale", "@slow @connection", "6.0.0",
     "connection", "Get tracking notifications redirection client ID if any"},
    {"client|help", 2, RunClientHelp, 0, "loading stale", "@slow @connection", "5.0.0",
     "connection", "Show helpful text about the different subcommands"},
    {"client|id", 2, RunId, 0, "noscript loading stale", "@slow @connection", "5.0.0", "connection",
     "Returns the client ID for the current connection"},
    {"client|info",
     2,
     RunClientInfo,
     0,
     "noscript loading stale",
     "@slow @connection",
     "6.2.0",
     "connection",
     "Returns information about the current client connection.",
     {},
     "nondeterministic_output"},
    {"client|kill", -3, RunClientKill, C::kAdmin, "admin noscript loading stale",
     "@admin @slow @dangerous @connection", "2.4.0", "connection",
     "Kill the connection of a client"},
    {"client|list",
     -2,
     RunClientList,
     C::kAdmin,
     "admin noscript loading stale",
     "@admin @slow @dangerous @connection",
     "2.4.0",
     "connection",
     "Get the list of client connections",
     {},
     "nondeterministic_output"},
    {"client|no-evict", 3, RunOnOff, 0, "admin noscript loading stale",
     "@admin @slow @dangerous @connection", "7.0.0", "connection",
     "Set client eviction mode for the current connection"},
    {"client|no-touch", 3, RunOnOff, 0, "noscript loading stale", "@slow @connection", "7.2.0",
     "connection",
     "Controls whether commands sent by the client will alter the LRU/LFU of the keys they "
     "access."},
    {"client|reply", 3, RunReply, C::kNotInMulti, "noscript loading stale", "@slow @connection",
     "3.2.0", "connection", "Instruct the server whether to reply to commands"},
    {"client|setinfo",
     4,
     RunSetinfo,
     0,
     "noscript loading stale",
     "@slow @connection",
     "7.2.0",
     "connection",
     "Set client or connection specific info",
     {},
     "request_policy:all_nodes response_policy:all_succeeded"},
    {"client|setname", 3, RunSetname, 0, "noscript loading stale", "@slow @connection", "2.6.9",
     "connection", "Set the current connection name"},
    {"client|tracking", -3, RunTracking, C::kCheck, "noscript loading stale", "@slow @connection",
     "6.0.0", "connection", "Enable or disable server assisted client side caching support"},
    {"client|trackinginfo", 2, RunTrackinginfo, 0, "noscript loading stale", "@slow @connection",
     "6.2.0", "connection",
     "Return information about server assisted client side caching for the current connection"},
    {"client|unpause", 2, RunUnpause, 0, "admin noscript loading stale",
     "@admin @slow @dangerous @connection", "6.2.0", "connection",
     "Resume processing of clients that were paused"},
};

constexpr RespCommand kCommands[] = {
    {"client",
     -2,
     nullptr,
     0,
     "",
     "@slow",
     "2.4.0",
     "connection",
     "A container for client connection commands",
     {},
     {},
     kClientCommands},
};

}  // namespace

absl::Span<const RespCommand> ClientCommands() { return kCommands; }

}  // namespace keyturn
