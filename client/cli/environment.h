// Environment variables made of secrets, for `run` and `export`, and files whose paths stand in
// such variables, for `run`. Thread-compatible.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "client/cli/dotenv.h"
#include "client/cli/shell.h"

namespace keyturn::cli {

struct Variable {
  std::string name;
  SecretBytes value;
  std::string from;  // the reference, for messages
  // `value` is the content of a file that the program is given, and the variable holds its path.
  bool is_file = false;
  // The values that were put into such a content, by a template.
  std::vector<SecretBytes> parts;
};

// The fields of these secrets. FAILED_PRECONDITION when two of them would have the same name, when
// a value holds a NUL, or a name cannot be a variable.
absl::StatusOr<std::vector<Variable>> VariablesOfDirectory(Shell& shell, const std::string& path);

// "NAME=REFERENCE", where the reference may be short (PATH#FIELD).
absl::StatusOr<Variable> VariableFromFlag(Shell& shell, const std::string& flag);

// "NAME=REFERENCE" of a file. Its content is the value as it is stored, of any bytes.
absl::StatusOr<Variable> MountFromFlag(Shell& shell, const std::string& flag);

// "NAME=TEMPLATE" of a file: the template is a file of this machine (client/cli/renderer.h), and
// filled at most limits::kMountBytesMax long.
absl::StatusOr<Variable> MountFromTemplateFlag(Shell& shell, const std::string& flag);

// A dotenv file in which values that begin with keyturn:// stand for secrets; others are taken as
// they are.
absl::StatusOr<std::vector<Variable>> VariablesOfFile(Shell& shell, const std::string& file);

// Adds `more` to `variables`; of the same name the later one stays.
void Overlay(std::vector<Variable> more, std::vector<Variable>* variables);

}  // namespace keyturn::cli
