#include "rotation/target/webhook_signature.h"

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "crypto/signature.h"
#include "tests/support/status.h"

namespace keyturn {
namespace {

// The example of the specification's reference implementations.
TEST(WebhookSignature, IsThatOfTheSpecification) {
  EXPECT_EQ(*SignWebhook(*ParseWebhookKey("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"),
                         "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330,
                         *SecretBytes::CopyOf(R"({"test": 2432232314})")),
            "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
}

// Both ways to give the body.
TEST(WebhookSignature, IsTheSameOfABodyWithoutSecrets) {
  const auto key = ParseWebhookKey("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
  EXPECT_EQ(SignWebhook(*key, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330,
                        absl::string_view(R"({"test": 2432232314})")),
            "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
  EXPECT_EQ(WebhookKeyText(*key)->ExposeForCrypto(), "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
}

// By the key of RFC 8032, 7.1, test 1; the signature was made with `openssl pkeyutl -rawin`.
TEST(WebhookSignature, V1aIsEd25519) {
  const std::string seed =
      absl::HexStringToBytes("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60");
  const SecretBytes key = *SecretBytes::CopyOf(seed);
  EXPECT_EQ(WebhookPublicKeyText(*Ed25519PublicKey(key)),
            "whpk_11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=");
  EXPECT_EQ(
      *SignWebhookV1a(key, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, R"({"test": 2432232314})"),
      "v1a,fldxM4gAKugP6nnt1hdz3sgGfZ6d99nzrMFnZOELIxbzEHoVmAb2ADpkJK7zgPePmPsle0zV9jSeGlHFG2NVAw="
      "=");
}

TEST(WebhookSignature, KeysAreThoseOfTheSpecification) {
  for (const size_t size : {24, 32, 64}) {
    const std::string bytes(size, 'k');
    const auto key = ParseWebhookKey(absl::StrCat(" whsec_", absl::Base64Escape(bytes), "\n"));
    ASSERT_OK(key);
    EXPECT_EQ(key->ExposeForCrypto(), bytes);
  }
  const std::string good = absl::Base64Escape(std::string(32, 'k'));
  for (const std::string& bad :
       {std::string(), std::string("whsec_"), good, "whsk_" + good, "whsec_" + good + "!",
        "whsec_" + absl::Base64Escape(std::string(23, 'k')),
        "whsec_" + absl::Base64Escape(std::string(65, 'k'))}) {
    EXPECT_CODE(ParseWebhookKey(bad), kInvalidArgument);
  }
}

}  // namespace
}  // namespace keyturn
