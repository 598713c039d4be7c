#include "client/cli/commands/api_key_show.h"

#include <filesystem>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/status_macros.h"
#include "client/cli/commands/rotation_status.h"
#include "client/cli/files.h"

namespace keyturn::cli {
namespace {

std::string UsesText(uint64_t uses, const google::protobuf::Timestamp& last) {
  if (uses == 0) return "never used";
  return absl::StrCat("used ", uses, uses == 1 ? " time, last " : " times, last ", TimeText(last));
}

std::string SecretText(const v1::ApiKeySecretInfo& secret, absl::Time now) {
  using Info = v1::ApiKeySecretInfo;
  std::string out = WordOf(Info::State_Name(secret.state()), "");
  if (secret.state() == Info::GRACE) {
    absl::StrAppend(&out, " until ", TimeText(secret.grace_end_time()), " (",
                    FromNow(TimeOf(secret.grace_end_time()), now), ")");
  }
  absl::StrAppend(&out, ", ",
                  secret.legacy() ? std::string("made elsewhere")
                                  : absl::StrCat("ends in ", secret.last_characters()),
                  ", ", UsesText(secret.uses(), secret.last_use_time()));
  return out;
}

}  // namespace

std::string StateText(const v1::ApiKeyInfo& key) {
  return WordOf(v1::ApiKeyInfo::State_Name(key.state()), "");
}

Pairs DescribeApiKey(const v1::ApiKeyInfo& key, absl::Time now) {
  Pairs pairs = {{"id", key.id()},
                 {"path", key.path()},
                 {"description", key.description()},
                 {"state", StateText(key)},
                 {"scopes", absl::StrJoin(key.scopes(), ", ")},
                 {"owner", key.owner()},
                 {"created", TimeText(key.create_time())},
                 {"rolled", TimeText(key.roll_time())},
                 {"not after", absl::StrCat(TimeText(key.not_after_time()), " (",
                                            FromNow(TimeOf(key.not_after_time()), now), ")")},
                 {"revoked", TimeText(key.revoke_time())},
                 {"reason", key.revoke_reason()},
                 {"uses", UsesText(key.uses(), key.last_use_time())}};
  for (const auto& [name, value] : key.custom_metadata()) pairs.emplace_back(name, value);
  for (const v1::ApiKeySecretInfo& secret : key.secrets()) {
    pairs.emplace_back(absl::StrCat("secret ", secret.generation()), SecretText(secret, now));
  }
  return pairs;
}

absl::Status PrintApiKey(const Shell& shell, const v1::ApiKeyInfo& key) {
  return shell.out().Object(DescribeApiKey(key, shell.clock().Now()), ToJson(key));
}

absl::Status CheckNewFile(const std::string& output_file) {
  if (output_file.empty() || !std::filesystem::exists(output_file)) return absl::OkStatus();
  return absl::AlreadyExistsError(absl::StrCat(output_file, " exists already; no key was made"));
}

absl::Status PrintNewApiKey(const Shell& shell, const std::string& key, const v1::ApiKeyInfo& info,
                            const std::string& output_file) {
  Json value = {{"info", ToJson(info)}};
  Pairs pairs = DescribeApiKey(info, shell.clock().Now());
  if (output_file.empty()) {
    value["key"] = key;
    pairs.insert(pairs.begin(), {"key", key});
  } else {
    RETURN_IF_ERROR(WriteFileWhole(output_file, key + "\n", 0600));
    pairs.insert(pairs.begin(), {"key file", output_file});
  }
  if (output_file.empty() && shell.out().format() == Format::kRaw) {
    RETURN_IF_ERROR(shell.out().Raw(key + "\n"));
  } else {
    RETURN_IF_ERROR(shell.out().Object(pairs, value));
  }
  if (output_file.empty()) {
    shell.terminal().Say("the key is shown this once: it is kept nowhere");
  }
  return absl::OkStatus();
}

}  // namespace keyturn::cli
