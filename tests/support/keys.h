// An unsealed keyring for tests of the rooms above it.
#pragma once

#include <memory>

#include "keyring/keyring.h"

namespace keyturn {

// Fresh random keys each time. Aborts when that fails.
std::shared_ptr<const KeyringSnapshot> TestKeys();

// An initialised, unsealed keyring that lives in `files`, with a passphrase seal of little cost.
std::unique_ptr<Keyring> TestKeyring(FileSystem& files, Clock& clock);
inline constexpr char kTestPassphrase[] = "correct horse battery staple";

}  // namespace keyturn
