#include "client/cli/message_file.h"

#include <google/protobuf/util/json_util.h>

#include "absl/strings/str_cat.h"
#include "base/limits.h"
#include "base/status_macros.h"
#include "client/cli/exit_codes.h"
#include "client/cli/files.h"

namespace keyturn::cli {

absl::Status ReadMessageFile(const std::string& path, google::protobuf::Message* message) {
  ASSIGN_OR_RETURN(const std::string text, ReadPublicFile(path, limits::kSmallFileBytesMax));
  const auto parsed = google::protobuf::util::JsonStringToMessage(text, message);
  if (parsed.ok()) return absl::OkStatus();
  return UsageError(absl::StrCat(path, " is not a ", message->GetDescriptor()->name(),
                                 " in JSON: ", parsed.message().ToString()));
}

}  // namespace keyturn::cli
