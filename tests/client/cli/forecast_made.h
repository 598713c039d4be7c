// Forecasts for tests of how they are shown: from 2026-11-03, a Tuesday. Thread-safe.
#pragma once

#include <gtest/gtest.h>

#include <string>

#include "base/timestamps.h"
#include "client/cli/forecast_chart.h"

namespace keyturn::cli {

inline absl::Time At(const std::string& text) {
  absl::Time time;
  std::string error;
  EXPECT_TRUE(absl::ParseTime(absl::RFC3339_full, text, &time, &error)) << error;
  return time;
}

// Reserved, so that what AddSecret returns stays where it is.
inline Foreseen Made(int days) {
  Foreseen foreseen;
  foreseen.from = At("2026-11-03T12:00:00Z");
  foreseen.end = foreseen.from + absl::Hours(24 * days);
  foreseen.forecasts.reserve(10);
  return foreseen;
}

inline v1::Forecast& AddSecret(Foreseen* foreseen, const std::string& path) {
  v1::Forecast forecast;
  forecast.set_path(path);
  foreseen->forecasts.push_back(forecast);
  return foreseen->forecasts.back();
}

inline v1::ForecastEvent& AddEvent(v1::Forecast* forecast, v1::ForecastEvent::Kind kind,
                                   const std::string& time, uint64_t version = 0) {
  v1::ForecastEvent& event = *forecast->add_events();
  event.set_kind(kind);
  *event.mutable_time() = ToTimestamp(At(time));
  event.set_version(version);
  return event;
}

// A start and what it begins with.
inline void AddRotation(v1::Forecast* forecast, const std::string& time,
                        v1::ForecastEvent::Kind kind = v1::ForecastEvent::PROMOTED) {
  AddEvent(forecast, v1::ForecastEvent::STARTED, time);
  AddEvent(forecast, kind, time, kind == v1::ForecastEvent::PROMOTED ? 2 : 0);
}

}  // namespace keyturn::cli
