#include "rotation/api_key/api_keys.h"

#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/reason.h"
#include "base/status_macros.h"
#include "rotation/api_key/codec.h"
#include "rotation/api_key/importer.h"
#include "rotation/policy.h"
#include "vault/page_token.h"
#include "vault/path.h"

namespace keyturn {
namespace {

class ApiKeysImpl : public ApiKeys {
 public:
  explicit ApiKeysImpl(ApiKeyContext context)
      : context_(std::move(context)),
        store_(context_),
        verifier_(context_, store_, uses_),
        importer_(context_, store_) {}

  absl::Status OnUnsealed() override {
    RETURN_IF_ERROR(store_.Load());
    uses_.Open();
    return absl::OkStatus();
  }

  void OnSealed() override {
    uses_.Close();
    if (const absl::Status written = WriteUses(); !written.ok()) {
      LogError("uses of API keys were not written at seal",
               {{"error", std::string(written.message())}});
    }
    store_.Clear();
  }

  void OnCommitted(absl::Span<const CommittedUpdate> group) override { store_.OnCommitted(group); }

  absl::StatusOr<IssuedApiKey> Make(Updater& updater, const v1::CreateApiKeyRequest& request,
                                    const std::string& owner) override {
    ASSIGN_OR_RETURN(const absl::Duration ttl, ApiKeyTtl(request.ttl_seconds()));
    const absl::Time now = context_.clock.Now();
    const std::string id = api_key::NewId();
    ASSIGN_OR_RETURN(Fresh fresh, NewSecret(id, now));
    ASSIGN_OR_RETURN(const ApiKeyRecord record,
                     MakeApiKeyRecord({.id = id,
                                       .path = request.path(),
                                       .description = request.description(),
                                       .owner = owner,
                                       .scopes = request.scopes(),
                                       .custom_metadata = request.custom_metadata(),
                                       .ttl = ttl},
                                      std::move(fresh.secret), now));
    RETURN_IF_ERROR(store_.Add(updater, {record}));
    return IssuedApiKey{std::move(fresh.text), ToInfo(record, now)};
  }

  absl::StatusOr<IssuedApiKey> Roll(Updater& updater,
                                    const v1::RollApiKeyRequest& request) override {
    RETURN_IF_ERROR(CheckNotListed(request.id()));
    const absl::Time now = context_.clock.Now();
    ASSIGN_OR_RETURN(Fresh fresh, NewSecret(request.id(), now));
    RETURN_IF_ERROR(store_.Change(updater, request.id(), "", [&](ApiKeyRecord* record) {
      return RollApiKey(request, fresh.secret, now, record);
    }));
    ASSIGN_OR_RETURN(v1::ApiKeyInfo info, Get(request.id()));
    return IssuedApiKey{std::move(fresh.text), std::move(info)};
  }

  absl::StatusOr<v1::ApiKeyInfo> Get(absl::string_view id) override {
    RETURN_IF_ERROR(context_.keyring.Snapshot().status());
    return Shown(id);
  }

  absl::StatusOr<v1::ListApiKeysResponse> List(
      const v1::ListApiKeysRequest& request,
      absl::FunctionRef<bool(absl::string_view path)> visible) override {
    ASSIGN_OR_RETURN(const std::shared_ptr<const KeyringSnapshot> keys,
                     context_.keyring.Snapshot());
    ASSIGN_OR_RETURN(const SecretPath path, SecretPath::ParseDirectory(request.path()));
    ASSIGN_OR_RETURN(const size_t page, PageSize(request.page_size()));
    const std::string binding = absl::StrCat("api keys ", path.text());
    ASSIGN_OR_RETURN(const WalkPosition position,
                     DecodePageToken(*keys, binding, request.page_token()));
    ApiKeyIndex::Place after;
    if (position.levels.size() == 2) after = {position.levels[0].name, position.levels[1].name};
    std::vector<ApiKeyIndex::Place> found;
    store_.ForEachPlace(path.text(), after, [&](const ApiKeyIndex::Place& place) {
      if (visible(place.first)) found.push_back(place);
      return found.size() <= page;
    });
    v1::ListApiKeysResponse response;
    if (found.size() > page) {
      found.pop_back();
      WalkPosition last;
      last.levels = {{found.back().first, false}, {found.back().second, false}};
      ASSIGN_OR_RETURN(const std::string token, EncodePageToken(*keys, binding, last));
      response.set_next_page_token(token);
    }
    for (const ApiKeyIndex::Place& place : found) {
      absl::StatusOr<v1::ApiKeyInfo> info = Shown(place.second);
      if (absl::IsNotFound(info.status())) continue;  // removed meanwhile
      RETURN_IF_ERROR(info.status());
      *response.add_keys() = *std::move(info);
    }
    return response;
  }

  absl::StatusOr<v1::ApiKeyInfo> Update(Updater& updater,
                                        const v1::UpdateApiKeyRequest& request) override {
    return Changed(updater, request.id(), "", [&](absl::Time now, ApiKeyRecord* record) {
      return UpdateApiKey(request, now, record);
    });
  }

  absl::StatusOr<v1::ApiKeyInfo> SetGrace(Updater& updater,
                                          const v1::SetApiKeyGraceRequest& request) override {
    RETURN_IF_ERROR(CheckReason(request.reason(), true));
    return Changed(
        updater, request.id(), request.reason(),
        [&](absl::Time now, ApiKeyRecord* record) { return SetApiKeyGrace(request, now, record); });
  }

