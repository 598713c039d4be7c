#include "rotation/usage/usage.h"

#include "absl/strings/str_cat.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/reason.h"
#include "base/status_macros.h"
#include "rotation/policy.h"
#include "rotation/usage/consumer_list.h"
#include "rotation/usage/usage_record.h"
#include "storage/schema.h"
#include "vault/path.h"
#include "vault/rotation_rules.h"
#include "vault/tree.h"
#include "vault/utf8.h"
#include "vault/versions.h"

namespace keyturn {
namespace {

using record::v1::UsageRecord;

absl::StatusOr<SecretMetadata> NeedMetadata(const KeyringSnapshot& keys, const View& view,
                                            const Uuid& secret, const std::string& path) {
  ASSIGN_OR_RETURN(std::optional<SecretMetadata> metadata, ReadMetadata(keys, view, secret));
  if (!metadata.has_value()) {
    return absl::DataLossError(absl::StrCat(path, " has a name but no metadata"));
  }
  return *std::move(metadata);
}

// For a line with others.
std::string Shortened(const std::string& name) {
  constexpr size_t kBytesMax = 128;
  if (name.size() <= kBytesMax) return name;
  return absl::StrCat(Utf8Prefix(name, kBytesMax - 3), "...");
}

absl::Status CheckForget(const v1::ForgetConsumerRequest& request) {
  if (request.name().empty()) {
    return absl::InvalidArgumentError("name: say which consumer is gone");
  }
  constexpr size_t kMost = 4 * limits::kConsumerNameBytesMax;  // as it is shown, escaped
  if (request.name().size() > kMost) {
    return absl::InvalidArgumentError(
        absl::StrCat("name: ", request.name().size(), " bytes; at most ", kMost, " are allowed"));
  }
  return CheckReason(request.reason(), true);
}

}  // namespace

void Usage::OnCommitted(absl::Span<const CommittedUpdate> group) {
  for (const CommittedUpdate& update : group) {
    for (const Batch::Operation& operation : *update.operations) {
      const std::optional<Uuid> secret = schema::SecretOf(operation);
      if (!secret.has_value()) continue;
      const absl::MutexLock lock(&mu_);
      if (changed_.size() >= limits::kUsageShards * limits::kUsesPerShardMax) return;
      changed_.insert(*secret);
    }
  }
}

void Usage::Note(const Use& use) {
  if (book_.Note(use)) return;
  // Whoever only had a token of it holds nothing that could be missed.
  if (use.token_end == absl::InfinitePast()) losses_.Mark(use.secret, use.version, use.time);
}

void Usage::AddLosses(const Uuid& secret, const SecretMetadata& metadata,
                      UsageRecord* record) const {
  for (const VersionRecord& version : metadata.versions()) {
    const absl::Time lost = losses_.Last(secret, SecretVersion(version.version()));
    if (lost != absl::InfinitePast()) AbsorbUnknown(version.version(), lost, record);
  }
}

UsageRecord Usage::RecordOf(const KeyringSnapshot& keys, const View& view, const Uuid& secret,
                            const SecretMetadata& metadata) const {
  // Before the record: meanwhile it may move from here to there, which counts it twice at worst.
  const std::vector<CountedUses> waiting = book_.Of(secret);
  absl::StatusOr<StoredUsage> stored = ReadUsage(keys, view, secret);
  UsageRecord record;
  if (stored.ok()) {
    record = std::move(stored->record);
  } else {
    for (const VersionRecord& version : metadata.versions()) {
      AbsorbUnknown(version.version(), parts_.clock.Now(), &record);
    }
  }
  Absorb(waiting, metadata, &record);
  AddLosses(secret, metadata, &record);
  return record;
}

std::vector<v1::Consumer> Usage::ConsumersOf(const Uuid& secret,
                                             const SecretMetadata& metadata) const {
  const absl::StatusOr<std::shared_ptr<const KeyringSnapshot>> keys = parts_.keyring.Snapshot();
  if (!keys.ok()) return {};
  return ConsumersIn(RecordOf(**keys, parts_.store.Newest(), secret, metadata), metadata,
                     parts_.clock.Now());
}

std::vector<std::string> Usage::UsersOf(const Uuid& secret, SecretVersion version) const {
  const std::vector<std::string> unknown = {std::string(kOtherConsumers)};
  const absl::StatusOr<std::shared_ptr<const KeyringSnapshot>> keys = parts_.keyring.Snapshot();
  if (!keys.ok()) return unknown;
  const absl::StatusOr<std::optional<SecretMetadata>> metadata =
      ReadMetadata(**keys, parts_.store.Newest(), secret);
  if (!metadata.ok()) return unknown;
  std::vector<std::string> out;
  if (!metadata->has_value()) return out;
  size_t lagging = 0;
  for (const v1::Consumer& consumer : ConsumersOf(secret, **metadata)) {
    if (consumer.version() != version.value()) continue;
    if (consumer.state() != v1::Consumer::LAGGING) continue;
    if (++lagging <= limits::kConsumersNamedMax) out.push_back(Shortened(consumer.name()));
  }
  if (lagging > out.size()) out.push_back(absl::StrCat("(", lagging - out.size(), " more)"));
  return out;
}

absl::StatusOr<v1::ListConsumersResponse> Usage::List(const v1::ListConsumersRequest& request,
                                                      VisibleFn visible) const {
  ASSIGN_OR_RETURN(const std::shared_ptr<const KeyringSnapshot> keys, parts_.keyring.Snapshot());
  return ListConsumers(*keys, *parts_.store.GetSnapshot(), request, visible,
                       [this](const Uuid& secret, const SecretMetadata& metadata) {
                         return ConsumersOf(secret, metadata);
                       });
}

absl::StatusOr<v1::AcknowledgeResponse> Usage::Acknowledge(const v1::AcknowledgeRequest& request,
                                                           absl::string_view consumer) {
  ASSIGN_OR_RETURN(const SecretPath path, SecretPath::Parse(request.path()));
  if (request.version() == 0) {
    return absl::InvalidArgumentError("version: say which one is used from now on");
  }
  ASSIGN_OR_RETURN(const std::shared_ptr<const KeyringSnapshot> keys, parts_.keyring.Snapshot());
  const std::shared_ptr<const Snapshot> snapshot = parts_.store.GetSnapshot();
  ASSIGN_OR_RETURN(const Located located, NeedSecret(*keys, *snapshot, path));
  ASSIGN_OR_RETURN(const SecretMetadata metadata,
                   NeedMetadata(*keys, *snapshot, located.secret, path.text()));
  v1::VersionSelector selector;
  selector.set_number(request.version());
  const absl::Time now = parts_.clock.Now();
  RETURN_IF_ERROR(SelectVersion(metadata, selector, now).status());
  const Use use{located.secret, SecretVersion(request.version()), consumer, now, true};
  if (!book_.Note(use)) {
    losses_.Mark(use.secret, use.version, use.time);
    return WithRetryAfter(
        WithReason(absl::ResourceExhaustedError("too many uses wait to be written; try again"),
                   "BUSY"),
        absl::Seconds(1));
  }
  v1::AcknowledgeResponse response;
  response.set_current_version(metadata.current_version());
  return response;
}

absl::StatusOr<v1::ForgetConsumerResponse> Usage::Forget(Updater& updater,
                                                         const v1::ForgetConsumerRequest& request) {
  ASSIGN_OR_RETURN(const SecretPath path, SecretPath::Parse(request.path()));
  RETURN_IF_ERROR(CheckForget(request));
  ASSIGN_OR_RETURN(const std::shared_ptr<const KeyringSnapshot> keys, parts_.keyring.Snapshot());
  Uuid secret;
  {
    const absl::MutexLock lock(&writing_);
    // What was copied for the round that is under way still has it.
    round_.clear();
    std::vector<std::string> waiting;
    RETURN_IF_ERROR(
        updater
            .Update([&](const View& view, Batch& batch) -> absl::Status {
              ASSIGN_OR_RETURN(const Located located, NeedSecret(*keys, view, path));
              secret = located.secret;
              ASSIGN_OR_RETURN(StoredUsage stored, ReadUsage(*keys, view, secret));
              bool found = ForgetConsumer(request.name(), parts_.clock.Now(), &stored.record);
              waiting.clear();
              for (const CountedUses& uses : book_.Of(secret)) {
                if (ShownName(uses.consumer) == request.name()) waiting.push_back(uses.consumer);
              }
              if (!found && waiting.empty()) {
                return WithReason(absl::NotFoundError("the secret has no consumer of this name"),
                                  "CONSUMER_NOT_FOUND");
              }
              ASSIGN_OR_RETURN(const std::string sealed, SealUsage(*keys, secret, stored));
              batch.Put(Family::kRecords, schema::UsageKey(secret), sealed);
              batch.Note("consumer", request.name());
              batch.Note("reason", request.reason());
              return absl::OkStatus();
            })
            .status());
    for (const std::string& name : waiting) book_.Drop(secret, name);
  }
  Tell({secret});
  return v1::ForgetConsumerResponse();
}

void Usage::Tell(const std::vector<Uuid>& held) const {
  if (parts_.on_held == nullptr) return;
  for (const Uuid& secret : held) parts_.on_held(secret);
}

Usage::Stats Usage::stats() const {
  Stats out;
  out.waiting = book_.size();
  out.lost = losses_.marks();
  const absl::MutexLock lock(&mu_);
  out.failing = failing_.size();
  out.laggards = lagging_;
  return out;
}

}  // namespace keyturn
