#include "crypto/jwt_claims.h"

#include <nlohmann/json.hpp>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "base/limits.h"
#include "base/reason.h"
#include "base/status_macros.h"
#include "crypto/strict_json.h"

namespace keyturn {
namespace {

using nlohmann::json;
using nlohmann::ordered_json;

constexpr char kNoClaims[] = "{}";  // as dump() has it

absl::Status Refused(absl::string_view message) {
  return WithReason(absl::UnauthenticatedError(message), "TOKEN_CLAIMS");
}

bool IsClean(const std::string& text, size_t bytes_max) {
  const auto is_control = [](unsigned char c) { return absl::ascii_iscntrl(c); };
  return text.size() <= bytes_max && std::none_of(text.begin(), text.end(), is_control);
}

// Takes the member `name` out of `*object`, so that what is left are the other claims.
std::optional<json> Take(const char* name, json* object) {
  const auto found = object->find(name);
  if (found == object->end()) return std::nullopt;
  json value = std::move(*found);
  object->erase(found);
  return value;
}

absl::Status TakeString(const char* name, json* object, std::string* out) {
  const std::optional<json> value = Take(name, object);
  if (!value.has_value()) return absl::OkStatus();
  const auto* const text = value->get_ptr<const std::string*>();
  if (text == nullptr || !IsClean(*text, limits::kJwtStringBytesMax)) {
    return Refused(absl::StrCat("\"", name, "\" must be a string of at most ",
                                limits::kJwtStringBytesMax, " bytes without control characters"));
  }
  *out = *text;
  return absl::OkStatus();
}

struct ListRule {
  const char* name;
  size_t count_max, bytes_max;
};
constexpr ListRule kAudiences = {"aud", limits::kJwtAudiencesMax, limits::kJwtStringBytesMax};
constexpr ListRule kPermissions = {"permissions", limits::kJwtPermissionsMax,
                                   limits::kJwtPermissionBytesMax};

absl::Status TakeList(const ListRule& rule, json value, std::vector<std::string>* out) {
  const absl::Status bad = Refused(
      absl::StrCat("\"", rule.name, "\" must be a list of at most ", rule.count_max,
                   " strings, each of 1 to ", rule.bytes_max, " bytes without control characters"));
  if (!value.is_array() || value.size() > rule.count_max) return bad;
  for (const json& item : value) {
    const auto* const text = item.get_ptr<const std::string*>();
    if (text == nullptr || text->empty() || !IsClean(*text, rule.bytes_max)) return bad;
    out->push_back(*text);
  }
  return absl::OkStatus();
}

absl::Status TakeAudiences(json* object, std::vector<std::string>* out) {
  std::optional<json> value = Take(kAudiences.name, object);
  if (!value.has_value()) return absl::OkStatus();
  if (value->is_string()) value = json::array({*value});  // RFC 7519 section 4.1.3
  if (value->is_array() && value->empty()) return Refused("\"aud\" must name an audience");
  return TakeList(kAudiences, *std::move(value), out);
}

absl::Status TakeTime(const char* name, json* object, std::optional<absl::Time>* out) {
  const std::optional<json> value = Take(name, object);
  if (!value.has_value()) return absl::OkStatus();
  // nlohmann's signed integers are the negative ones, its other numbers have fractions.
  if (!value->is_number_unsigned()) {
    return Refused(
        absl::StrCat("\"", name, "\" must be a whole number of seconds since 1970, not negative"));
  }
  const auto seconds = value->get<uint64_t>();
  if (seconds > limits::kJwtSecondsMax) {
    return Refused(absl::StrCat("\"", name, "\" must be in seconds since 1970, at most ",
                                limits::kJwtSecondsMax, ": this looks like milliseconds"));
  }
  *out = absl::FromUnixSeconds(static_cast<int64_t>(seconds));
  return absl::OkStatus();
}

void PutString(const char* name, const std::string& text, ordered_json* out) {
  if (!text.empty()) (*out)[name] = text;
}

void PutTime(const char* name, std::optional<absl::Time>* time, ordered_json* out) {
  if (!time->has_value()) return;
  const int64_t seconds = absl::ToUnixSeconds(**time);
  *time = absl::FromUnixSeconds(seconds);
  (*out)[name] = seconds;
}

}  // namespace

absl::StatusOr<JwtClaims> ParseClaims(absl::string_view payload) {
  if (payload.size() > limits::kJwsBytesMax) {
    return Refused(
        absl::StrCat("the claims are too long; the most is ", limits::kJwsBytesMax, " bytes"));
  }
  json object;
  if (const absl::Status parsed = ParseStrictJson(payload, &object); !parsed.ok()) {
    return Refused(absl::StrCat("the token's claims are ", parsed.message()));
  }
  JwtClaims out;
  RETURN_IF_ERROR(TakeString("iss", &object, &out.iss));
  RETURN_IF_ERROR(TakeString("sub", &object, &out.sub));
  RETURN_IF_ERROR(TakeAudiences(&object, &out.aud));
  RETURN_IF_ERROR(TakeTime("exp", &object, &out.exp));
  RETURN_IF_ERROR(TakeTime("nbf", &object, &out.nbf));
  RETURN_IF_ERROR(TakeTime("iat", &object, &out.iat));
  RETURN_IF_ERROR(TakeString("jti", &object, &out.jti));
  if (std::optional<json> value = Take(kPermissions.name, &object); value.has_value()) {
    RETURN_IF_ERROR(TakeList(kPermissions, *std::move(value), &out.permissions));
  }
  out.other_json = object.empty() ? kNoClaims : object.dump();
  return out;
}

absl::StatusOr<std::string> WriteClaims(const JwtClaims& claims) {
  JwtClaims wanted = claims;
  json others = json::object();
  if (claims.other_json != kNoClaims) {
    RETURN_IF_ERROR(ParseStrictJson(claims.other_json, &others));
    wanted.other_json = others.dump();
  }

  ordered_json out = ordered_json::object();
  PutString("iss", wanted.iss, &out);
  PutString("sub", wanted.sub, &out);
  if (wanted.aud.size() == 1) PutString(kAudiences.name, wanted.aud.front(), &out);
  if (wanted.aud.size() > 1) out[kAudiences.name] = wanted.aud;
  PutTime("exp", &wanted.exp, &out);
  PutTime("nbf", &wanted.nbf, &out);
  PutTime("iat", &wanted.iat, &out);
  PutString("jti", wanted.jti, &out);
  if (!wanted.permissions.empty()) out[kPermissions.name] = wanted.permissions;
  for (const auto& [name, value] : others.items()) {
    if (out.contains(name)) {
      return absl::InvalidArgumentError("a claim is given both by its field and among the others");
    }
    out[name] = value;
  }

  // Bytes that are not UTF-8 are replaced here, and so not read as the same below.
  std::string text = out.dump(-1, ' ', false, ordered_json::error_handler_t::replace);
  const absl::StatusOr<JwtClaims> read = ParseClaims(text);
  if (!read.ok()) return absl::InvalidArgumentError(read.status().message());
  if (*read != wanted) {
    return absl::InvalidArgumentError(
        "the claims would be read as others: texts must be UTF-8, an audience not empty, and the "
        "other claims must have other names");
  }
  return text;
}

}  // namespace keyturn
