// Assertions on absl::Status and absl::StatusOr.
#pragma once

#include <gtest/gtest.h>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace keyturn {
inline absl::Status ToStatus(const absl::Status& status) { return status; }
template <typename T>
absl::Status ToStatus(const absl::StatusOr<T>& result) {
  return result.status();
}
}  // namespace keyturn

#define ASSERT_OK(expr)                                   \
  do {                                                    \
    const absl::Status ok_ = ::keyturn::ToStatus((expr)); \
    ASSERT_TRUE(ok_.ok()) << ok_;                         \
  } while (false)
#define EXPECT_OK(expr)                                   \
  do {                                                    \
    const absl::Status ok_ = ::keyturn::ToStatus((expr)); \
    EXPECT_TRUE(ok_.ok()) << ok_;                         \
  } while (false)
#define EXPECT_CODE(expr, expected)                               \
  do {                                                            \
    const absl::Status code_ = ::keyturn::ToStatus((expr));       \
    EXPECT_EQ(code_.code(), absl::StatusCode::expected) << code_; \
  } while (false)

#define KEYTURN_TEST_CONCAT_(a, b) a##b
#define KEYTURN_TEST_NAME_(a, b) KEYTURN_TEST_CONCAT_(a, b)
// Like ASSIGN_OR_RETURN, but fails the test.
#define ASSERT_OK_AND_ASSIGN(lhs, ...) \
  ASSERT_OK_AND_ASSIGN_IMPL_(KEYTURN_TEST_NAME_(test_result_, __LINE__), lhs, (__VA_ARGS__))
#define ASSERT_OK_AND_ASSIGN_IMPL_(tmp, lhs, expr) \
  auto tmp = expr;                                 \
  ASSERT_TRUE(tmp.ok()) << tmp.status();           \
  lhs = std::move(tmp).value()
