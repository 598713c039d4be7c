// The family of the revocation log as a map, for tests that read thousands of damaged ones.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "storage/store.h"

namespace keyturn {

class MapSnapshot : public Snapshot {
 public:
  // `log` outlives this.
  explicit MapSnapshot(const std::map<std::string, std::string>& log) : log_(log) {}

  absl::StatusOr<std::optional<std::string>> Get(Family, absl::string_view key) const override {
    const auto found = log_.find(std::string(key));
    return found == log_.end() ? std::nullopt : std::make_optional(found->second);
  }
  // Of a store that goes on.
  Revision revision() const override { return Revision(UINT64_MAX); }
  absl::Status Scan(Family, absl::string_view begin, absl::string_view end,
                    ScanFn fn) const override {
    for (auto it = log_.lower_bound(std::string(begin)); it != log_.end(); ++it) {
      if (!end.empty() && it->first >= end) break;
      if (!fn(it->first, it->second)) break;
    }
    return absl::OkStatus();
  }

 private:
  const std::map<std::string, std::string>& log_;
};

}  // namespace keyturn
