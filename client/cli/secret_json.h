// The data of a secret as JSON: an object with a member for each field. Text is a string, JSON is
// itself, and binary is base64 with the field's name under "encodings". Thread-safe.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "client/cli/output.h"
#include "keyturn/v1/secret_service.pb.h"

namespace keyturn::cli {

// From a JSON object: a string becomes text, anything else JSON, digit for digit as it came.
// INVALID_ARGUMENT names the member, never the value.
absl::StatusOr<v1::SecretData> DataFromJson(absl::string_view text);

// {path, kind, version, state, createTime, revision, customMetadata, data, encodings}, for
// DumpJson. As in the protobuf mapping but for the data: 64-bit numbers are strings.
Json SecretToJson(const v1::GetResponse& secret);

// "generic", "api_key", ...
std::string KindName(v1::Kind kind);
absl::StatusOr<v1::Kind> ParseKind(absl::string_view name);
// "current", "deleted", "expired", ...: what people call it at `now`. One that has expired is not
// read any more, and is destroyed soon after.
std::string StateName(const v1::VersionInfo& version, absl::Time now);
// "3", "3 (deleted)" or "none": the current version for people.
std::string CurrentVersionText(const v1::SecretInfo& secret);

// Overwrites all strings of the value.
void WipeJson(Json* value);

}  // namespace keyturn::cli
