// Tokens that must be refused, each beside the same token without its defect, which must pass: the
// whole way from the text to the claims that are believed.
#include <gtest/gtest.h>

#include <functional>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "base/reason.h"
#include "base/status_macros.h"
#include "crypto/jose_pkey.h"
#include "crypto/jwk.h"
#include "crypto/jws.h"
#include "crypto/jwt_check.h"
#include "crypto/mac.h"
#include "tests/crypto/jose_keys.h"

namespace keyturn {
namespace {

const absl::Time kThen = absl::FromUnixSeconds(1'000'000'100);

// A token as it is made. Defects are put in before or after it is signed.
struct Draft {
  JoseAlgorithm algorithm;
  std::string kid = "key-1";  // of the verifier
  std::string header = R"({"alg":"ALG","kid":"key-1","typ":"at+jwt"})";
  std::string claims = R"({"iss":"https://issuer","sub":"app","aud":"vault","exp":1000000600,)"
                       R"("iat":1000000000,"jti":"id-1"})";
  std::function<std::string(const std::string&)> sign;  // of header and claims, encoded
  std::function<std::string(const std::string&)> damage = [](const std::string& token) {
    return token;
  };

  explicit Draft(JoseAlgorithm of) : algorithm(of) {
    absl::StrReplaceAll({{"ALG", JoseAlgorithmName(of)}}, &header);
    sign = [of](const std::string& input) { return Signed(of, input); };
  }

  static std::string Signed(JoseAlgorithm algorithm, absl::string_view input, int which = 0) {
    return *(*JoseSigner::New(algorithm, JoseTestKey(algorithm, which)))->Sign(input);
  }

  std::string Token() const {
    const std::string input = absl::StrCat(Base64UrlEncode(header), ".", Base64UrlEncode(claims));
    return damage(absl::StrCat(input, ".", Base64UrlEncode(sign(input))));
  }
};

absl::Status Judge(const Draft& draft) {
  const std::string token = draft.Token();
  ASSIGN_OR_RETURN(const ParsedJws jws, ParseJws(token));
  ASSIGN_OR_RETURN(const auto verifier, JwsVerifier::FromPrivate(draft.algorithm, draft.kid,
                                                                 JoseTestKey(draft.algorithm)));
  RETURN_IF_ERROR(verifier->Verify(jws));
  ASSIGN_OR_RETURN(const JwtClaims claims, ParseClaims(jws.payload));
  JwtExpectations expected;
  expected.issuer = "https://issuer";
  expected.audience = "vault";
  return CheckClaims(claims, expected, kThen);
}

// What is said of most of them, in whole.
constexpr char kSaysAlgorithm[] =
    "TOKEN_ALGORITHM: the token's \"alg\" must be HS256, RS256, ES256 or EdDSA; others, and tokens "
    "without a signature, are refused";
constexpr char kSaysParts[] =
    "TOKEN_MALFORMED: the token must have three parts with \".\" between them";
constexpr char kSaysHeader[] =
    "TOKEN_MALFORMED: the token's header must be base64url without padding (RFC 7515), and not "
    "empty";
constexpr char kSaysPayload[] =
    "TOKEN_MALFORMED: the token's payload must be base64url without padding (RFC 7515), and not "
    "empty";
constexpr char kSaysSignature[] =
    "TOKEN_MALFORMED: the token's signature must be base64url without padding (RFC 7515), and not "
    "empty";
constexpr char kSaysLength[] = "TOKEN_MALFORMED: the token is too long; the most is 8192 bytes";
constexpr char kSaysCrit[] =
    "TOKEN_MALFORMED: the token's header has \"crit\": no extension is understood";
constexpr char kSaysType[] = "TOKEN_MALFORMED: the token's \"typ\" must be \"JWT\" or \"at+jwt\"";
constexpr char kSaysKeyId[] =
    "TOKEN_KEY: the token's \"kid\" must have 1 to 64 characters of [A-Za-z0-9_-]";
constexpr char kSaysOtherKey[] = "TOKEN_KEY: the token is of another key";
constexpr char kSaysForged[] = "TOKEN_SIGNATURE: the token's signature is not of its key";
constexpr char kSaysNoExp[] = "TOKEN_CLAIMS: the token has no \"exp\"";
constexpr char kSaysNoIat[] = "TOKEN_CLAIMS: the token has no \"iat\"";
constexpr char kSaysOrder[] = "TOKEN_CLAIMS: the token's \"exp\" must be after its \"iat\"";
constexpr char kSaysLife[] =
    "TOKEN_CLAIMS: the token lives too long; the most from \"iat\" to \"exp\" is 15m";
constexpr char kSaysExpired[] = "TOKEN_EXPIRED: the token expired; ask for a new one";
constexpr char kSaysFuture[] =
    "TOKEN_NOT_YET_VALID: the token's \"iat\" is in the future; clocks may differ by 30s";
constexpr char kSaysNotBefore[] = "TOKEN_NOT_YET_VALID: the token is not valid yet (\"nbf\")";
constexpr char kSaysIssuer[] = "TOKEN_ISSUER: the token's \"iss\" is not the issuer expected here";
constexpr char kSaysAudience[] =
    "TOKEN_AUDIENCE: the token's \"aud\" is not the audience expected here";
constexpr char kSaysOneAudience[] = "TOKEN_AUDIENCE: the token's \"aud\" must be one audience only";

// And of those whose text says which algorithm the key has.
std::string SaysNotOf(JoseAlgorithm algorithm) {
  return absl::StrCat("TOKEN_ALGORITHM: the token's \"alg\" is not that of its key, which is ",
                      JoseAlgorithmName(algorithm));
}
std::string SaysSize(JoseAlgorithm algorithm) {
  return absl::StrCat("TOKEN_SIGNATURE: the token's signature must have ",
                      Draft::Signed(algorithm, "any").size(), " bytes with this key");
}

using Change = std::function<void(Draft&)>;
struct Refusal {
  const char* name;
  std::string why;  // the reason; or "REASON: message", and then all of the message counts
  Change defect;
  Change control = [](Draft&) {};  // what makes it pass after all; the token as it was if absent
  JoseAlgorithm algorithm = JoseAlgorithm::kEs256;
};

void ExpectRefused(const std::vector<Refusal>& refusals) {
  std::set<std::string> names;
  for (const Refusal& refusal : refusals) {
    EXPECT_TRUE(names.insert(refusal.name).second) << "two rows are named " << refusal.name;
    Draft good(refusal.algorithm);
    refusal.control(good);
    EXPECT_EQ(Judge(good), absl::OkStatus()) << refusal.name << ", without its defect";
    Draft bad(refusal.algorithm);
    refusal.defect(bad);
    const absl::Status refused = Judge(bad);
    EXPECT_EQ(refused.code(), absl::StatusCode::kUnauthenticated)
        << refusal.name << ": " << refused;
    const std::string reason = ReasonOf(refused);
    const bool whole = absl::StrContains(refusal.why, ": ");
    EXPECT_EQ(whole ? absl::StrCat(reason, ": ", refused.message()) : reason, refusal.why)
        << refusal.name << ": " << refused;
  }
}

// Changes of the header or the claims: `from`, which must be there, becomes `to`.
Change InText(std::string Draft::*text, const char* from, absl::string_view to) {
  return [=, to = std::string(to)](Draft& draft) {
    ASSERT_EQ(absl::StrReplaceAll({{from, to}}, &(draft.*text)), 1) << from;
  };
}
Change InHeader(const char* from, absl::string_view to) { return InText(&Draft::header, from, to); }
Change InClaims(const char* from, absl::string_view to) { return InText(&Draft::claims, from, to); }

// The header with another "alg", and the signature of its key still.
Change Algorithm(absl::string_view json) { return InHeader(R"("ES256")", json); }
Change KeyId(absl::string_view json) { return InHeader(R"("key-1")", json); }
Change Type(absl::string_view json) { return InHeader(R"("at+jwt")", json); }

Change Damaged(std::function<std::string(const std::string&)> damage) {
  return [damage = std::move(damage)](Draft& draft) { draft.damage = damage; };
}

// The parts of a token, changed as text.
Change Parts(const std::function<void(std::vector<std::string>&)>& change) {
  return Damaged([change](const std::string& token) {
    std::vector<std::string> parts = absl::StrSplit(token, '.');
    change(parts);
    return absl::StrJoin(parts, ".");
  });
}

// The bytes of the signature.
Change Signature(const std::function<std::string(const std::string&)>& change) {
  return [change](Draft& draft) {
    draft.sign = [change, sign = draft.sign](const std::string& input) {
      return change(sign(input));
    };
  };
}

Change SignedBy(std::function<std::string(const std::string&)> sign) {
  return [sign = std::move(sign)](Draft& draft) { draft.sign = sign; };
}

Change Both(Change one, Change two) {
  return [one = std::move(one), two = std::move(two)](Draft& draft) {
    one(draft);
    two(draft);
  };
}

// The last character of this part with its lowest bit set: bits that carry nothing, as the part is
// not a multiple of three bytes.
Change StrayBit(size_t part) {
  return Parts([part](std::vector<std::string>& parts) {
    ASSERT_NE(parts[part].size() % 4, 0u);
    constexpr absl::string_view kAlphabet =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    const size_t last = kAlphabet.find(parts[part].back());
    ASSERT_EQ(last % 4, 0u);
    parts[part].back() = kAlphabet[last + 1];
  });
}

TEST(JwtRefusals, Algorithms) {
  ExpectRefused({
      {"none", kSaysAlgorithm, Algorithm(R"("none")")},
      {"None", kSaysAlgorithm, Algorithm(R"("None")")},
      {"NONE", kSaysAlgorithm, Algorithm(R"("NONE")")},
      {"nOnE", kSaysAlgorithm, Algorithm(R"("nOnE")")},
      {"none, without a signature", kSaysSignature,
       Both(Algorithm(R"("none")"), SignedBy([](const std::string&) { return ""; }))},
      {"none, with two parts", kSaysParts,
       Both(Algorithm(R"("none")"), Parts([](auto& parts) { parts.pop_back(); }))},
      {"an empty algorithm", kSaysAlgorithm, Algorithm(R"("")")},
      {"no algorithm", kSaysAlgorithm, InHeader(R"("alg":"ES256",)", "")},
      {"null", kSaysAlgorithm, Algorithm("null")},
      {"a number", kSaysAlgorithm, Algorithm("3")},
      {"a list", kSaysAlgorithm, Algorithm(R"(["ES256"])")},
      {"lower case", kSaysAlgorithm, Algorithm(R"("es256")")},
      {"a space behind", kSaysAlgorithm, Algorithm(R"("ES256 ")")},
      {"a NUL behind", kSaysAlgorithm, Algorithm(R"("ES256\u0000")")},
      {"ES384", kSaysAlgorithm, Algorithm(R"("ES384")")},
      {"ES256K", kSaysAlgorithm, Algorithm(R"("ES256K")")},
      {"PS256", kSaysAlgorithm, InHeader("RS256", "PS256"), [](Draft&) {}, JoseAlgorithm::kRs256},
      {"HS512", kSaysAlgorithm, InHeader("HS256", "HS512"), [](Draft&) {}, JoseAlgorithm::kHs256},
      {"another that is allowed", SaysNotOf(JoseAlgorithm::kEs256), Algorithm(R"("EdDSA")")},
      {"another that is allowed, signed so", SaysNotOf(JoseAlgorithm::kEs256),
       Both(Algorithm(R"("EdDSA")"), SignedBy([](const std::string& input) {
              return Draft::Signed(JoseAlgorithm::kEdDsa, input);
            }))},
  });
}

// The public half of a key, taken for the secret of HS256, would let everybody sign.
TEST(JwtRefusals, ConfusionOfAlgorithms) {
  std::vector<Refusal> refusals;
  const std::pair<const char*, JoseAlgorithm> kAlgorithms[] = {{"RS256", JoseAlgorithm::kRs256},
                                                               {"ES256", JoseAlgorithm::kEs256},
                                                               {"EdDSA", JoseAlgorithm::kEdDsa}};
  for (const auto& [name, algorithm] : kAlgorithms) {
    const std::string der = JoseTestPublic(algorithm);
    const std::string pem = PemText("PUBLIC KEY", der);
    const std::string forms[] = {pem, pem.substr(0, pem.size() - 1), der,
                                 *PublicJwk(algorithm, "key-1", der), ""};
    for (const std::string& secret : forms) {
      refusals = {
          {"HS256 with a public key", SaysNotOf(algorithm),
           Both(InHeader(name, "HS256"),
                SignedBy([secret](const std::string& input) { return HmacSha256(secret, input); })),
           [](Draft&) {}, algorithm},
          // The header is honest, the signature is not.
          {"an HMAC in the place of a signature", SaysSize(algorithm),
           SignedBy([secret](const std::string& input) { return HmacSha256(secret, input); }),
           [](Draft&) {}, algorithm}};
      ExpectRefused(refusals);
    }
  }
}

TEST(JwtRefusals, Headers) {
  const auto whole = [](absl::string_view text) {
    return [text = std::string(text)](Draft& draft) { draft.header = text; };
  };
  const auto append = [](absl::string_view text) {
    return [text = std::string(text)](Draft& draft) { draft.header += text; };
  };
  ExpectRefused({
      {"no key id", kSaysKeyId, InHeader(R"("kid":"key-1",)", "")},
      {"a foreign key id", kSaysOtherKey, KeyId(R"("key-2")")},
      {"a key id in another case", kSaysOtherKey, KeyId(R"("Key-1")")},
      {"the beginning of the key id", kSaysOtherKey, KeyId(R"("key-")")},
      {"an empty key id", kSaysKeyId, KeyId(R"("")")},
      {"a key id of 65 bytes", kSaysKeyId, KeyId("\"" + std::string(65, 'k') + "\""),
       Both(KeyId("\"" + std::string(64, 'k') + "\""),
            [](Draft& draft) { draft.kid = std::string(64, 'k'); })},
      {"a key id that is a path", kSaysKeyId, KeyId(R"("../key-1")")},
      {"a key id that is a query", kSaysKeyId, KeyId(R"("key-1' OR '1'='1")")},
      {"a key id with a line end", kSaysKeyId, KeyId(R"("key-1\n")")},
      {"a key id with a NUL", kSaysKeyId, KeyId(R"("key-1\u0000")")},
      {"a key id that is a number", kSaysKeyId, KeyId("1")},
      {"a key id that is null", kSaysKeyId, KeyId("null")},
      {"a key id that is a list", kSaysKeyId, KeyId(R"(["key-1"])")},
      {"crit", kSaysCrit, InHeader("}", R"(,"crit":["exp"],"exp":1})"),
       InHeader("}", R"(,"exp":1})")},
      {"an empty crit", kSaysCrit, InHeader("}", R"(,"crit":[]})")},
      {"crit that is null", kSaysCrit, InHeader("}", R"(,"crit":null})")},
      {"an unencoded payload (RFC 7797)", kSaysCrit,
       InHeader("}", R"(,"b64":false,"crit":["b64"]})"), InHeader("}", R"(,"b64":true})")},
      {"no type", kSaysType, InHeader(R"(,"typ":"at+jwt")", ""), Type(R"("APPLICATION/JWT")")},
      {"another type", kSaysType, Type(R"("dpop+jwt")"), Type(R"("JWT")")},
      {"an empty type", kSaysType, Type(R"("")")},
      {"a type that is a number", kSaysType, Type("1")},
      {"two algorithms", "TOKEN_MALFORMED", InHeader("{", R"({"alg":"none",)"),
       InHeader("{", R"({"Alg":"none",)")},
      {"two algorithms, one with an escape", "TOKEN_MALFORMED",
       InHeader("{", R"({"\u0061lg":"none",)"), InHeader("{", R"({"\u0062lg":"none",)")},
      {"two key ids", "TOKEN_MALFORMED", InHeader("}", R"(,"kid":"key-1"})"),
       InHeader("}", R"(,"kid2":"key-1"})")},
      {"two of another member", "TOKEN_MALFORMED", InHeader("}", R"(,"x":1,"x":1})"),
       InHeader("}", R"(,"x":1,"y":1})")},
      {"two of an inner member", "TOKEN_MALFORMED", InHeader("}", R"(,"x":{"y":1,"y":1}})"),
       InHeader("}", R"(,"x":{"y":1,"z":1}})")},
      {"a header that is a list", "TOKEN_MALFORMED", whole(R"(["ES256"])")},
      {"a header that is a string", "TOKEN_MALFORMED", whole(R"("ES256")")},
      {"a header that is no JSON", "TOKEN_MALFORMED", whole("ES256")},
      {"a header that is empty", "TOKEN_MALFORMED", whole("")},
      {"an empty object", kSaysAlgorithm, whole("{}")},
      {"letters behind the header", "TOKEN_MALFORMED", append("x"), append(" \n")},
      {"a second header", "TOKEN_MALFORMED", append("{}")},
      {"a NUL behind the header", "TOKEN_MALFORMED", append(absl::string_view("\0", 1))},
      {"a NUL and more behind the header", "TOKEN_MALFORMED", append(absl::string_view("\0x", 2))},
      {"a byte order mark", "TOKEN_MALFORMED", InHeader("{", "\xef\xbb\xbf{"), InHeader("{", " {")},
      {"a comment", "TOKEN_MALFORMED", append("/**/")},
      {"a header that is not UTF-8", "TOKEN_MALFORMED", InHeader("}", ",\"x\":\"\xff\"}"),
       InHeader("}", ",\"x\":\"\xc3\xbf\"}")},
      {"a deep header", "TOKEN_MALFORMED",
       InHeader("}", absl::StrCat(R"(,"x":)", std::string(500, '['), std::string(500, ']'), "}")),
       InHeader("}", absl::StrCat(R"(,"x":)", std::string(15, '['), std::string(15, ']'), "}"))},
  });
}

TEST(JwtRefusals, Forms) {
  const auto behind = [](absl::string_view text) {
    return Damaged([text = std::string(text)](const std::string& token) { return token + text; });
  };
  const auto before = [](absl::string_view text) {
    return Damaged([text = std::string(text)](const std::string& token) { return text + token; });
  };
  const auto part = [](size_t index, const std::function<std::string(std::string)>& change) {
    return Parts([=](std::vector<std::string>& parts) { parts[index] = change(parts[index]); });
  };
  const auto padded = [](std::string text) {
    return text + std::string((4 - text.size() % 4) % 4, '=');
  };
  const auto broken = [](std::string text) { return text.insert(4, "\n"); };
  // Claims whose encoding has both characters in which the alphabets differ.
  const Change both_alphabets = InClaims("}", ",\"a\":\"\xc3\xbf\xc3\xbe?~\xc3\xbb\xc3\xbf>\"}");
  const auto old_alphabet = [](std::string text) {
    EXPECT_GT(absl::StrReplaceAll({{"-", "+"}, {"_", "/"}}, &text), 0);
    return text;
  };
  ExpectRefused({
      {"nothing", kSaysParts, Damaged([](const std::string&) { return ""; })},
      {"only dots", kSaysHeader, Damaged([](const std::string&) { return ".."; })},
      {"no dot", kSaysParts, Parts([](auto& parts) { parts.resize(1); })},
      {"two parts", kSaysParts, Parts([](auto& parts) { parts.pop_back(); })},
      {"four parts", kSaysParts, Parts([](auto& parts) { parts.push_back("e30"); })},
      {"a dot behind", kSaysParts, behind(".")},
      {"a dot before", kSaysParts, before(".")},
      {"the five parts of an encrypted one", kSaysParts, Parts([](auto& parts) {
         parts.insert(parts.end(), {"AAAA", "AAAA"});
       })},
      {"an empty header", kSaysHeader, part(0, [](std::string) { return ""; })},
      {"an empty payload", kSaysPayload, [](Draft& draft) { draft.claims = ""; }},
      {"an empty signature", kSaysSignature, part(2, [](std::string) { return ""; })},
      {"a padded header", kSaysHeader, part(0, padded)},
      {"a padded payload", kSaysPayload, part(1, padded)},
      {"a padded signature", kSaysSignature, part(2, padded)},
      {"stray bits in the header", kSaysHeader, StrayBit(0)},
      {"stray bits in the payload", kSaysPayload, StrayBit(1)},
      {"stray bits in the signature", kSaysSignature, StrayBit(2)},
      {"one character too many for bytes", kSaysSignature,
       part(2, [](std::string text) { return text + "AAA"; })},
      {"the other alphabet", kSaysPayload, Both(both_alphabets, part(1, old_alphabet)),
       both_alphabets},
      {"a line end behind", kSaysSignature, behind("\n")},
      {"a line end of two characters behind", kSaysSignature, behind("\r\n")},
      {"a space behind", kSaysSignature, behind(" ")},
      {"a NUL behind", kSaysSignature, behind(absl::string_view("\0", 1))},
      {"a space before", kSaysHeader, before(" ")},
      {"the word Bearer before", kSaysHeader, before("Bearer ")},
      {"a line end in the header", kSaysHeader, part(0, broken)},
      {"a line end in the payload", kSaysPayload, part(1, broken)},
      {"a line end in the signature", kSaysSignature, part(2, broken)},
      {"escapes of URLs", kSaysParts, Damaged([](const std::string& token) {
         return absl::StrReplaceAll(token, {{".", "%2E"}});
       })},
      {"more than 8 KiB", kSaysLength, InClaims("}", std::string(6200, ' ') + "}"),
       InClaims("}", std::string(5800, ' ') + "}")},
      {"two tokens", kSaysParts, Damaged([](const std::string& token) { return token + token; })},
      {"JSON form (RFC 7515 section 7.2)", kSaysParts, Damaged([](const std::string& token) {
         const std::vector<std::string> parts = absl::StrSplit(token, '.');
         return absl::StrCat(R"({"protected":")", parts[0], R"(","payload":")", parts[1],
                             R"(","signature":")", parts[2], R"("})");
       })},
  });
}

TEST(JwtRefusals, Signatures) {
  std::vector<Refusal> refusals;
  const std::string order =
      *HexDecode("ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551");
  const std::string zero(32, '\0'), most(32, '\xff');
  const auto r = [](std::string number) {
    return Signature([=](const std::string& bytes) { return number + bytes.substr(32); });
  };
  const auto s = [](std::string number) {
    return Signature([=](const std::string& bytes) { return bytes.substr(0, 32) + number; });
  };
  ExpectRefused({
      {"r = 0", kSaysForged, r(zero)},
      {"s = 0", kSaysForged, s(zero)},
      {"r = s = 0", kSaysForged, Both(r(zero), s(zero))},
      {"r = n", kSaysForged, r(order)},
      {"s = n", kSaysForged, s(order)},
      {"r = s = n", kSaysForged, Both(r(order), s(order))},
      {"r = 0, s = n", kSaysForged, Both(r(zero), s(order))},
      {"r above n", kSaysForged, r(most)},
      {"s above n", kSaysForged, s(most)},
      {"r = s = 1", kSaysForged, Both(r(zero.substr(1) + "\1"), s(zero.substr(1) + "\1"))},
      {"r and s changed places", kSaysForged,
       Signature([](const std::string& bytes) { return bytes.substr(32) + bytes.substr(0, 32); })},
      {"in DER", SaysSize(JoseAlgorithm::kEs256), Signature([](const std::string& bytes) {
         // Numbers of 33 bytes, so that the first bit is no sign.
         const std::string number("\x02\x21\0", 3);
         return absl::StrCat("\x30\x46", number, bytes.substr(0, 32), number, bytes.substr(32));
       })},
  });
  const std::pair<const char*, JoseAlgorithm> kAlgorithms[] = {{"HS256", JoseAlgorithm::kHs256},
                                                               {"RS256", JoseAlgorithm::kRs256},
                                                               {"ES256", JoseAlgorithm::kEs256},
                                                               {"EdDSA", JoseAlgorithm::kEdDsa}};
  for (const auto& [name, algorithm] : kAlgorithms) {
    SCOPED_TRACE(name);
    const std::string other = Draft(algorithm).claims;
    const auto change = [](const std::function<std::string(std::string)>& how) {
      return Signature([=](const std::string& bytes) { return how(bytes); });
    };
    refusals = {
        {"cut at the end", SaysSize(algorithm),
         change([](std::string bytes) { return bytes.substr(0, bytes.size() - 1); })},
        {"cut at the front", SaysSize(algorithm),
         change([](std::string bytes) { return bytes.substr(1); })},
        {"cut to a half", SaysSize(algorithm),
         change([](std::string bytes) { return bytes.substr(0, bytes.size() / 2); })},
        {"a byte more", SaysSize(algorithm), change([](std::string bytes) { return bytes + "x"; })},
        {"a zero byte before", SaysSize(algorithm),
         change([](std::string bytes) { return bytes.insert(0, 1, '\0'); })},
        {"zeros", kSaysForged,
         change([](std::string bytes) { return std::string(bytes.size(), '\0'); })},
        {"its first bit", kSaysForged, change([](std::string bytes) {
           bytes.front() = static_cast<char>(bytes.front() ^ '\x80');
           return bytes;
         })},
        {"its last bit", kSaysForged, change([](std::string bytes) {
           bytes.back() = static_cast<char>(bytes.back() ^ 1);
           return bytes;
         })},
        {"of another key of the algorithm", kSaysForged,
         SignedBy([algorithm = algorithm](const std::string& input) {
           return Draft::Signed(algorithm, input, 1);
         })},
        {"of the claims alone", kSaysForged,
         SignedBy([algorithm = algorithm](const std::string& input) {
           return Draft::Signed(algorithm, input.substr(input.find('.') + 1));
         })},
        {"of the parts without the dot", kSaysForged,
         SignedBy([algorithm = algorithm](const std::string& input) {
           return Draft::Signed(algorithm, absl::StrReplaceAll(input, {{".", ""}}));
         })},
        {"of the parts decoded", kSaysForged,
         SignedBy([algorithm = algorithm](const std::string& input) {
           const std::vector<std::string> parts = absl::StrSplit(input, '.');
           return Draft::Signed(algorithm, absl::StrCat(*Base64UrlDecode(parts[0]), ".",
                                                        *Base64UrlDecode(parts[1])));
         })},
        {"claims of another token", kSaysForged, Parts([other](auto& parts) {
           parts[1] = Base64UrlEncode(absl::StrReplaceAll(other, {{"app", "ceo"}}));
         })},
        {"a header written otherwise", kSaysForged, Parts([](auto& parts) {
           parts[0] = Base64UrlEncode(
               absl::StrReplaceAll(*Base64UrlDecode(parts[0]), {{"at+jwt", "JWT"}}));
         })},
        {"the text of the signature as its bytes", SaysSize(algorithm),
         change([](std::string bytes) { return Base64UrlEncode(bytes); })},
    };
    for (Refusal& refusal : refusals) refusal.algorithm = algorithm;
    ExpectRefused(refusals);
  }
}

// A key that a token brings along is never used.
TEST(JwtRefusals, KeysOfTheSender) {
  const JoseAlgorithm algorithm = JoseAlgorithm::kEs256;
  const std::string jwk = *PublicJwk(algorithm, "key-1", JoseTestPublic(algorithm, 1));
  const Change forged = SignedBy(
      [](const std::string& input) { return Draft::Signed(JoseAlgorithm::kEs256, input, 1); });
  const Change embedded = InHeader("}", absl::StrCat(R"(,"jwk":)", jwk, "}"));
  const Change address = InHeader("}", R"(,"jku":"https://evil.example/keys"})");
  const Change certificates = InHeader("}", R"(,"x5c":["MIIB"],"x5u":"https://evil.example/"})");
  ExpectRefused({
      {"its key in the header", kSaysForged, Both(embedded, forged), embedded},
      {"its address of keys", kSaysForged, Both(address, forged), address},
      {"its certificates", kSaysForged, Both(certificates, forged), certificates},
  });
}

TEST(JwtRefusals, Times) {
  const auto exp = [](absl::string_view json) { return InClaims("1000000600", json); };
  const auto iat = [](absl::string_view json) { return InClaims("1000000000", json); };
  const auto nbf = [](absl::string_view json) {
    return InClaims("}", absl::StrCat(R"(,"nbf":)", json, "}"));
  };
  ExpectRefused({
      {"no exp", kSaysNoExp, InClaims(R"("exp":1000000600,)", "")},
      {"exp as a string", "TOKEN_CLAIMS", exp(R"("1000000600")")},
      {"exp with a fraction", "TOKEN_CLAIMS", exp("1000000600.5")},
      {"exp with a fraction of nothing", "TOKEN_CLAIMS", exp("1000000600.0")},
      {"exp with an exponent", "TOKEN_CLAIMS", exp("1e9")},
      {"exp in milliseconds", "TOKEN_CLAIMS", exp("1000000600000")},
      {"a negative exp", "TOKEN_CLAIMS", exp("-1000000600")},
      {"an exp beyond 64 bits", "TOKEN_CLAIMS", exp("18446744074709552216")},
      {"exp = 2^64 - 1", "TOKEN_CLAIMS", exp("18446744073709551615")},
      {"exp as null", "TOKEN_CLAIMS", exp("null")},
      {"exp as true", "TOKEN_CLAIMS", exp("true")},
      {"exp as a list", "TOKEN_CLAIMS", exp("[1000000600]")},
      {"exp in another case", kSaysNoExp, InClaims("exp", "Exp")},
      {"expired 31 seconds ago", kSaysExpired, exp("1000000069"), exp("1000000071")},
      {"expired 30 seconds ago", kSaysExpired, exp("1000000070"), exp("1000000071")},
      {"exp = iat", kSaysOrder, Both(exp("1000000100"), iat("1000000100")),
       Both(exp("1000000101"), iat("1000000100"))},
      {"exp before iat", kSaysOrder, exp("999999999"), exp("1000000090")},
      {"a lifetime over the most", kSaysLife, exp("1000000901"), exp("1000000900")},
      {"for ever", kSaysLife, exp("99999999999")},
      {"no iat", kSaysNoIat, InClaims(R"("iat":1000000000,)", "")},
      {"iat as a string", "TOKEN_CLAIMS", iat(R"("1000000000")")},
      {"iat in milliseconds", "TOKEN_CLAIMS", iat("1000000000000")},
      {"iat in the future", kSaysFuture, iat("1000000131"), iat("1000000130")},
      {"nbf in the future", kSaysNotBefore, nbf("1000000131"), nbf("1000000130")},
      {"nbf as a string", "TOKEN_CLAIMS", nbf(R"("1000000100")"), nbf("1000000100")},
      {"nbf with a fraction", "TOKEN_CLAIMS", nbf("1.5"), nbf("1")},
      {"nbf in milliseconds", "TOKEN_CLAIMS", nbf("1000000100000"), nbf("0")},
      {"nbf as null", "TOKEN_CLAIMS", nbf("null"), nbf("1000000100")},
  });
}

TEST(JwtRefusals, Parties) {
  const auto iss = [](absl::string_view json) { return InClaims(R"("https://issuer")", json); };
  const auto aud = [](absl::string_view json) { return InClaims(R"("vault")", json); };
  const auto sub = [](absl::string_view json) { return InClaims(R"("app")", json); };
  const auto jti = [](absl::string_view json) { return InClaims(R"("id-1")", json); };
  ExpectRefused({
      {"no aud", kSaysAudience, InClaims(R"("aud":"vault",)", "")},
      {"another aud", kSaysAudience, aud(R"("bank")"), aud(R"(["vault"])")},
      {"a part of the aud", kSaysAudience, aud(R"("vaul")")},
      {"more than the aud", kSaysAudience, aud(R"("vault2")")},
      {"the aud in another case", kSaysAudience, aud(R"("Vault")")},
      {"a space behind the aud", kSaysAudience, aud(R"("vault ")")},
      {"several aud in one text", kSaysAudience, aud(R"("vault bank")")},
      {"two aud", kSaysOneAudience, aud(R"(["vault","bank"])")},
      {"two aud, the other first", kSaysOneAudience, aud(R"(["bank","vault"])")},
      {"a list of no aud", "TOKEN_CLAIMS", aud("[]")},
      {"an empty aud", "TOKEN_CLAIMS", aud(R"("")")},
      {"an aud that is null", "TOKEN_CLAIMS", aud("null")},
      {"an aud that is an object", "TOKEN_CLAIMS", aud(R"({"vault":1})")},
      {"a list with a number", "TOKEN_CLAIMS", aud(R"(["vault",1])")},
      {"a list in a list", "TOKEN_CLAIMS", aud(R"([["vault"]])")},
      {"17 aud", "TOKEN_CLAIMS",
       aud(absl::StrCat(R"(["vault")",
                        std::string(absl::StrJoin(std::vector<std::string>(17, ""), R"(,"vault")")),
                        "]"))},
      {"no iss", kSaysIssuer, InClaims(R"("iss":"https://issuer",)", "")},
      {"another iss", kSaysIssuer, iss(R"("https://other")")},
      {"a slash behind the iss", kSaysIssuer, iss(R"("https://issuer/")")},
      {"the iss in another case", kSaysIssuer, iss(R"("https://Issuer")")},
      {"the iss over HTTP", kSaysIssuer, iss(R"("http://issuer")")},
      {"an empty iss", kSaysIssuer, iss(R"("")")},
      {"an iss in a list", "TOKEN_CLAIMS", iss(R"(["https://issuer"])")},
      {"an iss that is null", "TOKEN_CLAIMS", iss("null")},
      {"no sub", "TOKEN_CLAIMS", InClaims(R"("sub":"app",)", "")},
      {"an empty sub", "TOKEN_CLAIMS", sub(R"("")")},
      {"a sub that is a number", "TOKEN_CLAIMS", sub("7")},
      {"a sub with a NUL", "TOKEN_CLAIMS", sub(R"("app\u0000")"), sub(R"("app\u00e4")")},
      {"a sub with a line end", "TOKEN_CLAIMS", sub(R"("app\nadmin")"), sub(R"("app admin")")},
      {"a sub of 2049 bytes", "TOKEN_CLAIMS", sub("\"" + std::string(2049, 's') + "\""),
       sub("\"" + std::string(2048, 's') + "\"")},
      {"no jti", "TOKEN_CLAIMS", InClaims(R"(,"jti":"id-1")", "")},
      {"an empty jti", "TOKEN_CLAIMS", jti(R"("")")},
      {"a jti that is a number", "TOKEN_CLAIMS", jti("1")},
  });
}

TEST(JwtRefusals, Claims) {
  const auto add = [](absl::string_view json) {
    return InClaims("}", absl::StrCat(",", json, "}"));
  };
  const auto whole = [](absl::string_view text) {
    return [text = std::string(text)](Draft& draft) { draft.claims = text; };
  };
  const auto behind = [](absl::string_view text) {
    return [text = std::string(text)](Draft& draft) { draft.claims += text; };
  };
  const auto deep = [&](size_t depth) {
    return add(absl::StrCat(R"("a":)", std::string(depth, '['), std::string(depth, ']')));
  };
  ExpectRefused({
      {"exp twice", "TOKEN_CLAIMS", add(R"("exp":1000000600)"), add(R"("exq":1000000600)")},
      {"exp twice, one with an escape", "TOKEN_CLAIMS", add(R"("\u0065xp":1000000600)"),
       add(R"("\u0066xp":1000000600)")},
      {"sub twice", "TOKEN_CLAIMS", InClaims("{", R"({"sub":"admin",)"),
       InClaims("{", R"({"sub_":"admin",)")},
      {"another claim twice", "TOKEN_CLAIMS", add(R"("a":1,"a":1)"), add(R"("a":1,"b":1)")},
      {"an inner claim twice", "TOKEN_CLAIMS", add(R"("a":{"b":1,"b":2})"),
       add(R"("a":{"b":1,"c":2})")},
      {"an inner claim twice, in a list", "TOKEN_CLAIMS", add(R"("a":[{},{"b":1,"b":2}])"),
       add(R"("a":[{"b":1},{"b":2}])")},
      {"claims too deep", "TOKEN_CLAIMS", deep(16), deep(15)},
      {"a list", "TOKEN_CLAIMS", whole("[]")},
      {"a string", "TOKEN_CLAIMS", whole(R"("x")")},
      {"null", "TOKEN_CLAIMS", whole("null")},
      {"no JSON", "TOKEN_CLAIMS", whole("x")},
      {"a token in the token", "TOKEN_CLAIMS", whole("eyJhbGciOiJub25lIn0.e30.AA")},
      {"no claims", kSaysIssuer, whole("{}")},
      {"letters behind", "TOKEN_CLAIMS", behind("x"), behind(" ")},
      {"other claims behind", "TOKEN_CLAIMS", behind("{}")},
      {"a NUL behind", "TOKEN_CLAIMS", behind(absl::string_view("\0", 1))},
      {"a NUL and other claims behind", "TOKEN_CLAIMS", behind(absl::string_view("\0{}", 3))},
      {"a byte order mark", "TOKEN_CLAIMS", InClaims("{", "\xef\xbb\xbf{"), InClaims("{", "\n{")},
      {"bytes that are not UTF-8", "TOKEN_CLAIMS", add("\"a\":\"\xff\""),
       add("\"a\":\"\xc3\xbf\"")},
      {"half of a surrogate pair", "TOKEN_CLAIMS", add(R"("a":"\ud800")"),
       add(R"("a":"\ud83d\ude00")")},
      {"a number beyond 64 bits", "TOKEN_CLAIMS", add(R"("a":18446744073709551616)"),
       add(R"("a":18446744073709551615)")},
      {"permissions in one text", "TOKEN_CLAIMS", add(R"("permissions":"read")"),
       add(R"("permissions":["read"])")},
      {"a permission that is a number", "TOKEN_CLAIMS", add(R"("permissions":["read",1])"),
       add(R"("permissions":["read","1"])")},
      {"an empty permission", "TOKEN_CLAIMS", add(R"("permissions":[""])"),
       add(R"("permissions":[])")},
      {"a permission of 129 bytes", "TOKEN_CLAIMS",
       add(absl::StrCat(R"("permissions":[")", std::string(129, 'p'), "\"]")),
       add(absl::StrCat(R"("permissions":[")", std::string(128, 'p'), "\"]"))},
      {"257 permissions", "TOKEN_CLAIMS",
       add(absl::StrCat(R"("permissions":[)",
                        absl::StrJoin(std::vector<std::string>(257, "\"p\""), ","), "]")),
       add(absl::StrCat(R"("permissions":[)",
                        absl::StrJoin(std::vector<std::string>(256, "\"p\""), ","), "]"))},
      {"permissions that are an object", "TOKEN_CLAIMS", add(R"("permissions":{"read":true})")},
      {"permissions that are null", "TOKEN_CLAIMS", add(R"("permissions":null)")},
  });
}

}  // namespace
}  // namespace keyturn
