// Vaults that are wrong on purpose, for tests that must notice: each stands in front of a right
// one. Thread-safe as the vault behind.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "vault/vault.h"

namespace keyturn {

// Right itself: hands on every call.
class VaultWrapper : public Vault {
 public:
  explicit VaultWrapper(std::unique_ptr<Vault> inner) : inner_(std::move(inner)) {}

  absl::Status OnUnsealed() override { return inner_->OnUnsealed(); }
  void OnSealed() override { inner_->OnSealed(); }
  void OnCommitted(absl::Span<const CommittedUpdate> group) override { inner_->OnCommitted(group); }
  absl::StatusOr<PutResult> Put(Updater& updater, const PutParams& params,
                                const SecretBytes& data) override {
    return inner_->Put(updater, params, data);
  }
  absl::StatusOr<ReadResult> Get(const v1::GetRequest& request, absl::Time deadline) override {
    return inner_->Get(request, deadline);
  }
  absl::StatusOr<v1::SecretInfo> Describe(const SecretPath& path) override {
    return inner_->Describe(path);
  }
  absl::StatusOr<v1::SecretInfo> Adopt(Updater& updater, const v1::AdoptRequest& request) override {
    return inner_->Adopt(updater, request);
  }
  absl::StatusOr<FoundSecret> Find(const std::string& path) override { return inner_->Find(path); }
  absl::StatusOr<v1::ListResponse> List(const v1::ListRequest& request,
                                        VisibleFn visible) override {
    return inner_->List(request, visible);
  }
  absl::StatusOr<v1::SearchResponse> Search(const v1::SearchRequest& request,
                                            VisibleFn visible) override {
    return inner_->Search(request, visible);
  }
  absl::StatusOr<v1::SecretInfo> UpdateMetadata(Updater& updater,
                                                const v1::UpdateMetadataRequest& request) override {
    return inner_->UpdateMetadata(updater, request);
  }
  absl::StatusOr<v1::SecretInfo> Delete(Updater& updater,
                                        const v1::DeleteRequest& request) override {
    return inner_->Delete(updater, request);
  }
  absl::StatusOr<v1::SecretInfo> Undelete(Updater& updater,
                                          const v1::UndeleteRequest& request) override {
    return inner_->Undelete(updater, request);
  }
  absl::StatusOr<v1::DestroyResponse> Destroy(Updater& updater,
                                              const v1::DestroyRequest& request) override {
    return inner_->Destroy(updater, request);
  }
  absl::StatusOr<v1::RenameResponse> Rename(Updater& updater,
                                            const v1::RenameRequest& request) override {
    return inner_->Rename(updater, request);
  }
  absl::StatusOr<std::vector<v1::WatchResponse>> ChangesSince(const SecretPath& path,
                                                              Revision after, size_t limit,
                                                              Revision* reached) override {
    return inner_->ChangesSince(path, after, limit, reached);
  }
  std::shared_ptr<void> OnChange(std::function<void()> wake) override {
    return inner_->OnChange(std::move(wake));
  }
  absl::StatusOr<int> RunDue(Updater& updater, absl::Time* next) override {
    return inner_->RunDue(updater, next);
  }
  absl::StatusOr<int> SweepDue(Updater& updater, ProgressFn progress) override {
    return inner_->SweepDue(updater, progress);
  }
  absl::StatusOr<record::v1::RewrapState> ReadRewrapState() override {
    return inner_->ReadRewrapState();
  }
  absl::StatusOr<record::v1::RewrapState> Rewrap(Updater& updater, ProgressFn progress) override {
    return inner_->Rewrap(updater, progress);
  }
  absl::StatusOr<uint64_t> CountOutside(KekTerm term, ProgressFn progress) override {
    return inner_->CountOutside(term, progress);
  }
  absl::StatusOr<std::vector<StoreProblem>> Verify(ProgressFn progress) override {
    return inner_->Verify(progress);
  }

 protected:
  const std::unique_ptr<Vault> inner_;
  std::atomic<unsigned> calls_{0};  // of the kind that a mutant is wrong about
};

// Every few reads are what an earlier one of the same version selector was.
class StaleReadsVault : public VaultWrapper {
 public:
  using VaultWrapper::VaultWrapper;
  absl::StatusOr<ReadResult> Get(const v1::GetRequest& request, absl::Time deadline) override {
    const std::string key = request.SerializeAsString();
    const absl::MutexLock lock(&mu_);
    const auto known = known_.find(key);
    if (known != known_.end() && ++calls_ % 7 == 0) return Copy(known->second);
    absl::StatusOr<ReadResult> fresh = inner_->Get(request, deadline);
    if (fresh.ok()) known_.insert_or_assign(key, Copy(*fresh));
    return fresh;
  }

 private:
  static ReadResult Copy(const ReadResult& from) {
    return {from.secret, from.info, *SecretBytes::CopyOf(from.data.ExposeForCrypto())};
  }
  absl::Mutex mu_;
  std::map<std::string, ReadResult> known_;
};

// Every few writes of a secret that is there are acknowledged and not done.
class LostWritesVault : public VaultWrapper {
 public:
  using VaultWrapper::VaultWrapper;
  absl::StatusOr<PutResult> Put(Updater& updater, const PutParams& params,
                                const SecretBytes& data) override {
    const auto now = inner_->Describe(params.path);
    if (!now.ok() || params.if_version.has_value() || now->require_if_version() ||
        ++calls_ % 3 != 0) {
      return inner_->Put(updater, params, data);
    }
    PutResult result;
    result.version = SecretVersion(now->newest_version() + 1);
    return result;
  }
};

// A compare-and-set that sets without comparing.
class CarelessCasVault : public VaultWrapper {
 public:
  using VaultWrapper::VaultWrapper;
  absl::StatusOr<PutResult> Put(Updater& updater, const PutParams& params,
                                const SecretBytes& data) override {
    const auto now = inner_->Describe(params.path);
    PutParams careless = params;
    if (!now.ok() || !now->require_if_version()) careless.if_version.reset();
    return inner_->Put(updater, careless, data);
  }
};

template <typename Mutant>
std::unique_ptr<Vault> MakeMutant(std::unique_ptr<Vault> inner) {
  return std::make_unique<Mutant>(std::move(inner));
}

}  // namespace keyturn
