#include "rotation/api_key/store.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/reason.h"
#include "base/status_macros.h"
#include "storage/schema.h"

namespace keyturn {
namespace {

absl::StatusOr<ApiKeyRecord> Parsed(absl::string_view bytes) {
  ApiKeyRecord record;
  if (!record.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())) ||
      record.id().size() != 16 || record.secrets_size() == 0) {
    return absl::DataLossError("the record of an API key is malformed");
  }
  return record;
}

absl::StatusOr<ApiKeyRecord> OpenedRecordOf(const SealedTable& table, const KeyringSnapshot& keys,
                                            absl::string_view key, absl::string_view sealed) {
  ASSIGN_OR_RETURN(const SecretBytes plaintext, table.Open(keys, key, sealed));
  return Parsed(plaintext.ExposeForCrypto());
}

bool MayGo(const std::optional<ApiKeyRecord>& record, absl::Time ended_before) {
  return !record.has_value() || EndOf(*record) < ended_before;
}

absl::Status NoSuchKey() { return absl::NotFoundError("there is no API key with this id"); }

absl::StatusOr<std::optional<ApiKeyRecord>> ReadRecord(const SealedTable& table,
                                                       const KeyringSnapshot& keys,
                                                       const View& view, absl::string_view id) {
  ASSIGN_OR_RETURN(const std::optional<SecretBytes> plaintext, table.Get(keys, view, id));
  if (!plaintext.has_value()) return std::optional<ApiKeyRecord>();
  ASSIGN_OR_RETURN(ApiKeyRecord record, Parsed(plaintext->ExposeForCrypto()));
  return std::optional<ApiKeyRecord>(std::move(record));
}

}  // namespace

absl::Status ApiKeyStore::Load() {
  ASSIGN_OR_RETURN(const std::shared_ptr<const KeyringSnapshot> keys, context_.keyring.Snapshot());
  {
    const absl::MutexLock lock(&mu_);
    prefix_ = table_.Prefix(*keys);
  }
  const absl::MutexLock lock(&loading_);
  return Reload();
}

absl::StatusOr<std::unique_ptr<ApiKeyIndex>> ApiKeyStore::ReadAll() const {
  ASSIGN_OR_RETURN(const std::shared_ptr<const KeyringSnapshot> keys, context_.keyring.Snapshot());
  const std::string prefix = table_.Prefix(*keys);
  auto index = std::make_unique<ApiKeyIndex>();
  absl::Status status;
  RETURN_IF_ERROR(context_.store.GetSnapshot()->Scan(
      Family::kIndex, prefix, schema::PrefixEnd(prefix),
      [&](absl::string_view key, absl::string_view sealed) {
        const absl::StatusOr<ApiKeyRecord> record = OpenedRecordOf(table_, *keys, key, sealed);
        if (record.ok()) index->Append(*record);
        if (absl::IsDataLoss(record.status())) {
          LogError("the record of an API key does not open: the key is unknown");
        } else {
          status = record.status();
        }
        return status.ok();
      }));
  RETURN_IF_ERROR(status);
  index->Sort();
  return index;
}

absl::Status ApiKeyStore::Reload() {
  while (true) {
    uint64_t epoch = 0;
    {
      const absl::ReaderMutexLock lock(&mu_);
      epoch = epoch_;
    }
    ASSIGN_OR_RETURN(std::unique_ptr<ApiKeyIndex> index, ReadAll());
    const absl::MutexLock lock(&mu_);
    RETURN_IF_ERROR(CheckOpen());
    if (epoch != epoch_) continue;  // a key was changed meanwhile
    index_.swap(index);
    cache_.Clear();
    behind_.store(false, std::memory_order_release);
    return absl::OkStatus();
  }
}

void ApiKeyStore::Clear() {
  auto empty = std::make_unique<ApiKeyIndex>();
  const absl::MutexLock lock(&mu_);
  index_.swap(empty);
  cache_.Clear();
  prefix_.clear();
  ++epoch_;
}

absl::Status ApiKeyStore::EnsureLoaded() {
  if (!behind_.load(std::memory_order_acquire)) return absl::OkStatus();
  const absl::MutexLock lock(&loading_);
  return behind_.load(std::memory_order_acquire) ? Reload() : absl::OkStatus();
}

