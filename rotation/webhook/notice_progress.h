// How far endpoints were told ahead, kept across restarts: of secrets and of API keys, a sealed
// record each (docs/FORMAT.md). Not thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "base/types.h"
#include "keyring/keyring_snapshot.h"
#include "rotation/webhook/context.h"

namespace keyturn {

// In the order in which notices are told: milliseconds of the Unix clock, and whose it is; of an
// API key, the 16 characters of its id.
using NoticePlace = std::pair<int64_t, Uuid>;

class NoticeProgress {
 public:
  // `of` names the record: "notices". `context` outlives this.
  NoticeProgress(const WebhookContext& context, std::string of)
      : context_(context), of_(std::move(of)) {}

  // The vault was unsealed: if somebody wants notices already, they go on where they were.
  void OnUnsealed();
  // To be asked before any work: whether an endpoint wants one of these events, of some path, and
  // the clock is believed. Begins when somebody wants the first notice, from now on; ends when
  // nobody does. Errors are of the store.
  absl::StatusOr<bool> Look(const KeyringSnapshot& keys,
                            absl::Span<const absl::string_view> events);
  void End() { begun_ = false; }
  bool begun() const { return begun_; }

  // REQUIRES: begun(). All up to it are told.
  const NoticePlace& told() const { return told_; }
  // Notes that all up to `place` are; with what is told, in its update.
  absl::Status Write(const KeyringSnapshot& keys, const NoticePlace& place, Batch& batch) const;
  // In memory; and in the store, if what is there is an hour old.
  void SetTold(const NoticePlace& place) { told_ = place; }
  absl::Status AllTold(const KeyringSnapshot& keys, absl::Time until);

 private:
  absl::Status Begin(const KeyringSnapshot& keys, bool goes_on);
  // std::nullopt: nothing was ever told, or it does not open.
  absl::StatusOr<std::optional<NoticePlace>> Read(const KeyringSnapshot& keys) const;
  absl::Status Keep(const KeyringSnapshot& keys, const NoticePlace& place);
  std::string Key(const KeyringSnapshot& keys) const;

  const WebhookContext& context_;
  const std::string of_;
  bool first_ = false;  // nobody has looked since the unseal
  bool begun_ = false;
  NoticePlace told_;
  int64_t kept_ms_ = 0;  // the store has at least this
};

}  // namespace keyturn
