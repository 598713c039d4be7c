#include "client/cli/forecast_svg.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "tests/support/process.h"

namespace keyturn::cli {
namespace {

std::vector<Week> SomeWeeks(int count, int most) {
  std::vector<Week> weeks;
  const absl::CivilDay monday(2026, 11, 2);
  for (int i = 0; i < count; ++i) weeks.push_back({monday + 7 * i, {i % (most + 1), i % 3, i % 4}});
  return weeks;
}

// Parses it, and says what is in it: texts and how many of each element, or the parser's error.
std::string Read(const std::string& svg) {
  const std::string program = R"(
import collections, sys, xml.etree.ElementTree as tree
root = tree.fromstring(sys.stdin.buffer.read())
name = lambda e: e.tag.replace('{http://www.w3.org/2000/svg}', '')
print(sorted(collections.Counter(name(e) for e in root.iter()).items()))
print('|'.join(e.text for e in root.iter() if name(e) in ('text', 'title') and e.text))
inside = all(0 <= float(e.get('x')) and float(e.get('x')) + float(e.get('width')) <= 1000 and
             0 <= float(e.get('y')) and float(e.get('y')) + float(e.get('height')) <= 420
             for e in root.iter() if name(e) == 'rect' and '%' not in e.get('width'))
print('inside' if inside else 'outside')
)";
  ProcessOptions options;
  options.input = svg;
  const ProcessResult result = RunProcess({"/usr/bin/python3", "-c", program}, options);
  return result.code == 0 ? result.out : result.err;
}

TEST(ForecastSvg, HasTitleAxesLegendAndBars) {
  const std::string svg = ForecastSvg("Rotations of app", SomeWeeks(53, 9));
  const std::string read = Read(svg);
  for (const char* const part :
       {"Rotations of app", "rotations by the server", "rotations that wait for an owner",
        "versions that work no more", "week of (Monday, UTC)", "per week", "2026-11-02",
        "('svg', 1)", "('polyline', 1)", "week of 2026-11-09: 1 by the server", "inside"}) {
    EXPECT_TRUE(absl::StrContains(read, part)) << part << "\n" << read;
  }
}

TEST(ForecastSvg, IsXmlWhateverTheTitle) {
  const std::string read = Read(ForecastSvg("a<b>&\"c\" \x01]]> \xc3\xa9</svg>", SomeWeeks(2, 1)));
  EXPECT_TRUE(absl::StrContains(read, "a<b>&\"c\" ]]> \xc3\xa9</svg>")) << read;
}

TEST(ForecastSvg, TheAxisFitsHoweverMuchItIs) {
  for (const int most : {0, 1, 7, 99, 12'345}) {
    std::vector<Week> weeks = SomeWeeks(5, 0);
    weeks[2].load.made = most;
    const std::string read = Read(ForecastSvg("t", weeks));
    EXPECT_TRUE(absl::StrContains(read, "inside")) << most << read;
  }
  EXPECT_TRUE(absl::StrContains(Read(ForecastSvg("none", {})), "('svg', 1)"));
}

// For a look at it: KEYTURN_SVG_OUT=year.svg.
TEST(ForecastSvg, IsWrittenForALook) {
  const char* const file = std::getenv("KEYTURN_SVG_OUT");
  if (file == nullptr) GTEST_SKIP() << "KEYTURN_SVG_OUT is not set";
  std::ofstream(file) << ForecastSvg("Rotations of app", SomeWeeks(53, 40));
}

}  // namespace
}  // namespace keyturn::cli
