// When keys end, as commands say it: options of SET and GETEX, and times to live as moments, with
// the bounds of redis-server 7.0.15.
#pragma once

#include <cstdint>

#include "absl/strings/string_view.h"
#include "revocation/commands/call.h"

namespace keyturn {

struct StringOptions {
  enum class Expiry { kNone, kEx, kPx, kExAt, kPxAt };
  bool nx = false, xx = false, get = false, keep_ttl = false, persist = false;
  Expiry expiry = Expiry::kNone;
  absl::string_view amount;  // of the expiry
};

// Options from argument `from` on; `set`: those of SET, else of GETEX. False when it was answered
// that they are wrong. Source: t_string.c, parseExtendedStringArgumentsOrReply.
bool ParseStringOptions(RespCall& call, size_t from, bool set, StringOptions* options);

// The moment that an amount means. False when it was answered that it is no amount, not above 0 or
// too large. Source: t_string.c, getExpireMillisecondsOrReply.
bool ExpiryMillis(RespCall& call, StringOptions::Expiry expiry, absl::string_view amount,
                  int64_t* expires_ms);

// "ERR invalid expire time in 'set' command".
void AnswerInvalidExpiry(RespCall& call);

// No moment that is asked for means "never".
inline int64_t NotForever(int64_t expires_ms) {
  return expires_ms == kNoExpiry ? kNoExpiry - 1 : expires_ms;
}

}  // namespace keyturn
