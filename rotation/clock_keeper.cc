#include "rotation/clock_keeper.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/status_macros.h"
#include "base/timestamps.h"
#include "keyring/envelope.h"
#include "keyturn/record/v1/vault.pb.h"
#include "rotation/policy.h"
#include "storage/schema.h"

namespace keyturn {
namespace {

std::string KeyOf(const KeyringSnapshot& keys) {
  return schema::NamedRecordKey(IndexMac(keys, "setting", "clock"),
                                static_cast<uint8_t>(Purpose::kSetting));
}

std::string Shown(absl::Time time) {
  return absl::FormatTime(absl::RFC3339_sec, time, absl::UTCTimeZone());
}

}  // namespace

// std::nullopt: none was ever kept. InfiniteFuture: there is one, and it does not open.
absl::StatusOr<std::optional<ClockKeeper::Kept>> ClockKeeper::ReadKept(
    const RotationContext& context) {
  ASSIGN_OR_RETURN(const std::shared_ptr<const KeyringSnapshot> keys, context.keyring.Snapshot());
  const std::string key = KeyOf(*keys);
  ASSIGN_OR_RETURN(const std::optional<std::string> sealed,
                   context.store.Newest().Get(Family::kRecords, key));
  if (!sealed.has_value()) return std::optional<Kept>();
  const absl::StatusOr<OpenedRecord> opened = OpenRecord(*keys, Purpose::kSetting, key, *sealed);
  record::v1::ClockMark mark;
  if (opened.ok()) {
    const absl::string_view bytes = opened->plaintext.ExposeForCrypto();
    if (mark.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
      Kept kept{absl::FromUnixMillis(mark.wall_ms()), std::nullopt};
      if (mark.up_since_ms() != 0) kept.up_since = absl::FromUnixMillis(mark.up_since_ms());
      return std::optional<Kept>(kept);
    }
  }
  LogError("the time that was kept does not open: run keyturn operator verify");
  return std::optional<Kept>({absl::InfiniteFuture(), std::nullopt});
}

absl::Status ClockKeeper::OnUnsealed() {
  ASSIGN_OR_RETURN(const std::optional<Kept> kept, ReadKept(context_));
  if (Begin(kept)) return absl::OkStatus();
  // Before the first caller, and not between two of anybody's changes. A vault that cannot be
  // written can be read.
  if (const absl::Status status = Keep(); !status.ok()) {
    LogWarning("the time was not kept", {{"error", std::string(status.message())}});
  }
  return absl::OkStatus();
}

bool ClockKeeper::Begin(const std::optional<Kept>& kept) {
  const absl::MutexLock lock(&mu_);
  kept_.reset();
  ahead_ = absl::ZeroDuration();
  said_.reset();
  std::optional<UpTime::Former> former;
  if (kept.has_value()) {
    kept_ = kept->time;
    guard_.Begin(kept->time);
    if (kept->up_since.has_value()) former = UpTime::Former{*kept->up_since, kept->time};
  }
  const absl::Time now = context_.clock.Now();
  looked_.reset();
  BeginUpTime(former, now);
  const bool trusted = LookLocked();
  if (trusted && kept_.has_value() &&
      now - *kept_ > absl::Seconds(limits::kRotationClockAheadSeconds)) {
    ahead_ = now - *kept_;
    said_ = Said{"clock_ahead", nullptr, *kept_};
    LogWarning(
        "the clock is far ahead of the last time known: if the server was not off for that "
        "long, seal it and set the clock",
        {{"now", Shown(now)}, {"known", Shown(*kept_)}});
  }
  return said_.has_value();
}

void ClockKeeper::BeginUpTime(const std::optional<UpTime::Former>& former, absl::Time now) {
  up_.former = former;
  up_.since = absl::FromUnixMillis(absl::ToUnixMillis(now));  // as versions remember it
  up_since_nanos_ = context_.clock.AwakeNanos();
}

bool ClockKeeper::Observe(absl::Time now) {
  const bool before = guard_.trusted();
  const Looked look{now, context_.clock.MonotonicNanos(), context_.clock.AwakeNanos()};
  const bool wrong = guard_.Observe(now, look.monotonic_nanos);
  const std::optional<Looked> last = std::exchange(looked_, look);
  if (!last.has_value()) return before && !guard_.trusted();
  const absl::Duration slept = absl::Nanoseconds((look.monotonic_nanos - last->monotonic_nanos) -
                                                 (look.awake_nanos - last->awake_nanos));
  // What the clock has passed over, or the machine, is as a downtime to those who go by it.
  if (wrong || slept >= absl::Seconds(limits::kRotationClockJumpSeconds)) {
    BeginUpTime(UpTime::Former{up_.since, last->wall}, now);
  }
  return before && !guard_.trusted();
}

bool ClockKeeper::LookLocked() {
  const absl::Time now = context_.clock.Now();
  if (!Observe(now)) return guard_.trusted();
  const bool behind =
      kept_.has_value() && now < *kept_ - absl::Seconds(limits::kRotationClockJumpSeconds);
  said_ = Said{"clock_distrusted", behind ? "BEHIND" : "JUMPED", kept_.value_or(now)};
  LogError(behind
               ? "the clock is behind a time that had come: no rotation starts and no version ends "
                 "by time until it is past that for a while, or keyturn rotation accept-clock"
               : "the clock has jumped: no rotation starts and no version ends by time",
           {{"minutes", std::to_string(limits::kRotationClockAgreeSeconds / 60)},
            {"now", Shown(now)},
            {"known", Shown(kept_.value_or(now))}});
  return false;
}

bool ClockKeeper::Look() {
  const absl::MutexLock lock(&mu_);
  return LookLocked();
}

bool ClockKeeper::trusted() const {
  const absl::MutexLock lock(&mu_);
  return guard_.trusted();
}

absl::Duration ClockKeeper::ahead() const {
  const absl::MutexLock lock(&mu_);
  return ahead_;
}

UpTime ClockKeeper::up() const {
  const absl::MutexLock lock(&mu_);
  UpTime up = up_;
  up.lasts = absl::Nanoseconds(context_.clock.AwakeNanos() - up_since_nanos_);
  return up;
}

absl::Status ClockKeeper::Write(const KeyringSnapshot& keys, absl::Time now, absl::Time up_since,
                                Batch& batch) {
  const std::string key = KeyOf(keys);
  record::v1::ClockMark mark;
  mark.set_wall_ms(absl::ToUnixMillis(now));
  mark.set_up_since_ms(absl::ToUnixMillis(up_since));
  ASSIGN_OR_RETURN(const std::string sealed,
                   SealRecord(keys, {Purpose::kSetting, key, 0}, mark.SerializeAsString()));
  batch.Put(Family::kRecords, key, sealed);
  return absl::OkStatus();
}

absl::Status ClockKeeper::Keep() {
  std::optional<Said> said;
  std::optional<absl::Time> kept;
  bool trusted = false;
  absl::Time up_since;
  {
    const absl::MutexLock lock(&mu_);
    said = said_;
    kept = kept_;
    trusted = guard_.trusted();
    up_since = up_.since;
  }
  const absl::Time now = context_.clock.Now();
  const bool old = !kept.has_value() || absl::AbsDuration(now - *kept) >=
                                            absl::Seconds(limits::kRotationClockMarkSeconds);
  const bool keeps = trusted && old;
  if (!keeps && !said.has_value()) return absl::OkStatus();
  ASSIGN_OR_RETURN(const std::shared_ptr<const KeyringSnapshot> keys, context_.keyring.Snapshot());
  const auto write = [&](const View&, Batch& batch) -> absl::Status {
    if (said.has_value()) {
      if (said->cause != nullptr) batch.Note("cause", said->cause);
      batch.Note("known_time", Shown(said->known));
    }
    return keeps ? Write(*keys, now, up_since, batch) : absl::OkStatus();
  };
  RETURN_IF_ERROR(said.has_value() ? context_.update(said->event, "", write).status()
                                   : context_.store.Update(write).status());
  const absl::MutexLock lock(&mu_);
  if (keeps) kept_ = now;
  said_.reset();
  return absl::OkStatus();
}

absl::StatusOr<v1::AcceptClockResponse> ClockKeeper::Accept(Updater& updater,
                                                            const v1::AcceptClockRequest& request) {
  RETURN_IF_ERROR(CheckReason(request.reason(), true));
  ASSIGN_OR_RETURN(const std::shared_ptr<const KeyringSnapshot> keys, context_.keyring.Snapshot());
  const absl::Time now = context_.clock.Now();
  RETURN_IF_ERROR(updater
                      .Update([&](const View&, Batch& batch) {
                        batch.Note("reason", request.reason());
                        // A jump up to now may not have been looked at.
                        return Write(*keys, now, /*up_since=*/now, batch);
                      })
                      .status());
  const absl::MutexLock lock(&mu_);
  v1::AcceptClockResponse response;
  *response.mutable_time() = ToTimestamp(now);
  response.set_was_trusted(guard_.trusted());
  if (kept_.has_value() && *kept_ != absl::InfiniteFuture()) {
    *response.mutable_known_time() = ToTimestamp(*kept_);
  }
  kept_ = now;
  // A jump between the look that was taken last and now has been looked at as well.
  Observe(now);
  guard_.Accept();
  return response;
}

}  // namespace keyturn
