#include "server/target_config.h"

#include <algorithm>
#include <functional>
#include <map>

#include "absl/strings/str_cat.h"
#include "base/limits.h"
#include "base/nearest.h"
#include "base/status_macros.h"

namespace keyturn {
namespace {

absl::Status Bad(const std::string& key, absl::string_view allowed) {
  return absl::InvalidArgumentError(absl::StrCat(key, " must be ", allowed));
}

absl::Status ReadText(const std::string& key, const toml::node& node, std::string* out) {
  const auto value = node.value_exact<std::string>();
  if (!value.has_value()) return Bad(key, "a string");
  *out = *value;
  return absl::OkStatus();
}

absl::Status ReadFile(const std::string& key, const toml::node& node, std::string* out) {
  RETURN_IF_ERROR(ReadText(key, node, out));
  return out->substr(0, 1) == "/" ? absl::OkStatus() : Bad(key, "an absolute path");
}

absl::Status ReadTexts(const std::string& key, const toml::node& node,
                       std::vector<std::string>* out) {
  const toml::array* const array = node.as_array();
  if (array == nullptr) return Bad(key, "a list of strings");
  for (const toml::node& element : *array) {
    if (!ReadText(key, element, &out->emplace_back()).ok()) return Bad(key, "a list of strings");
  }
  return absl::OkStatus();
}

absl::Status ReadEnvironment(const std::string& key, const toml::node& node,
                             std::vector<std::string>* out) {
  const toml::table* const table = node.as_table();
  if (table == nullptr) return Bad(key, "a table of strings");
  for (const auto& [name, element] : *table) {
    std::string value;
    if (!ReadText(key, element, &value).ok()) return Bad(key, "a table of strings");
    const std::string variable(name.str());
    if (variable.empty() || variable.find('=') != std::string::npos) {
      return Bad(key, "a table of strings by names without '='");
    }
    out->push_back(absl::StrCat(variable, "=", value));
  }
  return absl::OkStatus();
}

absl::Status ReadSeconds(const std::string& key, const toml::node& node, absl::Duration* out) {
  const auto value = node.value_exact<int64_t>();
  if (!value.has_value() || *value < 1 || *value > limits::kTargetSecondsMax) {
    return Bad(key, absl::StrCat("a whole number from 1 to ", limits::kTargetSecondsMax));
  }
  *out = absl::Seconds(*value);
  return absl::OkStatus();
}

using Member = std::function<absl::Status(const std::string& key, const toml::node& node)>;

std::map<std::string, Member> MembersOf(TargetSpec* spec) {
  const auto text = [](std::string* out) {
    return
        [out](const std::string& key, const toml::node& node) { return ReadText(key, node, out); };
  };
  const auto file = [](std::string* out) {
    return
        [out](const std::string& key, const toml::node& node) { return ReadFile(key, node, out); };
  };
  const auto texts = [](std::vector<std::string>* out) {
    return
        [out](const std::string& key, const toml::node& node) { return ReadTexts(key, node, out); };
  };
  return {
      {"name", text(&spec->name)},
      {"paths", texts(&spec->paths)},
      {"timeout_seconds",
       [spec](const std::string& key, const toml::node& node) {
         return ReadSeconds(key, node, &spec->timeout);
       }},
      {"command", texts(&spec->command)},
      {"environment",
       [spec](const std::string& key, const toml::node& node) {
         return ReadEnvironment(key, node, &spec->environment);
       }},
      {"url", text(&spec->url)},
      {"signing_key_file", file(&spec->signing_key_file)},
      {"ca_file", file(&spec->ca_file)},
      {"allow_addresses", texts(&spec->allow_addresses)},
  };
}

absl::StatusOr<TargetSpec> ReadTarget(const std::string& key, const toml::node& node) {
  const toml::table* const table = node.as_table();
  if (table == nullptr) return Bad(key, "a table");
  TargetSpec spec;
  const std::map<std::string, Member> members = MembersOf(&spec);
  for (const auto& [name, element] : *table) {
    const std::string member(name.str());
    const auto found = members.find(member);
    const std::string its = absl::StrCat(key, ".", member);
    if (found == members.end()) {
      std::vector<std::string> known;
      for (const auto& [word, read] : members) known.push_back(word);
      return absl::InvalidArgumentError(
          absl::StrCat("unknown key ", its, "; the nearest one is ", Nearest(member, known)));
    }
    RETURN_IF_ERROR(found->second(its, element));
  }
  if (const absl::Status good = CheckTargetSpec(spec); !good.ok()) {
    return absl::InvalidArgumentError(absl::StrCat(
        key, spec.name.empty() ? "" : absl::StrCat(" (", spec.name, ")"), ": ", good.message()));
  }
  return spec;
}

}  // namespace

absl::Status ParseTargets(const std::string& key, const toml::node& node,
                          std::vector<TargetSpec>* out) {
  const toml::array* const array = node.as_array();
  if (array == nullptr || array->size() > limits::kTargetsMax) {
    return Bad(key, absl::StrCat("at most ", limits::kTargetsMax, " tables, [[", key, "]] each"));
  }
  for (const toml::node& element : *array) {
    ASSIGN_OR_RETURN(TargetSpec spec,
                     ReadTarget(absl::StrCat(key, "[", out->size(), "]"), element));
    const bool twice = std::any_of(out->begin(), out->end(), [&spec](const TargetSpec& other) {
      return other.name == spec.name;
    });
    if (twice) {
      return absl::InvalidArgumentError(absl::StrCat(key, ": ", spec.name, " is there twice"));
    }
    out->push_back(std::move(spec));
  }
  return absl::OkStatus();
}

}  // namespace keyturn
