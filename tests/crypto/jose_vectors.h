// Tokens that others signed: of the standards, and one that PyJWT 2.6.0 signed with an RSA key of
// 3072 bits, as the standards' RSA keys have 2048 and are refused. Not all of them have a header
// that ParseJws takes, so they are given in parts. Thread-safe.
#pragma once

#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/crypto/jose_keys.h"

namespace keyturn {

inline constexpr char kPyJwtPublicDer[] =
    "MIIBojANBgkqhkiG9w0BAQEFAAOCAY8AMIIBigKCAYEArNPcBDx3k1s6HN7PUkvf4mfHx8b6QpZCM50CT2D8uBPE0oGJuS"
    "ghya-6vj69MI6q6LjhLrQ4x6VKdA9YCyNHnvLTPGYW4xtUbNHjdUAXFOQAom0m1yiWoJ9TL3Tg1vQ1NwEPBE3__mGirg6-"
    "h5fFbf8WJPP3T5eCJpXhTPv93qDJ3aar68HpeBWVV6uHaVV_Odh0dn21t3rnO_JyuKCdJlpIbfdb_koK7SE-"
    "YcjOEacYg4Ar7bqMtdgWDPafcev0kb_YSsY3jikmhp-dlNf-lsv5w-"
    "H78jvnpEf2h6NofLLicx9k06d9XapI0f2pxlU99mXDihUBtyvU4SGzgpgLcmQ0VobXwSlt73OzLGMyvEIudz4_"
    "Z7uiibLTRp29PLBhJ-MO1xmdexUlagazGOkmw8PfKoDmbN462NxbCLQ7jRPi0ypjm2LG_vL1N3RlcmLsrz-"
    "GdyLQc41anLOAxFmhAoVxNi-jXtuFjKEHypJ7JQ60KeT4SrHfb8YDT3PPFOcvAgMBAAE";
inline constexpr char kPyJwtModulus[] =
    "rNPcBDx3k1s6HN7PUkvf4mfHx8b6QpZCM50CT2D8uBPE0oGJuSghya-"
    "6vj69MI6q6LjhLrQ4x6VKdA9YCyNHnvLTPGYW4xtUbNHjdUAXFOQAom0m1yiWoJ9TL3Tg1vQ1NwEPBE3__mGirg6-"
    "h5fFbf8WJPP3T5eCJpXhTPv93qDJ3aar68HpeBWVV6uHaVV_Odh0dn21t3rnO_JyuKCdJlpIbfdb_koK7SE-"
    "YcjOEacYg4Ar7bqMtdgWDPafcev0kb_YSsY3jikmhp-dlNf-lsv5w-"
    "H78jvnpEf2h6NofLLicx9k06d9XapI0f2pxlU99mXDihUBtyvU4SGzgpgLcmQ0VobXwSlt73OzLGMyvEIudz4_"
    "Z7uiibLTRp29PLBhJ-MO1xmdexUlagazGOkmw8PfKoDmbN462NxbCLQ7jRPi0ypjm2LG_vL1N3RlcmLsrz-"
    "GdyLQc41anLOAxFmhAoVxNi-jXtuFjKEHypJ7JQ60KeT4SrHfb8YDT3PPFOcv";

struct JoseVector {
  const char* name;
  JoseAlgorithm algorithm;
  std::string public_der;                // or, for HS256,
  std::string shared_bytes;              // this
  std::string signing_input, signature;  // the latter decoded
};

inline std::vector<JoseVector> JoseVectors() {
  return {
      {"RFC 7515 A.1", JoseAlgorithm::kHs256, "",
       *Base64UrlDecode("AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTw"
                        "jAzZr1Z9CAow"),
       "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogIm"
       "h0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ",
       *Base64UrlDecode("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk")},
      {"RFC 7515 A.3", JoseAlgorithm::kEs256,
       P256Public("f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
                  "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"),
       "",
       "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLm"
       "NvbS9pc19yb290Ijp0cnVlfQ",
       *Base64UrlDecode("DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJ"
                        "qPP3-Kg6NU1Q")},
      {"RFC 8037 A.4", JoseAlgorithm::kEdDsa,
       Ed25519Public("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"), "",
       "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc",
       *Base64UrlDecode("hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sV"
                        "vpAr_MuM0KAg")},
      {"RFC 7520 4.4", JoseAlgorithm::kHs256, "",
       *Base64UrlDecode("hJtXIZ2uSN5kbQfbtTNWbpdmhkV8FJG-Onbc6mxCcYg"),
       "eyJhbGciOiJIUzI1NiIsImtpZCI6IjAxOGMwYWU1LTRkOWItNDcxYi1iZmQ2LWVlZjMxNGJjNzAzNyJ9.SXTigJlzIG"
       "EgZGFuZ2Vyb3VzIGJ1c2luZXNzLCBGcm9kbywgZ29pbmcgb3V0IHlvdXIgZG9vci4gWW91IHN0ZXAgb250byB0aGUgc"
       "m"
       "9hZCwgYW5kIGlmIHlvdSBkb24ndCBrZWVwIHlvdXIgZmVldCwgdGhlcmXigJlzIG5vIGtub3dpbmcgd2hlcmUgeW91I"
       "G"
       "1pZ2h0IGJlIHN3ZXB0IG9mZiB0by4",
       *Base64UrlDecode("s0h6KThzkfBBBkLspW1h84VsJZFTsPPqMDA7g1Md7p0")},
      {"PyJWT", JoseAlgorithm::kRs256, *Base64UrlDecode(kPyJwtPublicDer), "",
       "eyJhbGciOiJSUzI1NiIsImtpZCI6ImstMSIsInR5cCI6IkpXVCJ9.eyJpc3MiOiJodHRwczovL2lzc3VlciIsInN1Yi"
       "I6ImFwcCJ9",
       *Base64UrlDecode(
           "Nae6OyePW64gV9hAYxNTic_8ed-"
           "Ff77S1c7bnxMiXrfKvFNajP3uxLBgcv9M5MUpd24JHUce9ORhOeK7siFkcbwOUbjD262ssVpA-bsg_"
           "yYM6vd4nric-a2f4ejJ2fhU1bzqeHU1W4aF4sEUA19_JcqLQB4B-YPdYq21wpeOyeBEG3cf_"
           "W6wlcs2TWw7f2YdtdKADt-q0oCsCJ5QWw6JRcKC9-"
           "Ux1vicm38zv4jBaA77gcz1QfK66KreAVE90TMAU2Ei2xJVwnuPXp64tkVmsaR3qHAUXTs7mXxQwjXCRbvjOtrcG"
           "Mbsqwpj_1OC3-FSJVRHm0Z5Y4Y4MpJpiAAFI7iU32bdAwCpAnpiEdygYVtdWqVG-"
           "BmHUgxOubhqP5mBdfjuZaph-2Yhc22fVVD-baDAO-e-2YTCui_fU_vwiIb1Ib_q6FNPQaTBhRvsRyG0_"
           "Mj9SOz0WFdNUHOvpEjNwYzTNAvtudcfj2n8A1JHja_EZESYK5YQtJ_nPc986hJQ")},
  };
}

}  // namespace keyturn
