#include "client/cli/forecast_svg.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace keyturn::cli {
namespace {

constexpr int kWidth = 1000, kHeight = 420;
constexpr int kLeft = 60, kRight = 20, kTop = 70, kBottom = 70;
constexpr int kPlotWidth = kWidth - kLeft - kRight;
constexpr int kPlotHeight = kHeight - kTop - kBottom;
constexpr char kMade[] = "#2b6cb0", kAsked[] = "#dd8b2f", kEnded[] = "#444444";

std::string Escaped(const std::string& text) {
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '&') {
      out += "&amp;";
    } else if (c == '<') {
      out += "&lt;";
    } else if (c == '>') {
      out += "&gt;";
    } else if (byte >= 0x20 && byte != 0x7f) {
      out.push_back(c);
    }
  }
  return out;
}

// What the axis counts by: 1, 2, 5, 10, 20, 50, ... so that it has some five steps.
int StepFor(int most) {
  int step = 1;
  for (int i = 0; most / step > 6; ++i) step = i % 3 == 1 ? step / 2 * 5 : step * 2;
  return step;
}

void Text(double x, double y, const char* anchor, int size, const std::string& text,
          std::string* out) {
  absl::StrAppendFormat(
      out, "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\" font-size=\"%d\">%s</text>\n", x, y,
      anchor, size, Escaped(text));
}

void Rect(double x, double y, double width, double height, const char* color,
          const std::string& tip, std::string* out) {
  absl::StrAppendFormat(
      out,
      "<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" fill=\"%s\"><title>%s</title>"
      "</rect>\n",
      x, y, width, height, color, Escaped(tip));
}

class Picture {
 public:
  explicit Picture(const std::vector<Week>& weeks) : weeks_(weeks) {
    int most = 1;
    for (const Week& week : weeks) {
      most = std::max({most, week.load.starts(), week.load.ended});
    }
    step_ = StepFor(most);
    top_ = (most + step_ - 1) / step_ * step_;
    slot_ =
        static_cast<double>(kPlotWidth) / static_cast<double>(std::max<size_t>(weeks.size(), 1));
  }

  std::string Draw(const std::string& title) {
    absl::StrAppendFormat(&out_,
                          "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
                          "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" "
                          "viewBox=\"0 0 %d %d\" font-family=\"sans-serif\" fill=\"#222222\">\n",
                          kWidth, kHeight, kWidth, kHeight);
    absl::StrAppend(&out_, "<title>", Escaped(title), "</title>\n",
                    "<rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n");
    Text(kLeft, 26, "start", 17, title, &out_);
    Legend();
    Axes();
    for (size_t i = 0; i < weeks_.size(); ++i) Bar(i);
    Ends();
    return absl::StrCat(out_, "</svg>\n");
  }

 private:
  double X(size_t week) const { return kLeft + slot_ * static_cast<double>(week); }
  double Y(int count) const { return kTop + kPlotHeight - Height(count); }
  double Height(int count) const { return static_cast<double>(kPlotHeight) * count / top_; }

  void Legend() {
    const std::pair<const char*, const char*> series[] = {
        {kMade, "rotations by the server"}, {kAsked, "rotations that wait for an owner"}};
    double x = kLeft;
    for (const auto& [color, name] : series) {
      Rect(x, 40, 12, 12, color, name, &out_);
      Text(x + 18, 51, "start", 13, name, &out_);
      x += 230;
    }
    absl::StrAppendFormat(&out_,
                          "<line x1=\"%.1f\" y1=\"46\" x2=\"%.1f\" y2=\"46\" stroke=\"%s\" "
                          "stroke-width=\"2\"/>\n",
                          x, x + 24, kEnded);
    Text(x + 30, 51, "start", 13, "versions that work no more", &out_);
  }

  void Axes() {
    for (int count = 0; count <= top_; count += step_) {
      absl::StrAppendFormat(
          &out_, "<line x1=\"%d\" y1=\"%.1f\" x2=\"%d\" y2=\"%.1f\" stroke=\"%s\"/>\n", kLeft,
          Y(count), kWidth - kRight, Y(count), count == 0 ? "#222222" : "#dddddd");
      Text(kLeft - 8, Y(count) + 4, "end", 12, absl::StrCat(count), &out_);
    }
    Text(4, kTop - 14, "start", 11, "per week", &out_);
    // As many dates as have room.
    const size_t every = (weeks_.size() + 12) / 13;
    for (size_t i = 0; i < weeks_.size(); i += std::max<size_t>(every, 1)) {
      absl::StrAppendFormat(&out_,
                            "<line x1=\"%.1f\" y1=\"%d\" x2=\"%.1f\" y2=\"%d\" "
                            "stroke=\"#222222\"/>\n",
                            X(i), kTop + kPlotHeight, X(i), kTop + kPlotHeight + 5);
      Text(X(i), kTop + kPlotHeight + 20, "middle", 11, absl::FormatCivilTime(weeks_[i].monday),
           &out_);
    }
    Text(kLeft + kPlotWidth / 2.0, kHeight - 20, "middle", 12, "week of (Monday, UTC)", &out_);
  }

  void Bar(size_t i) {
    const Load& load = weeks_[i].load;
    const std::string week = absl::StrCat("week of ", absl::FormatCivilTime(weeks_[i].monday));
    const double x = X(i) + slot_ * 0.15, width = slot_ * 0.7;
    if (load.made > 0) {
      Rect(x, Y(load.made), width, Height(load.made), kMade,
           absl::StrCat(week, ": ", load.made, " by the server"), &out_);
    }
    if (load.asked > 0) {
      Rect(x, Y(load.starts()), width, Height(load.asked), kAsked,
           absl::StrCat(week, ": ", load.asked, " wait for an owner"), &out_);
    }
  }

  void Ends() {
    std::string points;
    for (size_t i = 0; i < weeks_.size(); ++i) {
      absl::StrAppendFormat(&points, "%s%.1f,%.1f", i == 0 ? "" : " ", X(i) + slot_ / 2,
                            Y(weeks_[i].load.ended));
    }
    absl::StrAppend(&out_, "<polyline fill=\"none\" stroke=\"", kEnded,
                    "\" stroke-width=\"2\" points=\"", points, "\"/>\n");
  }

  const std::vector<Week>& weeks_;
  int step_ = 1, top_ = 1;
  double slot_ = 1;
  std::string out_;
};

}  // namespace

std::string ForecastSvg(const std::string& title, const std::vector<Week>& weeks) {
  return Picture(weeks).Draw(title);
}

}  // namespace keyturn::cli
