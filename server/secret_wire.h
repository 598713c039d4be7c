// Secret values on the wire without a protobuf object in between: a put's data goes from gRPC's
// buffer into a SecretBytes, a get's data from a SecretBytes into a slice that is wiped when gRPC
// lets go of it. The bytes are those of the messages in secret_service.proto. Thread-safe.
#pragma once

#include <grpcpp/support/byte_buffer.h>

#include <vector>

#include "absl/status/statusor.h"
#include "crypto/secret_bytes.h"
#include "keyturn/v1/secret_service.pb.h"
#include "server/reply_quota.h"
#include "vault/vault.h"

namespace keyturn {

// A PutRequest taken apart. `data` is a view into `slice` or `copy`.
struct ParsedPut {
  v1::PutRequest request;  // without data
  absl::string_view data;  // serialised SecretData, untrusted
  grpc::Slice slice;
  SecretBytes copy;  // of a message that came in several slices
};
// Errors as those of ParseMessage.
absl::Status ParsePut(const grpc::ByteBuffer& buffer, ParsedPut* put);

// A secret for a reply, with the leave to hold it until the peer has taken it.
struct HeldRead {
  ReplyQuota::Lease lease;  // first, so that it is given back after the data
  ReadResult read;
};
// Errors as those of ReplyQuota::Take.
absl::StatusOr<HeldRead> Hold(ReplyQuota& quota, absl::string_view caller, ReadResult read);

// The slices of a serialised GetResponse.
void AppendGetResponse(HeldRead held, std::vector<grpc::Slice>* slices);

// One answer of a BatchGet.
struct BatchItem {
  std::string path;
  absl::StatusOr<HeldRead> held;
};
// The slices of BatchGetResponse. Answers that would make it larger than limits::kReplyBytesMax
// become errors.
std::vector<grpc::Slice> BatchGetResponse(std::vector<BatchItem> items);

grpc::ByteBuffer ToBuffer(const std::vector<grpc::Slice>& slices);

}  // namespace keyturn
