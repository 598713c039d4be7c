#include "auth/token_store.h"

#include <atomic>
#include <map>
#include <optional>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/functional/function_ref.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "auth/sealed_table.h"
#include "auth/token_codec.h"
#include "auth/token_forms.h"
#include "auth/token_index.h"
#include "base/limits.h"
#include "base/status_macros.h"
#include "crypto/mac.h"

namespace keyturn {
namespace {

using record::v1::RevokedToken;
using record::v1::StatelessToken;
using record::v1::StoredToken;

constexpr char kRootPrincipal[] = "root";

class TokenStoreImpl : public TokenStore {
 public:
  TokenStoreImpl(Store& store, Clock& clock) : store_(store), clock_(clock) {}

  absl::Status Load(std::shared_ptr<const KeyringSnapshot> keys) override {
    absl::MutexLock lock(&mu_);
    keys_ = std::move(keys);
    stored_.clear();
    index_.Clear();
    revoked_.clear();
    epoch_.fetch_add(1);
    if (keys_ == nullptr) return absl::OkStatus();
    const std::shared_ptr<const Snapshot> snapshot = store_.GetSnapshot();
    RETURN_IF_ERROR(stored_records_.ForEach(*keys_, *snapshot, [&](absl::string_view bytes) {
      StoredToken token;
      if (!token.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
        return absl::DataLossError("the record of a token is malformed");
      }
      index_.Append(token.id(), token.secret_hash());
      stored_[token.id()] = {token, snapshot->revision()};
      return absl::OkStatus();
    }));
    index_.Sort();
    return revoked_records_.ForEach(*keys_, *snapshot, [this](absl::string_view bytes) {
      RevokedToken token;
      if (!token.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
        return absl::DataLossError("the record of a revoked token is malformed");
      }
      revoked_[token.id()] = token.expire_ms();
      return absl::OkStatus();
    });
  }

  void UseKeys(std::shared_ptr<const KeyringSnapshot> keys) override {
    const absl::MutexLock lock(&mu_);
    keys_.swap(keys);
  }

  absl::StatusOr<CreatedToken> CreateStateless(const TokenParams& params) override {
    RETURN_IF_ERROR(ValidateTokenParams(params));
    ASSIGN_OR_RETURN(const std::shared_ptr<const KeyringSnapshot> keys, Keys());
    const absl::Time now = clock_.Now();
    StatelessToken token;
    token.set_id(NewTokenId('b'));
    token.set_principal(params.principal);
    for (const std::string& policy : params.policies) token.add_policies(policy);
    token.set_created_ms(absl::ToUnixMillis(now));
    ASSIGN_OR_RETURN(const absl::Time expire, ExpiryOf(params, now));
    token.set_expire_ms(absl::ToUnixMillis(expire));
    for (const std::string& cidr : params.bound_cidrs) token.add_bound_cidrs(cidr);
    token.set_role(params.role);
    token.set_auth_method(params.auth_method);
    token.set_certificate_sha256(params.certificate_sha256);
    CreatedToken created;
    ASSIGN_OR_RETURN(created.token, EncodeStateless(*keys, token));
    created.info.set_id(token.id());
    created.info.set_principal(token.principal());
    *created.info.mutable_policies() = token.policies();
    *created.info.mutable_create_time() = ToTimestamp(token.created_ms());
    *created.info.mutable_expire_time() = ToTimestamp(token.expire_ms());
    *created.info.mutable_bound_cidrs() = token.bound_cidrs();
    created.info.set_display_name(params.display_name);
    return created;
  }

  absl::StatusOr<CreatedToken> CreateStored(Updater& updater, const TokenParams& params) override {
    RETURN_IF_ERROR(ValidateTokenParams(params));
    const absl::Time now = clock_.Now();
    ASSIGN_OR_RETURN(NewStored made, MakeStored());
    StoredToken token;
    token.set_id(made.parts.id);
    token.set_secret_hash(made.parts.secret_hash);
    token.set_principal(params.principal);
    for (const std::string& policy : params.policies) token.add_policies(policy);
    token.set_created_ms(absl::ToUnixMillis(now));
    if (!params.never_expires) {
      ASSIGN_OR_RETURN(const absl::Time expire, ExpiryOf(params, now));
      const absl::Duration most = params.max_ttl > absl::ZeroDuration()
                                      ? params.max_ttl
                                      : absl::Seconds(limits::kTokenTtlSecondsMax);
      token.set_expire_ms(absl::ToUnixMillis(std::min(expire, now + most)));
      // A periodic token renews without end, up to not_after.
      const absl::Time last = params.period > absl::ZeroDuration()
                                  ? params.not_after
                                  : std::min(now + most, params.not_after);
      token.set_max_expire_ms(ToMs(last));
    }
    token.set_period_seconds(absl::ToInt64Seconds(params.period));
    token.set_max_uses(params.max_uses);
    for (const std::string& cidr : params.bound_cidrs) token.add_bound_cidrs(cidr);
    token.set_display_name(params.display_name);
    RETURN_IF_ERROR(WriteNew(updater, token));
    return CreatedToken{std::move(made.text), ToInfo(token)};
  }