  absl::StatusOr<v1::ApiKeyInfo> Revoke(Updater& updater,
                                        const v1::RevokeApiKeyRequest& request) override {
    RETURN_IF_ERROR(CheckReason(request.reason(), true));
    return Changed(updater, request.id(), request.reason(),
                   [&](absl::Time now, ApiKeyRecord* record) {
                     RevokeApiKey(request.reason(), now, record);
                     return absl::OkStatus();
                   });
  }

  absl::StatusOr<v1::ImportApiKeysResponse> Import(Updater& updater,
                                                   const v1::ImportApiKeysRequest& request,
                                                   const std::string& owner) override {
    return importer_.Import(updater, request, owner);
  }

  absl::StatusOr<v1::VerifyApiKeyResponse> Verify(
      const ApiKeyAttempt& attempt, absl::FunctionRef<bool(absl::string_view path)> may) override {
    return verifier_.Verify(attempt, may);
  }

  std::string PathOf(absl::string_view id) override { return store_.PathOf(id); }
  std::vector<ApiKeyEnd> EndingBetween(absl::Time from, absl::Time to) const override {
    return store_.EndingBetween(from, to);
  }

  absl::Status WriteUses() override {
    // Those that come meanwhile are for the next time.
    const size_t rounds = limits::kApiKeysMax / limits::kApiKeysPerUpdate + 1;
    for (size_t i = 0; i < rounds; ++i) {
      const absl::MutexLock lock(&writing_);
      const ApiKeyUses::Map taken = uses_.Take(limits::kApiKeysPerUpdate);
      if (taken.empty()) break;
      const absl::Status written = store_.AddUses(taken);
      if (!written.ok()) {
        uses_.Failed();
        return written;
      }
      uses_.Written();
    }
    return absl::OkStatus();
  }

  absl::Status RemoveEnded() override {
    const absl::Time before = context_.clock.Now() - absl::Seconds(limits::kApiKeyKeptSeconds);
    const std::vector<std::string> ids = store_.EndedBefore(before, limits::kApiKeysPerUpdate);
    return ids.empty() ? absl::OkStatus() : store_.Remove(ids, before);
  }

  Stats stats() const override {
    const ApiKeyStore::Sizes sizes =
        store_.sizes(context_.clock.Now() + absl::Seconds(limits::kApiKeyDueSeconds));
    return {sizes.keys, sizes.due};
  }

  uint64_t verifications(v1::VerifyApiKeyResponse::Reason reason) const override {
    return verifier_.Count(reason);
  }

 private:
  struct Fresh {
    SecretBytes text;
    ApiKeySecret secret;
  };
  absl::StatusOr<Fresh> NewSecret(absl::string_view id, absl::Time now) {
    ASSIGN_OR_RETURN(const std::shared_ptr<const KeyringSnapshot> keys,
                     context_.keyring.Snapshot());
    if (!api_key::IsId(id)) return absl::NotFoundError("there is no API key with this id");
    Fresh fresh;
    ASSIGN_OR_RETURN(fresh.text, api_key::NewText(id));
    const absl::string_view text = fresh.text.ExposeForCrypto();
    fresh.secret = NewApiKeySecret(ApiKeyMac(*keys, api_key::Parse(text)->secret), text, now);
    return fresh;
  }

  // As the call that changed it would have it: with what else happened meanwhile.
  template <typename Fn>
  absl::StatusOr<v1::ApiKeyInfo> Changed(Updater& updater, const std::string& id,
                                         const std::string& reason, Fn change) {
    const absl::Time now = context_.clock.Now();
    RETURN_IF_ERROR(store_.Change(updater, id, reason,
                                  [&](ApiKeyRecord* record) { return change(now, record); }));
    return Shown(id);
  }

  // A key that the revocation list has is revoked, whatever its record says.
  absl::Status CheckNotListed(absl::string_view id) const {
    ASSIGN_OR_RETURN(const bool listed, context_.revoked(id));
    if (!listed) return absl::OkStatus();
    return WithReason(absl::FailedPreconditionError("the revocation list has the key: it is "
                                                    "refused; make another one"),
                      "KEY_REVOKED");
  }

  absl::StatusOr<v1::ApiKeyInfo> Shown(absl::string_view id) {
    ApiKeyRecord record;
    {
      // Uses are in the record or among those counted, and must not be seen in both.
      const absl::ReaderMutexLock lock(&writing_);
      ASSIGN_OR_RETURN(const std::shared_ptr<const ApiKeyRecord> stored, store_.Get(id));
      record = *stored;
      uses_.AddTo(&record);
    }
    v1::ApiKeyInfo info = ToInfo(record, context_.clock.Now());
    ASSIGN_OR_RETURN(const bool listed, context_.revoked(id));
    if (listed) info.set_state(v1::ApiKeyInfo::REVOKED);
    return info;
  }

  const ApiKeyContext context_;
  ApiKeyStore store_;
  ApiKeyUses uses_;
  ApiKeyVerifier verifier_;
  ApiKeyImporter importer_;
  absl::Mutex writing_;  // held while uses move from memory into records
};

}  // namespace

std::unique_ptr<ApiKeys> ApiKeys::Create(ApiKeyContext context) {
  return std::make_unique<ApiKeysImpl>(std::move(context));
}

}  // namespace keyturn
