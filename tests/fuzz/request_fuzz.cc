// Requests as gRPC hands them over. A put that is taken apart by hand is the one that protobuf
// reads, in one slice or in two; what does not parse is refused with words and without what was
// sent.
#include <google/protobuf/util/message_differencer.h>
#include <grpcpp/support/byte_buffer.h>

#include "absl/strings/match.h"
#include "base/reason.h"
#include "keyturn/v1/policy_service.pb.h"
#include "server/message_wire.h"
#include "server/secret_wire.h"
#include "tests/fuzz/fuzz.h"

namespace keyturn::fuzz {
namespace {

using google::protobuf::util::MessageDifferencer;

grpc::ByteBuffer Buffer(absl::string_view bytes, size_t cut) {
  const grpc::Slice slices[] = {{bytes.data(), cut}, {bytes.data() + cut, bytes.size() - cut}};
  return {slices, 2};
}

void CheckRefusal(const absl::Status& status) {
  Require(absl::IsInvalidArgument(status), "a malformed request is an invalid argument");
  Require(ReasonOf(status) == "MALFORMED_REQUEST", "its reason");
  Require(absl::StartsWith(status.message(), "the request is not "), "its words");
}

void CheckPut(absl::string_view bytes, size_t cut) {
  ParsedPut put;
  const absl::Status status = ParsePut(Buffer(bytes, cut), &put);
  if (!status.ok()) return CheckRefusal(status);
  v1::PutRequest theirs;
  Require(theirs.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())) ||
              !v1::SecretData().ParseFromArray(put.data.data(), static_cast<int>(put.data.size())),
          "protobuf reads it, or its data is none");
  v1::SecretData data;
  if (!data.ParseFromArray(put.data.data(), static_cast<int>(put.data.size()))) return;
  Require(MessageDifferencer::Equals(data, theirs.data()), "the same data");
  theirs.clear_data();
  Require(MessageDifferencer::Equals(put.request, theirs), "the same request");
}

template <typename Request>
void CheckMessage(absl::string_view bytes, size_t cut) {
  Request ours, theirs;
  const absl::Status status = ParseMessage(Buffer(bytes, cut), &ours);
  Require(status.ok() == theirs.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())),
          "what protobuf reads is read");
  if (!status.ok()) return CheckRefusal(status);
  grpc::ByteBuffer written;
  Require(SerializeMessage(ours, &written).ok(), "what was read is written");
  Request again;
  Require(ParseMessage(written, &again).ok() && MessageDifferencer::Equals(again, ours),
          "and read as the same");
}

}  // namespace

void FuzzRequest(absl::string_view input) {
  const uint8_t how = TakeByte(&input);
  const size_t cut = TakeByte(&input) % (input.size() + 1);
  if (how % 4 == 0) return CheckMessage<v1::GetRequest>(input, cut);
  if (how % 4 == 1) return CheckMessage<v1::PutPolicyRequest>(input, cut);
  CheckPut(input, cut);
}

}  // namespace keyturn::fuzz

FUZZ_TARGET(FuzzRequest)
