// Writes what endpoints are to be told into the change that it tells of, so that both are durable
// or neither is. Thread-safe (no state).
#pragma once

#include "absl/status/status.h"
#include "rotation/context.h"

namespace keyturn {

// For RotationContext::tell: a row for each endpoint that wants the event, at most
// limits::kWebhooksMax. Neither a rotation nor a put fails because the record of the endpoints is
// damaged: then nobody is told.
absl::Status WriteNews(const RotationNews& news, const KeyringSnapshot& keys, const View& view,
                       Batch& batch);

}  // namespace keyturn
