// The byte form of a segment: frames of length (u32), type (u8), body and chain hash (32 bytes),
// where the hash is SHA-256(type, hash of the frame before, body). Frames are the segment's header
// (where the chain and the tree stand), entries, and signed checkpoints. docs/FORMAT.md, "audit
// segment". Not thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"
#include "audit/event.h"
#include "audit/merkle.h"

namespace keyturn {

enum class FrameType : uint8_t { kHeader = 1, kEntry = 2, kCheckpoint = 3 };

inline constexpr size_t kFrameOverhead = 4 + 1 + 32;

// Where the log stands: everything that the next frame depends on.
struct ChainState {
  std::string head;  // 32 bytes
  MerkleTree tree;   // of all entry bodies
  uint64_t next_sequence = 1;
  Revision last_revision;  // the largest of any entry
  // How many entries have that revision: a change may have several, which are written together, so
  // that a segment that begins later has them all before it.
  uint64_t of_last_revision = 0;

  void Count(Revision revision);

  // Before the first entry of the first segment.
  static ChainState Start();
};

// Each gives the bytes of the next frame and moves the state on.
std::string HeaderFrame(ChainState* state);
std::string EntryFrame(absl::string_view encoded_event, Revision revision, ChainState* state);
// Of all events of one change (SplitTail), but for the first `written` of them.
std::string EntryFrames(absl::string_view tail, Revision revision, uint64_t written,
                        ChainState* state);
std::string CheckpointFrame(absl::string_view signature, ChainState* state);

// What a checkpoint signs: the size and root of the tree and the chain's head.
std::string CheckpointText(const ChainState& state);

struct Frame {
  FrameType type;
  absl::string_view body;
  absl::string_view hash;
};
// The frame at the front of `*in`; std::nullopt when it is incomplete or of no known type.
std::optional<Frame> ReadFrame(absl::string_view* in);

// Moves the state on by a frame that was read, checking its hash. Returns what is wrong, or "".
std::string FollowFrame(const Frame& frame, ChainState* state);

// The state that a header frame's body starts from; the head is the one *before* the header.
std::optional<ChainState> ParseHeader(absl::string_view body);

// An entry's body: sequence, then the encoded event.
std::optional<AuditRecord> ParseEntry(const Frame& frame);
// The signature of a checkpoint's body, 64 bytes.
absl::string_view CheckpointSignature(absl::string_view body);

}  // namespace keyturn
