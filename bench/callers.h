// The calls that a closed loop makes.
#pragma once

#include <grpcpp/grpcpp.h>

#include <functional>
#include <memory>
#include <string>

namespace keyturn::bench {

struct Target {
  std::string address;
  std::shared_ptr<grpc::ChannelCredentials> credentials;
  std::string token;  // "": none
  pid_t pid = 0;      // of the server
};

// With a deadline, which Keyturn asks of every call, and with the token if there is one.
void Prepare(const Target& target, grpc::ClientContext* context);

// One call, made again and again, one at a time.
class Caller {
 public:
  virtual ~Caller() = default;
  // `key` in [0, keys) is what it is about, if that matters. `context` lives until `done`, which is
  // called once.
  virtual void Start(grpc::ClientContext* context, uint64_t key,
                     std::function<void(grpc::Status)> done) = 0;
};

using CallerFactory =
    std::function<std::unique_ptr<Caller>(const std::shared_ptr<grpc::Channel>& channel)>;

CallerFactory Gets();
CallerFactory Puts(size_t value_bytes);
// Of a key that is made here, with a token that is signed here. `algorithm` as in a token's header.
CallerFactory JwtSigns(const Target& target, const std::string& algorithm);
CallerFactory JwtVerifies(const Target& target, const std::string& algorithm);
// Of API keys that are made here, from many networks.
CallerFactory ApiKeyVerifies(const Target& target);

}  // namespace keyturn::bench
