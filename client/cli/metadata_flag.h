// --metadata KEY=VALUE, as several commands take it. Thread-safe.
#pragma once

#include <google/protobuf/map.h>

#include <string>
#include <vector>

#include "absl/status/status.h"

namespace keyturn::cli {

// Custom metadata is not secret: it is listed, searched and shown. INVALID_ARGUMENT for an entry
// without '=' and for a key given twice.
absl::Status ParseMetadata(const std::vector<std::string>& entries,
                           google::protobuf::Map<std::string, std::string>* out);

}  // namespace keyturn::cli