  absl::StatusOr<VerifiedToken> Verify(Updater& updater, absl::string_view token,
                                       const IpAddress& source,
                                       absl::string_view certificate_sha256) override {
    ASSIGN_OR_RETURN(VerifiedToken verified,
                     Recognise(token, source, certificate_sha256, TokenUse::kNext));
    if (verified.limited_uses) RETURN_IF_ERROR(CountUse(updater, verified.id));
    return verified;
  }

  absl::StatusOr<VerifiedToken> Recognise(absl::string_view token, const IpAddress& source,
                                          absl::string_view certificate_sha256,
                                          TokenUse use) const override {
    ASSIGN_OR_RETURN(const std::shared_ptr<const KeyringSnapshot> keys, Keys());
    if (absl::StartsWith(token, kStatelessPrefix)) {
      return VerifyStateless(*keys, token, source, certificate_sha256);
    }
    return VerifyStored(token, source, use);
  }

  bool Knows(absl::string_view id) const override {
    return FindStored(id).has_value() || IsStatelessId(id);
  }

  absl::StatusOr<Revision> Revoke(Updater& updater, absl::string_view id) override {
    ASSIGN_OR_RETURN(const std::shared_ptr<const KeyringSnapshot> keys, Keys());
    const bool stored = FindStored(id).has_value();
    if (!stored && !IsStatelessId(id)) {
      return absl::NotFoundError("there is no token with this id");
    }
    RevokedToken revoked;
    revoked.set_id(std::string(id));
    // When a stateless token ends is known to its holder only; no longer than this.
    revoked.set_expire_ms(
        absl::ToUnixMillis(clock_.Now() + absl::Seconds(limits::kTokenTtlSecondsMax)));
    const std::string bytes = revoked.SerializeAsString();
    ASSIGN_OR_RETURN(const Revision revision,
                     updater.Update([&](const View& view, Batch& batch) -> absl::Status {
                       batch.Note("token_id", id);
                       if (stored) {
                         stored_records_.Delete(*keys, id, batch);
                         return absl::OkStatus();
                       }
                       return revoked_records_.Put(*keys, view, id, bytes, batch);
                     }));
    absl::MutexLock lock(&mu_);
    if (stored) {
      Forget(id);
    } else {
      revoked_[revoked.id()] = revoked.expire_ms();
    }
    epoch_.fetch_add(1);
    return revision;
  }

  absl::StatusOr<v1::TokenInfo> Renew(Updater& updater, absl::string_view id,
                                      absl::Duration ttl) override {
    const std::optional<StoredToken> known = FindStored(id);
    if (!known.has_value()) {
      return absl::FailedPreconditionError("only stored tokens are renewed; log in again instead");
    }
    if (ttl < absl::ZeroDuration() || ttl > absl::Seconds(limits::kTokenTtlSecondsMax)) {
      return absl::InvalidArgumentError(
          absl::StrCat("ttl_seconds must be 0 to ", limits::kTokenTtlSecondsMax));
    }
    if (known->expire_ms() == 0) return ToInfo(*known);  // never expires
    if (ttl == absl::ZeroDuration()) ttl = absl::Seconds(limits::kTokenTtlSecondsDefault);
    const absl::Time now = clock_.Now();
    ASSIGN_OR_RETURN(const StoredToken token,
                     Change(updater, id, [ttl, now](StoredToken* token) -> absl::Status {
                       if (FromMs(token->expire_ms()) <= now) return RefusedToken();
                       const absl::Duration longer = token->period_seconds() > 0
                                                         ? absl::Seconds(token->period_seconds())
                                                         : ttl;
                       token->set_expire_ms(absl::ToUnixMillis(
                           std::min(now + longer, FromMs(token->max_expire_ms()))));
                       return absl::OkStatus();
                     }));
    epoch_.fetch_add(1);
    return ToInfo(token);
  }

