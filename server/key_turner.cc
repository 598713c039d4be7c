#include "server/key_turner.h"

#include <algorithm>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "audit/server_event.h"
#include "base/failpoint.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/status_macros.h"

namespace keyturn {
namespace {

using record::v1::RewrapState;

// "" when the key may stay.
absl::string_view WhyDue(const Kek& kek, absl::Time now) {
  const absl::Time created = absl::FromUnixMillis(kek.created_ms);
  if (now >= created + absl::Seconds(limits::kKekSecondsMax)) return "age";
  if (kek.uses.load() >= limits::kKekUsesMax) return "uses";
  return "";
}

}  // namespace

absl::Status KeyTurner::RotateIfDue() {
  const absl::StatusOr<std::shared_ptr<const KeyringSnapshot>> keys = parts_.keyring.Snapshot();
  if (!keys.ok() || !parts_.lifecycle.unsealed().load()) return absl::OkStatus();
  const Kek& kek = (*keys)->active_kek();
  const absl::string_view why = WhyDue(kek, parts_.clock.Now());
  if (why.empty()) return absl::OkStatus();
  // What cannot be written down is not done.
  if (parts_.audit.failing()) return absl::UnavailableError("the audit log cannot be written");
  ASSIGN_OR_RETURN(const KekTerm term, parts_.lifecycle.RotateKek(kek.suite, false));
  AuditEvent event = ServerEvent("kek_rotated", parts_.clock);
  event.details = {{"term", absl::StrCat(term.value())}, {"due", std::string(why)}};
  return parts_.audit.Append(event);
}

absl::Status KeyTurner::Turn() {
  KekTerm term;
  {
    // Let go at once: a snapshot that is held keeps its keys from being retired.
    const absl::StatusOr<std::shared_ptr<const KeyringSnapshot>> keys = parts_.keyring.Snapshot();
    if (!keys.ok() || !parts_.lifecycle.unsealed().load()) return absl::OkStatus();
    if ((*keys)->keks().size() == 1) return absl::OkStatus();
    term = (*keys)->active_kek().term;
  }
  if (term == failed_term_ && parts_.clock.Now() < not_before_) return absl::OkStatus();
  running_.store(true);
  const absl::Cleanup done = [this] { running_.store(false); };
  pacer_.Begin();
  const absl::Status turned = TurnTo(term);
  // Aborted: the key was rotated again.
  if (turned.ok() || IsInterruption(turned) || absl::IsAborted(turned)) return absl::OkStatus();
  failed_term_ = term;
  not_before_ =
      parts_.clock.Now() + absl::Seconds(absl::IsDataLoss(turned) ? limits::kDamageRetrySeconds
                                                                  : limits::kRewrapRetrySeconds);
  return turned;
}

absl::Status KeyTurner::TurnTo(KekTerm term) {
  ASSIGN_OR_RETURN(const RewrapState state, parts_.vault.ReadRewrapState());
  if (state.term() != term.value() || state.finished_ms() == 0) RETURN_IF_ERROR(Rewrap());
  KEYTURN_FAILPOINT("server/records-rewrapped");
  // Calls from before the rotation seal with the older key; they end soon.
  if (parts_.keyring.FormerSnapshotsHeld()) return AwaitFormerCalls();
  former_since_ = absl::InfiniteFuture();
  // The last of them may have been in a group whose sync failed: then nobody knows what it left.
  if (parts_.store.Stats().stopped) return absl::UnavailableError("the store stopped");
  ASSIGN_OR_RETURN(uint64_t outside, CountOutside(term));
  if (outside > 0) {
    // Such calls came after the pass, or records were damaged and are mended.
    RETURN_IF_ERROR(Rewrap());
    ASSIGN_OR_RETURN(outside, CountOutside(term));
  }
  KEYTURN_FAILPOINT("server/nothing-outside");
  if (outside == 0) return Retire(term);
  return absl::DataLossError(absl::StrCat(
      outside, " records do not open, so the older keys stay; run: keyturn operator verify"));
}

absl::Status KeyTurner::AwaitFormerCalls() {
  const absl::Time now = parts_.clock.Now();
  former_since_ = std::min(former_since_, now);
  if (now - former_since_ < absl::Seconds(limits::kFormerCallsSecondsMax)) return absl::OkStatus();
  return absl::UnavailableError(
      "a call from before the rotation is still under way, so the older keys stay");
}

absl::StatusOr<uint64_t> KeyTurner::CountOutside(KekTerm term) {
  const auto rest = [this](uint64_t, uint64_t) { return pacer_.Rest(); };
  ASSIGN_OR_RETURN(const uint64_t outside, parts_.vault.CountOutside(term, rest));
  if (parts_.keyring.status().kek_term != term) {
    return absl::AbortedError("the key-encryption key was rotated again");
  }
  return outside;
}

absl::Status KeyTurner::Rewrap() {
  ServerUpdater updater("records_rewrapped", parts_.store, parts_.audit, parts_.clock);
  ASSIGN_OR_RETURN(
      const RewrapState state,
      parts_.vault.Rewrap(updater, [this](uint64_t, uint64_t) { return pacer_.Rest(); }));
  failed_.store(static_cast<double>(state.failed()));
  LogInfo("records were brought to the active key", {{"term", uint64_t{state.term()}},
                                                     {"rewrapped", state.rewrapped()},
                                                     {"reencrypted", state.reencrypted()},
                                                     {"failed", state.failed()}});
  return absl::OkStatus();
}

absl::Status KeyTurner::Retire(KekTerm term) {
  // What cannot be written down is not done.
  if (parts_.audit.failing()) return absl::UnavailableError("the audit log cannot be written");
  RETURN_IF_ERROR(parts_.lifecycle.RetireKeks(term));
  failed_.store(0);
  AuditEvent event = ServerEvent("kek_retired", parts_.clock);
  event.details = {{"terms_below", absl::StrCat(term.value())}};
  return parts_.audit.Append(event);
}

}  // namespace keyturn
