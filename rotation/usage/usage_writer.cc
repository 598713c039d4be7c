// How uses get from memory into the records: in rounds, a minute apart, some secrets with each
// update.
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "base/failpoint.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/status_macros.h"
#include "keyring/envelope.h"
#include "rotation/usage/usage.h"
#include "rotation/usage/usage_record.h"
#include "storage/schema.h"
#include "vault/rotation_rules.h"

namespace keyturn {
namespace {

// Looked at for one update; most of these have nothing to be written.
constexpr size_t kLooksPerUpdate = 8 * limits::kUsageRecordsPerUpdate;

std::string LossesKey(const KeyringSnapshot& keys) {
  return schema::NamedRecordKey(IndexMac(keys, "setting", "usage-losses"),
                                static_cast<uint8_t>(Purpose::kSetting));
}

}  // namespace

absl::Status Usage::OnUnsealed() {
  ASSIGN_OR_RETURN(const std::shared_ptr<const KeyringSnapshot> keys, parts_.keyring.Snapshot());
  const std::string key = LossesKey(*keys);
  ASSIGN_OR_RETURN(const std::optional<std::string> sealed,
                   parts_.store.Newest().Get(Family::kRecords, key));
  if (!sealed.has_value()) return absl::OkStatus();
  record::v1::UsageLosses losses;
  const absl::StatusOr<OpenedRecord> opened = OpenRecord(*keys, Purpose::kSetting, key, *sealed);
  const absl::string_view bytes = opened.ok() ? opened->plaintext.ExposeForCrypto() : "";
  if (!opened.ok() || !losses.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    // Whatever it said, it may have said of any version until now.
    losses.Clear();
    losses.add_seconds(static_cast<uint32_t>(absl::ToUnixSeconds(parts_.clock.Now())));
    LogError("the record of uses that were lost does not open",
             {{"error", std::string(opened.status().message())}});
  }
  losses_.Load(losses);
  return absl::OkStatus();
}

void Usage::OnSealed() {
  if (const absl::Status written = WriteAll(); !written.ok()) {
    LogWarning("who uses which secret was not written before the seal",
               {{"error", std::string(written.message())}});
  }
  book_.Clear();
  losses_.Clear();
  const absl::MutexLock lock(&mu_);
  changed_.clear();
  laggards_.clear();
  lagging_ = 0;
  failing_.clear();
}

absl::Status Usage::WriteDue() {
  std::vector<Uuid> held;
  absl::Status status;
  {
    const absl::MutexLock lock(&writing_);
    const int64_t now = parts_.clock.MonotonicNanos();
    if (round_.empty() && (now >= next_round_nanos_ || book_.crowded())) {
      next_round_nanos_ = now + limits::kUsageWriteSeconds * 1'000'000'000;
      BeginRound(true);
    }
    status = Turn(limits::kUsageUpdatesPerTurn, &held);
  }
  Tell(held);
  return status;
}

absl::Status Usage::WriteAll() {
  const absl::MutexLock lock(&writing_);
  std::vector<Uuid> held;
  BeginRound(false);
  return Turn(std::numeric_limits<int>::max(), &held);
}

void Usage::BeginRound(bool look) {
  round_.clear();
  absl::flat_hash_set<Uuid> changed;
  if (look) {
    const absl::MutexLock lock(&mu_);
    changed.swap(changed_);
  }
  for (CountedUses& uses : book_.All()) {
    if (round_.empty() || round_.back().secret != uses.secret) {
      round_.push_back({uses.secret, {}});
      changed.erase(uses.secret);
    }
    round_.back().uses.push_back(std::move(uses));
  }
  for (const Uuid& secret : changed) round_.push_back({secret, {}});
}

absl::Status Usage::Turn(int updates, std::vector<Uuid>* held) {
  if (round_.empty() && losses_.marks() == losses_written_) return absl::OkStatus();
  const absl::StatusOr<std::shared_ptr<const KeyringSnapshot>> keys = parts_.keyring.Snapshot();
  absl::Status status = keys.status();
  if (status.ok()) status = WriteLosses(**keys);
  for (int i = 0; status.ok() && i < updates && !round_.empty(); ++i) {
    status = WriteSome(**keys, held);
  }
  // What was not written still waits.
  if (!status.ok()) round_.clear();
  return status;
}

absl::Status Usage::WriteLosses(const KeyringSnapshot& keys) {
  const uint64_t marks = losses_.marks();
  if (marks == losses_written_) return absl::OkStatus();
  const std::string key = LossesKey(keys);
  ASSIGN_OR_RETURN(const std::string sealed, SealRecord(keys, {Purpose::kSetting, key, 0},
                                                        losses_.Save().SerializeAsString()));
  RETURN_IF_ERROR(parts_.store
                      .Update([&](const View&, Batch& batch) {
                        batch.Put(Family::kRecords, key, sealed);
                        return absl::OkStatus();
                      })
                      .status());
  LogWarning("more uses of secrets than can be counted: some consumers are not known by name",
             {{"uses", marks - losses_written_}});
  losses_written_ = marks;
  return absl::OkStatus();
}

absl::Status Usage::WriteSome(const KeyringSnapshot& keys, std::vector<Uuid>* held) {
  std::vector<Ready> ready;
  size_t bytes = 0;
  for (size_t looks = 0;
       looks < kLooksPerUpdate && !round_.empty() &&
       ready.size() < limits::kUsageRecordsPerUpdate && bytes < limits::kUsageBytesPerUpdate;
       ++looks) {
    Work work = std::move(round_.front());
    round_.pop_front();
    ASSIGN_OR_RETURN(std::optional<Ready> one, Prepare(keys, std::move(work), held));
    if (!one.has_value()) continue;
    bytes += one->after.size();
    ready.push_back(*std::move(one));
  }
  if (ready.empty()) return absl::OkStatus();
  KEYTURN_FAILPOINT("rotation/usage-sealed");
  RETURN_IF_ERROR(Commit(&ready));
  KEYTURN_FAILPOINT("rotation/usage-written");
  for (const Ready& one : ready) {
    if (!one.written) continue;
    book_.Settle(one.work.uses);
    if (one.held) held->push_back(one.work.secret);
  }
  return absl::OkStatus();
}

absl::StatusOr<std::optional<Usage::Ready>> Usage::Prepare(const KeyringSnapshot& keys, Work work,
                                                           std::vector<Uuid>* held) {
  const View& view = parts_.store.Newest();
  const absl::StatusOr<std::optional<SecretMetadata>> metadata =
      ReadMetadata(keys, view, work.secret);
  if (!metadata.ok()) {
    RETURN_IF_ERROR(GiveUp(work, metadata.status()));
    return std::optional<Ready>();
  }
  if (!metadata->has_value()) {  // it was destroyed
    book_.Settle(work.uses);
    const absl::MutexLock lock(&mu_);
    SetLaggards(work.secret, 0);
    failing_.erase(work.secret);
    return std::optional<Ready>();
  }
  absl::StatusOr<StoredUsage> stored = ReadUsage(keys, view, work.secret);
  if (!stored.ok()) {
    RETURN_IF_ERROR(GiveUp(work, stored.status()));
    return std::optional<Ready>();
  }
  Absorb(work.uses, **metadata, &stored->record);
  const bool is_held = Look(work.secret, **metadata, stored->record);
  if (work.uses.empty()) {
    if (is_held) held->push_back(work.secret);
    return std::optional<Ready>();
  }
  Ready ready{std::move(work), stored->sealed, "", is_held};
  ASSIGN_OR_RETURN(ready.after, SealUsage(keys, ready.work.secret, *stored));
  return std::optional<Ready>(std::move(ready));
}

absl::Status Usage::Commit(std::vector<Ready>* ready) const {
  bool nothing_left = false;
  const absl::Status status =
      parts_.store
          .Update([&](const View& view, Batch& batch) -> absl::Status {
            bool any = false;
            for (Ready& one : *ready) {
              const std::string key = schema::UsageKey(one.work.secret);
              ASSIGN_OR_RETURN(const std::optional<std::string> now,
                               view.Get(Family::kRecords, key));
              ASSIGN_OR_RETURN(
                  const std::optional<std::string> metadata,
                  view.Get(Family::kRecords, schema::SecretMetadataKey(one.work.secret)));
              one.written = now == one.before && metadata.has_value();
              if (!one.written) continue;
              batch.Put(Family::kRecords, key, one.after);
              any = true;
            }
            nothing_left = !any;
            return any ? absl::OkStatus() : absl::AbortedError("nothing is left to be written");
          })
          .status();
  return nothing_left ? absl::OkStatus() : status;
}

absl::Status Usage::GiveUp(const Work& work, const absl::Status& why) {
  if (!absl::IsDataLoss(why) && !absl::IsFailedPrecondition(why)) return why;
  // As long as the record does not open, somebody is taken to use each version.
  book_.Settle(work.uses);
  const absl::MutexLock lock(&mu_);
  if (failing_.insert(work.secret).second) {
    LogError("it is not known any more who uses a secret",
             {{"secret", work.secret.ToString()}, {"error", std::string(why.message())}});
  }
  return absl::OkStatus();
}

bool Usage::Look(const Uuid& secret, const SecretMetadata& metadata,
                 const record::v1::UsageRecord& record) {
  bool held = false, in_grace = false;
  for (const VersionRecord& version : metadata.versions()) {
    if (!IsState(version, v1::VERSION_STATE_GRACE)) continue;
    in_grace = true;
    held = held || version.held();
  }
  uint64_t lagging = 0;
  if (in_grace) {
    record::v1::UsageRecord all = record;
    AddLosses(secret, metadata, &all);
    // Tokens end by themselves, and nobody looks again then: of those who had any, none is counted.
    for (const v1::Consumer& consumer : ConsumersIn(all, metadata, absl::InfiniteFuture())) {
      lagging += consumer.state() == v1::Consumer::LAGGING ? 1 : 0;
    }
  }
  const absl::MutexLock lock(&mu_);
  failing_.erase(secret);
  SetLaggards(secret, lagging);
  return held;
}

void Usage::SetLaggards(const Uuid& secret, uint64_t lagging) {
  const auto known = laggards_.find(secret);
  if (known != laggards_.end()) lagging_ -= known->second;
  lagging_ += lagging;
  if (lagging > 0) {
    laggards_[secret] = lagging;
  } else if (known != laggards_.end()) {
    laggards_.erase(known);
  }
}

}  // namespace keyturn
