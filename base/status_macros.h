// Early return for absl::Status and absl::StatusOr, in the shape of the Google status macros that
// abseil has not published.
#pragma once

#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

// Returns from the calling function when `expr` (an absl::Status) is not OK.
#define RETURN_IF_ERROR(expr)                                       \
  do {                                                              \
    if (absl::Status status_macro_ = (expr); !status_macro_.ok()) { \
      return status_macro_;                                         \
    }                                                               \
  } while (false)

#define KEYTURN_CONCAT_INNER_(a, b) a##b
#define KEYTURN_CONCAT_(a, b) KEYTURN_CONCAT_INNER_(a, b)

// Assigns the value of `expr` (an absl::StatusOr) to `lhs`, or returns its status.
// `lhs` may be a declaration: ASSIGN_OR_RETURN(const Role role, Find(name));
#define ASSIGN_OR_RETURN(lhs, ...) \
  ASSIGN_OR_RETURN_IMPL_(KEYTURN_CONCAT_(status_or_, __LINE__), lhs, (__VA_ARGS__))

// `lhs` may be a declaration, so it cannot stand in parentheses.
// NOLINTBEGIN(bugprone-macro-parentheses)
#define ASSIGN_OR_RETURN_IMPL_(tmp, lhs, expr)   \
  auto tmp = expr;                               \
  if (!tmp.ok()) return std::move(tmp).status(); \
  lhs = std::move(tmp).value()
// NOLINTEND(bugprone-macro-parentheses)
