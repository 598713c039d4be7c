#include "audit/event.h"

#include "absl/strings/str_cat.h"
#include "base/coding.h"
#include "base/limits.h"
#include "base/log.h"

namespace keyturn {
namespace {

constexpr size_t kTextBytesMax = 1100;  // a longest path and some
constexpr size_t kDetailsMax = 16;

// Length of the UTF-8 sequence at the front (RFC 3629: no overlong forms, no surrogates); 0 when it
// is none, or a control character.
size_t SequenceLength(absl::string_view text) {
  const auto first = static_cast<uint8_t>(text.front());
  const size_t length = first < 0x80   ? 1
                        : first < 0xc2 ? 0
                        : first < 0xe0 ? 2
                        : first < 0xf0 ? 3
                        : first < 0xf5 ? 4
                                       : 0;
  if (length == 0 || length > text.size()) return 0;
  if (length == 1) return first < 0x20 || first == 0x7f ? 0 : 1;
  const auto second = static_cast<uint8_t>(text[1]);
  const bool second_fits = first == 0xc2   ? second >= 0xa0  // below: the controls U+0080 to U+009F
                           : first == 0xe0 ? second >= 0xa0
                           : first == 0xed ? second < 0xa0
                           : first == 0xf0 ? second >= 0x90
                           : first == 0xf4 ? second < 0x90
                                           : true;
  if (!second_fits) return 0;
  for (size_t i = 1; i < length; ++i) {
    if ((static_cast<uint8_t>(text[i]) & 0xc0) != 0x80) return 0;
  }
  return length;
}

std::string Clean(absl::string_view text) {
  std::string out;
  while (!text.empty() && out.size() < kTextBytesMax) {
    const size_t length = SequenceLength(text);
    if (length == 0) {
      const auto first = static_cast<uint8_t>(text.front());
      absl::StrAppend(&out, "\\x", absl::Hex(first, absl::kZeroPad2));
      text.remove_prefix(1);
      continue;
    }
    out.append(text.data(), length);
    text.remove_prefix(length);
  }
  return out;
}

// Most texts need no cleaning; one look tells. (Written without an early end, for the vectoriser.)
bool IsClean(absl::string_view text) {
  uint8_t bad = 0;
  for (const char c : text) {
    const auto byte = static_cast<uint8_t>(c);
    bad |= static_cast<uint8_t>(byte < 0x20) | static_cast<uint8_t>(byte > 0x7e);
  }
  return bad == 0 && text.size() <= kTextBytesMax;
}

void AppendText(absl::string_view text, std::string* out) {
  if (IsClean(text)) return AppendLengthPrefixed(text, out);
  AppendLengthPrefixed(Clean(text), out);
}

void AppendCallersText(absl::string_view text, std::string* out) { AppendText(Redact(text), out); }

bool ReadText(absl::string_view* in, std::string* out) {
  const std::optional<absl::string_view> text = ReadLengthPrefixed(in);
  if (!text.has_value()) return false;
  out->assign(text->data(), text->size());
  return true;
}

}  // namespace

std::string EncodeEvent(const AuditEvent& event) {
  std::string out;
  out.reserve(512);
  out.push_back(static_cast<char>(kAuditEventFormat));
  AppendBigEndian64(static_cast<uint64_t>(absl::ToUnixNanos(event.time)), &out);
  AppendBigEndian64(event.revision.value(), &out);
  AppendBigEndian64(event.version.value(), &out);
  AppendBigEndian64(event.count, &out);
  AppendText(event.event, &out);
  AppendCallersText(event.principal, &out);
  AppendText(event.auth_method, &out);
  AppendText(event.method, &out);
  AppendCallersText(event.resource, &out);
  AppendText(event.source, &out);
  AppendCallersText(event.user_agent, &out);
  AppendCallersText(event.correlation_id, &out);
  AppendText(event.outcome, &out);
  AppendText(event.reason, &out);
  const size_t count_at = out.size();
  out.push_back(0);
  for (size_t i = 0; i < std::min(event.details.size(), kDetailsMax); ++i) {
    const size_t before = out.size();
    AppendText(event.details[i].first, &out);
    AppendCallersText(event.details[i].second, &out);
    // An entry beyond the bound would be no frame to its reader, and the end of the log.
    if (out.size() > limits::kAuditEntryBytesMax) {
      out.resize(before);
      break;
    }
    ++out[count_at];
  }
  return out;
}

std::optional<AuditEvent> DecodeEvent(absl::string_view bytes) {
  AuditEvent event;
  const std::optional<uint8_t> format = ReadByte(&bytes);
  const std::optional<uint64_t> nanos = ReadBigEndian64(&bytes);
  const std::optional<uint64_t> revision = ReadBigEndian64(&bytes);
  const std::optional<uint64_t> version = ReadBigEndian64(&bytes);
  const std::optional<uint64_t> count = ReadBigEndian64(&bytes);
  if (!count.has_value() || *format != kAuditEventFormat) return std::nullopt;
  event.time = absl::FromUnixNanos(static_cast<int64_t>(*nanos));
  event.revision = Revision(*revision);
  event.version = SecretVersion(*version);
  event.count = *count;
  for (std::string* text :
       {&event.event, &event.principal, &event.auth_method, &event.method, &event.resource,
        &event.source, &event.user_agent, &event.correlation_id, &event.outcome, &event.reason}) {
    if (!ReadText(&bytes, text)) return std::nullopt;
  }
  const std::optional<uint8_t> details = ReadByte(&bytes);
  if (!details.has_value()) return std::nullopt;
  for (int i = 0; i < *details; ++i) {
    std::string name, value;
    if (!ReadText(&bytes, &name) || !ReadText(&bytes, &value)) return std::nullopt;
    event.details.emplace_back(std::move(name), std::move(value));
  }
  if (!bytes.empty()) return std::nullopt;
  return event;
}

std::string EncodeTail(absl::Span<const std::string> encoded_events) {
  if (encoded_events.size() == 1) return encoded_events.front();
  std::string out(1, static_cast<char>(kAuditEventList));
  for (const std::string& event : encoded_events) AppendLengthPrefixed(event, &out);
  return out;
}

std::vector<absl::string_view> SplitTail(absl::string_view bytes) {
  if (bytes.empty()) return {};
  if (static_cast<uint8_t>(bytes.front()) != kAuditEventList) return {bytes};
  bytes.remove_prefix(1);
  std::vector<absl::string_view> out;
  while (!bytes.empty()) {
    const std::optional<absl::string_view> event = ReadLengthPrefixed(&bytes);
    if (!event.has_value()) return {};
    out.push_back(*event);
  }
  return out;
}

}  // namespace keyturn
