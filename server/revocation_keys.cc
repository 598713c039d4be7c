#include "server/revocation_keys.h"

#include <algorithm>
#include <array>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "auth/token_codec.h"
#include "base/limits.h"
#include "base/status_macros.h"

namespace keyturn {
namespace {

constexpr std::array<RevocationKind, 5> kPrefixed = {
    RevocationKind::kSubject, RevocationKind::kKid, RevocationKind::kApiKey,
    RevocationKind::kCertificate, RevocationKind::kRole};
constexpr absl::string_view kAll = "all";

bool IsHex(absl::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](unsigned char c) { return absl::ascii_isxdigit(c); });
}

bool IsDigits(absl::string_view text) {
  return std::all_of(text.begin(), text.end(), absl::ascii_isdigit);
}

// As the certificate's own number is written: some tools show the zero byte that only says that it
// is positive, others leave out a leading zero.
std::string PlainSerial(absl::string_view hex) {
  std::string serial = absl::AsciiStrToLower(hex);
  if (serial.size() % 2 != 0) serial.insert(0, 1, '0');
  while (serial.size() > 2 && absl::StartsWith(serial, "00")) serial.erase(0, 2);
  return serial;
}

// People and programs paste tokens where an id goes; the audit log would keep it.
bool LooksLikeToken(absl::string_view jti) {
  return absl::StartsWith(jti, kStoredPrefix) || absl::StartsWith(jti, kStatelessPrefix) ||
         (absl::StartsWith(jti, "eyJ") && absl::StrContains(jti, '.'));
}

// Of a key that has a kind's word and colon in front; std::nullopt for a jti.
std::optional<RevocationKind> KindIn(absl::string_view key) {
  if (key == kAll) return RevocationKind::kAll;
  for (const RevocationKind kind : kPrefixed) {
    const absl::string_view word = WordOf(kind);
    if (absl::StartsWith(key, word) && key.size() > word.size() && key[word.size()] == ':') {
      return kind;
    }
  }
  return std::nullopt;
}

}  // namespace

absl::string_view WordOf(RevocationKind kind) {
  switch (kind) {
    case RevocationKind::kJti:
      return "jti";
    case RevocationKind::kSubject:
      return "subject";
    case RevocationKind::kKid:
      return "kid";
    case RevocationKind::kApiKey:
      return "api_key";
    case RevocationKind::kCertificate:
      return "certificate";
    case RevocationKind::kRole:
      return "role";
    case RevocationKind::kAll:
      return kAll;
  }
  return "";
}

bool HasNotBefore(RevocationKind kind) {
  return kind == RevocationKind::kSubject || kind == RevocationKind::kKid ||
         kind == RevocationKind::kRole || kind == RevocationKind::kAll;
}

absl::Status CheckName(RevocationKind kind, absl::string_view name) {
  const absl::string_view field = WordOf(kind);
  if (name.empty() || name.size() > limits::kRevocationNameBytesMax) {
    return absl::InvalidArgumentError(
        absl::StrCat(field, " must have 1 to ", limits::kRevocationNameBytesMax, " bytes"));
  }
  for (const char c : name) {
    if (absl::ascii_iscntrl(static_cast<unsigned char>(c))) {
      return absl::InvalidArgumentError(absl::StrCat(field, " must have no control characters"));
    }
  }
  if (kind == RevocationKind::kJti && KindIn(name).has_value()) {
    return absl::InvalidArgumentError(
        "jti must not be \"all\" or begin with subject:, kid:, api_key:, certificate: or role:, "
        "which are other things to revoke");
  }
  if (kind == RevocationKind::kJti && LooksLikeToken(name)) {
    return absl::InvalidArgumentError(
        "jti must be the id of a token, not the token: its jti, or \"kts-\" or \"ktb-\" and "
        "digits");
  }
  if (kind == RevocationKind::kCertificate && !IsHex(name)) {
    return absl::InvalidArgumentError(
        "certificate must be a serial number in hexadecimal, as `openssl x509 -serial` shows it");
  }
  return absl::OkStatus();
}

