#include "rotation/target/target_spec.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "auth/cidr.h"
#include "auth/grants.h"
#include "base/status_macros.h"

namespace keyturn {
namespace {

absl::Status Bad(absl::string_view member, absl::string_view allowed) {
  return absl::InvalidArgumentError(absl::StrCat(member, " must be ", allowed));
}

bool IsName(absl::string_view name) {
  return !name.empty() && name.size() <= limits::kTargetNameBytesMax &&
         name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-_") ==
             absl::string_view::npos;
}

bool HasNul(absl::string_view text) { return absl::StrContains(text, absl::string_view("\0", 1)); }

// "NAME=value", not a way to have the program load something else.
bool IsVariable(absl::string_view entry) {
  const size_t equals = entry.find('=');
  return equals != absl::string_view::npos && equals > 0 && !HasNul(entry);
}

absl::Status CheckPaths(const TargetSpec& spec) {
  if (spec.paths.empty() || spec.paths.size() > limits::kTargetPathsMax) {
    return Bad("paths",
               absl::StrCat("a list of 1 to ", limits::kTargetPathsMax,
                            " patterns of the secrets that may use it, such as \"prod/stripe/*\""));
  }
  for (const std::string& path : spec.paths) {
    if (const absl::Status valid = ValidatePattern(path); !valid.ok()) {
      return absl::InvalidArgumentError(absl::StrCat("paths: ", valid.message()));
    }
  }
  return absl::OkStatus();
}

absl::Status CheckCommand(const TargetSpec& spec) {
  const bool nul = std::any_of(spec.command.begin(), spec.command.end(), HasNul);
  if (!absl::StartsWith(spec.command[0], "/") || nul ||
      spec.command.size() > limits::kTargetWordsMax) {
    return Bad("command", absl::StrCat("a list of at most ", limits::kTargetWordsMax,
                                       " strings, the absolute path of a program first"));
  }
  if (spec.environment.size() > limits::kTargetWordsMax ||
      !std::all_of(spec.environment.begin(), spec.environment.end(), IsVariable)) {
    return Bad("environment",
               absl::StrCat("a table of at most ", limits::kTargetWordsMax, " strings by name"));
  }
  if (!spec.signing_key_file.empty() || !spec.ca_file.empty() || !spec.allow_addresses.empty()) {
    return absl::InvalidArgumentError(
        "signing_key_file, ca_file and allow_addresses are of a target with a url");
  }
  return absl::OkStatus();
}

absl::Status CheckUrl(const TargetSpec& spec) {
  const bool clean = std::all_of(spec.url.begin(), spec.url.end(), [](unsigned char c) {
    return absl::ascii_isgraph(c) && c != '@';
  });
  if (!absl::StartsWith(spec.url, "https://") || !clean) {
    return Bad("url", "a URL that begins with https://, without user information and blanks");
  }
  if (spec.signing_key_file.empty()) {
    return absl::InvalidArgumentError("a target with a url needs signing_key_file");
  }
  if (!spec.environment.empty()) {
    return absl::InvalidArgumentError("environment is of a target with a command");
  }
  if (spec.allow_addresses.size() > limits::kTargetAddressesMax) {
    return Bad("allow_addresses",
               absl::StrCat("a list of at most ", limits::kTargetAddressesMax, " CIDR blocks"));
  }
  for (const std::string& block : spec.allow_addresses) {
    if (const auto cidr = Cidr::Parse(block); !cidr.ok()) {
      return absl::InvalidArgumentError(absl::StrCat("allow_addresses: ", cidr.status().message()));
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status CheckTargetSpec(const TargetSpec& spec) {
  if (!IsName(spec.name)) {
    return Bad("name",
               absl::StrCat("1 to ", limits::kTargetNameBytesMax, " characters of a-z 0-9 - _"));
  }
  RETURN_IF_ERROR(CheckPaths(spec));
  if (spec.timeout < absl::Seconds(1) || spec.timeout > absl::Seconds(limits::kTargetSecondsMax)) {
    return Bad("timeout_seconds",
               absl::StrCat("a whole number from 1 to ", limits::kTargetSecondsMax));
  }
  if (spec.command.empty() == spec.url.empty()) {
    return absl::InvalidArgumentError("either command or url must be given");
  }
  return spec.url.empty() ? CheckCommand(spec) : CheckUrl(spec);
}

}  // namespace keyturn
