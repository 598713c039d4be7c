// Waiting until the server has forgotten the older key-encryption keys, for as long as that can
// still come. Not thread-safe.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "keyturn/v1/system_service.pb.h"

namespace keyturn::cli {

class KeyWait {
 public:
  struct Step {
    bool done = false;  // no older key is left
    std::string say;    // what is waited for, when it is to be said now; else ""
  };

  // `term`: of the key that takes their place.
  explicit KeyWait(uint32_t term) : term_(term) {}

  // What `status`, at `now`, means. DATA_LOSS when records do not open, so that the keys stay;
  // UNAVAILABLE when the server rests and has got no further for longer than it waits for anything.
  absl::StatusOr<Step> Look(const v1::RewrapStatusResponse& status, absl::Time now);

 private:
  const uint32_t term_;
  std::string last_;  // of what moves while there is progress
  absl::Time since_ = absl::InfiniteFuture();
  bool said_ = false;
};

}  // namespace keyturn::cli
