#include "rotation/target/webhook_signature.h"

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
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
