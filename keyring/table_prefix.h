// Where the tables of sealed records by name are: in the index family, each under a prefix of its
// own (docs/FORMAT.md). Thread-safe (no state).
#pragma once

#include <string>

#include "keyring/envelope.h"

namespace keyturn {

// What the keys of the records of this purpose begin with; 16 bytes.
inline std::string TablePrefix(const KeyringSnapshot& keys, Purpose purpose) {
  const char number = static_cast<char>(purpose);
  return IndexMac(keys, "auth-table", {&number, 1});
}

}  // namespace keyturn
