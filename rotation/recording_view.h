// A view that keeps what is read through it, so that what was made of it can be held against
// another view later. Not thread-safe.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/status_macros.h"
#include "storage/store.h"

namespace keyturn {

class RecordingView : public View {
 public:
  // `view` outlives this.
  explicit RecordingView(const View& view) : view_(view) {}
  absl::StatusOr<std::optional<std::string>> Get(Family family,
                                                 absl::string_view key) const override {
    ASSIGN_OR_RETURN(std::optional<std::string> value, view_.Get(family, key));
    reads_.push_back({family, std::string(key), value});
    return value;
  }
  // Whether `view` has the same.
  absl::StatusOr<bool> IsSame(const View& view) const {
    for (const Read& read : reads_) {
      ASSIGN_OR_RETURN(const std::optional<std::string> value, view.Get(read.family, read.key));
      if (value != read.value) return false;
    }
    return true;
  }

 private:
  struct Read {
    Family family;
    std::string key;
    std::optional<std::string> value;
  };
  const View& view_;
  mutable std::vector<Read> reads_;
};

}  // namespace keyturn
