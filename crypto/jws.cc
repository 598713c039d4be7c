#include "crypto/jws.h"

#include <nlohmann/json.hpp>
#include <vector>

#include "absl/memory/memory.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/coding.h"
#include "base/limits.h"
#include "base/reason.h"
#include "base/status_macros.h"
#include "crypto/strict_json.h"

namespace keyturn {
namespace {

using nlohmann::json;

constexpr absl::string_view kMalformed = "TOKEN_MALFORMED";
constexpr absl::string_view kAlgorithm = "TOKEN_ALGORITHM";
constexpr absl::string_view kKey = "TOKEN_KEY";
constexpr absl::string_view kSignature = "TOKEN_SIGNATURE";

absl::Status Refused(absl::string_view reason, absl::string_view message) {
  return WithReason(absl::UnauthenticatedError(message), reason);
}

// The text of this member, nullptr when it is absent or no text.
const std::string* Text(const json& header, const char* name) {
  const auto found = header.find(name);
  return found == header.end() ? nullptr : found->get_ptr<const std::string*>();
}

absl::StatusOr<JwsType> ReadType(const json& header, JwsTypeRule rule) {
  if (!header.contains("typ") && rule == JwsTypeRule::kMayBeAbsent) return JwsType::kAbsent;
  if (const std::string* const text = Text(header, "typ"); text != nullptr) {
    // RFC 7515 section 4.1.9: a media type, whose case does not matter and whose "application/" is
    // usually left out.
    absl::string_view type = *text;
    constexpr absl::string_view kPrefix = "application/";
    if (absl::StartsWithIgnoreCase(type, kPrefix)) type.remove_prefix(kPrefix.size());
    if (absl::EqualsIgnoreCase(type, "JWT")) return JwsType::kJwt;
    if (absl::EqualsIgnoreCase(type, "at+jwt")) return JwsType::kAccessToken;
  }
  return Refused(kMalformed, "the token's \"typ\" must be \"JWT\" or \"at+jwt\"");
}

absl::Status ReadKid(const json& header, JwsKeyRule rule, std::string* out) {
  if (!header.contains("kid") && rule == JwsKeyRule::kMayBeAbsent) return absl::OkStatus();
  const std::string* const kid = Text(header, "kid");
  if (kid == nullptr || !ValidateKeyId(*kid).ok()) {
    return Refused(kKey, absl::StrCat("the token's \"kid\" must have 1 to ",
                                      limits::kJwsKeyIdBytesMax, " characters of [A-Za-z0-9_-]"));
  }
  *out = *kid;
  return absl::OkStatus();
}

absl::Status ReadHeader(absl::string_view text, JwsTypeRule rule, JwsKeyRule key, ParsedJws* out) {
  json header;
  if (const absl::Status parsed = ParseStrictJson(text, &header); !parsed.ok()) {
    return Refused(kMalformed, absl::StrCat("the token's header is ", parsed.message()));
  }
  if (header.contains("crit")) {
    return Refused(kMalformed, "the token's header has \"crit\": no extension is understood");
  }
  const std::string* const name = Text(header, "alg");
  const std::optional<JoseAlgorithm> algorithm =
      name == nullptr ? std::nullopt : JoseAlgorithmFromName(*name);
  if (!algorithm.has_value()) {
    return Refused(kAlgorithm,
                   "the token's \"alg\" must be HS256, RS256, ES256 or EdDSA; others, and tokens "
                   "without a signature, are refused");
  }
  RETURN_IF_ERROR(ReadKid(header, key, &out->kid));
  ASSIGN_OR_RETURN(out->type, ReadType(header, rule));
  out->algorithm = *algorithm;
  return absl::OkStatus();
}

absl::StatusOr<std::string> ReadPart(absl::string_view part, absl::string_view what) {
  std::optional<std::string> bytes = Base64UrlDecode(part);
  if (!bytes.has_value() || bytes->empty()) {
    return Refused(kMalformed, absl::StrCat("the token's ", what,
                                            " must be base64url without padding (RFC 7515), and "
                                            "not empty"));
  }
  return *std::move(bytes);
}

absl::string_view TypeName(JwsType type) {
  return type == JwsType::kAccessToken ? "at+jwt" : "JWT";
}

}  // namespace

absl::StatusOr<ParsedJws> ParseJws(absl::string_view token, JwsTypeRule rule, JwsKeyRule key) {
  if (token.size() > limits::kJwsBytesMax) {
    return Refused(kMalformed, absl::StrCat("the token is too long; the most is ",
                                            limits::kJwsBytesMax, " bytes"));
  }
  const std::vector<absl::string_view> parts = absl::StrSplit(token, '.');
  if (parts.size() != 3) {
    return Refused(kMalformed, "the token must have three parts with \".\" between them");
  }
  ParsedJws out;
  out.signing_input = token.substr(0, parts[0].size() + 1 + parts[1].size());
  ASSIGN_OR_RETURN(const std::string header, ReadPart(parts[0], "header"));
  ASSIGN_OR_RETURN(out.payload, ReadPart(parts[1], "payload"));
  ASSIGN_OR_RETURN(out.signature, ReadPart(parts[2], "signature"));
  RETURN_IF_ERROR(ReadHeader(header, rule, key, &out));
  return out;
}

absl::StatusOr<std::unique_ptr<const JwsSigner>> JwsSigner::New(JoseAlgorithm algorithm,
                                                                absl::string_view kid,
                                                                const SecretBytes& key,
                                                                JwsType type) {
  RETURN_IF_ERROR(ValidateKeyId(kid));
  if (type == JwsType::kAbsent) {
    return absl::InvalidArgumentError("a token must say its type, \"JWT\" or \"at+jwt\"");
  }
  ASSIGN_OR_RETURN(std::unique_ptr<const JoseSigner> signer, JoseSigner::New(algorithm, key));
  // No value needs escapes: the names are ours, and the key id was just looked at.
  const std::string header =
      absl::StrCat(R"({"alg":")", JoseAlgorithmName(algorithm), R"(","kid":")", kid, R"(","typ":")",
                   TypeName(type), R"("})");
  return absl::WrapUnique(new JwsSigner(Base64UrlEncode(header), std::move(signer)));
}

