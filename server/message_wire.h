// Messages in gRPC's buffers. Thread-safe.
#pragma once

#include <google/protobuf/message.h>
#include <grpcpp/support/byte_buffer.h>
#include <grpcpp/support/slice.h>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace keyturn {

inline absl::string_view ToView(const grpc::Slice& slice) {
  return {reinterpret_cast<const char*>(slice.begin()), slice.size()};
}

// INVALID_ARGUMENT (reason MALFORMED_REQUEST) when the bytes are not a message of this type; it
// names a string that is not UTF-8, and nothing of what was sent.
absl::Status ParseMessage(absl::string_view bytes, google::protobuf::Message* message);
// The same; a buffer without a message is none either.
absl::Status ParseMessage(const grpc::ByteBuffer& buffer, google::protobuf::Message* message);
// As ParseMessage, for a request that is not `what`.
absl::Status MalformedRequest(absl::string_view what);

// INTERNAL when the message cannot be written.
absl::Status SerializeMessage(const google::protobuf::Message& message, grpc::ByteBuffer* buffer);

}  // namespace keyturn
