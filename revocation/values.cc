#include "revocation/values.h"

#include <array>
#include <cstdlib>

#include "revocation/entry.h"

namespace keyturn {
namespace {

// Found in public code (the frequent ones first, since they are looked up in this order). Do not
// renumber: a number will stand on disk for its text.
constexpr std::array<absl::string_view, kUsualValues> kValues = {
    "1",            // 0: most of what is written
    "",             // 1: flask-jwt-extended
    "true",         // 2
    "revoked",      // 3
    "blacklisted",  // 4
    "logout",       // 5
    "logged_out",   // 6
    "0",            // 7
    "false",        // 8
    "yes",          // 9
    "True",         // 10: Python's str(True)
    "invalid",      // 11
    "blocked",      // 12
    "blacklist",    // 13
    "denied",       // 14
    "denylisted",   // 15
    "expired",      // 16
    "used",         // 17
    "OK",           // 18
    "ok",           // 19
    "invalidated",  // 20
    "banned",       // 21
    "deny",         // 22
    "no",           // 23
    "null",         // 24
    "t",            // 25
    "x",            // 26
    "revoke",       // 27
    "disabled",     // 28
    "loggedout",    // 29
    "deleted",      // 30
};
static_assert(kSideValue < RevokedEntry::kValueIds);

}  // namespace

std::optional<uint8_t> UsualValueId(absl::string_view value) {
  for (uint8_t id = 0; id < kUsualValues; ++id) {
    if (kValues[id] == value) return id;
  }
  return std::nullopt;
}

absl::string_view UsualValue(uint8_t id) {
  if (id >= kUsualValues) std::abort();
  return kValues[id];
}

}  // namespace keyturn
