// What a command prints on standard output: a table for people, JSON (the protobuf mapping: lower
// camel case, 64-bit numbers as strings, RFC 3339 times, base64 bytes) for programs. Nothing else
// goes to standard output. Not thread-safe.
#pragma once

#include <google/protobuf/message.h>
#include <google/protobuf/timestamp.pb.h>

#include <initializer_list>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "client/cli/table.h"

namespace keyturn::cli {

enum class Format { kTable, kJson, kRaw, kEnv, kDotenv };

// The name of a format as it is typed; INVALID_ARGUMENT lists the allowed ones.
absl::StatusOr<Format> ParseFormat(absl::string_view name);
std::string FormatName(Format format);

using Json = nlohmann::ordered_json;
using Pairs = std::vector<std::pair<std::string, std::string>>;

Json ToJson(const google::protobuf::Message& message);
absl::Time TimeOf(const google::protobuf::Timestamp& time);
// "2026-11-25T08:30:00Z", "" for a message that was never set.
std::string TimeText(const google::protobuf::Timestamp& time);
std::string TimeText(absl::Time time);

class Output {
 public:
  explicit Output(Format format) : format_(format) {}
  Format format() const { return format_; }
  bool json() const { return format_ == Format::kJson; }

  // INVALID_ARGUMENT unless the format is one of these.
  absl::Status Require(std::initializer_list<Format> allowed) const;

  // The bytes as they are. UNAVAILABLE when standard output takes no more (disk full, closed pipe).
  absl::Status Raw(absl::string_view bytes) const;
  absl::Status PrintJson(const Json& value) const;
  // One object: names and values below each other, or the message as JSON. Empty values are left
  // out of the table.
  absl::Status Object(const Pairs& pairs, const Json& value) const;
  // A list: a table (or `nothing` on standard error when it has no rows), or
  // {"items": [...], "nextPageToken": "..."}.
  absl::Status List(const Table& table, Json items, absl::string_view nothing,
                    absl::string_view next_page_token = "") const;

 private:
  const Format format_;
};

}  // namespace keyturn::cli
