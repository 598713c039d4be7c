#include "client/cli/environment.h"

#include <algorithm>
#include <map>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/limits.h"
#include "base/status_macros.h"
#include "client/cli/env_names.h"
#include "client/cli/exit_codes.h"
#include "client/cli/fetch.h"
#include "client/cli/files.h"
#include "client/cli/renderer.h"
#include "client/wipe.h"

namespace keyturn::cli {
namespace {

absl::StatusOr<Variable> Make(const std::string& name, absl::string_view value,
                              const std::string& from, bool is_file = false) {
  if (!IsEnvName(name)) {
    return absl::FailedPreconditionError(
        absl::StrCat(from, " would become the variable '", name,
                     "', which is no valid name; set custom metadata env=NAME on it"));
  }
  if (!is_file && value.find('\0') != absl::string_view::npos) {
    return absl::FailedPreconditionError(
        absl::StrCat(from, " holds a NUL and cannot be an environment variable"));
  }
  Variable variable;
  variable.name = name;
  variable.from = from;
  variable.is_file = is_file;
  ASSIGN_OR_RETURN(variable.value, SecretBytes::CopyOf(value));
  return variable;
}

absl::StatusOr<Variable> FromReference(Shell& shell, const std::string& name,
                                       absl::string_view text, bool is_file = false) {
  ASSIGN_OR_RETURN(const Reference reference, ParseReference(text));
  ASSIGN_OR_RETURN(v1::GetResponse secret, Fetch(shell, reference));
  const ScopedWipe<v1::GetResponse> wipe(&secret);
  ASSIGN_OR_RETURN(const v1::Field* const field, OnlyField(secret));
  return Make(name, field->value(), std::string(text), is_file);
}

struct NameAndRest {
  std::string name, rest;
};

// `allowed` says what the whole flag must be.
absl::StatusOr<NameAndRest> SplitFlag(const std::string& flag, absl::string_view allowed) {
  const size_t equals = flag.find('=');
  if (equals == std::string::npos || !IsEnvName(flag.substr(0, equals))) {
    return UsageError(absl::StrCat(allowed, ", with a valid variable name"));
  }
  return NameAndRest{flag.substr(0, equals), flag.substr(equals + 1)};
}

}  // namespace

absl::StatusOr<std::vector<Variable>> VariablesOfDirectory(Shell& shell, const std::string& path) {
  ASSIGN_OR_RETURN(std::vector<v1::GetResponse> secrets, FetchDirectory(shell, path));
  const absl::Cleanup wipe = [&secrets] {
    for (v1::GetResponse& secret : secrets) WipeValues(&secret);
  };
  const std::string directory(absl::StripSuffix(path, "/"));
  std::vector<Variable> variables;
  std::map<std::string, std::string> origins;
  for (const v1::GetResponse& secret : secrets) {
    for (const v1::Field& field : secret.data().fields()) {
      const std::string from = absl::StrCat(secret.path(), "#", field.name());
      ASSIGN_OR_RETURN(Variable variable,
                       Make(VariableOf(secret, directory, field.name()), field.value(), from));
      const auto [other, fresh] = origins.insert({variable.name, from});
      if (!fresh) {
        return absl::FailedPreconditionError(
            absl::StrCat(from, " and ", other->second, " would both become ", variable.name,
                         "; set custom metadata env=NAME on one of them"));
      }
      variables.push_back(std::move(variable));
    }
  }
  return variables;
}

absl::StatusOr<Variable> VariableFromFlag(Shell& shell, const std::string& flag) {
  ASSIGN_OR_RETURN(const NameAndRest split, SplitFlag(flag, "--env must be NAME=PATH#FIELD"));
  return FromReference(shell, split.name, split.rest);
}

absl::StatusOr<Variable> MountFromFlag(Shell& shell, const std::string& flag) {
  ASSIGN_OR_RETURN(const NameAndRest split,
                   SplitFlag(flag,
                             "--mount must be NAME=PATH#FIELD, where the variable NAME will hold "
                             "the path of a file with the value"));
  return FromReference(shell, split.name, split.rest, /*is_file=*/true);
}

absl::StatusOr<Variable> MountFromTemplateFlag(Shell& shell, const std::string& flag) {
  ASSIGN_OR_RETURN(const NameAndRest split,
                   SplitFlag(flag,
                             "--mount-template must be NAME=TEMPLATE, where the variable NAME will "
                             "hold the path of a file with the filled template"));
  ASSIGN_OR_RETURN(const std::string source, ReadPublicFile(split.rest, limits::kTemplateBytesMax));
  Renderer renderer(shell);
  RETURN_IF_ERROR(renderer.Render(source));
  if (renderer.text().size() > limits::kMountBytesMax) {
    return UsageError(absl::StrCat(split.rest, " is too large when it is filled: at most ",
                                   limits::kMountBytesMax, " bytes"));
  }
  ASSIGN_OR_RETURN(Variable file, Make(split.name, renderer.text(), split.rest, /*is_file=*/true));
  for (const absl::string_view value : renderer.Values()) {
    ASSIGN_OR_RETURN(SecretBytes part, SecretBytes::CopyOf(value));
    file.parts.push_back(std::move(part));
  }
  return file;
}

absl::StatusOr<std::vector<Variable>> VariablesOfFile(Shell& shell, const std::string& file) {
  ASSIGN_OR_RETURN(const SecretBytes text, ReadSecretFile(file, limits::kImportFileBytesMax));
  absl::StatusOr<std::vector<EnvEntry>> entries = ParseDotenv(text.ExposeForCrypto());
  if (!entries.ok()) {
    return UsageError(absl::StrCat(file, ": ", entries.status().message()));
  }
  std::vector<Variable> variables;
  for (const EnvEntry& entry : *entries) {
    const absl::string_view value = entry.value.ExposeForCrypto();
    ASSIGN_OR_RETURN(Variable variable,
                     IsReference(value)
                         ? FromReference(shell, entry.name, value)
                         : Make(entry.name, value, absl::StrCat(file, " line ", entry.line)));
    variables.push_back(std::move(variable));
  }
  return variables;
}

void Overlay(std::vector<Variable> more, std::vector<Variable>* variables) {
  for (Variable& variable : more) {
    const auto same = std::find_if(variables->begin(), variables->end(),
                                   [&](const Variable& old) { return old.name == variable.name; });
    if (same == variables->end()) {
      variables->push_back(std::move(variable));
    } else {
      *same = std::move(variable);
    }
  }
}

}  // namespace keyturn::cli
