// Named places in the code at which a test ends the process, takes the power away or looks around,
// as gofail does for etcd (https://github.com/etcd-io/gofail). A failpoint says what has just
// happened: KEYTURN_FAILPOINT("keyring/kek-written"). It stands after each step that a crash may
// not come behind unprepared; tests/failpoints reaches every one of them.
//
// The release preset (KEYTURN_DEV=OFF) has none. Elsewhere one that nobody watches costs a relaxed
// load, and only code in the process can watch it. Thread-safe.
#pragma once

#include <atomic>
#include <functional>

#include "absl/strings/string_view.h"

namespace keyturn {

using FailpointHook = std::function<void(absl::string_view name)>;

// From here on calls `hook` at each failpoint, on the thread that reaches it; nullptr ends that.
// Calls under way may still be in the hook before when this returns.
void SetFailpointHook(FailpointHook hook);

namespace failpoint_internal {
extern std::atomic<bool> watched;
void Reach(absl::string_view name);
}  // namespace failpoint_internal

}  // namespace keyturn

#ifdef KEYTURN_DEV
#define KEYTURN_FAILPOINT(name)                                                   \
  do {                                                                            \
    if (::keyturn::failpoint_internal::watched.load(std::memory_order_relaxed)) { \
      ::keyturn::failpoint_internal::Reach(name);                                 \
    }                                                                             \
  } while (false)
#else
#define KEYTURN_FAILPOINT(name) \
  do {                          \
  } while (false)
#endif