absl::Status ApiKeyStore::CheckOpen() const {
  if (!prefix_.empty()) return absl::OkStatus();
  return WithReason(absl::FailedPreconditionError("the vault is sealed"), "SEALED");
}

void ApiKeyStore::OnCommitted(absl::Span<const CommittedUpdate> group) {
  std::vector<const Batch::Operation*> ours;
  {
    // Nearly all commits are of others, and verifications go on meanwhile.
    const absl::ReaderMutexLock lock(&mu_);
    if (prefix_.empty()) return;
    for (const CommittedUpdate& update : group) {
      for (const Batch::Operation& operation : *update.operations) {
        if (operation.family != Family::kIndex) continue;
        if (absl::StartsWith(operation.key, prefix_)) ours.push_back(&operation);
      }
    }
  }
  if (ours.empty()) return;
  const std::shared_ptr<const KeyringSnapshot> keys = context_.keyring.Snapshot().value_or(nullptr);
  const absl::MutexLock lock(&mu_);
  if (prefix_.empty()) return;
  ++epoch_;
  for (const Batch::Operation* const operation : ours) {
    if (operation->is_delete) continue;  // Remove knows which
    if (keys != nullptr) Apply(*keys, *operation);
  }
  if (keys == nullptr) behind_.store(true, std::memory_order_release);
}

void ApiKeyStore::Apply(const KeyringSnapshot& keys, const Batch::Operation& operation) {
  absl::StatusOr<ApiKeyRecord> record =
      OpenedRecordOf(table_, keys, operation.key, operation.value);
  if (!record.ok()) {
    cache_.Clear();
    behind_.store(true, std::memory_order_release);
    return;
  }
  index_->Put(*record);
  const std::string id = record->id();
  cache_.Replace(id, std::make_shared<const ApiKeyRecord>(*std::move(record)));
}

absl::StatusOr<std::shared_ptr<const ApiKeyRecord>> ApiKeyStore::Match(absl::string_view id,
                                                                       absl::string_view mac) {
  RETURN_IF_ERROR(EnsureLoaded());
  {
    const absl::ReaderMutexLock lock(&mu_);
    RETURN_IF_ERROR(CheckOpen());
    if (!index_->Match(id, mac)) return nullptr;
    if (const auto* const cached = cache_.Find(id); cached != nullptr) return *cached;
  }
  return Read(id);
}

absl::StatusOr<std::shared_ptr<const ApiKeyRecord>> ApiKeyStore::MatchLegacy(
    absl::string_view mac) {
  RETURN_IF_ERROR(EnsureLoaded());
  std::string id;
  {
    const absl::ReaderMutexLock lock(&mu_);
    RETURN_IF_ERROR(CheckOpen());
    id = index_->FindLegacy(mac);
    if (id.empty()) return nullptr;
    if (const auto* const cached = cache_.Find(id); cached != nullptr) return *cached;
  }
  return Read(id);
}

absl::StatusOr<std::string> ApiKeyStore::EndedLegacy(absl::string_view mac) const {
  ASSIGN_OR_RETURN(const std::shared_ptr<const KeyringSnapshot> keys, context_.keyring.Snapshot());
  return ended_.Find(*keys, context_.store.Newest(), mac);
}

std::vector<std::string> ApiKeyStore::LegacyMacsOf(absl::string_view id) const {
  const absl::ReaderMutexLock lock(&mu_);
  const ApiKeyIndex::Summary* const summary = index_->Find(id);
  return summary == nullptr ? std::vector<std::string>() : summary->legacy_macs;
}

absl::StatusOr<std::shared_ptr<const ApiKeyRecord>> ApiKeyStore::Get(absl::string_view id) {
  RETURN_IF_ERROR(EnsureLoaded());
  {
    const absl::ReaderMutexLock lock(&mu_);
    RETURN_IF_ERROR(CheckOpen());
    if (index_->Find(id) == nullptr) return NoSuchKey();
    if (const auto* const cached = cache_.Find(id); cached != nullptr) return *cached;
  }
  ASSIGN_OR_RETURN(std::shared_ptr<const ApiKeyRecord> record, Read(id));
  if (record == nullptr) return NoSuchKey();
  return record;
}

std::string ApiKeyStore::PathOf(absl::string_view id) {
  if (!EnsureLoaded().ok()) return "";
  const absl::ReaderMutexLock lock(&mu_);
  const ApiKeyIndex::Summary* const summary = index_->Find(id);
  return summary == nullptr ? "" : summary->path;
}

