#include "revocation/commands/call.h"

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "revocation/commands/words.h"

namespace keyturn {

std::string RespErrorOf(const absl::Status& status, bool putting) {
  if (absl::IsUnavailable(status)) return std::string(kRespLogFailed);
  if (absl::IsFailedPrecondition(status)) return std::string(kRespSealed);
  if (absl::IsInvalidArgument(status)) return absl::StrCat("ERR ", status.message());
  if (absl::IsResourceExhausted(status)) {
    return putting ? "OOM command not allowed when used memory > 'maxmemory'."
                   : "BUSY too much waits for the disk: try again";
  }
  return "ERR internal error";
}

bool RespCall::BeginChange() {
  const absl::Status begun = changes.Begin(connection.access.writer, time);
  if (begun.ok()) return true;
  writer.Error(RespErrorOf(begun, /*putting=*/false));
  return false;
}

bool RespCall::Took(const absl::Status& status) {
  if (status.ok()) return true;
  writer.Error(RespErrorOf(status, /*putting=*/true));
  return false;
}

bool RespCall::Integer(size_t i, int64_t* value) {
  if (ParseRespInteger(arguments[i], value)) return true;
  writer.Error(kRespNotAnInteger);
  return false;
}

void RespCall::WrongArity() {
  writer.Error(absl::StrCat("ERR wrong number of arguments for '", command->name, "' command"));
}

void RespCall::WrongSubcommand() {
  writer.Error(absl::StrCat("ERR unknown subcommand or wrong number of arguments for '",
                            CutAtNul(arguments[1]).substr(0, 128), "'. Try ",
                            absl::AsciiStrToUpper(CutAtNul(arguments[0])), " HELP."));
}

bool RespCall::TooMuch() const {
  if (out.size() <= limits::kRespOutputBytesMax) return false;
  connection.broken = true;  // what is cut short would be taken for the next reply's beginning
  return true;
}

bool MayRun(const RespConnection& connection, const RespCommand& command) {
  const RespAccess& access = connection.access;
  return (access.check || !command.Has(RespCommand::kCheck)) &&
         (access.write || !command.Has(RespCommand::kWrite)) &&
         (access.admin || !command.Has(RespCommand::kAdmin));
}

void AnswerHelp(RespCall& call, absl::Span<const absl::string_view> lines) {
  call.writer.Array(lines.size() + 3);
  call.writer.Simple(absl::StrCat(absl::AsciiStrToUpper(CutAtNul(call[0])),
                                  " <subcommand> [<arg> [value] [opt] ...]. Subcommands are:"));
  for (const absl::string_view line : lines) call.writer.Simple(line);
  call.writer.Simple("HELP");
  call.writer.Simple("    Prints this help.");
}

}  // namespace keyturn
