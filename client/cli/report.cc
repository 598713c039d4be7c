#include "client/cli/report.h"

#include <cstdio>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "client/cli/exit_codes.h"
#include "client/cli/output.h"
#include "client/cli/terminal.h"
#include "client/cli/wire_words.h"
#include "client/error_detail.h"

namespace keyturn::cli {

int Report(const absl::Status& status, const GlobalFlags& flags, const Asked& asked) {
  const int code = ExitCodeOf(status);
  if (status.ok() || status.message().empty()) return code;
  const ErrorDetail detail = DetailOf(status);
  // `api call` speaks of fields itself.
  const bool is_api = asked.command == "api" || absl::StartsWith(asked.command, "api ");
  const bool by_flags = !detail.correlation_id.empty() && !is_api;
  const std::string message = by_flags ? InFlags(status.message()) : std::string(status.message());
  const std::string next = WithProfile(NextStep(status, asked), asked.profile);
  if (flags.output == "json") {
    const Json error = {{"error",
                         {{"code", absl::StatusCodeToString(status.code())},
                          {"reason", detail.reason},
                          {"message", message},
                          {"help", next},
                          {"request_id", detail.correlation_id}}}};
    std::fprintf(stderr, "%s\n", error.dump(2, ' ', false, Json::error_handler_t::replace).c_str());
    return code;
  }
  const Terminal terminal(Terminal::Options{flags.no_input, flags.no_color});
  std::fprintf(stderr, "%s %s\n", terminal.Styled(Terminal::Style::kRed, "keyturn:", 2).c_str(),
               message.c_str());
  if (!next.empty()) std::fprintf(stderr, "next: %s\n", next.c_str());
  if (!detail.correlation_id.empty()) {
    std::fprintf(stderr, "request id: %s\n", detail.correlation_id.c_str());
  }
  return code;
}

}  // namespace keyturn::cli
