#include "client/cli/run_sources.h"

#include <filesystem>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/coding.h"
#include "base/limits.h"
#include "base/status_macros.h"
#include "client/cli/exit_codes.h"
#include "client/cli/files.h"
#include "client/cli/reference.h"
#include "crypto/mac.h"

namespace keyturn::cli {
namespace {

using ReadOne = absl::StatusOr<Variable>(Shell& shell, const std::string& flag);

absl::Status OverlayEach(Shell& shell, const std::vector<std::string>& flags, ReadOne read,
                         std::vector<Variable>* all) {
  for (const std::string& flag : flags) {
    ASSIGN_OR_RETURN(Variable one, read(shell, flag));
    std::vector<Variable> more;
    more.push_back(std::move(one));
    Overlay(std::move(more), all);
  }
  return absl::OkStatus();
}

std::string AfterEquals(const std::string& flag) { return flag.substr(flag.find('=') + 1); }

absl::Status AppendHash(const std::string& file, std::string* out) {
  if (file == "-") return UsageError("--offline does not go with standard input: name a file");
  std::error_code error;
  if (std::filesystem::exists(file, error) && !std::filesystem::is_regular_file(file, error)) {
    return UsageError(
        absl::StrCat(file, " must be a regular file with --offline: it is read twice"));
  }
  ASSIGN_OR_RETURN(const SecretBytes text, ReadSecretFile(file, limits::kImportFileBytesMax));
  AppendLengthPrefixed(Sha256(text.ExposeForCrypto()), out);
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::vector<Variable>> ReadSources(Shell& shell, const RunSources& sources) {
  std::vector<Variable> all;
  for (const std::string& directory : sources.directories) {
    ASSIGN_OR_RETURN(std::vector<Variable> more, VariablesOfDirectory(shell, directory));
    Overlay(std::move(more), &all);
  }
  for (const std::string& file : sources.env_files) {
    ASSIGN_OR_RETURN(std::vector<Variable> more, VariablesOfFile(shell, file));
    Overlay(std::move(more), &all);
  }
  RETURN_IF_ERROR(OverlayEach(shell, sources.variables, VariableFromFlag, &all));
  RETURN_IF_ERROR(OverlayEach(shell, sources.mounts, MountFromFlag, &all));
  RETURN_IF_ERROR(OverlayEach(shell, sources.templates, MountFromTemplateFlag, &all));
  return all;
}

absl::StatusOr<std::vector<std::string>> WatchedPaths(const RunSources& sources) {
  std::vector<std::string> paths;
  for (const std::string& directory : sources.directories) {
    paths.push_back(absl::StrCat(absl::StripSuffix(directory, "/"), "/"));
  }
  for (const std::vector<std::string>* const flags : {&sources.variables, &sources.mounts}) {
    for (const std::string& flag : *flags) {
      ASSIGN_OR_RETURN(const Reference reference, ParseReference(AfterEquals(flag)));
      paths.push_back(reference.path);
    }
  }
  constexpr size_t kMax = 16;
  if (!sources.env_files.empty() || !sources.templates.empty() || paths.size() > kMax) {
    return UsageError(absl::StrCat("--on-change works with --path, --env and --mount, at most ",
                                   kMax, " of them, and not with --env-file or --mount-template"));
  }
  return paths;
}

absl::StatusOr<std::string> DescribeSources(const RunSources& sources) {
  std::string out;
  for (const auto* const flags : {&sources.directories, &sources.env_files, &sources.variables,
                                  &sources.mounts, &sources.templates}) {
    AppendBigEndian32(static_cast<uint32_t>(flags->size()), &out);
    for (const std::string& flag : *flags) AppendLengthPrefixed(flag, &out);
  }
  for (const std::string& file : sources.env_files) RETURN_IF_ERROR(AppendHash(file, &out));
  for (const std::string& flag : sources.templates) {
    RETURN_IF_ERROR(AppendHash(AfterEquals(flag), &out));
  }
  return out;
}

}  // namespace keyturn::cli
