#include "revocation/snapshot_chunk.h"

#include "base/coding.h"
#include "base/limits.h"
#include "base/status_macros.h"
#include "keyturn/record/v1/revocation.pb.h"

namespace keyturn {
namespace {

constexpr size_t kRegionBytes = 8;  // in front of its tokens
constexpr size_t kTokenBytes = 12;

absl::Status Malformed() {
  return absl::InvalidArgumentError("a chunk of a snapshot is malformed");
}

absl::Status ReadRegions(absl::string_view in, int64_t taken_s, FillFn fill) {
  std::vector<IndexedToken> tokens;
  while (!in.empty()) {
    const std::optional<uint32_t> region = ReadBigEndian32(&in);
    const std::optional<uint32_t> count = ReadBigEndian32(&in);
    if (!count || *region >= limits::kRevocationRegions) return Malformed();
    absl::string_view left;
    if (const auto bytes = ReadBytes(size_t{*count} * kTokenBytes, &in)) {
      left = *bytes;
    } else {
      return Malformed();
    }
    tokens.resize(*count);
    for (IndexedToken& token : tokens) {
      token = {.tag = *ReadBigEndian64(&left), .entry = *ReadBigEndian32(&left)};
      if (token.tag == 0) return Malformed();
    }
    RETURN_IF_ERROR(fill(*region, taken_s, &tokens));
  }
  return absl::OkStatus();
}

}  // namespace

bool SnapshotChunk::Fits(size_t more) const {
  return empty() || regions_.size() + changes_.size() + more <= bytes_max_;
}

bool SnapshotChunk::AddRegion(uint32_t region, absl::Span<const IndexedToken> tokens) {
  if (!Fits(kRegionBytes + tokens.size() * kTokenBytes)) return false;
  AppendBigEndian32(region, &regions_);
  AppendBigEndian32(static_cast<uint32_t>(tokens.size()), &regions_);
  for (const IndexedToken& token : tokens) {
    AppendBigEndian64(token.tag, &regions_);
    AppendBigEndian32(token.entry, &regions_);
  }
  return true;
}

bool SnapshotChunk::Add(const ListChange& change) {
  const size_t before = changes_.size();
  const bool first = empty();
  encoder_.Append(change, &changes_);
  if (first || regions_.size() + changes_.size() <= bytes_max_) return true;
  changes_.resize(before);
  return false;
}

std::string SnapshotChunk::Encode() const {
  record::v1::RevocationSnapshotChunk head;
  head.set_taken_s(taken_s_);
  head.set_regions(regions_);
  static_assert(int{record::v1::RevocationSnapshotChunk::kChangesFieldNumber} ==
                int{record::v1::RevocationGroup::kChangesFieldNumber});
  return head.SerializeAsString() + changes_;
}

absl::Status ReadChunk(absl::string_view body, FillFn fill, ApplyFn apply) {
  record::v1::RevocationSnapshotChunk message;
  if (!message.ParseFromArray(body.data(), static_cast<int>(body.size()))) return Malformed();
  RETURN_IF_ERROR(ReadRegions(message.regions(), message.taken_s(), fill));
  for (const record::v1::RevocationChange& change : message.changes()) {
    RETURN_IF_ERROR(apply(ReadChange(change)));
  }
  return absl::OkStatus();
}

}  // namespace keyturn
