// How snapshots of the revocation list are taken. The defaults are for a server; tests make all of
// it small.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/limits.h"

namespace keyturn {

struct SnapshotOptions {
  // How much must be logged since the last one: a start reads no more of the log than that, or than
  // a quarter of the snapshot's size.
  uint64_t log_bytes_min = limits::kRevocationSnapshotLogBytesMin;
  // Of a chunk, but for one large key alone. REQUIRES: at most the default.
  size_t chunk_bytes_max = limits::kRevocationChunkBytesMax;
  // Written in one step.
  int chunks_per_step = limits::kRevocationChunksPerSweep;
};

}  // namespace keyturn
