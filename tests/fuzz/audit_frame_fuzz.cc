// Frames of a segment: what is read is written as it stood, headers and entries as well; a chain
// made of the input is followed to its end, and damage in it is told.
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "audit/chain.h"
#include "base/coding.h"
#include "tests/fuzz/fuzz.h"

namespace keyturn::fuzz {
namespace {

std::string BytesOf(const Frame& frame) {
  std::string out;
  AppendBigEndian32(static_cast<uint32_t>(frame.body.size()), &out);
  out.push_back(static_cast<char>(frame.type));
  return absl::StrCat(out, frame.body, frame.hash);
}

void CheckFrames(absl::string_view input) {
  ChainState state = ChainState::Start();
  while (true) {
    const absl::string_view before = input;
    const std::optional<Frame> frame = ReadFrame(&input);
    if (!frame.has_value()) return Require(input == before, "what is no frame is left");
    Require(absl::StrCat(BytesOf(*frame), input) == before, "a frame is written as it stood");
    if (std::optional<ChainState> header = ParseHeader(frame->body)) {
      const std::string again = HeaderFrame(&*header);
      absl::string_view rest = again;
      Require(ReadFrame(&rest)->body == frame->body, "a header is written as it stood");
    }
    if (const std::optional<AuditRecord> record = ParseEntry(*frame)) {
      Require(BigEndian64(record->sequence) == frame->body.substr(0, 8), "its sequence number");
    }
    Require(CheckpointSignature(frame->body).size() <= frame->body.size(), "a part of the body");
    (void)FollowFrame(*frame, &state).empty();
  }
}

// Whether `bytes` are followed to their end.
bool Follow(absl::string_view bytes) {
  ChainState state = ChainState::Start();
  while (const std::optional<Frame> frame = ReadFrame(&bytes)) {
    if (!FollowFrame(*frame, &state).empty()) return false;
  }
  return bytes.empty();
}

}  // namespace

void FuzzAuditFrame(absl::string_view input) {
  CheckFrames(input);
  ChainState state = ChainState::Start();
  std::string chain = HeaderFrame(&state);
  std::vector<size_t> ends = {0, chain.size()};
  for (int left = TakeByte(&input) % 5; left > 0; --left) {
    AuditEvent event;
    event.resource = std::string(TakeText(&input));
    event.revision = Revision(TakeByte(&input));
    chain += TakeByte(&input) % 4 == 0 ? CheckpointFrame("a signature", &state)
                                       : EntryFrame(EncodeEvent(event), event.revision, &state);
    ends.push_back(chain.size());
  }
  Require(Follow(chain), "a chain is followed");
  const std::string damaged = Damage(chain, &input);
  const bool cut = chain.compare(0, damaged.size(), damaged) == 0 &&
                   std::find(ends.begin(), ends.end(), damaged.size()) != ends.end();
  Require(Follow(damaged) == cut, "damage is told, but for an end that is missing");
}

}  // namespace keyturn::fuzz

FUZZ_TARGET(FuzzAuditFrame)
