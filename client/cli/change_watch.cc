#include "client/cli/change_watch.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <cstdio>

#include "base/status_macros.h"
#include "client/cli/offline_values.h"

namespace keyturn::cli {

ChangeWatch::ChangeWatch(Shell& shell)
    : shell_(shell), fd_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

ChangeWatch::~ChangeWatch() {
  cancellation_.Cancel();
  for (std::thread& thread : threads_) thread.join();
  close(fd_);
}

absl::Status ChangeWatch::Start(const std::vector<std::string>& paths, bool may_be_away) {
  ASSIGN_OR_RETURN(Client* const client, shell_.Connect());
  const absl::StatusOr<v1::StatusResponse> status = client->Status({}, shell_.Options());
  if (!status.ok() && !(may_be_away && IsUnreachable(status.status()))) return status.status();
  const uint64_t revision = status.ok() ? status->revision() : 0;
  if (!status.ok()) SetBehind();
  for (const std::string& path : paths) {
    threads_.emplace_back([this, client, path, revision] { Watch(*client, path, revision); });
  }
  return absl::OkStatus();
}

// Goes on from the last revision after a lost connection, as soon as there is one again.
void ChangeWatch::Watch(Client& client, const std::string& path, uint64_t revision) {
  v1::WatchRequest request;
  request.set_path(path);
  request.set_from_revision(revision);
  while (!cancellation_.cancelled()) {
    CallOptions options;
    options.cancellation = &cancellation_;
    const absl::Status ended = client.Watch(
        request,
        [&](v1::WatchResponse& event) {
          request.set_from_revision(event.revision());
          const bool behind = behind_.exchange(false);
          if (behind || event.type() != v1::WatchResponse::PROGRESS) Tell();
          return true;
        },
        options);
    if (absl::IsOutOfRange(ended)) {  // away for longer than changes are kept
      request.set_from_revision(0);
      Tell();
    } else if (absl::IsPermissionDenied(ended) || absl::IsUnauthenticated(ended) ||
               absl::IsInvalidArgument(ended)) {
      std::fprintf(stderr, "keyturn: changes of %s cannot be watched: %s\n", path.c_str(),
                   std::string(ended.message()).c_str());
      return;
    }
    Pause();
  }
}

void ChangeWatch::Tell() {
  const uint64_t one = 1;
  if (write(fd_, &one, sizeof(one)) < 0) return;  // full: there is a change to see already
}

void ChangeWatch::Pause() {
  absl::MutexLock lock(&mu_);
  Clock& clock = shell_.clock();
  const auto cancelled = [this] { return cancellation_.cancelled(); };
  clock.AwaitWithDeadline(&mu_, absl::Condition(&cancelled), clock.Now() + absl::Seconds(1));
}

}  // namespace keyturn::cli
