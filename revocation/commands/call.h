// One request under way: what a command is given, and how it answers. Not thread-safe.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "base/clock.h"
#include "revocation/commands/changes.h"
#include "revocation/commands/command.h"
#include "revocation/commands/connection.h"
#include "revocation/list.h"
#include "revocation/resp_hub.h"
#include "revocation/resp_session.h"
#include "revocation/resp_writer.h"

namespace keyturn {

inline constexpr absl::string_view kRespRedisVersion = "7.0.15";  // what we answer as

// Errors that are said in more than one place.
inline constexpr absl::string_view kRespSyntaxError = "ERR syntax error";
inline constexpr absl::string_view kRespNotAnInteger =
    "ERR value is not an integer or out of range";
inline constexpr absl::string_view kRespWrongType =
    "WRONGTYPE Operation against a key holding the wrong kind of value";
inline constexpr absl::string_view kRespSealed = "LOADING Keyturn is sealed";
inline constexpr absl::string_view kRespLogFailed =
    "MISCONF Errors writing to the revocation log: changes are refused until keyturnd is started "
    "again; reads go on";

// What a change that was not taken is answered with. `putting`: by the list's Put and its like,
// else by its Begin.
std::string RespErrorOf(const absl::Status& status, bool putting);

struct RespCall {
  RespConnection& connection;
  RevocationList& list;
  RespHost& host;
  RespHub& hub;
  Clock& clock;
  RespChanges& changes;
  RespWriter& writer;
  std::string& out;  // where the writer writes
  const RespCommand* command;
  absl::Span<const absl::string_view> arguments;
  ListTime time;

  size_t size() const { return arguments.size(); }
  absl::string_view operator[](size_t i) const { return arguments[i]; }

  // Opens a transaction unless one is open. False when it was answered that there is none.
  bool BeginChange();
  // False when it was answered that the change was not taken.
  bool Took(const absl::Status& status);
  // False when it was answered that it is none.
  bool Integer(size_t i, int64_t* value);
  // "ERR wrong number of arguments for 'get' command".
  void WrongArity();
  // The same of a sub-command, as Redis has it where it counts them late.
  void WrongSubcommand();
  // Whether so much waits that the connection ends anyway: a long answer may stop.
  bool TooMuch() const;
};

// Whether the caller may run it: RespCommand::kCheck, kWrite, kAdmin.
bool MayRun(const RespConnection& connection, const RespCommand& command);

// "CLIENT <subcommand> [<arg> ...", then `lines`, as HELP of a command with sub-commands.
void AnswerHelp(RespCall& call, absl::Span<const absl::string_view> lines);

}  // namespace keyturn
