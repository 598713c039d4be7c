#include "server/janitor.h"

#include "base/log.h"

namespace keyturn {

Janitor::Janitor(std::vector<Task> tasks, Clock& clock) : clock_(clock) {
  const absl::Time now = clock_.Now();
  for (Task& task : tasks) {
    const absl::Time due = now + task.period;
    entries_.push_back({std::move(task), due, false});
  }
  thread_ = std::thread([this] { Work(); });
}

Janitor::~Janitor() { Stop(); }

void Janitor::Stop() {
  {
    absl::MutexLock lock(&mu_);
    stopping_ = true;
  }
  if (thread_.joinable()) thread_.join();
}

void Janitor::Work() {
  for (;;) {
    absl::Time next = absl::InfiniteFuture();
    for (const Entry& entry : entries_) next = std::min(next, entry.due);
    {
      absl::MutexLock lock(&mu_);
      if (clock_.AwaitWithDeadline(&mu_, absl::Condition(&stopping_), next)) return;
    }
    const absl::Time now = clock_.Now();
    for (Entry& entry : entries_) {
      if (entry.due <= now) Run(entry, now);
    }
  }
}

void Janitor::Run(Entry& entry, absl::Time now) {
  entry.due = now + entry.task.period;
  const absl::Status status = entry.task.run();
  // Said once when it begins and once when it ends, not at each try.
  if (!status.ok() && !entry.failing) {
    LogWarning("a background task fails",
               {{"task", entry.task.name}, {"error", std::string(status.message())}});
  }
  if (status.ok() && entry.failing) {
    LogInfo("a background task works again", {{"task", entry.task.name}});
  }
  entry.failing = !status.ok();
}

}  // namespace keyturn
