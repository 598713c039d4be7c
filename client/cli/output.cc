#include "client/cli/output.h"

#include <google/protobuf/util/json_util.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/status_macros.h"
#include "client/cli/exact_json.h"
#include "client/cli/exit_codes.h"

namespace keyturn::cli {
namespace {

constexpr std::pair<absl::string_view, Format> kFormats[] = {
    {"table", Format::kTable}, {"json", Format::kJson},     {"raw", Format::kRaw},
    {"env", Format::kEnv},     {"dotenv", Format::kDotenv},
};

}  // namespace

absl::StatusOr<Format> ParseFormat(absl::string_view name) {
  for (const auto& [known, format] : kFormats) {
    if (known == name) return format;
  }
  return UsageError(absl::StrCat("unknown output format '", name,
                                 "'; allowed are table, json, raw, env and dotenv"));
}

std::string FormatName(Format format) {
  for (const auto& [name, known] : kFormats) {
    if (known == format) return std::string(name);
  }
  return "";
}

Json ToJson(const google::protobuf::Message& message) {
  google::protobuf::util::JsonPrintOptions options;
  options.always_print_primitive_fields = true;
  std::string text;
  if (!google::protobuf::util::MessageToJsonString(message, &text, options).ok()) return nullptr;
  return Json::parse(text);
}

absl::Time TimeOf(const google::protobuf::Timestamp& time) {
  return absl::FromUnixSeconds(time.seconds()) + absl::Nanoseconds(time.nanos());
}

std::string TimeText(const google::protobuf::Timestamp& time) {
  if (time.seconds() == 0 && time.nanos() == 0) return "";
  return TimeText(TimeOf(time));
}

std::string TimeText(absl::Time time) {
  return absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", time, absl::UTCTimeZone());
}

absl::Status Output::Require(std::initializer_list<Format> allowed) const {
  std::vector<std::string> names;
  for (const Format format : allowed) {
    if (format == format_) return absl::OkStatus();
    names.push_back(FormatName(format));
  }
  return UsageError(absl::StrCat("this command has no output format ", FormatName(format_),
                                 "; allowed here: ", absl::StrJoin(names, ", ")));
}

absl::Status Output::Raw(absl::string_view bytes) const {
  if (std::fwrite(bytes.data(), 1, bytes.size(), stdout) != bytes.size() ||
      std::fflush(stdout) != 0) {
    // Who reads has what it wanted, as `head` has; a program that does not ignore SIGPIPE would
    // have ended here without a word.
    if (errno == EPIPE) return WithExitCode(absl::CancelledError(""), 128 + SIGPIPE);
    return WithExitCode(
        absl::UnavailableError(absl::StrCat("cannot write to standard output: ",
                                            std::generic_category().message(errno))),
        kExitError);
  }
  return absl::OkStatus();
}

absl::Status Output::PrintJson(const Json& value) const { return Raw(DumpJson(value) + "\n"); }

absl::Status Output::Object(const Pairs& pairs, const Json& value) const {
  RETURN_IF_ERROR(Require({Format::kTable, Format::kJson}));
  if (json()) return PrintJson(value);
  size_t width = 0;
  for (const auto& [name, text] : pairs) {
    if (!text.empty()) width = std::max(width, name.size());
  }
  std::string out;
  for (const auto& [name, text] : pairs) {
    if (text.empty()) continue;
    absl::StrAppend(&out, name, std::string(width - name.size() + 2, ' '), text, "\n");
  }
  return Raw(out);
}

absl::Status Output::List(const Table& table, Json items, absl::string_view nothing,
                          absl::string_view next_page_token) const {
  RETURN_IF_ERROR(Require({Format::kTable, Format::kJson}));
  if (json()) {
    if (items.is_null()) items = Json::array();
    Json list;
    list["items"] = std::move(items);
    list["nextPageToken"] = next_page_token;
    return PrintJson(list);
  }
  if (table.rows() == 0 && !nothing.empty()) {
    std::fprintf(stderr, "%s\n", std::string(nothing).c_str());
    return absl::OkStatus();
  }
  return Raw(table.ToString());
}

}  // namespace keyturn::cli
