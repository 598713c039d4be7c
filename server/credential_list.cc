#include "server/credential_list.h"

#include <algorithm>
#include <array>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/limits.h"
#include "base/reason.h"
#include "base/status_macros.h"
#include "base/timestamps.h"

namespace keyturn {
namespace {

constexpr size_t kKinds = 7;

int64_t MsOf(absl::Time expires) {
  // Later than what has an end is without one, as for Redis clients.
  return expires == absl::InfiniteFuture() ? kNoExpiry : absl::ToUnixMillis(expires);
}

absl::Time TimeOf(int64_t expires_ms) {
  return expires_ms == kNoExpiry ? absl::InfiniteFuture() : absl::FromUnixMillis(expires_ms);
}

}  // namespace

CredentialList::CredentialList(RevocationList& list, Options options)
    : list_(list), options_(std::move(options)) {
  if (!options_.guards_own) return;
  list_.SetPutListener([this](absl::string_view key) {
    const bool any = key.empty();  // one that was undone may be back
    if (any ||
        (absl::StartsWith(key, options_.prefix) && MayBeOurs(key.substr(options_.prefix.size())))) {
      epoch_.fetch_add(1);
    }
  });
}

absl::Time CredentialList::NotBeforeNow() const {
  // One more, since a token may have been issued in this millisecond.
  return absl::FromUnixMillis(list_.Now().wall_ms + 1);
}

absl::Status CredentialList::Check(const CredentialFacts& facts) const {
  if (!options_.guards_own) return absl::OkStatus();
  RETURN_IF_ERROR(CheckLoaded());
  const std::array<RevocationRef, 4> refs = {
      {{RevocationKind::kJti, facts.token_id},
       {RevocationKind::kSubject, facts.principal},
       {RevocationKind::kRole, facts.role},
       {RevocationKind::kCertificate, facts.certificate_serial}}};
  // "all" is of tokens only: who ends them logs in again with his certificate.
  const bool revoked = FindAny(refs, !facts.token_id.empty(), facts.issued).has_value();
  RETURN_IF_ERROR(CheckLoaded());
  return revoked ? absl::UnauthenticatedError("it was revoked") : absl::OkStatus();
}

absl::Status CredentialList::CheckLoaded() const {
  if (list_.loaded()) return absl::OkStatus();
  return WithReason(absl::FailedPreconditionError("the vault is sealed"), "SEALED");
}

absl::StatusOr<bool> CredentialList::HasApiKey(absl::string_view id) const {
  RETURN_IF_ERROR(CheckLoaded());
  const RevocationRef ref{RevocationKind::kApiKey, id};
  const bool found = FindAny({&ref, 1}, /*asks_all=*/false, absl::InfinitePast()).has_value();
  RETURN_IF_ERROR(CheckLoaded());
  return found;
}

std::optional<RevocationKind> CredentialList::Find(const v1::RevocationQuery& query) const {
  return FindAny(NamesOf(query), /*asks_all=*/true,
                 query.has_issue_time() ? ToTime(query.issue_time()) : absl::InfinitePast());
}

// Nearly always none of them is there, which is one question to the index.
std::optional<RevocationKind> CredentialList::FindAny(absl::Span<const RevocationRef> refs,
                                                      bool asks_all, absl::Time issued) const {
  std::array<RevocationKind, kKinds> kinds;
  std::array<std::string, kKinds> keys;
  std::array<absl::string_view, kKinds> views;
  std::array<bool, kKinds> found{};
  size_t count = 0;
  const auto ask = [&](RevocationKind kind, absl::string_view name) {
    kinds[count] = kind;
    keys[count] = absl::StrCat(options_.prefix, KeyOf(kind, name));
    views[count] = keys[count];
    ++count;
  };
  for (const RevocationRef& ref : refs) {
    if (!ref.name.empty()) ask(ref.kind, ref.name);
  }
  if (asks_all) ask(RevocationKind::kAll, "");
  const ListTime time = list_.Now();
  list_.ExistsMany(absl::MakeConstSpan(views.data(), count), time,
                   absl::MakeSpan(found.data(), count));
  for (size_t i = 0; i < count; ++i) {
    if (found[i] && Ends(kinds[i], keys[i], time, issued)) return kinds[i];
  }
  return std::nullopt;
}

bool CredentialList::Ends(RevocationKind kind, const std::string& key, const ListTime& time,
                          absl::Time issued) const {
  if (!HasNotBefore(kind)) return true;
  const std::optional<KeyInfo> info = list_.Find(key, time);
  if (!info.has_value()) return false;  // it has just ended
  if (info->type != KeyType::kString) return true;
  const Refusal refusal = RefusalOf(info->value);
  return issued < refusal.issued_before ||
         absl::FromUnixMillis(time.now_ms) < refusal.whatever_until;
}

absl::StatusOr<bool> CredentialList::Revoke(absl::Span<const Entry> entries,
                                            std::shared_ptr<const RevocationWriter> writer) {
  ASSIGN_OR_RETURN(const std::unique_ptr<RevocationList::Transaction> change,
                   list_.Begin(std::move(writer), list_.Now()));
  bool changed = false;
  absl::Status status;
  for (const Entry& entry : entries) {
    const absl::StatusOr<bool> put = Put(*change, entry);
    status = put.status();
    if (!status.ok()) break;
    changed |= *put;
  }
  // Also of what is there already: it may not be durable yet.
  RETURN_IF_ERROR(list_.WaitFor(change->Commit()));
  RETURN_IF_ERROR(status);
  return changed;
}

absl::StatusOr<bool> CredentialList::Put(RevocationList::Transaction& change,
                                         const Entry& entry) const {
  const std::string key = KeyOf(entry.name.kind, entry.name.name);
  const Refusal refusal = {entry.not_before.value_or(absl::InfiniteFuture())};
  return PutMerged(change, absl::StrCat(options_.prefix, key), HasNotBefore(entry.name.kind),
                   {ValueOf(refusal), entry.expires});
}

// What is there is revoked already, and stays so.
absl::StatusOr<bool> CredentialList::PutMerged(RevocationList::Transaction& change,
                                               const std::string& key, bool has_time,
                                               TimedValue entry) const {
  const std::optional<KeyInfo> before = change.Find(key);
  if (before.has_value() && before->type == KeyType::kSet) return false;  // it refuses everything
  if (before.has_value()) {
    const TimedValue there = {before->value, TimeOf(before->expires_ms)};
    if (has_time) {
      entry = Merge(there, entry);
    } else {
      entry = {there.value, std::max(there.expires, entry.expires)};
    }
    if (entry.value == there.value && entry.expires == there.expires) return false;
  } else if (entry.expires <= absl::FromUnixMillis(list_.Now().now_ms)) {
    return false;  // it is over by itself
  }
  RETURN_IF_ERROR(change.Put(key, entry.value, MsOf(entry.expires)));
  return true;
}

absl::Status CredentialList::Import(const v1::ImportRevocationsRequest& request,
                                    std::shared_ptr<const RevocationWriter> writer,
                                    v1::ImportRevocationsResponse* response) {
  const ListTime now = list_.Now();
  ASSIGN_OR_RETURN(const std::unique_ptr<RevocationList::Transaction> change,
                   list_.Begin(std::move(writer), now));
  absl::Status status;
  for (const v1::ImportedKey& key : request.keys()) {
    const absl::Time expires =
        key.has_expire_time() ? ToTime(key.expire_time()) : absl::InfiniteFuture();
    if (expires <= absl::FromUnixMillis(now.wall_ms)) {
      response->set_expired(response->expired() + 1);
      continue;
    }
    status = key.members_size() == 0 ? ImportString(*change, key, expires)
                                     : ImportSet(*change, key, expires);
    if (!status.ok()) break;
    response->set_imported(response->imported() + 1);
  }
  RETURN_IF_ERROR(list_.WaitFor(change->Commit()));
  return status;
}

absl::Status CredentialList::ImportString(RevocationList::Transaction& change,
                                          const v1::ImportedKey& key, absl::Time expires) const {
  absl::string_view name = key.key();
  const bool ours = absl::ConsumePrefix(&name, options_.prefix);
  const bool has_time = ours && IsTimed(name);
  return PutMerged(change, key.key(), has_time, {key.value(), expires}).status();
}

// Members are added to those that are there, and never taken: a reader who asks meanwhile must not
// miss what was revoked.
absl::Status CredentialList::ImportSet(RevocationList::Transaction& change,
                                       const v1::ImportedKey& key, absl::Time expires) const {
  const std::optional<KeyInfo> before = change.Find(key.key());
  if (before.has_value() && before->type != KeyType::kSet) return absl::OkStatus();
  const std::vector<absl::string_view> members(key.members().begin(), key.members().end());
  RETURN_IF_ERROR(change.AddMembers(key.key(), members).status());
  const int64_t expires_ms = MsOf(expires);
  const bool is_later =
      before.has_value() ? before->expires_ms < expires_ms : expires_ms != kNoExpiry;
  return is_later ? change.Retime(key.key(), expires_ms) : absl::OkStatus();
}

}  // namespace keyturn
