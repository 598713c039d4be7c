#include "tests/support/keys.h"

#include <cstdio>
#include <cstdlib>

#include "crypto/random.h"
#include "keyring/keyring_codec.h"

namespace keyturn {
namespace {

template <typename T>
T OrDie(absl::StatusOr<T> result) {
  if (!result.ok()) {
    std::fprintf(stderr, "%s\n", result.status().ToString().c_str());
    std::abort();
  }
  return *std::move(result);
}

}  // namespace

std::shared_ptr<const KeyringSnapshot> TestKeys() {
  return OrDie(KeyringCodec::Generate(RandomUuid(), 0));
}

std::unique_ptr<Keyring> TestKeyring(FileSystem& files, Clock& clock) {
  const KeyringOptions options{
      .directory = "/keyring", .key_file = "", .anchor_file = "", .argon2 = {1, 64 * 1024}};
  std::unique_ptr<Keyring> keyring = OrDie(Keyring::Open(options, files, clock));
  if (keyring->status().initialized) return keyring;
  std::vector<SealSpec> seals(1);
  seals[0].type = SealSpec::Type::kPassphrase;
  seals[0].passphrase = OrDie(SecretBytes::CopyOf(kTestPassphrase));
  OrDie(keyring->Init(std::move(seals)));
  return keyring;
}

}  // namespace keyturn
