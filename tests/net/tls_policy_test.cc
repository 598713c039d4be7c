#include "net/tls_policy.h"

#include <gtest/gtest.h>
#include <openssl/ssl.h>

#include <memory>

#include "absl/strings/match.h"
#include "absl/strings/str_split.h"

namespace keyturn {
namespace {

TEST(TlsPolicy, EverySuiteIsForwardSecretAndAuthenticated) {
  const std::vector<std::string> suites = absl::StrSplit(GrpcCipherSuites(), ':');
  EXPECT_EQ(suites.size(), 7u);
  for (const std::string& suite : suites) {
    const bool tls13 = absl::StartsWith(suite, "TLS_");
    EXPECT_TRUE(tls13 || absl::StartsWith(suite, "ECDHE-")) << suite;
    EXPECT_TRUE(absl::StrContains(suite, "GCM") || absl::StrContains(suite, "CHACHA20")) << suite;
    for (const char* weak : {"CBC", "RC4", "3DES", "MD5", "NULL", "EXPORT"}) {
      EXPECT_FALSE(absl::StrContains(suite, weak)) << suite;
    }
  }
}

TEST(TlsPolicy, OpenSslKnowsTheTls12Part) {
  const std::unique_ptr<SSL_CTX, void (*)(SSL_CTX*)> context(SSL_CTX_new(TLS_method()),
                                                             SSL_CTX_free);
  EXPECT_EQ(SSL_CTX_set_cipher_list(context.get(), GrpcCipherSuites()), 1);
}

}  // namespace
}  // namespace keyturn
