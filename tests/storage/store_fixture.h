// What the tests of the store and of its parts share.
#pragma once

#include <array>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "base/clock.h"
#include "storage/rocks_store.h"
#include "storage/store.h"
#include "tests/support/status.h"

namespace keyturn {

// Unkeyed: what the store does with hashes does not depend on their quality.
class SumHasher : public RecordHasher {
 public:
  std::array<uint64_t, 4> Hash(Family family, absl::string_view key,
                               absl::string_view value) const override {
    const uint64_t h = std::hash<std::string>()(std::string(1, static_cast<char>(family)) +
                                                std::string(key) + "|" + std::string(value));
    return {h, h * 3, h * 5, h * 7};
  }
};

// A function for Update and Group::Run that puts one record. The arguments outlive it.
inline auto Putting(absl::string_view key, absl::string_view value,
                    Family family = Family::kRecords) {
  return [=](const View&, Batch& batch) {
    batch.Put(family, key, value);
    return absl::OkStatus();
  };
}

}  // namespace keyturn
