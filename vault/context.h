// What every part of the vault works with. The parts hold a reference; vault.cc owns it.
#pragma once

#include "base/clock.h"
#include "keyring/keyring.h"
#include "storage/store.h"
#include "vault/cache.h"
#include "vault/put_news.h"

namespace keyturn {

struct VaultContext {
  Store& store;
  Keyring& keyring;
  Clock& clock;
  VaultCache& cache;
  PutTeller tell_of_put;  // may be empty
};

// Classes of due items (the last byte of a due key).
inline constexpr uint8_t kDueExpire = 1;
inline constexpr uint8_t kDuePurge = 2;
inline constexpr uint8_t kDueRotation = 3;  // the rotation engine's
inline constexpr uint8_t kDueRefresh = 4;   // of refresh tokens

}  // namespace keyturn
