// A vault on disk in this process, without server, authorisation or audit: what the rooms below
// the server cost by themselves.
#pragma once

#include <memory>
#include <string>

#include "base/clock.h"
#include "keyring/keyring.h"
#include "storage/store.h"
#include "vault/vault.h"

namespace keyturn::bench {

class VaultWorld {
 public:
  // Opens the directory, or makes it. `sync` false leaves out fdatasync, for filling only.
  // `clock` outlives this.
  VaultWorld(const std::string& directory, bool sync, Clock& clock = Clock::Real());

  Vault& vault() { return *vault_; }
  Store& store() { return *store_; }
  Keyring& keyring() { return *keyring_; }
  // Writes a secret with one field of `size` random letters.
  absl::StatusOr<PutResult> Put(const std::string& path, size_t size);
  // Reads its current version; the number of bytes.
  absl::StatusOr<size_t> Get(const std::string& path);

 private:
  std::unique_ptr<Store> store_;
  std::unique_ptr<Keyring> keyring_;
  std::unique_ptr<Vault> vault_;
};

// "team-3/service-14/key-00001234": three segments, a hundred services of a team.
std::string PathOf(uint64_t number);

// Removed when the program ends.
class ScratchDirectory {
 public:
  ScratchDirectory();
  ~ScratchDirectory();
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

}  // namespace keyturn::bench
