// Runs a program to its end: without a shell, with an environment of its own, no descriptors but
// its three streams, and in a process group that is gone when this returns. What goes in and out is
// in locked memory. Thread-safe.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "crypto/secret_bytes.h"
#include "rotation/interrupt.h"

namespace keyturn {

struct ChildSpec {
  const std::vector<std::string>& words;        // the program's path, and its arguments
  const std::vector<std::string>& environment;  // "NAME=value"
  absl::Duration timeout;
  const Interrupt* interrupt = nullptr;  // ends it as the timeout does
};

struct ChildEnd {
  enum class How {
    kExited,       // with `code`
    kSignalled,    // by the signal `code`, which did not come from here
    kTimedOut,     // it was ended, by SIGTERM and then SIGKILL
    kInterrupted,  // likewise
    kSaidTooMuch,  // more than limits::kTargetAnswerBytesMax, and was ended
  };
  How how = How::kExited;
  int code = 0;
  SecretBytes out;  // its standard output
  SecretBytes err;  // the first limits::kTargetErrorBytesMax of its standard error
  bool err_cut = false;
};

// With `input` on its standard input. Errors mean that it was not started: FAILED_PRECONDITION
// names why it cannot be, RESOURCE_EXHAUSTED passes. REQUIRES: this process ignores SIGPIPE, as the
// server does.
absl::StatusOr<ChildEnd> RunChild(const ChildSpec& spec, const SecretBytes& input);

}  // namespace keyturn
