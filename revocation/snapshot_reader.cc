#include "revocation/snapshot_reader.h"

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "storage/schema.h"

namespace keyturn {
namespace {

class ChunkReader {
 public:
  ChunkReader(const LogSealer& sealer, const SnapshotMark& mark, FillFn fill, ApplyFn apply)
      : sealer_(sealer), mark_(mark), fill_(fill), apply_(apply) {}

  absl::Status Take(absl::string_view key, absl::string_view sealed) {
    const uint64_t id = ChunkId(mark_.number, chunks_);
    if (key != schema::RevlogKey(kStateHour, Revision(id))) return Damage(chunks_, "is missing");
    const absl::StatusOr<SecretBytes> body = sealer_.OpenChunk(id, sealed);
    if (absl::IsDataLoss(body.status())) return Damage(chunks_, "does not open");
    if (!body.ok()) return body.status();
    digest_.Add(sealed);
    bytes_ += sealed.size();
    const absl::Status status = ReadChunk(body->ExposeForCrypto(), fill_, apply_);
    if (absl::IsInvalidArgument(status)) return Damage(chunks_, "is malformed");
    RETURN_IF_ERROR(status);
    ++chunks_;
    return absl::OkStatus();
  }

  absl::StatusOr<uint64_t> Finish() const {
    if (chunks_ < mark_.chunks) return Damage(chunks_, "is missing");
    if (digest_.Finish() == mark_.digest) return bytes_;
    return LogDamage(
        absl::StrCat("the chunks of snapshot ", mark_.number, " are not those that were written"));
  }

 private:
  absl::Status Damage(uint32_t chunk, absl::string_view what) const {
    return LogDamage(absl::StrCat("chunk ", chunk, " of snapshot ", mark_.number, " ", what));
  }

  const LogSealer& sealer_;
  const SnapshotMark& mark_;
  const FillFn fill_;
  const ApplyFn apply_;
  ChunkDigest digest_;
  uint32_t chunks_ = 0;
  uint64_t bytes_ = 0;
};

}  // namespace

absl::StatusOr<uint64_t> ReadChunks(const Snapshot& snapshot, const LogSealer& sealer,
                                    const SnapshotMark& mark, FillFn fill, ApplyFn apply) {
  if (mark.number == 0) return 0;
  ChunkReader reader(sealer, mark, fill, apply);
  absl::Status status;
  const auto take = [&](absl::string_view key, absl::string_view sealed) {
    status = reader.Take(key, sealed);
    return status.ok();
  };
  const auto key_of = [&mark](uint32_t chunk) {
    return schema::RevlogKey(kStateHour, Revision(ChunkId(mark.number, chunk)));
  };
  RETURN_IF_ERROR(snapshot.Scan(Family::kRevlog, key_of(0), key_of(mark.chunks), take));
  RETURN_IF_ERROR(status);
  return reader.Finish();
}

}  // namespace keyturn
