// Opens sealed records one by one, of whichever room: by its key it is known what a record is. For
// a verification; what reads a record for its own sake has better errors. Thread-safe (const).
#pragma once

#include <map>
#include <string>

#include "absl/strings/string_view.h"
#include "keyring/envelope.h"
#include "storage/store.h"

namespace keyturn {

class RecordCheck {
 public:
  // `keys` outlive this.
  explicit RecordCheck(const KeyringSnapshot& keys);

  // What is wrong with a record of the family `records`, for people; "" if it opens. Metadata and
  // directories, which names lead to, and data, which is under a key of its own, are not opened.
  std::string OfRecords(absl::string_view key, absl::string_view sealed) const;
  // The same of the family `index`, of the tables. `*of_table` says whether it is of one; else it
  // is the name of a secret or a directory.
  std::string OfIndex(absl::string_view key, absl::string_view sealed, bool* of_table) const;
  std::string OfChanges(absl::string_view key, absl::string_view sealed) const;

 private:
  bool Opens(Purpose purpose, absl::string_view key, absl::string_view sealed) const;

  struct Table {
    Purpose purpose;
    absl::string_view what;
  };
  const KeyringSnapshot& keys_;
  std::map<std::string, Table, std::less<>> tables_;  // by prefix
};

}  // namespace keyturn
