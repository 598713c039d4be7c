// Calls of any method by its name, with a request that was made by reflection.
#pragma once

#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>
#include <grpcpp/impl/codegen/client_unary_call.h>
#include <grpcpp/impl/codegen/sync_stream.h>

#include <memory>
#include <string>

#include "server/method_table.h"
#include "tests/server/server_fixture.h"

namespace keyturn {

// "/keyturn.v1.SecretService/Get" is the method keyturn.v1.SecretService.Get.
inline const google::protobuf::Descriptor& RequestOf(const MethodInfo& method) {
  std::string name = method.name.substr(1);
  name.replace(name.find('/'), 1, ".");
  return *google::protobuf::DescriptorPool::generated_pool()->FindMethodByName(name)->input_type();
}

inline std::unique_ptr<google::protobuf::Message> NewRequest(const MethodInfo& method) {
  return std::unique_ptr<google::protobuf::Message>(
      google::protobuf::MessageFactory::generated_factory()
          ->GetPrototype(&RequestOf(method))
          ->New());
}

inline std::string BytesOf(const grpc::ByteBuffer& buffer) {
  grpc::Slice slice;
  if (!buffer.DumpToSingleSlice(&slice).ok()) return "";
  return std::string(reinterpret_cast<const char*>(slice.begin()), slice.size());
}

// The call's status, with any answer it gave thrown away; a stream is then cancelled after its
// first message, and has succeeded. With `answer`: the message, or the last of a stream read to its
// end.
inline grpc::Status CallRaw(const MethodInfo& method, grpc::ChannelInterface* channel, Ctx& context,
                            const google::protobuf::Message& request,
                            std::string* answer = nullptr) {
  const std::string bytes = request.SerializeAsString();
  const grpc::Slice slice(bytes);
  const grpc::ByteBuffer buffer(&slice, 1);
  if (!method.streaming) {
    grpc::ByteBuffer response;
    const grpc::internal::RpcMethod rpc(method.name.c_str(), grpc::internal::RpcMethod::NORMAL_RPC);
    const grpc::Status status =
        grpc::internal::BlockingUnaryCall<grpc::ByteBuffer, grpc::ByteBuffer>(channel, rpc, context,
                                                                              buffer, &response);
    if (answer != nullptr && status.ok()) *answer = BytesOf(response);
    return status;
  }
  const grpc::internal::RpcMethod rpc(method.name.c_str(),
                                      grpc::internal::RpcMethod::SERVER_STREAMING);
  const std::unique_ptr<grpc::ClientReader<grpc::ByteBuffer>> reader(
      grpc::internal::ClientReaderFactory<grpc::ByteBuffer>::Create(channel, rpc, context, buffer));
  grpc::ByteBuffer message;
  if (answer != nullptr) {
    while (reader->Read(&message)) *answer = BytesOf(message);
    return reader->Finish();
  }
  const bool any = reader->Read(&message);
  if (any) context->TryCancel();
  const grpc::Status status = reader->Finish();
  return any ? grpc::Status::OK : status;
}

}  // namespace keyturn
