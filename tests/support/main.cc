// Entry point of every test program: quiet logs, so that a failing test's output is its own.
#include <gtest/gtest.h>

#include "base/log.h"

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  keyturn::SetLogLevel(keyturn::LogLevel::kError);
  return RUN_ALL_TESTS();
}
