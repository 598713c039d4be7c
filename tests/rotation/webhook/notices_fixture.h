// Endpoints that want to be told ahead, and what they were told, by the day.
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "tests/rotation/webhook/webhook_fixture.h"

namespace keyturn {

inline constexpr const char* kAhead[] = {"rotation.due", "rotation.grace_ending",
                                         "rotation.overdue", "api_key.due"};

class WebhookNoticesTest : public WebhookFixture {
 protected:
  // Of these types alone, on all paths, or those of `path`.
  std::string Listen(const std::string& path = "") {
    v1::CreateWebhookRequest request = Request();
    for (const char* const type : kAhead) request.add_types(type);
    if (!path.empty()) request.add_paths(path);
    return MakeId(request);
  }
  void Live(absl::Duration duration, absl::Duration step = absl::Hours(1)) {
    const absl::Time end = clock_.Now() + duration;
    while (clock_.Now() < end) {
      clock_.AdvanceTime(std::min(step, end - clock_.Now()));
      ASSERT_OK(RunDue());
      Settle();
    }
  }
  // "day 60 rotation.due app/key", of what was sent since the last time.
  std::vector<std::string> Take() {
    const absl::MutexLock lock(&sent_mu_);
    std::vector<std::string> out;
    for (const Sent& one : sent_) {
      const nlohmann::json data = one.data();
      const std::string of = data.contains("secret") ? data["secret"] : data["path"];
      const absl::Duration at = one.at - start_;
      const int64_t day = at / absl::Hours(24);
      const int64_t hour = (at - day * absl::Hours(24)) / absl::Hours(1);
      out.push_back(absl::StrCat("day ", day, hour == 0 ? "" : absl::StrCat("+", hour, "h"), " ",
                                 one.type, " ", of));
    }
    sent_.clear();
    return out;
  }
  nlohmann::json Last() {
    const std::vector<Sent> all = sent();
    return all.empty() ? nlohmann::json() : all.back().data();
  }
  size_t AuditedAhead() {
    const absl::MutexLock lock(&events_mu_);
    return static_cast<size_t>(
        std::count_if(events_.begin(), events_.end(), [](const std::string& event) {
          return absl::StartsWith(event, "rotation_due ") ||
                 absl::StartsWith(event, "rotation_grace_ending ") ||
                 absl::StartsWith(event, "rotation_overdue ") ||
                 absl::StartsWith(event, "apikey_due ");
        }));
  }
  using Lines = std::vector<std::string>;

  const absl::Time start_ = clock_.Now();
};

}  // namespace keyturn
