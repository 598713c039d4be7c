#include "audit/chain.h"

#include <bit>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/coding.h"
#include "base/limits.h"
#include "crypto/mac.h"

namespace keyturn {
namespace {

constexpr absl::string_view kMagic = "KTA1";
constexpr size_t kHeaderBytesMax = 8192;

std::string ChainHash(FrameType type, absl::string_view before, absl::string_view body) {
  std::string input;
  input.reserve(1 + before.size() + body.size());
  input.push_back(static_cast<char>(type));
  input.append(before.data(), before.size());
  input.append(body.data(), body.size());
  return Sha256(input);
}

std::string MakeFrame(FrameType type, absl::string_view body, ChainState* state) {
  std::string out;
  out.reserve(body.size() + kFrameOverhead);
  AppendBigEndian32(static_cast<uint32_t>(body.size()), &out);
  out.push_back(static_cast<char>(type));
  out.append(body.data(), body.size());
  state->head = ChainHash(type, state->head, body);
  out.append(state->head);
  return out;
}

std::string EncodeHeader(const ChainState& state) {
  std::string body(kMagic);
  body.append(state.head);
  AppendBigEndian64(state.next_sequence, &body);
  AppendBigEndian64(state.last_revision.value(), &body);
  AppendBigEndian64(state.tree.size(), &body);
  for (const std::string& hash : state.tree.edge()) body.append(hash);
  return body;
}

}  // namespace

void ChainState::Count(Revision revision) {
  if (revision > last_revision) {
    last_revision = revision;
    of_last_revision = 1;
  } else if (revision == last_revision && of_last_revision != UINT64_MAX) {
    ++of_last_revision;
  }
}

ChainState ChainState::Start() {
  ChainState state;
  state.head = Sha256("keyturn audit log, format 1");
  return state;
}

std::string HeaderFrame(ChainState* state) {
  return MakeFrame(FrameType::kHeader, EncodeHeader(*state), state);
}

std::string EntryFrame(absl::string_view encoded_event, Revision revision, ChainState* state) {
  std::string body = BigEndian64(state->next_sequence);
  body.append(encoded_event.data(), encoded_event.size());
  state->tree.Add(body);
  ++state->next_sequence;
  state->Count(revision);
  return MakeFrame(FrameType::kEntry, body, state);
}

std::string EntryFrames(absl::string_view tail, Revision revision, uint64_t written,
                        ChainState* state) {
  const std::vector<absl::string_view> events = SplitTail(tail);
  std::string frames;
  for (uint64_t i = written; i < events.size(); ++i) {
    frames += EntryFrame(events[i], revision, state);
  }
  return frames;
}

std::string CheckpointText(const ChainState& state) {
  std::string text = "keyturn audit checkpoint v1";
  AppendBigEndian64(state.tree.size(), &text);
  text.append(state.tree.Root());
  text.append(state.head);
  return text;
}

std::string CheckpointFrame(absl::string_view signature, ChainState* state) {
  const std::string text = CheckpointText(*state);
  std::string body;
  AppendLengthPrefixed(text, &body);
  AppendLengthPrefixed(signature, &body);
  return MakeFrame(FrameType::kCheckpoint, body, state);
}

std::optional<Frame> ReadFrame(absl::string_view* in) {
  absl::string_view rest = *in;
  const std::optional<uint32_t> size = ReadBigEndian32(&rest);
  const std::optional<uint8_t> type = size.has_value() ? ReadByte(&rest) : std::nullopt;
  if (!type.has_value() || *size > limits::kAuditEntryBytesMax + kHeaderBytesMax || *type < 1 ||
      *type > 3) {
    return std::nullopt;
  }
  const std::optional<absl::string_view> body = ReadBytes(*size, &rest);
  if (!body.has_value()) return std::nullopt;
  const std::optional<absl::string_view> hash = ReadBytes(kSha256Size, &rest);
  if (!hash.has_value()) return std::nullopt;
  *in = rest;
  return Frame{static_cast<FrameType>(*type), *body, *hash};
}

std::optional<ChainState> ParseHeader(absl::string_view body) {
  ChainState state;
  if (!absl::ConsumePrefix(&body, kMagic)) return std::nullopt;
  const std::optional<absl::string_view> head = ReadBytes(kSha256Size, &body);
  const std::optional<uint64_t> sequence = head.has_value() ? ReadBigEndian64(&body) : std::nullopt;
  const std::optional<uint64_t> revision = ReadBigEndian64(&body);
  const std::optional<uint64_t> size = ReadBigEndian64(&body);
  if (!size.has_value() || !sequence.has_value()) return std::nullopt;
  std::vector<std::string> edge;
  for (int i = 0; i < std::popcount(*size); ++i) {
    const std::optional<absl::string_view> hash = ReadBytes(kSha256Size, &body);
    if (!hash.has_value()) return std::nullopt;
    edge.emplace_back(*hash);
  }
  if (!body.empty()) return std::nullopt;
  state.head = std::string(*head);
  state.next_sequence = *sequence;
  state.last_revision = Revision(*revision);
  state.of_last_revision = UINT64_MAX;
  state.tree = MerkleTree(*size, std::move(edge));
  return state;
}

std::optional<AuditRecord> ParseEntry(const Frame& frame) {
  absl::string_view body = frame.body;
  const std::optional<uint64_t> sequence = ReadBigEndian64(&body);
  if (!sequence.has_value()) return std::nullopt;
  std::optional<AuditEvent> event = DecodeEvent(body);
  if (!event.has_value()) return std::nullopt;
  return AuditRecord{*sequence, *std::move(event), std::string(frame.hash)};
}

absl::string_view CheckpointSignature(absl::string_view body) {
  ReadLengthPrefixed(&body);
  return ReadLengthPrefixed(&body).value_or("");
}

std::string FollowFrame(const Frame& frame, ChainState* state) {
  if (frame.type == FrameType::kHeader && frame.body != EncodeHeader(*state)) {
    return "the segment's header does not continue the log before it";
  }
  if (frame.type == FrameType::kEntry) {
    const std::optional<AuditRecord> record = ParseEntry(frame);
    if (!record.has_value()) return "an entry does not parse";
    if (record->sequence != state->next_sequence) {
      return absl::StrCat("entry ", record->sequence, " stands where ", state->next_sequence,
                          " belongs");
    }
    state->tree.Add(frame.body);
    ++state->next_sequence;
    state->Count(record->event.revision);
  }
  if (frame.type == FrameType::kCheckpoint) {
    absl::string_view body = frame.body;
    if (ReadLengthPrefixed(&body) != CheckpointText(*state)) {
      return "a checkpoint does not agree with the entries before it";
    }
  }
  state->head = ChainHash(frame.type, state->head, frame.body);
  if (frame.hash != state->head) return "the chain of hashes is broken";
  return "";
}

}  // namespace keyturn
