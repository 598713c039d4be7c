// What a person types after an error: one step for each reason and code, naming what the command
// was about. Thread-safe.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace keyturn::cli {

// What was asked for, as far as a step needs it.
struct Asked {
  std::string command = {};   // "secret read"; "": none yet
  std::string path = {};      // of the secret, with #FIELD if that was typed
  std::string new_path = {};  // of a rename
  std::string profile = {};   // that the next command must name; "": none
};

// What to do about it: attached, given by the server, or known for its reason or code. "" for OK
// and for what the person stopped.
std::string NextStep(const absl::Status& status, const Asked& asked);

// The step for a secret at `path` ("" when it is not known) whose field is `field` ("" for all).
// "" when it is not about the secret.
std::string SecretStep(const absl::Status& status, absl::string_view path, absl::string_view field);

// `step` with --profile `profile` in each command, unless it names one or asks for help only.
std::string WithProfile(absl::string_view step, const std::string& profile);

// As a POSIX shell takes it.
std::string ShellWord(absl::string_view text);

}  // namespace keyturn::cli
