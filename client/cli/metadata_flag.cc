#include "client/cli/metadata_flag.h"

#include "absl/strings/str_cat.h"
#include "client/cli/exit_codes.h"

namespace keyturn::cli {

absl::Status ParseMetadata(const std::vector<std::string>& entries,
                           google::protobuf::Map<std::string, std::string>* out) {
  for (const std::string& entry : entries) {
    const size_t equals = entry.find('=');
    if (equals == 0 || equals == std::string::npos) {
      return UsageError(absl::StrCat("--metadata '", entry, "' must be KEY=VALUE"));
    }
    if (!out->insert({entry.substr(0, equals), entry.substr(equals + 1)}).second) {
      return UsageError(absl::StrCat("--metadata ", entry.substr(0, equals), " is given twice"));
    }
  }
  return absl::OkStatus();
}

}  // namespace keyturn::cli
