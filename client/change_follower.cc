#include "client/change_follower.h"

#include <algorithm>
#include <utility>

#include "base/limits.h"

namespace keyturn {
namespace {

// The directory is watched, not the secret alone: so a rename of the directory is told as well.
absl::string_view DirectoryOf(absl::string_view path) {
  const size_t slash = path.rfind('/');
  return slash == absl::string_view::npos ? "" : path.substr(0, slash + 1);
}

// The smallest directory that holds both.
absl::string_view CommonDirectory(absl::string_view a, absl::string_view b) {
  const auto end = std::mismatch(a.begin(), a.end(), b.begin(), b.end()).first;
  return DirectoryOf(a.substr(0, static_cast<size_t>(end - a.begin())));
}

}  // namespace

ChangeFollower::ChangeFollower(Client& client, Clock& clock, Listener listener,
                               std::function<double()> uniform)
    : client_(client),
      clock_(clock),
      listener_(std::move(listener)),
      uniform_(std::move(uniform)),
      thread_([this] { Run(); }) {}

ChangeFollower::~ChangeFollower() { Stop(); }

void ChangeFollower::Include(absl::string_view path) {
  std::shared_ptr<Cancellation> narrower;
  {
    absl::MutexLock lock(&mu_);
    const absl::string_view wider =
        directory_.has_value() ? CommonDirectory(*directory_, path) : DirectoryOf(path);
    if (directory_.has_value() && wider == *directory_) return;
    directory_ = std::string(wider);
    // From here on the open stream no longer moves `reached_`, which it does not know of `path`.
    ++generation_;
    narrower = stream_;
  }
  if (narrower != nullptr) narrower->Cancel();
}

void ChangeFollower::Stop() {
  std::shared_ptr<Cancellation> open;
  {
    absl::MutexLock lock(&mu_);
    stopped_ = true;
    open = stream_;
  }
  if (open != nullptr) open->Cancel();
  absl::MutexLock lock(&join_mu_);
  if (thread_.joinable()) thread_.join();
}

void ChangeFollower::Run() {
  int failures = 0;
  while (true) {
    v1::WatchRequest request;
    uint64_t generation = 0;
    const auto stream = std::make_shared<Cancellation>();
    {
      absl::MutexLock lock(&mu_);
      const auto wanted = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
        return stopped_ || directory_.has_value();
      };
      mu_.Await(absl::Condition(&wanted));
      if (stopped_) return;
      request.set_path(*directory_);
      request.set_from_revision(reached_);
      generation = generation_;
      stream_ = stream;
    }
    bool first = true;
    CallOptions options;
    options.cancellation = stream.get();
    const absl::Status status = client_.Watch(
        request,
        [&](v1::WatchResponse& message) {
          return Take(request, generation, std::exchange(first, false), message);
        },
        options);
    if (absl::IsOutOfRange(status)) {
      listener_.missed();
      absl::MutexLock lock(&mu_);
      reached_ = 0;
    }
    failures = first ? failures + 1 : 0;
    WaitToRetry(generation, status, failures);
  }
}

bool ChangeFollower::Take(const v1::WatchRequest& request, uint64_t generation, bool first,
                          const v1::WatchResponse& message) {
  // A stream "from now" says with its first message when now was.
  if (first && request.from_revision() == 0) listener_.missed();
  if (message.type() != v1::WatchResponse::PROGRESS) listener_.changed(message);
  absl::MutexLock lock(&mu_);
  if (stopped_ || generation_ != generation) return false;
  reached_ = std::max<uint64_t>(reached_, message.revision());
  return true;
}

void ChangeFollower::WaitToRetry(uint64_t generation, const absl::Status& status, int failures) {
  const absl::Duration most = absl::Milliseconds(limits::kWatchRetryMillisMax);
  absl::Duration ceiling = absl::Milliseconds(limits::kWatchRetryMillisMin);
  for (int i = 0; i < failures && ceiling < most; ++i) ceiling *= 2;
  // Refusals are audited one by one, and seldom end soon.
  if (absl::IsPermissionDenied(status) || absl::IsUnauthenticated(status)) ceiling = most;
  const absl::Duration delay = std::min(ceiling, most) * (0.5 + 0.5 * uniform_());

  absl::MutexLock lock(&mu_);
  stream_ = nullptr;
  const auto changed = [this, generation]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    return stopped_ || generation_ != generation;
  };
  clock_.AwaitWithDeadline(&mu_, absl::Condition(&changed), clock_.Now() + delay);
}

}  // namespace keyturn
