// A picture of what is foreseen: rotations for each week as bars, and the versions that end, with
// axes, a legend and a title. Pure; thread-safe.
#pragma once

#include <string>
#include <vector>

#include "client/cli/forecast_chart.h"

namespace keyturn::cli {

// A whole SVG document (SVG 1.1, UTF-8). `title` is any text; what XML cannot hold is left out.
std::string ForecastSvg(const std::string& title, const std::vector<Week>& weeks);

}  // namespace keyturn::cli
