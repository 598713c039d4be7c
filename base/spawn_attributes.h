// How this process starts others: with no signal blocked or ignored, whatever it does with them
// itself. Not thread-safe; several may exist.
#pragma once

#include <spawn.h>

namespace keyturn {

class SpawnAttributes {
 public:
  // With `own_group` the program leads a process group of its own.
  explicit SpawnAttributes(bool own_group);
  ~SpawnAttributes();
  SpawnAttributes(const SpawnAttributes&) = delete;
  SpawnAttributes& operator=(const SpawnAttributes&) = delete;

  // For posix_spawn, as long as this lives.
  const posix_spawnattr_t* get() const { return &attributes_; }

 private:
  posix_spawnattr_t attributes_;
};

}  // namespace keyturn
