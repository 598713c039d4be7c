// Messages of the API as files: JSON in the protobuf mapping, as the commands print them with
// -o json. Thread-safe.
#pragma once

#include <google/protobuf/message.h>

#include <string>

#include "absl/status/status.h"

namespace keyturn::cli {

// INVALID_ARGUMENT with the parser's message, for unknown members too.
absl::Status ReadMessageFile(const std::string& path, google::protobuf::Message* message);

}  // namespace keyturn::cli
