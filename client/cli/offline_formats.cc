#include "client/cli/offline_formats.h"

#include <algorithm>
#include <filesystem>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "audit/segments.h"
#include "base/coding.h"
#include "base/status_macros.h"
#include "keyring/keyring_codec.h"
#include "keyring/seal_file.h"
#include "keyturn/record/v1/keyring.pb.h"
#include "storage/data_format.h"

namespace keyturn::cli {
namespace {

constexpr char kKeyringPart[] = "keyring";

FormatCheck Judge(FormatCheck check, const absl::StatusOr<uint64_t>& found) {
  if (absl::IsNotFound(found.status())) return check;
  if (!found.ok()) {
    check.problem = std::string(found.status().message());
    return check;
  }
  check.found = *found;
  if (*found > check.reads) check.problem = "written by a newer keyturnd";
  if (*found < check.reads) check.problem = "of an older format, which this keyturnd cannot read";
  return check;
}

// Of a file that is a protobuf message with a field `format`.
template <typename Message>
absl::StatusOr<uint64_t> FormatOf(const std::string& path) {
  ASSIGN_OR_RETURN(const std::string bytes, FileSystem::Posix().Read(path));
  Message message;
  if (!message.ParseFromString(bytes)) return absl::DataLossError("does not parse");
  return message.format();
}

// Of the newest entry.
absl::StatusOr<uint64_t> AuditFormat(const std::string& directory) {
  FileSystem& files = FileSystem::Posix();
  ASSIGN_OR_RETURN(const std::vector<SegmentName> segments, ListSegments(files, directory));
  if (segments.empty()) return absl::NotFoundError("no segment");
  absl::StatusOr<uint64_t> format = absl::NotFoundError("no entry");
  RETURN_IF_ERROR(ForEachFrame(files, segments.back().path, 0, [&](const Frame& frame, uint64_t) {
                    absl::string_view body = frame.body;
                    if (frame.type != FrameType::kEntry || !ReadBigEndian64(&body).has_value())
                      return true;
                    const std::optional<uint8_t> byte = ReadByte(&body);
                    if (byte.has_value()) format = uint64_t{*byte};
                    return true;
                  }).status());
  return format;
}

// Either copy of the keyring opens the vault, and without any nothing does.
void RequireOneKeyring(std::vector<FormatCheck>* checks) {
  const auto is_there = [](const FormatCheck& check) {
    return check.part == kKeyringPart && (check.found.has_value() || !check.problem.empty());
  };
  if (std::any_of(checks->begin(), checks->end(), is_there)) return;
  for (FormatCheck& check : *checks) {
    if (check.part == kKeyringPart) check.problem = "there is none";
  }
}

}  // namespace

absl::StatusOr<std::vector<FormatCheck>> CheckFormats(const std::string& directory,
                                                      const std::string& audit_directory) {
  std::error_code unknown;
  const bool is_directory = std::filesystem::is_directory(directory, unknown);
  // Whoever may not look at it must not be told that nothing is there.
  if (is_directory) RETURN_IF_ERROR(FileSystem::Posix().List(directory).status());
  const absl::StatusOr<uint64_t> store = ReadDataFormat(directory + "/store");
  const std::string seal_file = SealFilePath(directory);
  if (!is_directory ||
      (absl::IsNotFound(store.status()) && !FileSystem::Posix().Exists(seal_file))) {
    return absl::NotFoundError(
        absl::StrCat(directory, " is not a data directory: it has neither store/ nor seal.ktn"));
  }
  const bool sealed_once =
      FileSystem::Posix().Exists(seal_file);  // so that all parts must be there
  std::vector<FormatCheck> checks;
  checks.push_back(Judge({"store", "store", {}, kDataFormat, ""}, store));
  if (absl::IsNotFound(store.status())) checks.back().problem = "there is none";
  checks.push_back(
      Judge({"seal", "seal.ktn", {}, kSealFormat, ""}, FormatOf<record::v1::SealFile>(seal_file)));
  for (const absl::string_view copy : kKeyringCopies) {
    checks.push_back(Judge({kKeyringPart, std::string(copy), {}, kKeyringFormat, ""},
                           FormatOf<record::v1::KeyringFile>(absl::StrCat(directory, "/", copy))));
  }
  if (sealed_once) RequireOneKeyring(&checks);
  const std::string audit = audit_directory.empty() ? directory + "/audit" : audit_directory;
  checks.push_back(Judge(
      {"audit log", audit_directory.empty() ? "audit" : audit_directory, {}, kAuditEventFormat, ""},
      AuditFormat(audit)));
  FormatCheck& log = checks.back();
  if (log.problem.empty() && !log.found.has_value() && (sealed_once || !audit_directory.empty())) {
    log.problem = audit_directory.empty()
                      ? "there is none; if the configuration has audit.directory, give --audit"
                      : "there is none";
  }
  return checks;
}

}  // namespace keyturn::cli
