#include "vault/vault.h"

#include "base/status_macros.h"
#include "vault/adopter.h"
#include "vault/cache.h"
#include "vault/changes.h"
#include "vault/context.h"
#include "vault/due.h"
#include "vault/due_sweep.h"
#include "vault/life.h"
#include "vault/lister.h"
#include "vault/mover.h"
#include "vault/reader.h"
#include "vault/rewrap.h"
#include "vault/verifier.h"
#include "vault/writer.h"

namespace keyturn {
namespace {

// Owns the parts and hands each call to the one that does it.
class VaultImpl : public Vault {
 public:
  VaultImpl(Store& store, Keyring& keyring, Clock& clock, PutTeller tell_of_put)
      : context_{store, keyring, clock, cache_, std::move(tell_of_put)},
        reader_(context_),
        writer_(context_, reader_),
        adopter_(context_),
        life_(context_),
        mover_(context_),
        lister_(context_),
        changes_(context_),
        due_(context_) {}

  absl::Status OnUnsealed() override {
    cache_.Open();
    return due_.Load();
  }
  void OnSealed() override {
    cache_.Close();
    due_.Clear();
  }
  void OnCommitted(absl::Span<const CommittedUpdate> group) override {
    cache_.Invalidate(group);
    due_.OnCommitted(group);
    changes_.Wake();
  }

  absl::StatusOr<PutResult> Put(Updater& updater, const PutParams& params,
                                const SecretBytes& data) override {
    return writer_.Put(updater, params, data);
  }
  absl::StatusOr<ReadResult> Get(const v1::GetRequest& request, absl::Time deadline) override {
    return reader_.Get(request, deadline);
  }
  absl::StatusOr<v1::SecretInfo> Describe(const SecretPath& path) override {
    return reader_.Describe(path);
  }
  absl::StatusOr<FoundSecret> Find(const std::string& path) override { return reader_.Find(path); }
  absl::StatusOr<v1::ListResponse> List(const v1::ListRequest& request,
                                        VisibleFn visible) override {
    return lister_.List(request, visible);
  }
  absl::StatusOr<v1::SearchResponse> Search(const v1::SearchRequest& request,
                                            VisibleFn visible) override {
    return lister_.Search(request, visible);
  }
  absl::StatusOr<v1::SecretInfo> Adopt(Updater& updater, const v1::AdoptRequest& request) override {
    ASSIGN_OR_RETURN(const SecretPath path, SecretPath::Parse(request.path()));
    return adopter_.Adopt(updater, path, request);
  }
  absl::StatusOr<v1::SecretInfo> UpdateMetadata(Updater& updater,
                                                const v1::UpdateMetadataRequest& request) override {
    return life_.UpdateMetadata(updater, request);
  }
  absl::StatusOr<v1::SecretInfo> Delete(Updater& updater,
                                        const v1::DeleteRequest& request) override {
    return life_.Delete(updater, request);
  }
  absl::StatusOr<v1::SecretInfo> Undelete(Updater& updater,
                                          const v1::UndeleteRequest& request) override {
    return life_.Undelete(updater, request);
  }
  absl::StatusOr<v1::DestroyResponse> Destroy(Updater& updater,
                                              const v1::DestroyRequest& request) override {
    return life_.Destroy(updater, request);
  }
  absl::StatusOr<v1::RenameResponse> Rename(Updater& updater,
                                            const v1::RenameRequest& request) override {
    return mover_.Rename(updater, request);
  }
  absl::StatusOr<std::vector<v1::WatchResponse>> ChangesSince(const SecretPath& path,
                                                              Revision after, size_t limit,
                                                              Revision* reached) override {
    return changes_.Since(path, after, limit, reached);
  }
  std::shared_ptr<void> OnChange(std::function<void()> wake) override {
    return changes_.OnChange(std::move(wake));
  }
  absl::StatusOr<int> RunDue(Updater& updater, absl::Time* next) override {
    ASSIGN_OR_RETURN(const int trimmed, changes_.Trim(updater));
    ASSIGN_OR_RETURN(const int handled, due_.Run(updater, next));
    return trimmed + handled;
  }
  absl::StatusOr<int> SweepDue(Updater& updater, ProgressFn progress) override {
    return keyturn::SweepDue(context_, updater, progress);
  }
  absl::StatusOr<record::v1::RewrapState> ReadRewrapState() override {
    return keyturn::ReadRewrapState(context_);
  }
  absl::StatusOr<record::v1::RewrapState> Rewrap(Updater& updater, ProgressFn progress) override {
    return keyturn::Rewrap(context_, updater, progress);
  }
  absl::StatusOr<uint64_t> CountOutside(KekTerm term, ProgressFn progress) override {
    return keyturn::CountOutside(context_, term, progress);
  }
  absl::StatusOr<std::vector<StoreProblem>> Verify(ProgressFn progress) override {
    return VerifyVault(context_, progress);
  }

 private:
  VaultCache cache_;
  const VaultContext context_;
  const Reader reader_;
  const Writer writer_;
  const Adopter adopter_;
  const Life life_;
  const Mover mover_;
  const Lister lister_;
  Changes changes_;
  DueQueue due_;
};

}  // namespace

std::unique_ptr<Vault> Vault::Create(Store& store, Keyring& keyring, Clock& clock,
                                     PutTeller tell_of_put) {
  return std::make_unique<VaultImpl>(store, keyring, clock, std::move(tell_of_put));
}

}  // namespace keyturn
