#include "bench/vault_world.h"

#include <cstdlib>
#include <filesystem>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "bench/measure.h"
#include "keyring/envelope.h"
#include "storage/rocks_store.h"
#include "vault/fields.h"

namespace keyturn::bench {
namespace {

constexpr char kPassphrase[] = "only for benchmarks";

SecretBytes Passphrase() { return OrDie(SecretBytes::CopyOf(kPassphrase)); }

}  // namespace

VaultWorld::VaultWorld(const std::string& directory, bool sync, Clock& clock) {
  std::filesystem::create_directories(directory);
  std::filesystem::permissions(directory, std::filesystem::perms::owner_all);
  store_ = OrDie(OpenRocksStore({.directory = directory + "/store", .sync = sync}, clock));
  const KeyringOptions options{
      .directory = directory, .key_file = "", .anchor_file = "", .argon2 = {1, 64 * 1024}};
  keyring_ = OrDie(Keyring::Open(options, FileSystem::Posix(), clock));
  if (keyring_->status().initialized) {
    CheckOk(keyring_->UnsealWithPassphrase(Passphrase(), store_->LastRevision()));
  } else {
    std::vector<SealSpec> seals(1);
    seals[0].type = SealSpec::Type::kPassphrase;
    seals[0].passphrase = Passphrase();
    CheckOk(keyring_->Init(std::move(seals)).status());
  }
  vault_ = Vault::Create(*store_, *keyring_, clock);
  store_->SetCommitListener(
      [this](absl::Span<const CommittedUpdate> group) { vault_->OnCommitted(group); });
  store_->SetRecordHasher(NewRecordHasher(*OrDie(keyring_->Snapshot())));
  CheckOk(vault_->OnUnsealed());
}

absl::StatusOr<PutResult> VaultWorld::Put(const std::string& path, size_t size) {
  PutParams params;
  params.path = OrDie(SecretPath::Parse(path));
  params.replace = true;
  params.principal = "bench";
  const std::string value(size, 'v');
  const FieldView field{"value", 1, value};
  return vault_->Put(*store_, params, OrDie(EncodeFields({&field, 1})));
}

absl::StatusOr<size_t> VaultWorld::Get(const std::string& path) {
  v1::GetRequest request;
  request.set_path(path);
  absl::StatusOr<ReadResult> result = vault_->Get(request, absl::InfiniteFuture());
  if (!result.ok()) return result.status();
  return result->data.size();
}

std::string PathOf(uint64_t number) {
  return absl::StrFormat("team-%d/service-%d/key-%08d", number % 10, number / 10 % 100, number);
}

ScratchDirectory::ScratchDirectory() {
  const char* const base = std::getenv("TMPDIR");
  path_ = absl::StrCat(base != nullptr ? base : "/tmp", "/keyturn-bench-XXXXXX");
  if (mkdtemp(path_.data()) == nullptr) Die("cannot make a directory under " + path_);
}

ScratchDirectory::~ScratchDirectory() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

}  // namespace keyturn::bench
