#include "vault/reader.h"

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "base/limits.h"
#include "base/reason.h"
#include "base/status_macros.h"
#include "storage/schema.h"
#include "vault/fields.h"
#include "vault/rotation_rules.h"
#include "vault/tree.h"
#include "vault/version_data.h"
#include "vault/versions.h"

namespace keyturn {
namespace {

absl::Status CheckReadable(const std::string& path, const SecretMetadata& metadata) {
  if (!metadata.has_jwt() || metadata.jwt().readable()) return absl::OkStatus();
  return WithReason(
      absl::FailedPreconditionError(absl::StrCat(
          path,
          " holds keys that sign inside the server and cannot be read; run: keyturn jwt sign "
          "or keyturn jwt jwks")),
      "NOT_READABLE");
}

}  // namespace

absl::StatusOr<Reader::Opened> Reader::Open(const KeyringSnapshot& keys, const std::string& text,
                                            bool use_cache) const {
  VaultCache& cache = context_.cache;
  const VaultCache::Epoch epoch = cache.epoch();
  if (use_cache) {
    if (std::optional<Opened> known = cache.Find(text); known.has_value()) return *std::move(known);
  }
  ASSIGN_OR_RETURN(const SecretPath path, SecretPath::Parse(text));
  // One moment for the whole walk: were a directory moved between two steps, single reads could
  // lead to what was never at this path, where the caller's grants were checked.
  const std::shared_ptr<const Snapshot> snapshot = context_.store.GetSnapshot();
  ASSIGN_OR_RETURN(const uint64_t moves, ReadMoves(*snapshot));
  ASSIGN_OR_RETURN(const Located located, NeedSecret(keys, *snapshot, path));
  ASSIGN_OR_RETURN(const std::optional<std::string> sealed,
                   snapshot->Get(Family::kRecords, schema::SecretMetadataKey(located.secret)));
  if (!sealed.has_value()) {
    return absl::DataLossError(absl::StrCat(text, " has a name but no metadata"));
  }
  ASSIGN_OR_RETURN(SecretMetadata metadata, OpenMetadata(keys, located.secret, *sealed));
  Opened out{located.secret, moves, std::make_shared<const SecretMetadata>(std::move(metadata)),
             IdentityOf(*sealed)};
  cache.Add(epoch, text, out);
  return out;
}

absl::StatusOr<SecretBytes> Reader::ReadData(const KeyringSnapshot& keys, const Uuid& secret,
                                             const SecretMetadata& metadata,
                                             const VersionRecord& version) const {
  VaultCache& cache = context_.cache;
  const VaultCache::Epoch epoch = cache.epoch();
  const View& view = context_.store.Newest();
  const SecretVersion number(version.version());
  const VersionPlace place = PlaceOf(secret, metadata, version);
  VaultCache::VersionData data = cache.FindData(secret, number);
  if (data.payload != nullptr) return OpenPayload(keys, place, *data.dek, *data.payload);
  const bool has_dek = data.dek != nullptr;
  if (!has_dek) {
    ASSIGN_OR_RETURN(const std::optional<std::string> wrapped,
                     view.Get(Family::kDeks, schema::DekKey(secret, number)));
    if (!wrapped.has_value()) return absl::NotFoundError("the key of the version is gone");
    ASSIGN_OR_RETURN(SecretBytes opened, UnwrapDek(keys, place, *wrapped));
    data.dek = std::make_shared<const SecretBytes>(std::move(opened));
  }
  ASSIGN_OR_RETURN(std::optional<std::string> payload,
                   view.Get(Family::kRecords, schema::PayloadKey(secret, number)));
  if (!payload.has_value()) return absl::NotFoundError("the data of the version is gone");
  absl::StatusOr<SecretBytes> opened = OpenPayload(keys, place, *data.dek, *payload);
  // Between the two reads the version may have been encrypted again, with another DEK.
  if (absl::IsDataLoss(opened.status())) {
    return ReadVersionData(keys, *context_.store.GetSnapshot(), place);
  }
  if (!opened.ok()) return opened;
  if (payload->size() <= limits::kCachedPayloadBytesMax) {
    data.payload = std::make_shared<const std::string>(*std::move(payload));
  }
  if (!has_dek) cache.AddData(epoch, secret, number, std::move(data));
  return opened;
}

absl::StatusOr<ReadResult> Reader::GetOnce(const KeyringSnapshot& keys,
                                           const v1::GetRequest& request, bool use_cache,
                                           bool* raced) const {
  // Before the look: who watches from this revision may see a change twice, but misses none.
  const Revision revision = context_.store.LastRevision();
  ASSIGN_OR_RETURN(const Opened opened, Open(keys, request.path(), use_cache));
  ASSIGN_OR_RETURN(const VersionRecord* version,
                   SelectVersion(*opened.metadata, request.version(), context_.clock.Now()));
  RETURN_IF_ERROR(CheckReadable(request.path(), *opened.metadata));
  absl::StatusOr<SecretBytes> data = ReadData(keys, opened.id, *opened.metadata, *version);
  if (absl::IsNotFound(data.status())) {
    *raced = true;
    return absl::DataLossError(absl::StrCat("version ", version->version(), " of ", request.path(),
                                            " has metadata but no data"));
  }
  // Adopted between the two looks, it is bound to another kind; what stays so is damage.
  *raced = absl::IsDataLoss(data.status());
  RETURN_IF_ERROR(data.status());
  ReadResult out;
  out.secret = opened.id;
  if (request.fields().empty()) {
    out.data = *std::move(data);
  } else {
    const std::vector<std::string> names(request.fields().begin(), request.fields().end());
    ASSIGN_OR_RETURN(out.data, SelectFields(data->ExposeForCrypto(), names));
  }
  out.info.set_path(request.path());
  out.info.set_kind(static_cast<v1::Kind>(opened.metadata->kind()));
  *out.info.mutable_version() = ToInfo(*version);
  *out.info.mutable_custom_metadata() = opened.metadata->custom_metadata();
  out.info.set_revision(revision.value());
  out.info.set_guaranteed_for_seconds(
      absl::ToInt64Seconds(GuaranteedFor(*opened.metadata, *version, context_.clock.Now())));
  return out;
}

// Who waits holds a worker, so only a few may, and only for what can come soon: on one node a
// revision that was ever told is there already, and one far ahead is a mistake or another vault's.
absl::Status Reader::Await(uint64_t wanted, absl::Time deadline) const {
  const uint64_t newest = context_.store.LastRevision().value();
  if (wanted <= newest) return absl::OkStatus();
  if (wanted - newest > limits::kRevisionAheadMax) {
    return WithReason(
        absl::OutOfRangeError(absl::StrCat(
            "min_revision ", wanted, " is too far ahead of the newest revision, ", newest,
            ": at most ", limits::kRevisionAheadMax, " is waited for; is it another vault's?")),
        "REVISION_AHEAD");
  }
  const absl::Cleanup leave = [this] { waiting_.fetch_sub(1); };
  if (waiting_.fetch_add(1) >= limits::kRevisionWaitersMax) {
    return WithRetryAfter(
        WithReason(absl::ResourceExhaustedError(
                       absl::StrCat(limits::kRevisionWaitersMax,
                                    " reads wait for a min_revision already; try again shortly")),
                   "BUSY"),
        absl::Milliseconds(limits::kBusyRetryMilliseconds));
  }
  return context_.store.WaitFor(Revision(wanted), deadline);
}

// A version that is destroyed between the look at its metadata and the look at its data leaves a
// gap that a second look explains; a gap that stays is damage. The second look is past the cache,
// which is told of a change only after the store shows it.
absl::StatusOr<ReadResult> Reader::Get(const v1::GetRequest& request, absl::Time deadline) const {
  ASSIGN_OR_RETURN(const std::shared_ptr<const KeyringSnapshot> keys, context_.keyring.Snapshot());
  RETURN_IF_ERROR(Await(request.min_revision(), deadline));
  absl::StatusOr<ReadResult> result = absl::InternalError("not read");
  for (int attempt = 0; attempt <= limits::kUpdateRetriesMax; ++attempt) {
    bool raced = false;
    result = GetOnce(*keys, request, attempt == 0, &raced);
    if (!raced) break;
  }
  return result;
}

absl::StatusOr<v1::SecretInfo> Reader::Describe(const SecretPath& path) const {
  ASSIGN_OR_RETURN(const std::shared_ptr<const KeyringSnapshot> keys, context_.keyring.Snapshot());
  ASSIGN_OR_RETURN(const Opened opened, Open(*keys, path.text(), true));
  return ToInfo(path.text(), opened.id, *opened.metadata, true);
}

absl::StatusOr<FoundSecret> Reader::Find(const std::string& path) const {
  ASSIGN_OR_RETURN(const std::shared_ptr<const KeyringSnapshot> keys, context_.keyring.Snapshot());
  ASSIGN_OR_RETURN(Opened opened, Open(*keys, path, true));
  return FoundSecret{opened.id, std::move(opened.metadata)};
}

}  // namespace keyturn
