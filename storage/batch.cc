#include <algorithm>
#include <iterator>

#include "storage/store.h"

namespace keyturn {

void Batch::Put(Family family, absl::string_view key, absl::string_view value) {
  bytes_ += key.size() + value.size();
  operations_.push_back({family, false, std::string(key), std::string(value)});
}

void Batch::Insert(Family family, absl::string_view key, absl::string_view value) {
  Put(family, key, value);
  operations_.back().is_new = true;
}

void Batch::Delete(Family family, absl::string_view key) {
  bytes_ += key.size();
  operations_.push_back({family, true, std::string(key), ""});
}

void Batch::Note(absl::string_view name, absl::string_view value) {
  notes_.emplace_back(std::string(name), std::string(value));
}

void Batch::Append(Batch other) {
  bytes_ += other.bytes_;
  std::move(other.operations_.begin(), other.operations_.end(), std::back_inserter(operations_));
  std::move(other.notes_.begin(), other.notes_.end(), std::back_inserter(notes_));
}

}  // namespace keyturn
