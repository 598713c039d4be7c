// RocksDB's own checksums, over every block of every table: what a scan of the records does not
// read (indexes, filters, families without accumulators, what was replaced) can be damaged too.
#pragma once

#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "storage/rocks_db.h"
#include "storage/store.h"

namespace keyturn {

// Adds a problem for each table that is damaged. `next` is asked between tables; anything but OK
// ends the check. Thread-safe.
absl::Status CheckTables(const RocksDb& db, absl::FunctionRef<absl::Status()> next,
                         std::vector<StoreProblem>* problems);

}  // namespace keyturn
