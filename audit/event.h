// What the audit log holds: events, their byte form and its bounds. Thread-safe (values).
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "base/types.h"

namespace keyturn {

// The first byte of each event.
inline constexpr uint8_t kAuditEventFormat = 1;
// The first byte of a list of events: none of an event's, now or later.
inline constexpr uint8_t kAuditEventList = 0xff;

// What a call says about itself. Strings are public (never values); sizes are cut to the limits.
struct AuditEvent {
  absl::Time time;
  std::string event;  // "secret_read", "authentication_failure", ...
  std::string principal = "-";
  std::string auth_method;
  std::string method;  // "/keyturn.v1.SecretService/Get"
  std::string resource;
  std::string source;
  std::string user_agent;
  std::string correlation_id;
  std::string outcome = "ok";  // or a status code's name
  std::string reason;          // ErrorInfo reason, "" when ok
  Revision revision;           // of a change
  SecretVersion version;
  uint64_t count = 1;
  std::vector<std::pair<std::string, std::string>> details;
};

// An event as it stands in the log.
struct AuditRecord {
  uint64_t sequence = 0;
  AuditEvent event;
  std::string hash;  // 32 bytes: chain head after this entry
};

// The stored form without sequence and hash: fixed order, length-prefixed, so that an event has one
// encoding. Over-long strings are cut, control characters and invalid UTF-8 escaped as \\xNN:
// nothing in an entry can look like another entry. What callers wrote (names, user agent, ids,
// details) and looks like a token is replaced by "[redacted]": people paste one where an id goes.
std::string EncodeEvent(const AuditEvent& event);
// std::nullopt when the bytes are not an event.
std::optional<AuditEvent> DecodeEvent(absl::string_view bytes);

// The events of one change, as they stand in `audit_tail`: an encoded event, or a list of them.
std::string EncodeTail(absl::Span<const std::string> encoded_events);
// Views of `bytes`. Empty when they are neither.
std::vector<absl::string_view> SplitTail(absl::string_view bytes);

}  // namespace keyturn