  std::vector<v1::TokenInfo> List(absl::string_view after_id, size_t limit) const override {
    absl::ReaderMutexLock lock(&mu_);
    std::vector<v1::TokenInfo> out;
    for (auto it = stored_.upper_bound(std::string(after_id));
         it != stored_.end() && out.size() < limit; ++it) {
      out.push_back(ToInfo(it->second.token));
    }
    return out;
  }

  absl::StatusOr<int> Purge(Updater& updater) override {
    ASSIGN_OR_RETURN(const std::shared_ptr<const KeyringSnapshot> keys, Keys());
    std::vector<std::string> stored, revoked;
    {
      absl::ReaderMutexLock lock(&mu_);
      const int64_t now_ms = absl::ToUnixMillis(clock_.Now());
      for (const auto& [id, known] : stored_) {
        if (stored.size() >= limits::kTokensPurgedMax) break;
        const int64_t expire_ms = known.token.expire_ms();
        if (expire_ms != 0 && expire_ms <= now_ms) stored.push_back(id);
      }
      for (const auto& [id, expire_ms] : revoked_) {
        if (revoked.size() >= limits::kTokensPurgedMax) break;
        if (expire_ms <= now_ms) revoked.push_back(id);
      }
    }
    const size_t count = stored.size() + revoked.size();
    if (count == 0) return 0;
    RETURN_IF_ERROR(updater
                        .Update([&](const View&, Batch& batch) {
                          for (const auto& id : stored) stored_records_.Delete(*keys, id, batch);
                          for (const auto& id : revoked) revoked_records_.Delete(*keys, id, batch);
                          batch.Note("tokens", absl::StrCat(count));
                          return absl::OkStatus();
                        })
                        .status());
    absl::MutexLock lock(&mu_);
    for (const std::string& id : stored) Forget(id);
    for (const std::string& id : revoked) revoked_.erase(id);
    return static_cast<int>(count);
  }

  uint64_t epoch() const override { return epoch_.load(std::memory_order_acquire); }

 private:
  absl::StatusOr<std::shared_ptr<const KeyringSnapshot>> Keys() const {
    absl::ReaderMutexLock lock(&mu_);
    if (keys_ == nullptr) return absl::FailedPreconditionError("the vault is sealed");
    return keys_;
  }

  std::optional<StoredToken> FindStored(absl::string_view id) const {
    absl::ReaderMutexLock lock(&mu_);
    const auto found = stored_.find(std::string(id));
    return found == stored_.end() ? std::nullopt : std::make_optional(found->second.token);
  }

  bool Matches(const StoredParts& parts) const {
    absl::ReaderMutexLock lock(&mu_);
    return index_.Matches(parts.raw_id, parts.secret_hash);
  }

  absl::Status WriteNew(Updater& updater, const StoredToken& token) {
    ASSIGN_OR_RETURN(const std::shared_ptr<const KeyringSnapshot> keys, Keys());
    const std::string bytes = token.SerializeAsString();
    ASSIGN_OR_RETURN(const Revision revision, updater.Update([&](const View& view, Batch& batch) {
      batch.Note("token_id", token.id());
      return stored_records_.Put(*keys, view, token.id(), bytes, batch);
    }));
    absl::MutexLock lock(&mu_);
    Mirror(token, revision);
    return absl::OkStatus();
  }

  // Changes the record itself, inside the update: of two changes at once both count, and a token
  // that was revoked meanwhile stays revoked. UNAUTHENTICATED when it is gone.
  absl::StatusOr<StoredToken> Change(Updater& updater, absl::string_view id,
                                     absl::FunctionRef<absl::Status(StoredToken*)> change) {
    ASSIGN_OR_RETURN(const std::shared_ptr<const KeyringSnapshot> keys, Keys());
    StoredToken token;
    ASSIGN_OR_RETURN(const Revision revision, updater.Update([&](const View& view,
                                                                 Batch& batch) -> absl::Status {
      ASSIGN_OR_RETURN(const std::optional<SecretBytes> record,
                       stored_records_.Get(*keys, view, id));
      if (!record.has_value()) return RefusedToken();
      const absl::string_view bytes = record->ExposeForCrypto();
      if (!token.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
        return absl::DataLossError("the record of a token is malformed");
      }
      RETURN_IF_ERROR(change(&token));
      batch.Note("token_id", id);
      return stored_records_.Put(*keys, view, id, token.SerializeAsString(), batch);
    }));
    // Callers come here in any order: only what is newer than the mirror, and still there, counts.
    absl::MutexLock lock(&mu_);
    const auto found = stored_.find(std::string(id));
    if (found != stored_.end() && found->second.revision < revision) {
      found->second = {token, revision};
    }
    return token;
  }

