// Follows the changes of secrets on one background thread: one Watch over the smallest directory
// that holds every path in use, opened again after a break from the last revision it reached.
// Without the right to list there is nothing to follow; it then asks again now and then, since
// rights and tokens change. Thread-safe.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "base/clock.h"
#include "client/client.h"
#include "client/random.h"

namespace keyturn {

class ChangeFollower {
 public:
  // Called on the thread, one at a time. They may not stop the follower.
  struct Listener {
    // A change; never PROGRESS. Some of those told may have been told before.
    std::function<void(const v1::WatchResponse&)> changed;
    // Changes may have been missed: what was asked for before this call may be old.
    std::function<void()> missed;
  };

  // `client` and `clock` outlive this. `uniform` spreads the retries.
  ChangeFollower(Client& client, Clock& clock, Listener listener,
                 std::function<double()> uniform = RandomUnit);
  // As Stop.
  ~ChangeFollower();
  ChangeFollower(const ChangeFollower&) = delete;
  ChangeFollower& operator=(const ChangeFollower&) = delete;

  // Follows the secret at `path` too. What is asked of the server after this returns is covered: a
  // later change is told, or told to be missed.
  void Include(absl::string_view path);
  // Returns when the listener is certain not to be called any more.
  void Stop();

 private:
  void Run();
  // Whether to go on reading the stream that was opened for `generation`.
  bool Take(const v1::WatchRequest& request, uint64_t generation, bool first,
            const v1::WatchResponse& message);
  // Returns at once when there is something else to follow.
  void WaitToRetry(uint64_t generation, const absl::Status& status, int failures);

  Client& client_;
  Clock& clock_;
  const Listener listener_;
  const std::function<double()> uniform_;

  absl::Mutex mu_;
  bool stopped_ ABSL_GUARDED_BY(mu_) = false;
  std::optional<std::string> directory_ ABSL_GUARDED_BY(mu_);  // "" or ending in '/'
  uint64_t generation_ ABSL_GUARDED_BY(mu_) = 0;               // of directory_
  uint64_t reached_ ABSL_GUARDED_BY(mu_) = 0;  // revision; every change up to it was told
  std::shared_ptr<Cancellation> stream_ ABSL_GUARDED_BY(mu_);  // the one that is open

  absl::Mutex join_mu_;
  std::thread thread_ ABSL_GUARDED_BY(join_mu_);
};

}  // namespace keyturn
