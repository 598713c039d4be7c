// rotation watch.
#include <algorithm>
#include <memory>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "base/limits.h"
#include "base/status_macros.h"
#include "client/cli/commands/commands.h"
#include "client/cli/exit_codes.h"
#include "client/cli/interrupt_signals.h"
#include "client/cli/next_step.h"
#include "client/cli/rotation_news.h"

namespace keyturn::cli {
namespace {

struct WatchFlags {
  std::string path;
  uint64_t from_revision = 0;
};

// Each change of a secret has its rotation looked at. What falls due by time alone, such as the end
// of a grace, is no change that a watch tells: a thread of its own looks at its secret then.
class Watch {
 public:
  Watch(Shell& shell, Client& client, const WatchFlags& flags, InterruptSignals& interrupt)
      : shell_(shell), client_(client), flags_(flags), interrupt_(interrupt) {}

  absl::Status Run() {
    const absl::Status ended = Follow();
    const absl::MutexLock lock(&mu_);
    const std::string again =
        absl::StrCat("keyturn rotation watch ", flags_.path.empty() ? "" : ShellWord(flags_.path),
                     flags_.path.empty() ? "" : " ", "--from-revision ", reached_);
    if (interrupt_.interrupted()) {
      if (reached_ != 0) shell_.SayNext(absl::StrCat(again, " goes on from here"));
      return absl::OkStatus();
    }
    return ended.ok() || reached_ == 0 ? ended : WithHelp(ended, again);
  }

 private:
  // By the server's clock.
  absl::Time Now() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    return shell_.clock().Now() + ahead_;
  }

  CallOptions Options(bool stream = false) const {
    CallOptions options = shell_.Options(stream);
    options.cancellation = &interrupt_.cancellation();
    return options;
  }

  absl::Status Follow() {
    {
      const absl::MutexLock lock(&mu_);
      RETURN_IF_ERROR(LookAhead());
    }
    std::thread looks([this] { LookWhenDue(); });
    v1::WatchRequest request;
    request.set_path(flags_.path);
    request.set_from_revision(flags_.from_revision);
    const absl::Status ended = client_.Watch(
        request, [this](v1::WatchResponse& event) { return Take(event); },
        Options(/*stream=*/true));
    {
      const absl::MutexLock lock(&mu_);
      done_ = true;
    }
    looks.join();
    const absl::MutexLock lock(&mu_);
    return failed_.ok() ? ended : failed_;
  }

