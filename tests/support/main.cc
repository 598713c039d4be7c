// Entry point of every test program: quiet logs, so that a failing test's output is its own.
#include <gtest/gtest.h>

#include "base/log.h"
#include "crypto/openssl_exit.h"

int main(int argc, char** argv) {
  keyturn::KeepOpenSslToTheEnd();
  testing::InitGoogleTest(&argc, argv);
  keyturn::SetLogLevel(keyturn::LogLevel::kError);
  return RUN_ALL_TESTS();
}
