#include "revocation/commands/client_names.h"

#include <algorithm>
#include <optional>
#include <vector>

#include "absl/strings/str_cat.h"
#include "revocation/commands/words.h"

namespace keyturn {
namespace {

// Of a connection; kOther for what none is here.
enum class Type { kNormal, kPubsub, kOther };

Type TypeOf(const RespClient& client) {
  const bool listens = client.channels + client.patterns + client.shard_channels > 0;
  return listens ? Type::kPubsub : Type::kNormal;
}

// False when it was answered that it is none.
bool ParseType(RespCall& call, absl::string_view type, std::optional<Type>* out) {
  *out = Type::kOther;
  if (IsWord(type, "normal")) *out = Type::kNormal;
  if (IsWord(type, "pubsub")) *out = Type::kPubsub;
  if (*out != Type::kOther) return true;
  for (const absl::string_view other : {"master", "slave", "replica"}) {
    if (IsWord(type, other)) return true;
  }
  call.writer.Error(absl::StrCat("ERR Unknown client type '", CutAtNul(type), "'"));
  return false;
}

std::string FlagsOf(const RespClient& client, bool in_multi) {
  std::string flags;
  if (TypeOf(client) == Type::kPubsub) flags += 'P';
  if (in_multi) flags += 'x';
  if (client.tracking) flags += 't';
  if (client.broadcast) flags += 'B';
  return flags.empty() ? "N" : flags;
}

void AnswerLines(RespCall& call, const std::vector<const RespClient*>& clients) {
  const RespConnection& connection = call.connection;
  const absl::Time now = call.clock.Now();
  // What the host knows of this connection is as old as its last reply.
  RespClient own = connection.client;
  own.last_used = now;
  own.last_command = std::string(connection.last_command->name);
  const int64_t multi =
      connection.queue.has_value() ? static_cast<int64_t>(connection.queue->size()) : -1;
  std::string text;
  for (const RespClient* const client : clients) {
    const bool is_own = client->id == own.id;
    absl::StrAppend(&text, ClientLine(is_own ? own : *client, now, is_own ? multi : -1), "\n");
  }
  call.writer.Verbatim(text);
}

struct Wanted {
  std::optional<uint64_t> id;
  std::optional<absl::string_view> address, local_address, user;
  std::optional<Type> type;
  bool skip_me = true;

