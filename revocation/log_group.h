// Gathers the changes of one group of the log and parts them by hour: one record for each, so that
// an hour that has passed can be dropped as a whole. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace keyturn {

class LogGroup {
 public:
  // `encoded`: by ChangeEncoder; lives until Part has been called.
  void Add(uint32_t hour, absl::string_view encoded);
  bool empty() const { return changes_.empty(); }
  // Of the changes, as they will be in the records.
  size_t bytes() const { return bytes_; }
  // What a change of so many bytes adds to it.
  static size_t BytesOf(size_t encoded) { return encoded + 4; }

  struct Record {
    uint32_t hour = 0;
    std::string body;  // RevocationGroup
  };
  // By ascending hours, none below `hour_min`. Of more than limits::kRevocationGroupHoursMax hours
  // some go with the next later one, those that are nearest to it; what is kept for ever stays
  // alone.
  std::vector<Record> Part(uint32_t hour_min) const;

 private:
  struct Change {
    uint32_t hour;
    absl::string_view encoded;
  };
  // Ascending hours of the records.
  std::vector<uint32_t> Hours(uint32_t hour_min) const;

  std::vector<Change> changes_;
  size_t bytes_ = 0;
};

}  // namespace keyturn
