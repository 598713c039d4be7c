// When something falls due, held in order of time: the hints of family due, of some classes, as a
// compact set. A million of them take 40 MB. Thread-safe.
#pragma once

#include <algorithm>
#include <array>
#include <optional>
#include <tuple>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/btree_set.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/types/span.h"
#include "storage/schema.h"
#include "storage/store.h"

namespace keyturn {

class DueTimers {
 public:
  explicit DueTimers(std::vector<uint8_t> classes) : classes_(std::move(classes)) {}

  // One scan of the family. What is committed meanwhile comes by OnCommitted.
  absl::Status Load(const Store& store);
  void Clear();
  void OnCommitted(absl::Span<const CommittedUpdate> group);

  // The earliest.
  std::optional<schema::DueItem> First() const;
  bool Has(const schema::DueItem& item) const;
  void Remove(const schema::DueItem& item);
  // In memory alone: it is looked at again at `until`, or after a restart. Unless it has moved.
  void Postpone(const schema::DueItem& item, absl::Time until);
  size_t size() const;
  // How many are due at `now`, counted to `most` at most.
  size_t CountDue(absl::Time now, size_t most) const;
  // Of these, in their order, the first `most` after `last`; from the first on without it.
  std::vector<schema::DueItem> DueAfter(const std::optional<schema::DueItem>& last, absl::Time now,
                                        size_t most) const;

 private:
  using Item = std::tuple<int64_t, Uuid, uint8_t>;  // seconds of the Unix clock, object, class

  bool Is(uint8_t due_class) const {
    return std::find(classes_.begin(), classes_.end(), due_class) != classes_.end();
  }
  static schema::DueItem DueOf(const Item& item) {
    const auto& [seconds, object, due_class] = item;
    return {.object = object, .when = absl::FromUnixSeconds(seconds), .due_class = due_class};
  }
  static Item ItemOf(const schema::DueItem& item) {
    return {absl::ToUnixSeconds(item.when), item.object, item.due_class};
  }

  const std::vector<uint8_t> classes_;
  mutable absl::Mutex mu_;
  absl::btree_set<Item> items_ ABSL_GUARDED_BY(mu_);
};

}  // namespace keyturn
