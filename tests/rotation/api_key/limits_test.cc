// What counts as one source: who has a net of IPv6 has 2^64 addresses, and is one.
#include "rotation/api_key/limits.h"

#include <gtest/gtest.h>

#include <string>

#include "rotation/api_key/codec.h"
#include "tests/rotation/api_key/api_key_fixture.h"

namespace keyturn {
namespace {

class ApiKeySources : public ApiKeyFixture {
 protected:
  std::string VerifyFrom(const std::string& source, absl::string_view text) {
    return Said(Asked(text, {}, source));
  }
  // A wrong secret of the id.
  std::string GuessFrom(const std::string& source, const std::string& id) {
    const absl::StatusOr<SecretBytes> wrong = api_key::NewText(id);
    EXPECT_OK(wrong);
    return wrong.ok() ? VerifyFrom(source, wrong->ExposeForWire()) : "";
  }
};

TEST_F(ApiKeySources, WrongSecretsFromOneNetOfIpv6LockItWhole) {
  const Key key = Make("a");
  for (int i = 0; i < limits::kApiKeyLockoutFailures; ++i) {
    EXPECT_EQ(GuessFrom(absl::StrCat("2001:db8:1:2:", i, "::", i + 1), key.id), "UNKNOWN");
  }
  EXPECT_EQ(VerifyFrom("2001:db8:1:2:ffff:ffff:ffff:ffff", key.text), "LIMITED");
  EXPECT_EQ(VerifyFrom("2001:db8:1:3::1", key.text), "VALID");
  EXPECT_EQ(VerifyFrom("2001:db8::1", key.text), "VALID");
}

// An address of IPv4 that is written as one of IPv6 is what it is: no net of all of them is locked.
TEST_F(ApiKeySources, AMappedAddressIsOfIpv4) {
  const Key key = Make("a");
  for (int i = 0; i < limits::kApiKeyLockoutFailures; ++i) {
    EXPECT_EQ(GuessFrom("::ffff:192.0.2.1", key.id), "UNKNOWN");
  }
  EXPECT_EQ(VerifyFrom("192.0.2.1", key.text), "LIMITED");
  EXPECT_EQ(VerifyFrom("::ffff:192.0.3.1", key.text), "VALID");
  EXPECT_EQ(VerifyFrom("198.51.100.1", key.text), "VALID");
  EXPECT_EQ(VerifyFrom("::1", key.text), "VALID");
}

TEST_F(ApiKeySources, OneNetOfIpv6AsksSoOften) {
  const int burst = 2 * static_cast<int>(limits::kApiKeyNetworkPerSecond);
  int answered = 0;
  for (int i = 0; i < burst; ++i) {
    const std::string source = absl::StrCat("2001:db8:1:2::", absl::Hex(i));
    answered += VerifyFrom(source, "of nobody") == "UNKNOWN" ? 1 : 0;
  }
  EXPECT_EQ(answered, burst);
  EXPECT_EQ(VerifyFrom("2001:db8:1:2:3:4:5:6", "of nobody"), "LIMITED");
  EXPECT_EQ(VerifyFrom("2001:db8:1:3::1", "of nobody"), "UNKNOWN");
}

}  // namespace
}  // namespace keyturn