  // Until the watch has ended, or a look has failed, which ends it.
  void LookWhenDue() {
    const absl::MutexLock lock(&mu_);
    while (!done_ && failed_.ok()) {
      const absl::Time next = NextLook();
      const auto sooner = [this, next]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
        return done_ || !failed_.ok() || NextLook() < next;
      };
      const absl::Condition changed(&sooner);
      if (shell_.clock().AwaitWithDeadline(&mu_, changed, next - ahead_)) continue;
      failed_ = LookAtDue();
      if (!failed_.ok()) interrupt_.cancellation().Cancel();
    }
  }
  absl::Time NextLook() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    return std::min(follower_.next(), again_);
  }

  // What falls due within two days, of secrets that need not change before.
  absl::Status LookAhead() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    v1::ForecastRequest request;
    request.set_path(flags_.path);
    request.set_span_seconds(2 * limits::kDaySeconds);
    request.set_value_delay_seconds(-1);
    do {
      ASSIGN_OR_RETURN(const v1::ForecastResponse page, client_.Forecast(request, Options()));
      ahead_ = TimeOf(page.time()) - shell_.clock().Now();
      for (const v1::Forecast& forecast : page.forecasts()) {
        // A watch of a secret is not of those below it.
        const bool meant =
            flags_.path.empty() || flags_.path.back() == '/' || flags_.path == forecast.path();
        if (!meant || forecast.events().empty() || follower_.Knows(forecast.path())) continue;
        RETURN_IF_ERROR(Look(forecast.path(), std::nullopt));
      }
      request.set_page_token(page.next_page_token());
    } while (!request.page_token().empty());
    again_ = Now() + absl::Hours(24);
    return absl::OkStatus();
  }

  bool Take(const v1::WatchResponse& event) {
    const absl::MutexLock lock(&mu_);
    reached_ = event.revision();
    if (failed_.ok() && event.type() != v1::WatchResponse::PROGRESS) failed_ = LookAtChanged(event);
    return failed_.ok();
  }

  absl::Status LookAtDue() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    for (const std::string& path : follower_.Due(Now())) RETURN_IF_ERROR(Look(path, std::nullopt));
    return Now() < again_ ? absl::OkStatus() : LookAhead();
  }

  absl::Status LookAtChanged(const v1::WatchResponse& event) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    for (const std::string& path : {event.path(), event.new_path()}) {
      if (path.empty() || path.back() == '/') continue;
      RETURN_IF_ERROR(Look(path, event));
    }
    return absl::OkStatus();
  }

  absl::Status Look(const std::string& path, const std::optional<v1::WatchResponse>& event)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    v1::GetRotationStatusRequest request;
    request.set_path(path);
    const absl::StatusOr<v1::RotationStatus> status = client_.GetRotationStatus(request, Options());
    if (absl::IsNotFound(status.status()) || absl::IsPermissionDenied(status.status())) {
      follower_.Forget(path);
      return absl::OkStatus();
    }
    RETURN_IF_ERROR(status.status());
    const absl::Time now = Now();
    const std::vector<RotationNews> news =
        event.has_value() ? follower_.TakeChanged(*status, event->version(), now)
                          : follower_.Take(*status, now);
    for (const RotationNews& item : news) {
      RETURN_IF_ERROR(Print(item, event.has_value() ? TimeOf(event->time()) : now));
    }
    return absl::OkStatus();
  }

  absl::Status Print(const RotationNews& item, absl::Time time) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    if (!shell_.out().json()) {
      return shell_.out().Raw(absl::StrCat(
          TimeText(time), "  ", item.path, "  ",
          item.version == 0 ? "" : absl::StrCat("version ", item.version, "  "), item.state, "\n"));
    }
    Json line = {{"time", TimeText(time)}, {"path", item.path}};
    if (item.version != 0) line["version"] = absl::StrCat(item.version);
    line["state"] = item.state;
    line["revision"] = absl::StrCat(reached_);
    return shell_.out().Raw(line.dump() + "\n");
  }

  Shell& shell_;
  Client& client_;
  const WatchFlags& flags_;
  InterruptSignals& interrupt_;
  absl::Mutex mu_;
  RotationFollower follower_ ABSL_GUARDED_BY(mu_);
  absl::Duration ahead_ ABSL_GUARDED_BY(mu_);  // of this machine's clock
  absl::Time again_ ABSL_GUARDED_BY(mu_);      // for what falls due later
  uint64_t reached_ ABSL_GUARDED_BY(mu_) = 0;
  absl::Status failed_ ABSL_GUARDED_BY(mu_);
  bool done_ ABSL_GUARDED_BY(mu_) = false;
};

}  // namespace

void AddRotationWatchCommand(Command rotation, Shell& shell) {
  const auto flags = std::make_shared<WatchFlags>();
  const Command watch = rotation.Add("watch", "Print what happens to rotations, until ctrl-C",
                                     "  keyturn rotation watch\n"
                                     "  keyturn rotation watch app/prod/ -o json\n"
                                     "  keyturn rotation watch app/prod/ --from-revision 4711");
  watch.AddOption("path", flags->path,
                  "a secret, or a directory with '/' at the end; default: all");
  watch.AddOption("--from-revision", flags->from_revision, "the changes after this; default: now");
  watch.Footer("A line for each change: its time, the secret, the version and what it is now.");
  watch.On(shell, [&shell, flags]() -> absl::Status {
    RETURN_IF_ERROR(shell.out().Require({Format::kTable, Format::kJson}));
    InterruptSignals interrupt;  // before the connection has threads
    ASSIGN_OR_RETURN(Client* const client, shell.Connect());
    return Watch(shell, *client, *flags, interrupt).Run();
  });
}

}  // namespace keyturn::cli
