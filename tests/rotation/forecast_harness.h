// Compares what was foreseen with what the engine did.
#pragma once

#include <algorithm>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "base/timestamps.h"
#include "tests/rotation/rotation_fixture.h"

namespace keyturn {

template <typename Fixture>
class ForecastHarness : public Fixture {
 protected:
  using Event = v1::ForecastEvent;
  // Seconds of the Unix clock, kind of event, version (0: none, or not told by the audit log).
  struct Happened {
    int64_t second;
    std::string what;
    uint64_t version = 0;
    friend bool operator==(const Happened&, const Happened&) = default;
    friend std::ostream& operator<<(std::ostream& out, const Happened& event) {
      return out << absl::FormatTime(absl::FromUnixSeconds(event.second)) << " " << event.what
                 << " " << event.version;
    }
  };
  using Story = std::map<std::string, std::vector<Happened>>;  // by path

  static bool Sees(absl::string_view, bool) { return true; }

  absl::StatusOr<v1::ForecastResponse> Ask(v1::ForecastRequest request) {
    return this->rotation_->Forecast(request, Sees);
  }
  // Of all pages.
  std::vector<v1::Forecast> Foresee(v1::ForecastRequest request) {
    std::vector<v1::Forecast> out;
    do {
      const auto page = Ask(request);
      EXPECT_OK(page);
      if (!page.ok()) return out;
      out.insert(out.end(), page->forecasts().begin(), page->forecasts().end());
      request.set_page_token(page->next_page_token());
    } while (!request.page_token().empty());
    return out;
  }

  void OnEvent(absl::string_view event, absl::string_view path) override {
    Fixture::OnEvent(event, path);
    const std::string name(path);
    const int64_t second = absl::ToUnixSeconds(this->clock_.Now());
    const auto note = [&](const char* what, uint64_t version = 0) {
      happened_[name].push_back({second, what, version});
    };
    if (event == "rotation_started") note("STARTED");
    if (event == "rotation_awaiting_value") {
      const uint64_t run = this->Status(name).open_run().number();
      if (std::exchange(asked_[name], run) == run) return;  // it is only reminded
      note("STARTED");
      note("AWAITING_VALUE");
      if (delay_.has_value()) puts_.insert({this->clock_.Now() + *delay_, name});
    }
    if (event == "rotation_staged") note("STAGED");
    if (event == "rotation_published") note("PUBLISHED");
    if (event == "rotation_promoted") note("PROMOTED", this->Status(name).current_version());
    if (event == "rotation_retired") note("RETIRED");
    if (event == "version_destroyed") note("DESTROYED");
  }

  // The engine runs to `end`, looking when something falls due; owners put values.
  void LiveUntil(absl::Time end) {
    while (true) {
      absl::Time next = absl::InfiniteFuture();
      while (true) {
        const absl::StatusOr<int> handled = this->rotation_->RunDue(&next);
        ASSERT_OK(handled);
        if (*handled == 0) break;
      }
      if (!puts_.empty() && puts_.begin()->first <= this->clock_.Now()) {
        const std::string path = puts_.begin()->second;
        puts_.erase(puts_.begin());
        ASSERT_OK(this->Put(path, "put"));
        happened_[path].push_back({absl::ToUnixSeconds(this->clock_.Now()), "PROMOTED",
                                   this->Status(path).current_version()});
        continue;
      }
      if (!puts_.empty()) next = std::min(next, puts_.begin()->first);
      if (next >= end) break;
      this->clock_.AdvanceTime(std::max(next - this->clock_.Now(), absl::Milliseconds(1)));
    }
    this->clock_.AdvanceTime(end - this->clock_.Now());
  }

  // Whole seconds, as the engine looks only at these.
  static Story StoryOf(const std::vector<v1::Forecast>& forecasts) {
    Story story;
    for (const v1::Forecast& forecast : forecasts) {
      for (const Event& event : forecast.events()) {
        const absl::Time time = ToTime(event.time());
        const int64_t second = (absl::ToUnixMillis(time) + 999) / 1000;
        const bool told = event.kind() == Event::PROMOTED;
        story[forecast.path()].push_back(
            {second, Event::Kind_Name(event.kind()), told ? event.version() : 0});
      }
    }
    return story;
  }

  // Where what happened is not what was foreseen: the first such event of each secret.
  std::vector<std::string> Differences(const Story& foreseen) const {
    std::vector<std::string> out;
    const auto text = [](const std::vector<Happened>& events, size_t at) {
      return at < events.size() ? testing::PrintToString(events[at]) : "nothing";
    };
    Story all = happened_;
    all.insert(foreseen.begin(), foreseen.end());
    for (const auto& [path, ignored] : all) {
      const auto told = foreseen.find(path), done = happened_.find(path);
      const std::vector<Happened> none;
      const std::vector<Happened>& events = told == foreseen.end() ? none : told->second;
      const std::vector<Happened>& did = done == happened_.end() ? none : done->second;
      const auto [at, ignored_too] =
          std::mismatch(events.begin(), events.end(), did.begin(), did.end());
      const auto first = static_cast<size_t>(at - events.begin());
      if (first == events.size() && first == did.size()) continue;
      out.push_back(absl::StrCat(path, ", event ", first, ": foreseen ", text(events, first),
                                 ", done ", text(did, first)));
    }
    return out;
  }
  void ExpectAsForeseen(const Story& foreseen) {
    for (const std::string& difference : Differences(foreseen)) ADD_FAILURE() << difference;
  }
  // What is foreseen for so many days happens.
  size_t ExpectDays(int days) {
    v1::ForecastRequest request;
    request.set_span_seconds(int64_t{days} * limits::kDaySeconds);
    request.set_value_delay_seconds(delay_.has_value() ? absl::ToInt64Seconds(*delay_) : -1);
    const absl::Time end = this->clock_.Now() + absl::Hours(24 * days);
    const Story foreseen = StoryOf(Foresee(request));
    happened_.clear();
    LiveUntil(end);
    ExpectAsForeseen(foreseen);
    size_t events = 0;
    for (const auto& [path, told] : foreseen) events += told.size();
    return events;
  }

  std::optional<absl::Duration> delay_ = absl::Hours(49);
  Story happened_;
  std::map<std::string, uint64_t> asked_;
  std::multimap<absl::Time, std::string> puts_;
};

}  // namespace keyturn