absl::StatusOr<std::string> JwsSigner::Sign(absl::string_view payload) const {
  const absl::Status too_long = absl::InvalidArgumentError(
      absl::StrCat("the token would be too long; the most is ", limits::kJwsBytesMax, " bytes"));
  if (payload.empty()) return absl::InvalidArgumentError("a token needs a payload");
  if (payload.size() > limits::kJwsBytesMax) return too_long;  // before it is encoded and signed
  std::string token = absl::StrCat(header_, ".", Base64UrlEncode(payload));
  ASSIGN_OR_RETURN(const std::string signature, signer_->Sign(token));
  absl::StrAppend(&token, ".", Base64UrlEncode(signature));
  if (token.size() > limits::kJwsBytesMax) return too_long;
  return token;
}

absl::StatusOr<std::unique_ptr<const JwsVerifier>> JwsVerifier::FromPrivate(
    JoseAlgorithm algorithm, absl::string_view kid, const SecretBytes& key) {
  RETURN_IF_ERROR(ValidateKeyId(kid));
  ASSIGN_OR_RETURN(std::unique_ptr<const JoseVerifier> verifier,
                   JoseVerifier::FromPrivate(algorithm, key));
  return absl::WrapUnique(new JwsVerifier(algorithm, kid, std::move(verifier)));
}

absl::StatusOr<std::unique_ptr<const JwsVerifier>> JwsVerifier::FromPublic(
    JoseAlgorithm algorithm, absl::string_view kid, absl::string_view public_der) {
  RETURN_IF_ERROR(ValidateKeyId(kid));
  ASSIGN_OR_RETURN(std::unique_ptr<const JoseVerifier> verifier,
                   JoseVerifier::FromPublic(algorithm, public_der));
  return absl::WrapUnique(new JwsVerifier(algorithm, kid, std::move(verifier)));
}

absl::Status JwsVerifier::Verify(const ParsedJws& jws) const {
  if (jws.kid != kid_) return Refused(kKey, "the token is of another key");
  if (jws.algorithm != algorithm_) {
    return Refused(kAlgorithm, absl::StrCat("the token's \"alg\" is not that of its key, which is ",
                                            JoseAlgorithmName(algorithm_)));
  }
  if (jws.signature.size() != verifier_->signature_size()) {
    return Refused(kSignature, absl::StrCat("the token's signature must have ",
                                            verifier_->signature_size(), " bytes with this key"));
  }
  if (!verifier_->Verify(jws.signing_input, jws.signature)) {
    return Refused(kSignature, "the token's signature is not of its key");
  }
  return absl::OkStatus();
}

}  // namespace keyturn