absl::StatusOr<RevocationName> NameOf(const v1::RevocationTarget& target) {
  RevocationName out;
  switch (target.kind_case()) {
    case v1::RevocationTarget::kJti:
      out = {RevocationKind::kJti, target.jti()};
      break;
    case v1::RevocationTarget::kSubject:
      out = {RevocationKind::kSubject, target.subject()};
      break;
    case v1::RevocationTarget::kKid:
      out = {RevocationKind::kKid, target.kid()};
      break;
    case v1::RevocationTarget::kApiKey:
      out = {RevocationKind::kApiKey, target.api_key()};
      break;
    case v1::RevocationTarget::kCertificate:
      out = {RevocationKind::kCertificate, target.certificate()};
      break;
    case v1::RevocationTarget::kRole:
      out = {RevocationKind::kRole, target.role()};
      break;
    case v1::RevocationTarget::kAll:
      if (!target.all()) return absl::InvalidArgumentError("all must be true, or left out");
      return RevocationName{RevocationKind::kAll, ""};
    case v1::RevocationTarget::KIND_NOT_SET:
      return absl::InvalidArgumentError(
          "target must be one of jti, subject, kid, api_key, certificate, role and all");
  }
  RETURN_IF_ERROR(CheckName(out.kind, out.name));
  return out;
}

std::array<RevocationRef, 6> NamesOf(const v1::RevocationQuery& query) {
  return {{{RevocationKind::kJti, query.jti()},
           {RevocationKind::kSubject, query.subject()},
           {RevocationKind::kKid, query.kid()},
           {RevocationKind::kApiKey, query.api_key()},
           {RevocationKind::kCertificate, query.certificate()},
           {RevocationKind::kRole, query.role()}}};
}

std::string KeyOf(RevocationKind kind, absl::string_view name) {
  if (kind == RevocationKind::kJti) return std::string(name);
  if (kind == RevocationKind::kAll) return std::string(kAll);
  if (kind == RevocationKind::kCertificate) {
    return absl::StrCat(WordOf(kind), ":", PlainSerial(name));
  }
  return absl::StrCat(WordOf(kind), ":", name);
}

bool MayBeOurs(absl::string_view key) {
  if (absl::StartsWith(key, "kts-") || absl::StartsWith(key, "ktb-")) return true;
  const std::optional<RevocationKind> kind = KindIn(key);
  return kind.has_value() && *kind != RevocationKind::kKid && *kind != RevocationKind::kApiKey;
}

bool IsTimed(absl::string_view key) {
  return HasNotBefore(KindIn(key).value_or(RevocationKind::kJti));
}

namespace {

std::optional<absl::Time> NumericDate(absl::string_view text) {
  const size_t point = text.find('.');
  const absl::string_view whole = text.substr(0, point);
  if (whole.empty() || !IsDigits(whole)) return std::nullopt;
  int64_t seconds = 0;
  if (!absl::SimpleAtoi(whole, &seconds) || seconds < 1'000'000'000 || seconds >= 100'000'000'000) {
    return std::nullopt;
  }
  if (point == absl::string_view::npos) return absl::FromUnixSeconds(seconds);
  // Digits beyond a millisecond would only say more exactly what was issued in the same one.
  std::string digits(text.substr(point + 1));
  if (digits.empty() || !IsDigits(digits)) return std::nullopt;
  digits.resize(3, '0');
  int64_t ms = 0;
  if (!absl::SimpleAtoi(digits, &ms)) return std::nullopt;
  return absl::FromUnixSeconds(seconds) + absl::Milliseconds(ms);
}

std::string TextOf(absl::Time time) {
  const int64_t ms = absl::ToUnixMillis(time);
  return absl::StrFormat("%d.%03d", ms / 1000, ms % 1000);
}

}  // namespace

std::string ValueOf(const Refusal& refusal) {
  if (refusal.issued_before == absl::InfiniteFuture()) return "1";
  if (refusal.whatever_until == absl::InfinitePast()) return TextOf(refusal.issued_before);
  return absl::StrCat(TextOf(refusal.issued_before), " ", TextOf(refusal.whatever_until));
}

Refusal RefusalOf(absl::string_view value) {
  const size_t space = value.find(' ');
  const std::optional<absl::Time> before = NumericDate(value.substr(0, space));
  if (!before.has_value()) return {};
  if (space == absl::string_view::npos) return {*before, absl::InfinitePast()};
  const std::optional<absl::Time> until = NumericDate(value.substr(space + 1));
  if (!until.has_value()) return {};
  return {*before, *until};
}

TimedValue Merge(const TimedValue& before, const TimedValue& now) {
  Refusal a = RefusalOf(before.value), b = RefusalOf(now.value);
  const absl::Time expires = std::max(before.expires, now.expires);
  // Whoever refuses everything does so until the key's end, which is not the other's.
  const auto give_end = [expires](Refusal& refusal, absl::Time own) {
    if (refusal.issued_before != absl::InfiniteFuture() || own == expires) return;
    refusal.issued_before = absl::InfinitePast();
    refusal.whatever_until = own;
  };
  give_end(a, before.expires);
  give_end(b, now.expires);
  return {ValueOf({std::max(a.issued_before, b.issued_before),
                   std::max(a.whatever_until, b.whatever_until)}),
          expires};
}

}  // namespace keyturn
