// Events of the audit log. Any bytes as an event: what is read of it is encoded within the bounds
// of an entry, with nothing in it that looks like another entry or like a credential. What our
// encoder made is encoded to the same bytes again, but for texts that were cut in the middle of an
// escape.
#include "audit/event.h"

#include "absl/strings/match.h"
#include "base/limits.h"
#include "base/log.h"
#include "tests/fuzz/fuzz.h"

namespace keyturn::fuzz {
namespace {

constexpr size_t kTextMax = 1100;

std::vector<std::string> TextsOf(const AuditEvent& e) {
  std::vector<std::string> out = {e.event,  e.principal,  e.auth_method,    e.method,  e.resource,
                                  e.source, e.user_agent, e.correlation_id, e.outcome, e.reason};
  for (const auto& [name, value] : e.details) {
    out.push_back(name);
    out.push_back(value);
  }
  return out;
}

}  // namespace

void FuzzAuditEvent(absl::string_view input) {
  const std::optional<AuditEvent> event = DecodeEvent(input);
  if (!event.has_value()) return;
  const std::string encoded = EncodeEvent(*event);
  Require(encoded.size() <= limits::kAuditEntryBytesMax, "an entry is bounded");
  const std::optional<AuditEvent> clean = DecodeEvent(encoded);
  Require(clean.has_value(), "what is encoded is decoded");
  Require(clean->time == event->time && clean->revision == event->revision &&
              clean->version == event->version && clean->count == event->count,
          "numbers stay");
  bool changes = false;
  for (const std::string& text : TextsOf(*clean)) {
    Require(text.size() <= kTextMax + 3, "a text is bounded");
    // Escapes stand where blanks were, so what was no URL with a password may look like one now.
    changes = changes || text.size() >= kTextMax || Redact(text) != text;
    for (const char c : text) {
      Require(static_cast<unsigned char>(c) >= 0x20 && c != 0x7f, "no control character");
    }
  }
  Require(changes || EncodeEvent(*clean) == encoded, "an event has one encoding");
}

}  // namespace keyturn::fuzz

FUZZ_TARGET(FuzzAuditEvent)
