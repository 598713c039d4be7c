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

}  // namespace keyturn