  bool Is(const RespClient& client, uint64_t own_id) const {
    return (!type.has_value() || TypeOf(client) == *type) &&
           (!id.has_value() || client.id == *id) &&
           (!address.has_value() || client.address == *address) &&
           (!local_address.has_value() || client.local_address == *local_address) &&
           (!user.has_value() || client.user == *user) && !(skip_me && client.id == own_id);
  }
};

// One option and its value. False when it was answered that it is none.
bool TakeWanted(RespCall& call, absl::string_view option, absl::string_view value, Wanted* wanted) {
  if (IsWord(option, "id")) {
    int64_t id = 0;
    if (!ParseRespInteger(value, &id) || id < 1) {
      call.writer.Error("ERR client-id should be greater than 0");
      return false;
    }
    wanted->id = static_cast<uint64_t>(id);
  } else if (IsWord(option, "type")) {
    return ParseType(call, value, &wanted->type);
  } else if (IsWord(option, "addr")) {
    wanted->address = CutAtNul(value);
  } else if (IsWord(option, "laddr")) {
    wanted->local_address = CutAtNul(value);
  } else if (IsWord(option, "user")) {
    wanted->user = value;
  } else if (IsWord(option, "skipme") && (IsWord(value, "yes") || IsWord(value, "no"))) {
    wanted->skip_me = IsWord(value, "yes");
  } else {
    call.writer.Error(kRespSyntaxError);
    return false;
  }
  return true;
}

}  // namespace

bool IsClientName(absl::string_view name) {
  return std::all_of(name.begin(), name.end(), [](char c) { return c >= '!' && c <= '~'; });
}

bool SetClientName(RespCall& call, absl::string_view name) {
  if (!IsClientName(name)) {
    call.writer.Error("ERR Client names cannot contain spaces, newlines or special characters.");
    return false;
  }
  if (name.size() > limits::kRespNameBytesMax) {
    call.writer.Error(
        absl::StrCat("ERR Client names have at most ", limits::kRespNameBytesMax, " bytes"));
    return false;
  }
  call.connection.client.name = std::string(name);
  return true;
}

std::string ClientLine(const RespClient& client, absl::Time now, int64_t multi) {
  const auto seconds = [now](absl::Time since) {
    return std::max<int64_t>(absl::ToInt64Seconds(now - since), 0);
  };
  return absl::StrCat(
      "id=", client.id, " addr=", client.address, " laddr=", client.local_address,
      " fd=-1 name=", client.name, " age=", seconds(client.connected),
      " idle=", seconds(client.last_used), " flags=", FlagsOf(client, multi >= 0),
      " db=0 sub=", client.channels, " psub=", client.patterns, " ssub=", client.shard_channels,
      " multi=", multi,
      " qbuf=0 qbuf-free=0 argv-mem=0 multi-mem=0 rbs=0 rbp=0 obl=0 oll=0 omem=0 tot-mem=0"
      " events=r cmd=",
      client.last_command.empty() ? "NULL" : client.last_command, " user=", client.user,
      " redir=", client.tracking ? static_cast<int64_t>(client.redirect) : -1,
      " resp=", client.resp, " lib-name=", client.library_name,
      " lib-ver=", client.library_version);
}

void RunClientInfo(RespCall& call) { AnswerLines(call, {&call.connection.client}); }

void RunClientList(RespCall& call) {
  const std::vector<RespClient> all = call.host.Clients();
  std::vector<const RespClient*> shown;
  std::optional<Type> type;
  if (call.size() == 4 && IsWord(call[2], "type")) {
    if (!ParseType(call, call[3], &type)) return;
  } else if (call.size() > 3 && IsWord(call[2], "id")) {
    for (size_t i = 3; i < call.size(); ++i) {
      int64_t id = 0;
      if (!ParseRespInteger(call[i], &id)) {
        call.writer.Error("ERR Invalid client ID");
        return;
      }
      for (const RespClient& client : all) {
        if (client.id == static_cast<uint64_t>(id)) shown.push_back(&client);
      }
    }
    AnswerLines(call, shown);
    return;
  } else if (call.size() != 2) {
    call.writer.Error(kRespSyntaxError);
    return;
  }
  for (const RespClient& client : all) {
    if (!type.has_value() || TypeOf(client) == *type) shown.push_back(&client);
  }
  AnswerLines(call, shown);
}

// Source: networking.c, clientCommand.
void RunClientKill(RespCall& call) {
  Wanted wanted;
  const bool old_form = call.size() == 3;
  if (old_form) {
    wanted.address = CutAtNul(call[2]);
    wanted.skip_me = false;
  }
  for (size_t i = 2; !old_form && i < call.size(); i += 2) {
    if (i + 1 == call.size()) {
      call.writer.Error(kRespSyntaxError);
      return;
    }
    if (!TakeWanted(call, call[i], call[i + 1], &wanted)) return;
  }
  RespConnection& own = call.connection;
  std::vector<uint64_t> ids;
  for (const RespClient& client : call.host.Clients()) {
    if (client.id != own.client.id && wanted.Is(client, own.client.id)) ids.push_back(client.id);
  }
  size_t killed = ids.empty() ? 0 : call.host.Kill(ids);
  if (wanted.Is(own.client, own.client.id)) {
    own.closing = true;  // after the reply
    ++killed;
  }
  if (!old_form) {
    call.writer.Integer(static_cast<int64_t>(killed));
  } else if (killed > 0) {
    call.writer.Simple("OK");
  } else {
    call.writer.Error("ERR No such client");
  }
}

}  // namespace keyturn
