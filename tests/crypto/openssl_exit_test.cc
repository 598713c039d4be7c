#include "crypto/openssl_exit.h"

#include <gtest/gtest.h>
#include <openssl/rand.h>

#include <cstdlib>

namespace keyturn {
namespace {

// Runs after every handler that OpenSSL registered, as a thread of gRPC may still do.
void UseOpenSslAtTheEnd() {
  unsigned char byte = 0;
  std::_Exit(RAND_priv_bytes(&byte, 1) == 1 ? 0 : 1);
}

TEST(OpenSslExitTest, ItCanBeUsedAfterTheHandlersOfExit) {
  // In a process of its own: in this one OpenSSL has long decided.
  testing::FLAGS_gtest_death_test_style = "threadsafe";
  EXPECT_EXIT(
      {
        std::atexit(UseOpenSslAtTheEnd);
        KeepOpenSslToTheEnd();
        unsigned char byte = 0;
        RAND_priv_bytes(&byte, 1);
        std::exit(2);
      },
      testing::ExitedWithCode(0), "");
}

}  // namespace
}  // namespace keyturn
