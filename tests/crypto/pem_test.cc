#include "crypto/pem.h"

#include <gtest/gtest.h>

#include <string>

#include "absl/strings/escaping.h"

namespace keyturn {
namespace {

TEST(Pem, IsFoundAsItIsAndInBase64) {
  const std::string pem = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQ==\n-----END PRIVATE KEY-----\n";
  std::string in_base64;
  absl::Base64Escape(pem, &in_base64);
  std::string for_urls;
  absl::WebSafeBase64Escape(pem, &for_urls);
  for (const std::string& text :
       {pem, "of the team\n" + pem, "{\"key\":\"" + pem + "\"}", in_base64, "\n" + in_base64,
        for_urls, std::string("-----BEGIN PUBLIC KEY-----"),
        std::string("LS0tLS1CRUdJTiBSU0EgUFJJVkFURSBLRVktLS0tLQ")}) {
    EXPECT_TRUE(HoldsPem(text)) << text;
  }
}

TEST(Pem, OtherTextsAreNone) {
  for (const char* const text :
       {"", "-----BEGIN", "-----END PRIVATE KEY-----", "----- BEGIN PRIVATE KEY-----",
        "LS0tLS1FTkQgUFJJVkFURSBLRVktLS0tLQ", "xLS0tLS1CRUdJTiBSU0E",
        "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY0123456789abcdef"}) {
    EXPECT_FALSE(HoldsPem(text)) << text;
  }
}

}  // namespace
}  // namespace keyturn
