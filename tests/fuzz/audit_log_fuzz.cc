// Whole logs in segment files, made as the input says and then damaged. One without damage verifies
// and is recovered to its end. Of a damaged one, what still verifies is a beginning of what was
// written; recovery cuts an end at most, and never below what was synced; then it has nothing to
// do.
#include "absl/strings/match.h"
#include "audit/recovery.h"
#include "audit/signer.h"
#include "audit/verify.h"
#include "crypto/signature.h"
#include "tests/fuzz/fuzz.h"

namespace keyturn::fuzz {
namespace {

// The segments one behind another.
std::string AllBytes(FileSystem& files) {
  std::string out;
  for (const SegmentName& segment : Must(ListSegments(files, kDirectory), "they are listed")) {
    out += Must(files.Read(segment.path), "a segment is read");
  }
  return out;
}

// By operations of the input; how many entries it has.
uint64_t MakeLog(absl::string_view* input, FileSystem& files, ChainState* state) {
  std::string path, bytes;
  int segments = 0;
  for (int left = 2 + TakeByte(input) % 12; left > 0; --left) {
    const uint8_t what = TakeByte(input);
    if (path.empty() || (what % 8 == 0 && segments < 3)) {
      if (!path.empty() && state->next_sequence == 1) continue;  // its name would be the same
      if (absl::StrContains(SegmentPath(kDirectory, state->next_sequence), path) && !path.empty()) {
        continue;
      }
      if (!path.empty()) StoreFile(files, path, bytes);
      path = SegmentPath(kDirectory, state->next_sequence);
      bytes = HeaderFrame(state);
      ++segments;
    } else if (what % 8 == 1) {
      const std::string text = CheckpointText(*state);
      bytes += CheckpointFrame(
          Must(Ed25519Sign(FixedKeys().audit_signing_seed(), text), "it is signed"), state);
    } else {
      AuditEvent event;
      event.resource = std::string(TakeText(input));
      event.revision = Revision(what);
      bytes += EntryFrame(EncodeEvent(event), event.revision, state);
    }
  }
  StoreFile(files, path, bytes);
  return state->next_sequence - 1;
}

AuditVerification Verify(FileSystem& files) {
  static const std::string key =
      Must(Ed25519PublicKey(FixedKeys().audit_signing_seed()), "a public key");
  return Must(VerifyAuditDirectory(files, kDirectory, key, NoProgress), "it is verified");
}

}  // namespace

void FuzzAuditLog(absl::string_view input) {
  const std::unique_ptr<FileSystem> files = NewFiles();
  ChainState state = ChainState::Start();
  const uint64_t entries = MakeLog(&input, *files, &state);
  const std::string written = AllBytes(*files);
  Require(Verify(*files).problems.empty() && Verify(*files).entries == entries, "it is whole");
  const RecoveredLog whole = Must(RecoverLog(*files, kDirectory, entries), "it is recovered");
  Require(whole.state.head == state.head && AllBytes(*files) == written, "to its end");

  const std::vector<SegmentName> segments =
      Must(ListSegments(*files, kDirectory), "they are listed");
  const std::string& hurt = segments[TakeByte(&input) % segments.size()].path;
  StoreFile(*files, hurt, Damage(*files->Read(hurt), &input));
  const AuditVerification found = Verify(*files);
  if (found.problems.empty()) {
    Require(absl::StartsWith(written, AllBytes(*files)), "what verifies is a beginning");
    Require(found.entries <= entries && found.signed_entries <= found.entries, "of the entries");
  }
  const uint64_t synced = TakeByte(&input) % (entries + 1);
  const bool all = segments.size() <= 2;  // of more, recovery looks at the two newest
  const absl::StatusOr<RecoveredLog> recovered = RecoverLog(*files, kDirectory, synced);
  if (!recovered.ok()) return Require(absl::IsDataLoss(recovered.status()), "it is damaged");
  const std::string left = AllBytes(*files);
  Require(recovered->state.next_sequence > synced, "what was synced is there");
  Require(!all || absl::StartsWith(written, left), "what is left is a beginning");
  const absl::StatusOr<RecoveredLog> again = RecoverLog(*files, kDirectory, synced);
  Require(again.ok() && again->state.head == recovered->state.head && AllBytes(*files) == left,
          "what was recovered needs no recovery");
}

}  // namespace keyturn::fuzz

FUZZ_TARGET(FuzzAuditLog)
