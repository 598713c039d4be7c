#include "client/cli/rotation_news.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "client/cli/findings.h"
#include "client/cli/output.h"

namespace keyturn::cli {
namespace {

constexpr absl::Duration kUntilDone = absl::Seconds(2);
constexpr absl::Duration kUntilAgain = absl::Seconds(10);  // of a server that is late

std::string StateOf(const v1::VersionInfo& version) {
  std::string name = v1::VersionState_Name(version.state());
  std::string state = absl::AsciiStrToLower(absl::StripPrefix(name, "VERSION_STATE_"));
  if (version.state() == v1::VERSION_STATE_GRACE) {
    absl::StrAppend(&state, " until ", TimeText(version.grace_end_time()));
  }
  if (version.compromised()) absl::StrAppend(&state, " (compromised)");
  const bool may_come_back = version.state() != v1::VERSION_STATE_DESTROYED;
  if (version.has_delete_time() && may_come_back) absl::StrAppend(&state, " (deleted)");
  return state;
}

std::string WholeOf(const v1::RotationStatus& status, absl::Time now) {
  if (!status.rotates()) return "does not rotate";
  if (status.has_open_run()) {
    const v1::RotationRun& run = status.open_run();
    if (run.state() == v1::RotationRun::AWAITING_VALUE) return "waits for a value of its owner";
    const std::string step = v1::RotationRun::Step_Name(run.step());
    std::string state = v1::RotationRun::State_Name(run.state());
    absl::AsciiStrToLower(&state);
    std::string text = absl::StrCat(state, " at ", absl::AsciiStrToLower(step));
    if (!run.error().empty()) absl::StrAppend(&text, ": ", run.error());
    return text;
  }
  if (const std::string gone = CurrentGone(status, now); !gone.empty()) {
    return absl::StrCat("nothing starts: ", gone);
  }
  if (status.paused()) return absl::StrCat("paused: ", status.pause_reason());
  return absl::StrCat("next ", TimeText(status.due_time()));
}

}  // namespace

std::vector<RotationNews> RotationFollower::Take(const v1::RotationStatus& status, absl::Time now) {
  States states = {{0, WholeOf(status, now)}};
  std::vector<absl::Time> looks;
  if (status.has_due_time() && !status.paused()) looks.push_back(TimeOf(status.due_time()));
  if (status.open_run().has_next_attempt_time()) {
    looks.push_back(TimeOf(status.open_run().next_attempt_time()));
  }
  bool late = false;  // it should have ended by now
  for (const v1::VersionInfo& version : status.versions()) {
    states[version.version()] = StateOf(version);
    if (version.has_retire_retry_time()) looks.push_back(TimeOf(version.retire_retry_time()));
    if (version.has_expire_time()) looks.push_back(TimeOf(version.expire_time()));
    if (!version.has_grace_end_time()) continue;
    looks.push_back(TimeOf(version.grace_end_time()));
    late = late || (version.state() == v1::VERSION_STATE_GRACE && looks.back() <= now);
  }
  // A little later, when it is done.
  for (const absl::Time look : looks) {
    if (look > now) LookAt(status.path(), look + kUntilDone);
  }
  if (late) LookAt(status.path(), now + kUntilAgain);
  const auto found = known_.find(status.path());
  std::vector<RotationNews> news;
  if (found != known_.end()) {
    for (const auto& [version, state] : states) {
      const auto before = found->second.find(version);
      if (before != found->second.end() && before->second == state) continue;
      news.push_back({status.path(), version, state});
    }
    // The versions first: the secret as a whole follows from them.
    std::stable_partition(news.begin(), news.end(),
                          [](const RotationNews& item) { return item.version != 0; });
  }
  known_[status.path()] = std::move(states);
  return news;
}

std::vector<RotationNews> RotationFollower::TakeChanged(const v1::RotationStatus& status,
                                                        uint64_t version, absl::Time now) {
  if (Knows(status.path())) return Take(status, now);
  Take(status, now);
  std::vector<RotationNews> news;
  if (!status.rotates()) return news;
  const States& states = known_[status.path()];
  const uint64_t changed = version != 0 ? version : status.current_version();
  if (const auto state = states.find(changed); changed != 0 && state != states.end()) {
    news.push_back({status.path(), changed, state->second});
  }
  news.push_back({status.path(), 0, states.at(0)});
  return news;
}

void RotationFollower::Forget(const std::string& path) { known_.erase(path); }

std::vector<std::string> RotationFollower::Due(absl::Time now) {
  std::vector<std::string> due;
  while (!looks_.empty() && looks_.begin()->first <= now) {
    const std::string path = looks_.begin()->second;
    looks_.erase(looks_.begin());
    if (std::find(due.begin(), due.end(), path) == due.end()) due.push_back(path);
  }
  return due;
}

}  // namespace keyturn::cli
