// A FaultDisk as the environment of the store (RocksStoreOptions::env). Thread-safe. Background
// threads and time are the machine's.
#pragma once

#include <rocksdb/env.h>

#include <memory>

#include "tests/support/fault_disk.h"

namespace keyturn {

// `disk` outlives it; it outlives every store that is opened with it.
std::unique_ptr<rocksdb::Env> NewFaultEnv(FaultDisk& disk);

}  // namespace keyturn
