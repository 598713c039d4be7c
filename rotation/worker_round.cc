// Several secrets by one thread: each as far as its next change, then all of these changes at once.
// A thread that waits for each change by itself does little else but wake up and fall asleep.
#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "base/limits.h"
#include "rotation/worker.h"
#include "rotation/worker_task.h"

namespace keyturn {

using Kind = Action::Kind;

void Worker::WorkOnAll(size_t at_once, absl::FunctionRef<std::optional<Job>()> next,
                       absl::FunctionRef<void(size_t, absl::StatusOr<Worked>)> done) {
  std::vector<std::unique_ptr<Task>> tasks;
  std::vector<Task*> writing;
  bool more = true;
  while (more || !tasks.empty()) {
    while (more && tasks.size() < at_once) {
      const std::optional<Job> job = next();
      more = job.has_value();
      if (!more) break;
      if (Take(job->secret)) {
        tasks.push_back(std::make_unique<Task>(job->number, job->secret, /*frozen=*/false,
                                               /*own_lane=*/""));
      } else {
        done(job->number, Worked{.acted = 0, .busy = true, .lane = ""});
      }
    }
    writing.clear();
    for (std::unique_ptr<Task>& task : tasks) {
      if (Plan(*task)) {
        writing.push_back(task.get());
        continue;
      }
      LetGo(task->secret);
      done(task->number, ResultOf(*task));
      task = nullptr;
    }
    tasks.erase(std::remove(tasks.begin(), tasks.end(), nullptr), tasks.end());
    Write(writing);
  }
}

absl::StatusOr<Worker::Worked> Worker::ResultOf(const Task& task) {
  if (!task.status.ok()) return task.status;
  return task.worked;
}

bool Worker::Plan(Task& task) {
  while (task.status.ok() && task.looks < limits::kRotationActionsPerLook) {
    ++task.looks;
    absl::StatusOr<std::optional<Look>> look = LookAt(task.secret, task.frozen, &task.carried);
    task.status = look.status();
    if (!look.ok() || !look->has_value() || (*look)->action.kind == Kind::kNone) return false;
    task.look = **std::move(look);
    task.worked.lane = LaneOf(*task.look);
    if (task.worked.lane == task.own_lane) task.worked.lane.clear();
    // What was interrupted is not begun anew by the same thread.
    const bool interrupted = !task.own_lane.empty() && interrupt_.is_set();
    if (!task.worked.lane.empty() || interrupted) return false;
    const bool outside = CalledBy(*task.look) != nullptr;
    if (outside) SayOutside(task.secret, true);
    Acted acted = Act(*task.look);
    if (outside) SayOutside(task.secret, false);
    if (acted.ok() && *acted != nullptr) {
      task.planned = *std::move(acted);
      return true;
    }
    Went(acted.status(), &task);
  }
  return false;
}

void Worker::Went(const absl::Status& status, Task* task) {
  if (IsMoved(status)) {
    task->carried = {};
    return;
  }
  task->status = status;
  if (status.ok()) ++task->worked.acted;
}

void Worker::Write(absl::Span<Task* const> tasks) const {
  struct Making {
    const Worker& worker;
    Task& task;
    absl::Status operator()(const View& view, Batch& batch) const {
      return worker.MakeIn(*task.look, *task.planned, view, batch);
    }
  };
  std::vector<Making> making;
  making.reserve(tasks.size());
  std::vector<NamedChange> changes;
  for (Task* const task : tasks) {
    making.push_back({*this, *task});
    changes.push_back({task->planned->event, task->planned->path, making.back()});
  }
  if (changes.size() > 1 && context_.update_each != nullptr) {
    context_.update_each(absl::MakeSpan(changes));
  } else {
    for (NamedChange& change : changes) {
      change.result = context_.update(change.event, change.path, change.fn);
    }
  }
  for (size_t i = 0; i < tasks.size(); ++i) {
    const std::unique_ptr<Planned> planned = std::move(tasks[i]->planned);
    if (changes[i].result.ok() && planned->written) planned->written();
    Went(changes[i].result.status(), tasks[i]);
  }
}

}  // namespace keyturn