  absl::StatusOr<VerifiedToken> VerifyStateless(const KeyringSnapshot& keys, absl::string_view text,
                                                const IpAddress& source,
                                                absl::string_view certificate_sha256) const {
    const std::optional<StatelessToken> token = DecodeStateless(keys, text);
    if (!token.has_value() || token->expire_ms() <= absl::ToUnixMillis(clock_.Now()) ||
        !MayComeFrom(token->bound_cidrs(), source)) {
      return RefusedToken();
    }
    if (!token->certificate_sha256().empty() &&
        !ConstantTimeEquals(token->certificate_sha256(), certificate_sha256)) {
      return RefusedToken();
    }
    absl::ReaderMutexLock lock(&mu_);
    if (revoked_.contains(token->id())) return RefusedToken();
    return VerifiedToken{.id = token->id(),
                         .principal = token->principal(),
                         .auth_method = token->auth_method(),
                         .role = token->role(),
                         .policies = {token->policies().begin(), token->policies().end()},
                         .issue_time = absl::FromUnixMillis(token->created_ms()),
                         .expire_time = FromMs(token->expire_ms()),
                         .bound_cidrs = {token->bound_cidrs().begin(), token->bound_cidrs().end()}};
  }

  absl::StatusOr<VerifiedToken> VerifyStored(absl::string_view text, const IpAddress& source,
                                             TokenUse use) const {
    const std::optional<StoredParts> parts = DecodeStored(text);
    if (!parts.has_value() || !Matches(*parts)) return RefusedToken();
    const std::optional<StoredToken> token = FindStored(parts->id);
    if (!token.has_value() || FromMs(token->expire_ms()) <= clock_.Now() ||
        !MayComeFrom(token->bound_cidrs(), source) ||
        (use == TokenUse::kNext && IsUsedUp(*token))) {
      return RefusedToken();
    }
    const bool root = token->principal() == kRootPrincipal && token->expire_ms() == 0;
    return VerifiedToken{.id = token->id(),
                         .principal = token->principal(),
                         .auth_method = root ? "root-token" : "token",
                         .role = "",
                         .policies = {token->policies().begin(), token->policies().end()},
                         .issue_time = absl::FromUnixMillis(token->created_ms()),
                         .expire_time = FromMs(token->expire_ms()),
                         .bound_cidrs = {token->bound_cidrs().begin(), token->bound_cidrs().end()},
                         .limited_uses = token->max_uses() != 0};
  }

  absl::Status CountUse(Updater& updater, const std::string& id) {
    return Change(updater, id,
                  [](StoredToken* token) -> absl::Status {
                    if (IsUsedUp(*token)) return RefusedToken();
                    token->set_uses(token->uses() + 1);
                    return absl::OkStatus();
                  })
        .status();
  }

  void Mirror(const StoredToken& token, Revision revision) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    stored_[token.id()] = {token, revision};
    index_.Put(token.id(), token.secret_hash());
  }
  void Forget(absl::string_view id) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    stored_.erase(std::string(id));
    index_.Erase(id);
  }

  struct Mirrored {
    StoredToken token;
    Revision revision;  // of the change that the mirror shows
  };

  Store& store_;
  Clock& clock_;
  const SealedTable stored_records_{Purpose::kStoredToken};
  const SealedTable revoked_records_{Purpose::kRevokedToken};
  std::atomic<uint64_t> epoch_{0};
  mutable absl::Mutex mu_;
  std::shared_ptr<const KeyringSnapshot> keys_ ABSL_GUARDED_BY(mu_);
  std::map<std::string, Mirrored> stored_ ABSL_GUARDED_BY(mu_);
  TokenIndex index_ ABSL_GUARDED_BY(mu_);  // of stored_
  absl::flat_hash_map<std::string, int64_t> revoked_ ABSL_GUARDED_BY(mu_);
};

}  // namespace

std::unique_ptr<TokenStore> TokenStore::Create(Store& store, Clock& clock) {
  return std::make_unique<TokenStoreImpl>(store, clock);
}

}  // namespace keyturn
