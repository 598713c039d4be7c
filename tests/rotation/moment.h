// What the tests of times share. Thread-safe.
#pragma once

#include <gtest/gtest.h>

#include <string>

#include "absl/time/time.h"

namespace keyturn {

// Of RFC 3339 text; fails the test when it is not.
inline absl::Time MomentOf(const std::string& text) {
  absl::Time time;
  std::string error;
  EXPECT_TRUE(absl::ParseTime(absl::RFC3339_full, text, &time, &error)) << text << ": " << error;
  return time;
}

}  // namespace keyturn
