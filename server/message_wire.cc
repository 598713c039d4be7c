#include "server/message_wire.h"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/io/coded_stream.h>
#include <grpcpp/impl/codegen/proto_utils.h>

#include <optional>
#include <string>

#include "absl/strings/str_cat.h"
#include "base/reason.h"
#include "vault/utf8.h"
#include "vault/wire.h"

namespace keyturn {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;

// The name of the first string in `bytes` that is not UTF-8; "" when there is none before the bytes
// make no sense. As deep as protobuf parses.
std::string StringNotUtf8(absl::string_view bytes, const Descriptor& type, int depth_left) {
  while (!bytes.empty() && depth_left > 0) {
    const std::optional<wire::Tag> tag = wire::ReadTag(&bytes);
    if (!tag.has_value()) return "";
    const FieldDescriptor* const field = type.FindFieldByNumber(static_cast<int>(tag->field));
    if (field == nullptr || tag->type != wire::kLengthDelimited) {
      if (!wire::Skip(tag->type, &bytes)) return "";
      continue;
    }
    const std::optional<absl::string_view> body = wire::ReadDelimited(&bytes);
    if (!body.has_value()) return "";
    if (field->type() == FieldDescriptor::TYPE_STRING && !IsUtf8(*body)) return field->full_name();
    if (field->type() == FieldDescriptor::TYPE_MESSAGE) {
      std::string found = StringNotUtf8(*body, *field->message_type(), depth_left - 1);
      if (!found.empty()) return found;
    }
  }
  return "";
}

absl::Status Malformed(absl::string_view bytes, const Descriptor& type) {
  const std::string text = StringNotUtf8(
      bytes, type, google::protobuf::io::CodedInputStream::GetDefaultRecursionLimit());
  if (text.empty()) return MalformedRequest(absl::StrCat("a valid ", type.full_name()));
  return MalformedRequest(absl::StrCat("a valid ", type.full_name(), ": ", text, " is not UTF-8"));
}

}  // namespace

absl::Status MalformedRequest(absl::string_view what) {
  return WithReason(absl::InvalidArgumentError(absl::StrCat("the request is not ", what)),
                    "MALFORMED_REQUEST");
}

absl::Status ParseMessage(absl::string_view bytes, google::protobuf::Message* message) {
  if (message->ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    return absl::OkStatus();
  }
  return Malformed(bytes, *message->GetDescriptor());
}

absl::Status ParseMessage(const grpc::ByteBuffer& buffer, google::protobuf::Message* message) {
  if (!buffer.Valid()) return Malformed("", *message->GetDescriptor());
  if (buffer.Length() == 0) return absl::OkStatus();
  grpc::Slice slice;
  if (!buffer.TrySingleSlice(&slice).ok() && !buffer.DumpToSingleSlice(&slice).ok()) {
    return absl::InternalError("a request's buffer cannot be read");
  }
  return ParseMessage(ToView(slice), message);
}

absl::Status SerializeMessage(const google::protobuf::Message& message, grpc::ByteBuffer* buffer) {
  buffer->Clear();  // gRPC's writer wants an empty one
  bool own = false;
  const grpc::Status status =
      grpc::SerializationTraits<google::protobuf::Message>::Serialize(message, buffer, &own);
  return status.ok() ? absl::OkStatus() : absl::InternalError("a reply cannot be written");
}

}  // namespace keyturn
