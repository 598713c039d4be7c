#include "revocation/commands/expiry.h"

#include <limits>
#include <optional>

#include "absl/strings/str_cat.h"
#include "revocation/commands/words.h"

namespace keyturn {
namespace {

using Expiry = StringOptions::Expiry;

std::optional<Expiry> ExpiryOf(absl::string_view word) {
  if (IsWord(word, "ex")) return Expiry::kEx;
  if (IsWord(word, "px")) return Expiry::kPx;
  if (IsWord(word, "exat")) return Expiry::kExAt;
  if (IsWord(word, "pxat")) return Expiry::kPxAt;
  return std::nullopt;
}

// One option without an argument. False for what is none, or does not go with what came before.
bool TakeFlag(absl::string_view word, bool set, StringOptions* options) {
  const bool timed = options->expiry != Expiry::kNone;
  if (set && IsWord(word, "nx")) return !options->xx && (options->nx = true);
  if (set && IsWord(word, "xx")) return !options->nx && (options->xx = true);
  if (set && IsWord(word, "get")) return options->get = true;
  if (set && IsWord(word, "keepttl")) return !timed && (options->keep_ttl = true);
  if (!set && IsWord(word, "persist")) return !timed && (options->persist = true);
  return false;
}

}  // namespace

bool ParseStringOptions(RespCall& call, size_t from, bool set, StringOptions* options) {
  for (size_t i = from; i < call.size(); ++i) {
    const std::optional<Expiry> expiry = ExpiryOf(call[i]);
    if (!expiry.has_value()) {
      if (TakeFlag(call[i], set, options)) continue;
      call.writer.Error(kRespSyntaxError);
      return false;
    }
    // The same one twice is taken, and the last counts.
    const bool alone = options->expiry == Expiry::kNone || options->expiry == *expiry;
    if (!alone || options->keep_ttl || options->persist || i + 1 == call.size()) {
      call.writer.Error(kRespSyntaxError);
      return false;
    }
    options->expiry = *expiry;
    options->amount = call[++i];
  }
  return true;
}

bool ExpiryMillis(RespCall& call, Expiry expiry, absl::string_view amount, int64_t* expires_ms) {
  int64_t millis = 0;
  if (!ParseRespInteger(amount, &millis)) {
    call.writer.Error(kRespNotAnInteger);
    return false;
  }
  const bool seconds = expiry == Expiry::kEx || expiry == Expiry::kExAt;
  const bool relative = expiry == Expiry::kEx || expiry == Expiry::kPx;
  const int64_t unit = seconds ? 1000 : 1;
  if (millis <= 0 || millis > std::numeric_limits<int64_t>::max() / unit ||
      __builtin_add_overflow(millis * unit, relative ? call.time.wall_ms : 0, expires_ms)) {
    AnswerInvalidExpiry(call);
    return false;
  }
  *expires_ms = NotForever(*expires_ms);
  return true;
}

void AnswerInvalidExpiry(RespCall& call) {
  call.writer.Error(absl::StrCat("ERR invalid expire time in '", call.command->name, "' command"));
}

}  // namespace keyturn
