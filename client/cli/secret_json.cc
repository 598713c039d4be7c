#include "client/cli/secret_json.h"

#include <cstring>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/limits.h"
#include "client/cli/exact_json.h"
#include "client/cli/exit_codes.h"
#include "client/wipe.h"

namespace keyturn::cli {
namespace {

constexpr const char* kKinds[] = {"generic", "api_key", "jwt_key", "db_credential"};

std::string LowerWithout(absl::string_view prefix, absl::string_view name) {
  absl::ConsumePrefix(&name, prefix);
  return absl::AsciiStrToLower(name);
}

}  // namespace

void WipeJson(Json* value) {
  if (value->is_string()) {
    WipeBuffer(value->get_ptr<std::string*>());
  } else if (value->is_binary()) {
    Json::binary_t& bytes = value->get_binary();
    explicit_bzero(bytes.data(), bytes.size());
    bytes.clear();
  } else if (value->is_structured()) {
    for (Json& member : *value) WipeJson(&member);
  }
}

absl::StatusOr<v1::SecretData> DataFromJson(absl::string_view text) {
  absl::StatusOr<JsonMembers> members = JsonMembers::Parse(text);
  if (!members.ok() || members->all().empty()) {
    const absl::string_view why = members.ok() ? "it has no member" : members.status().message();
    return UsageError(absl::StrCat(
        R"(the data must be a JSON object of fields, such as {"value": "..."}; )", why));
  }
  v1::SecretData data;
  for (const JsonMember& member : members->all()) {
    v1::Field& field = *data.add_fields();
    field.set_name(member.name);
    field.set_encoding(member.type == JsonMember::Type::kString ? v1::ENCODING_TEXT
                                                                : v1::ENCODING_JSON);
    field.set_value(member.text);
  }
  return data;
}

Json SecretToJson(const v1::GetResponse& secret) {
  Json out;
  out["path"] = secret.path();
  out["kind"] = v1::Kind_Name(secret.kind());
  out["version"] = absl::StrCat(secret.version().version());
  out["state"] = v1::VersionState_Name(secret.version().state());
  out["createTime"] = TimeText(secret.version().create_time());
  out["revision"] = absl::StrCat(secret.revision());
  out["customMetadata"] = Json::object();
  for (const auto& [key, value] : secret.custom_metadata()) out["customMetadata"][key] = value;
  out["data"] = Json::object();
  Json encodings = Json::object();
  for (const v1::Field& field : secret.data().fields()) {
    Json& member = out["data"][field.name()];
    if (field.encoding() == v1::ENCODING_BINARY) {
      member = absl::Base64Escape(field.value());
      encodings[field.name()] = "base64";
    } else if (field.encoding() == v1::ENCODING_JSON) {
      member = VerbatimJson(field.value());
    } else {
      member = field.value();
    }
  }
  if (!encodings.empty()) out["encodings"] = std::move(encodings);
  return out;
}

std::string KindName(v1::Kind kind) { return LowerWithout("KIND_", v1::Kind_Name(kind)); }

absl::StatusOr<v1::Kind> ParseKind(absl::string_view name) {
  if (name.empty()) return v1::KIND_UNSPECIFIED;
  for (const char* const known : kKinds) {
    v1::Kind kind = v1::KIND_UNSPECIFIED;
    if (name == known &&
        v1::Kind_Parse(absl::StrCat("KIND_", absl::AsciiStrToUpper(known)), &kind)) {
      return kind;
    }
  }
  return UsageError(absl::StrCat("unknown kind '", name,
                                 "'; allowed are generic, api_key, jwt_key and db_credential"));
}

std::string StateName(const v1::VersionInfo& version, absl::Time now) {
  if (version.has_delete_time()) return "deleted";
  const bool readable = version.state() == v1::VERSION_STATE_CURRENT ||
                        version.state() == v1::VERSION_STATE_PREVIOUS ||
                        version.state() == v1::VERSION_STATE_GRACE;
  if (readable && version.has_expire_time() && TimeOf(version.expire_time()) <= now) {
    return "expired";
  }
  return LowerWithout("VERSION_STATE_", v1::VersionState_Name(version.state()));
}

std::string CurrentVersionText(const v1::SecretInfo& secret) {
  if (secret.current_version() == 0) return "none: all are deleted";
  for (const v1::VersionInfo& version : secret.versions()) {
    if (version.version() == secret.current_version() && version.has_delete_time()) {
      return absl::StrCat(version.version(), " (deleted)");
    }
  }
  return absl::StrCat(secret.current_version());
}

}  // namespace keyturn::cli