// nullptr when it is not there (any more).
absl::StatusOr<std::shared_ptr<const ApiKeyRecord>> ApiKeyStore::Read(absl::string_view id) {
  ASSIGN_OR_RETURN(const std::shared_ptr<const KeyringSnapshot> keys, context_.keyring.Snapshot());
  uint64_t epoch = 0;
  {
    const absl::ReaderMutexLock lock(&mu_);
    epoch = epoch_;
  }
  ASSIGN_OR_RETURN(std::optional<ApiKeyRecord> record,
                   ReadRecord(table_, *keys, context_.store.Newest(), id));
  if (!record.has_value()) return nullptr;
  auto opened = std::make_shared<const ApiKeyRecord>(*std::move(record));
  decltype(cache_)::Map forgotten;  // destroyed after the lock is released
  const absl::MutexLock lock(&mu_);
  if (epoch == epoch_ && !prefix_.empty()) forgotten = cache_.Add(std::string(id), opened);
  return opened;
}

absl::Status ApiKeyStore::Add(Updater& updater, absl::Span<const ApiKeyRecord> records) {
  RETURN_IF_ERROR(EnsureLoaded());
  ASSIGN_OR_RETURN(const std::shared_ptr<const KeyringSnapshot> keys, context_.keyring.Snapshot());
  {
    const absl::ReaderMutexLock lock(&mu_);
    if (index_->summaries().size() + records.size() > limits::kApiKeysMax) {
      return WithReason(
          absl::ResourceExhaustedError(absl::StrCat(
              "there are ", limits::kApiKeysMax,
              " API keys, which is the most; those that ended are removed after 90 days")),
          "TOO_MANY_KEYS");
    }
  }
  std::vector<std::string> bytes;
  for (const ApiKeyRecord& record : records) bytes.push_back(record.SerializeAsString());
  return updater
      .Update([&](const View& view, Batch& batch) -> absl::Status {
        for (size_t i = 0; i < records.size(); ++i) {
          RETURN_IF_ERROR(table_.Put(*keys, view, records[i].id(), bytes[i], batch));
        }
        if (records.size() == 1) batch.Note("api_key", records[0].id());
        if (records.size() > 1) batch.Note("api_keys", absl::StrCat(records.size()));
        return absl::OkStatus();
      })
      .status();
}

absl::Status ApiKeyStore::Change(Updater& updater, absl::string_view id, absl::string_view reason,
                                 ChangeFn change) {
  ASSIGN_OR_RETURN(const std::shared_ptr<const KeyringSnapshot> keys, context_.keyring.Snapshot());
  return updater
      .Update([&](const View& view, Batch& batch) -> absl::Status {
        ASSIGN_OR_RETURN(std::optional<ApiKeyRecord> record, ReadRecord(table_, *keys, view, id));
        if (!record.has_value()) return NoSuchKey();
        const ApiKeyRecord before = *record;
        RETURN_IF_ERROR(change(&*record));
        RETURN_IF_ERROR(ended_.Keep(*keys, view, before, &*record, batch));
        if (!reason.empty()) batch.Note("reason", reason);
        return table_.Put(*keys, view, id, record->SerializeAsString(), batch);
      })
      .status();
}

bool ApiKeyStore::SomePlaces(const std::string& path, ApiKeyIndex::Place* after,
                             std::vector<ApiKeyIndex::Place>* out) const {
  constexpr size_t kAtOnce = 1000;
  out->clear();
  const absl::ReaderMutexLock lock(&mu_);
  const std::set<ApiKeyIndex::Place>& places = index_->places();
  auto it = after->second.empty() ? places.lower_bound({path, ""}) : places.upper_bound(*after);
  for (size_t seen = 0; it != places.end() && absl::StartsWith(it->first, path); ++it, ++seen) {
    if (seen == kAtOnce) return true;
    *after = *it;
    // "a-b" stands between "a" and "a/b".
    const bool below =
        path.empty() || it->first.size() == path.size() || it->first[path.size()] == '/';
    if (below) out->push_back(*it);
  }
  return false;
}

