#include "rotation/errands.h"

#include "base/limits.h"

namespace keyturn {

Errands::~Errands() {
  Stop();
  std::map<std::string, std::unique_ptr<Lane>> lanes;
  {
    const absl::MutexLock lock(&mu_);
    ending_ = true;
    lanes.swap(lanes_);
  }
  for (const auto& [name, lane] : lanes) lane->thread.join();
}

void Errands::Add(absl::string_view lane, const Uuid& secret) {
  const absl::MutexLock lock(&mu_);
  if (stopped_) return;
  std::unique_ptr<Lane>& its = lanes_[std::string(lane)];
  if (its == nullptr) {
    its = std::make_unique<Lane>();
    its->thread = std::thread([this, name = std::string(lane), &its = *its] { Run(name, its); });
  }
  if (its->waiting.size() >= limits::kTargetQueueMax || !its->known.insert(secret).second) return;
  its->waiting.push_back(secret);
}

void Errands::Stop() {
  const absl::MutexLock lock(&mu_);
  stopped_ = true;
  for (const auto& [name, lane] : lanes_) {
    lane->waiting.clear();
    lane->known.clear();
  }
  interrupt_.Set();
  mu_.Await(absl::Condition(
      +[](int* working) { return *working == 0; }, &working_));
}

void Errands::Start() {
  const absl::MutexLock lock(&mu_);
  stopped_ = false;
  interrupt_.Clear();
}

bool Errands::idle() const {
  const absl::MutexLock lock(&mu_);
  for (const auto& [name, lane] : lanes_) {
    if (!lane->waiting.empty()) return false;
  }
  return working_ == 0;
}

void Errands::Run(const std::string& name, Lane& lane) {
  const auto has_work = [this, &lane]()
                            ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) { return HasWork(lane); };
  mu_.Lock();
  for (;;) {
    mu_.Await(absl::Condition(&has_work));
    if (ending_) break;
    const Uuid secret = lane.waiting.front();
    lane.waiting.pop_front();
    lane.known.erase(secret);
    ++working_;
    mu_.Unlock();
    work_(name, secret);
    mu_.Lock();
    --working_;
  }
  mu_.Unlock();
}

}  // namespace keyturn
