#include "server/secret_wire.h"

#include "base/limits.h"
#include "base/reason.h"
#include "base/status_macros.h"
#include "server/message_wire.h"
#include "vault/wire.h"

namespace keyturn {
namespace {

constexpr uint32_t kDataField = 15;  // of PutRequest and GetResponse
constexpr uint32_t kItemsField = 1;  // of BatchGetResponse
constexpr uint32_t kItemPathField = 1;
constexpr uint32_t kItemSecretField = 2;

absl::Status MalformedPut() { return MalformedRequest("a valid keyturn.v1.PutRequest"); }

// The buffer's bytes in one piece: a view into `*slice`, or into `*copy` if it came in several.
absl::StatusOr<absl::string_view> Flatten(const grpc::ByteBuffer& buffer, grpc::Slice* slice,
                                          SecretBytes* copy) {
  if (!buffer.Valid()) return MalformedPut();
  if (buffer.Length() == 0) return absl::string_view();
  if (buffer.TrySingleSlice(slice).ok()) return ToView(*slice);
  std::vector<grpc::Slice> slices;
  if (!buffer.Dump(&slices).ok()) return absl::InternalError("a request's buffer cannot be read");
  ASSIGN_OR_RETURN(*copy, SecretBytes::Allocate(buffer.Length()));
  char* out = copy->Mutable().data();
  for (const grpc::Slice& part : slices) out = std::copy_n(ToView(part).data(), part.size(), out);
  return copy->ExposeForCrypto();
}

struct HeldBytes {
  ReplyQuota::Lease lease;  // first, so that it is given back after the bytes
  SecretBytes bytes;
};

// A slice that owns secret bytes: given back to the arena, which wipes them, with the slice.
grpc::Slice SecretSlice(HeldRead held) {
  auto* const owned =
      std::make_unique<HeldBytes>(HeldBytes{std::move(held.lease), std::move(held.read.data)})
          .release();
  const absl::Span<char> view = owned->bytes.Mutable();
  return grpc::Slice(
      view.data(), view.size(),
      [](void* secret) { const std::unique_ptr<HeldBytes> last(static_cast<HeldBytes*>(secret)); },
      owned);
}

// A tag and a length, as they stand before the bytes of a field.
void AppendPrefix(uint32_t field, size_t size, std::string* out) {
  char buffer[16];
  absl::Span<char> left(buffer);
  wire::WriteTag(field, wire::kLengthDelimited, &left);
  wire::WriteVarint(size, &left);
  out->append(buffer, sizeof(buffer) - left.size());
}

size_t SizeOf(const std::string& head, const SecretBytes& data) {
  return head.size() + data.size();
}

// Everything of a GetResponse that stands before its data.
std::string HeadOf(const ReadResult& read) {
  std::string head = read.info.SerializeAsString();
  AppendPrefix(kDataField, read.data.size(), &head);
  return head;
}

std::string ErrorItem(absl::string_view path, const absl::Status& status) {
  v1::BatchGetResponse::Item item;
  item.set_path(std::string(path));
  item.set_code(static_cast<int>(status.code()));
  item.set_message(std::string(status.message()));
  item.set_reason(ReasonOf(status));
  std::string out;
  const std::string bytes = item.SerializeAsString();
  AppendPrefix(kItemsField, bytes.size(), &out);
  return out + bytes;
}

}  // namespace

absl::Status ParsePut(const grpc::ByteBuffer& buffer, ParsedPut* put) {
  ASSIGN_OR_RETURN(const absl::string_view bytes, Flatten(buffer, &put->slice, &put->copy));
  std::string rest;
  bool has_data = false;
  absl::string_view in = bytes;
  while (!in.empty()) {
    const absl::string_view start = in;
    const std::optional<wire::Tag> tag = wire::ReadTag(&in);
    if (!tag.has_value()) return MalformedPut();
    if (tag->field != kDataField) {
      if (!wire::Skip(tag->type, &in)) return MalformedPut();
      rest.append(start.data(), start.size() - in.size());
      continue;
    }
    const std::optional<absl::string_view> data =
        tag->type == wire::kLengthDelimited ? wire::ReadDelimited(&in) : std::nullopt;
    if (!data.has_value()) return MalformedPut();
    if (has_data) return MalformedRequest("a keyturn.v1.PutRequest with one data field");
    has_data = true;
    put->data = *data;
  }
  return ParseMessage(rest, &put->request);
}

absl::StatusOr<HeldRead> Hold(ReplyQuota& quota, absl::string_view caller, ReadResult read) {
  HeldRead held;
  ASSIGN_OR_RETURN(held.lease, quota.Take(caller, read.data.footprint()));
  held.read = std::move(read);
  return held;
}

void AppendGetResponse(HeldRead held, std::vector<grpc::Slice>* slices) {
  slices->emplace_back(HeadOf(held.read));
  if (!held.read.data.empty()) slices->push_back(SecretSlice(std::move(held)));
}

std::vector<grpc::Slice> BatchGetResponse(std::vector<BatchItem> items) {
  std::vector<grpc::Slice> slices;
  // Room for an error about each item is set aside, so that the reply always fits.
  size_t left = limits::kReplyBytesMax - items.size() * (limits::kPathBytesMax + 512);
  for (BatchItem& item : items) {
    if (!item.held.ok()) {
      slices.emplace_back(ErrorItem(item.path, item.held.status()));
      continue;
    }
    const SecretBytes& data = item.held->read.data;
    const std::string head = HeadOf(item.held->read);
    const size_t secret_size = SizeOf(head, data);
    if (secret_size > left) {
      slices.emplace_back(ErrorItem(
          item.path, WithReason(absl::ResourceExhaustedError(
                                    "the reply is full; ask for this secret in another call"),
                                "REPLY_FULL")));
      continue;
    }
    left -= secret_size;
    std::string inner;
    AppendPrefix(kItemPathField, item.path.size(), &inner);
    inner += item.path;
    AppendPrefix(kItemSecretField, secret_size, &inner);
    inner += head;
    std::string outer;
    AppendPrefix(kItemsField, inner.size() + data.size(), &outer);
    slices.emplace_back(outer + inner);
    if (!data.empty()) slices.push_back(SecretSlice(*std::move(item.held)));
  }
  return slices;
}

grpc::ByteBuffer ToBuffer(const std::vector<grpc::Slice>& slices) {
  return {slices.data(), slices.size()};
}

}  // namespace keyturn
