#include "crypto/jwt_claims.h"

#include <algorithm>
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

// What is allowed, once for reading and for writing.
std::string StringRule(const char* name) {
  return absl::StrCat("\"", name, "\" must be a string of at most ", limits::kJwtStringBytesMax,
                      " bytes without control characters");
}

struct ListRule {
  const char* name;
  size_t count_max, bytes_max;

  bool Allows(const std::string& item) const { return !item.empty() && IsClean(item, bytes_max); }
  std::string ToString() const {
    return absl::StrCat("\"", name, "\" must be a list of at most ", count_max,
                        " strings, each of 1 to ", bytes_max, " bytes without control characters");
  }
};
constexpr ListRule kAudiences = {"aud", limits::kJwtAudiencesMax, limits::kJwtStringBytesMax};
constexpr ListRule kPermissions = {"permissions", limits::kJwtPermissionsMax,
                                   limits::kJwtPermissionBytesMax};

std::string LengthRule() {
  return absl::StrCat("the claims are too long; the most is ", limits::kJwsBytesMax, " bytes");
}

absl::Status TakeString(const char* name, json* object, std::string* out) {
  const std::optional<json> value = Take(name, object);
  if (!value.has_value()) return absl::OkStatus();
  const auto* const text = value->get_ptr<const std::string*>();
  if (text == nullptr || !IsClean(*text, limits::kJwtStringBytesMax)) {
    return Refused(StringRule(name));
  }
  *out = *text;
  return absl::OkStatus();
}

absl::Status TakeList(const ListRule& rule, json value, std::vector<std::string>* out) {
  if (!value.is_array() || value.size() > rule.count_max) return Refused(rule.ToString());
  for (const json& item : value) {
    const auto* const text = item.get_ptr<const std::string*>();
    if (text == nullptr || !rule.Allows(*text)) return Refused(rule.ToString());
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

absl::Status PutString(const char* name, const std::string& text, ordered_json* out) {
  if (!IsClean(text, limits::kJwtStringBytesMax)) {
    return absl::InvalidArgumentError(StringRule(name));
  }
  if (!text.empty()) (*out)[name] = text;
  return absl::OkStatus();
}

absl::Status PutList(const ListRule& rule, const std::vector<std::string>& items,
                     ordered_json* out) {
  if (items.size() > rule.count_max) return absl::InvalidArgumentError(rule.ToString());
  for (const std::string& item : items) {
    if (!rule.Allows(item)) return absl::InvalidArgumentError(rule.ToString());
  }
  if (!items.empty()) (*out)[rule.name] = items;
  return absl::OkStatus();
}

absl::Status PutTime(const char* name, std::optional<absl::Time> time, ordered_json* out) {
  if (!time.has_value()) return absl::OkStatus();
  const int64_t seconds = absl::ToUnixSeconds(*time);  // of infinite ones, the greatest there is
  if (seconds < 0 || static_cast<uint64_t>(seconds) > limits::kJwtSecondsMax) {
    return absl::InvalidArgumentError(absl::StrCat("\"", name, "\" must be from 1970 on, at most ",
                                                   limits::kJwtSecondsMax, " seconds after it"));
  }
  (*out)[name] = seconds;
  return absl::OkStatus();
}

bool HasField(absl::string_view name) {
  static constexpr absl::string_view kFields[] = {"iss", "sub", "aud", "exp",
                                                  "nbf", "iat", "jti", "permissions"};
  return std::find(std::begin(kFields), std::end(kFields), name) != std::end(kFields);
}

absl::Status PutOthers(const std::string& text, ordered_json* out) {
  if (text == kNoClaims) return absl::OkStatus();
  json others;
  RETURN_IF_ERROR(ParseStrictJson(text, &others));
  for (const auto& [name, value] : others.items()) {
    if (HasField(name)) {
      return absl::InvalidArgumentError(
          absl::StrCat("\"", name, "\" is no other claim: it has a field of its own"));
    }
    (*out)[name] = value;
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<JwtClaims> ParseClaims(absl::string_view payload) {
  if (payload.size() > limits::kJwsBytesMax) {
    return Refused(LengthRule());
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
  ordered_json out = ordered_json::object();
  RETURN_IF_ERROR(PutString("iss", claims.iss, &out));
  RETURN_IF_ERROR(PutString("sub", claims.sub, &out));
  RETURN_IF_ERROR(PutList(kAudiences, claims.aud, &out));
  if (claims.aud.size() == 1) out[kAudiences.name] = claims.aud.front();
  RETURN_IF_ERROR(PutTime("exp", claims.exp, &out));
  RETURN_IF_ERROR(PutTime("nbf", claims.nbf, &out));
  RETURN_IF_ERROR(PutTime("iat", claims.iat, &out));
  RETURN_IF_ERROR(PutString("jti", claims.jti, &out));
  RETURN_IF_ERROR(PutList(kPermissions, claims.permissions, &out));
  RETURN_IF_ERROR(PutOthers(claims.other_json, &out));
  std::string text;
  try {
    text = out.dump();
  } catch (const json::type_error&) {  // the only thing that it throws for
    return absl::InvalidArgumentError("the claims must be UTF-8");
  }
  if (text.size() > limits::kJwsBytesMax) return absl::InvalidArgumentError(LengthRule());
  return text;
}

}  // namespace keyturn
