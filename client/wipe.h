// Wiping the buffers of messages that carried secrets. Protobuf keeps values in std::string, so a
// caller who is done with an answer wipes it before it goes. Buffers inside gRPC are not reached.
// Thread-safe for distinct objects.
#pragma once

#include <string>

#include "keyturn/v1/secret_service.pb.h"
#include "keyturn/v1/types.pb.h"

namespace keyturn {

// Overwrites all the memory the string owns and empties it.
void WipeBuffer(std::string* text);

// The values; names and encodings stay.
void WipeValues(v1::SecretData* data);
void WipeValues(v1::GetResponse* response);
void WipeValues(v1::BatchGetResponse* response);

// Wipes the values of `*message` when it leaves scope. The message outlives this.
template <typename Message>
class ScopedWipe {
 public:
  explicit ScopedWipe(Message* message) : message_(message) {}
  ~ScopedWipe() { WipeValues(message_); }
  ScopedWipe(const ScopedWipe&) = delete;
  ScopedWipe& operator=(const ScopedWipe&) = delete;

 private:
  Message* const message_;
};

}  // namespace keyturn
