// A FaultDisk as the file system of keyring and audit log. Thread-safe as storage/file_system.h
// says.
#pragma once

#include <memory>

#include "storage/file_system.h"
#include "tests/support/fault_disk.h"

namespace keyturn {

// `disk` outlives it.
std::unique_ptr<FileSystem> NewFaultFileSystem(FaultDisk& disk);

}  // namespace keyturn
