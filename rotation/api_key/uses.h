// How often which secret of which API key was used, since that was last written into the records.
// Nothing counted here is lost but by a kill: what is being written stays counted until it is
// known to be durable. Thread-safe.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "rotation/api_key/record.h"

namespace keyturn {

class ApiKeyUses {
 public:
  struct Used {
    uint64_t generation = 0;
    uint64_t count = 0;
    int64_t last_ms = 0;  // Unix milliseconds
  };
  // Of one key.
  using OfKey = std::vector<Used>;
  using Map = absl::flat_hash_map<std::string, OfKey>;  // by id

  // Whether it was counted: not while closed.
  bool Count(absl::string_view id, uint64_t generation, absl::Time now);
  // Closed: what is counted is all there will be. A new object is closed.
  void Open();
  void Close();

  // What is to be written next, of at most `keys` keys; empty when there is nothing. It goes on
  // being counted until Written, or, when that failed, is put back by Failed. One at a time.
  Map Take(size_t keys);
  void Written();
  void Failed();

  // Adds what is counted to a record that is to be shown.
  void AddTo(ApiKeyRecord* record) const;
  // Adds the same to a record that is to be written.
  static void Add(const OfKey& used, ApiKeyRecord* record);

 private:
  static void Merge(Map&& from, Map* into);

  mutable absl::Mutex mu_;
  bool open_ ABSL_GUARDED_BY(mu_) = false;
  Map counted_ ABSL_GUARDED_BY(mu_);
  Map taken_ ABSL_GUARDED_BY(mu_);
};

}  // namespace keyturn
