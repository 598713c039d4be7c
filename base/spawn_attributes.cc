#include "base/spawn_attributes.h"

#include <csignal>

namespace keyturn {

SpawnAttributes::SpawnAttributes(bool own_group) : attributes_() {
  posix_spawnattr_init(&attributes_);
  sigset_t none, all;
  sigemptyset(&none);
  sigfillset(&all);
  posix_spawnattr_setsigmask(&attributes_, &none);
  posix_spawnattr_setsigdefault(&attributes_, &all);
  posix_spawnattr_setpgroup(&attributes_, 0);
  const int group = own_group ? POSIX_SPAWN_SETPGROUP : 0;
  posix_spawnattr_setflags(
      &attributes_, static_cast<short>(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | group));
}

SpawnAttributes::~SpawnAttributes() { posix_spawnattr_destroy(&attributes_); }

}  // namespace keyturn