void ApiKeyStore::ForEachPlace(const std::string& path, ApiKeyIndex::Place after,
                               absl::FunctionRef<bool(const ApiKeyIndex::Place& place)> fn) const {
  std::vector<ApiKeyIndex::Place> some;
  bool more = true;
  while (more) {
    more = SomePlaces(path, &after, &some);
    for (const ApiKeyIndex::Place& place : some) {
      if (!fn(place)) return;
    }
  }
}

std::vector<std::string> ApiKeyStore::EndedBefore(absl::Time time, size_t limit) const {
  std::vector<std::string> out;
  const absl::ReaderMutexLock lock(&mu_);
  for (const auto& [id, summary] : index_->summaries()) {
    if (out.size() == limit) break;
    if (summary.end < time) out.push_back(id);
  }
  return out;
}

// Whether it was to go.
absl::StatusOr<bool> ApiKeyStore::RemoveOne(const KeyringSnapshot& keys, const View& view,
                                            const std::string& id, absl::Time ended_before,
                                            Batch& batch) const {
  const absl::StatusOr<std::optional<ApiKeyRecord>> record = ReadRecord(table_, keys, view, id);
  if (absl::IsDataLoss(record.status())) {
    // It had ended as well, when it still opened; what it was then is in the index.
    for (const std::string& mac : LegacyMacsOf(id)) {
      RETURN_IF_ERROR(ended_.Put(keys, view, id, mac, batch));
    }
  } else {
    RETURN_IF_ERROR(record.status());
    if (!MayGo(*record, ended_before)) return false;
    if (record->has_value()) RETURN_IF_ERROR(ended_.Keep(keys, view, **record, nullptr, batch));
  }
  table_.Delete(keys, id, batch);
  return true;
}

absl::Status ApiKeyStore::Remove(absl::Span<const std::string> ids, absl::Time ended_before) {
  ASSIGN_OR_RETURN(const std::shared_ptr<const KeyringSnapshot> keys, context_.keyring.Snapshot());
  std::vector<std::string> removed;
  RETURN_IF_ERROR(context_
                      .update("apikey_removed",
                              [&](const View& view, Batch& batch) -> absl::Status {
                                removed.clear();
                                for (const std::string& id : ids) {
                                  ASSIGN_OR_RETURN(const bool gone,
                                                   RemoveOne(*keys, view, id, ended_before, batch));
                                  if (gone) removed.push_back(id);
                                }
                                batch.Note("api_keys", absl::StrCat(removed.size()));
                                return absl::OkStatus();
                              })
                      .status());
  const absl::MutexLock lock(&mu_);
  for (const std::string& id : removed) {
    index_->Erase(id);
    cache_.Erase(id);
  }
  return absl::OkStatus();
}

absl::Status ApiKeyStore::AddUses(const ApiKeyUses::Map& uses) {
  ASSIGN_OR_RETURN(const std::shared_ptr<const KeyringSnapshot> keys, context_.keyring.Snapshot());
  return context_
      .update(
          "apikey_uses_recorded",
          [&](const View& view, Batch& batch) -> absl::Status {
            for (const auto& [id, used] : uses) {
              auto record = ReadRecord(table_, *keys, view, id);
              if (absl::IsDataLoss(record.status())) continue;  // it holds up no others
              RETURN_IF_ERROR(record.status());
              if (!record->has_value()) continue;
              ApiKeyUses::Add(used, &**record);
              RETURN_IF_ERROR(table_.Put(*keys, view, id, (*record)->SerializeAsString(), batch));
            }
            batch.Note("api_keys", absl::StrCat(uses.size()));
            return absl::OkStatus();
          })
      .status();
}

ApiKeyStore::Sizes ApiKeyStore::sizes(absl::Time due_before) const {
  const absl::ReaderMutexLock lock(&mu_);
  return {.keys = index_->summaries().size(),
          .due = index_->CountEndingBy(due_before),
          .cached = cache_.size()};
}

std::vector<ApiKeyEnd> ApiKeyStore::EndingBetween(absl::Time from, absl::Time to) const {
  const absl::ReaderMutexLock lock(&mu_);
  std::vector<ApiKeyEnd> out;
  for (const std::string& id : index_->EndingBetween(from, to)) {
    const ApiKeyIndex::Summary* const summary = index_->Find(id);
    if (summary != nullptr) out.push_back({id, summary->path, summary->end});
  }
  return out;
}

}  // namespace keyturn
