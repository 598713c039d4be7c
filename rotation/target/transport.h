// How a target is reached: by a program or over HTTPS. Thread-safe.
#pragma once

#include "absl/strings/string_view.h"
#include "crypto/secret_bytes.h"
#include "rotation/interrupt.h"
#include "rotation/target/answer.h"
#include "rotation/target/value_filter.h"

namespace keyturn {

class Transport {
 public:
  virtual ~Transport() = default;

  // One call. `id` is CallId's, `interrupt` may be nullptr. The status is as rotation/driver.h
  // takes it, also of what became of the call itself; its message may hold what the target says and
  // is filtered by the caller. What is logged here went through `filter`.
  virtual TargetAnswer Call(absl::string_view id, const SecretBytes& request,
                            const ValueFilter& filter, const Interrupt* interrupt) = 0;
};

}  // namespace keyturn
