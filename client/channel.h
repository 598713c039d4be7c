// The channel of a client: TLS 1.2 or newer with a client certificate, keepalive, no proxies.
#pragma once

#include <memory>

#include "absl/status/statusor.h"
#include "client/options.h"

namespace grpc {
class ChannelInterface;
}  // namespace grpc

namespace keyturn {

// Connects lazily: nothing is sent before the first call. INVALID_ARGUMENT names what is wrong with
// the address or the set of files; NOT_FOUND a file that cannot be read.
absl::StatusOr<std::shared_ptr<grpc::ChannelInterface>> MakeChannel(const ClientOptions& options);

}  // namespace keyturn
