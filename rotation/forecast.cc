#include "rotation/forecast.h"

#include <algorithm>
#include <map>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/limits.h"
#include "base/status_macros.h"
#include "base/timestamps.h"
#include "keyring/envelope.h"
#include "rotation/run_ahead.h"
#include "rotation/runs.h"
#include "rotation/transitions.h"
#include "vault/page_token.h"
#include "vault/path.h"
#include "vault/rotation_rules.h"
#include "vault/tree.h"
#include "vault/visible_walk.h"

namespace keyturn {
namespace {

absl::Status CheckCleared(const v1::ForecastRequest& request) {
  using Request = v1::ForecastRequest;
  if (!request.cleared().empty() && !request.changes_only()) {
    return absl::InvalidArgumentError("cleared: allowed with changes_only only");
  }
  constexpr int kMost = Request::Cleared_ARRAYSIZE - 1;
  if (request.cleared_size() > kMost) {
    return absl::InvalidArgumentError(
        absl::StrCat("cleared: ", request.cleared_size(), " fields; there are ", kMost));
  }
  for (const int field : request.cleared()) {
    if (field != Request::CLEARED_UNSPECIFIED && Request::Cleared_IsValid(field)) continue;
    return absl::InvalidArgumentError(absl::StrCat(
        "cleared is ", field, "; allowed are MAX_CREDENTIAL_AGE, WINDOWS, AFTER and TARGET"));
  }
  return absl::OkStatus();
}

absl::Status CheckSpan(const v1::ForecastRequest& request) {
  if (request.span_seconds() < 0 || request.span_seconds() > limits::kForecastSecondsMax) {
    return absl::InvalidArgumentError(
        absl::StrCat("span_seconds is ", request.span_seconds(), "; allowed are 0 (",
                     limits::kForecastSecondsDefault / limits::kDaySeconds, " days) to ",
                     limits::kForecastSecondsMax));
  }
  if (request.value_delay_seconds() < -1 ||
      request.value_delay_seconds() > limits::kForecastSecondsMax) {
    return absl::InvalidArgumentError(absl::StrCat(
        "value_delay_seconds is ", request.value_delay_seconds(),
        "; allowed are -1 (never), 0 (at once) and 1 to ", limits::kForecastSecondsMax));
  }
  if (request.changes_only() && !request.has_policy()) {
    return absl::InvalidArgumentError("changes_only: there is no policy");
  }
  return CheckCleared(request);
}

// REQUIRES: CheckCleared(request).ok() and changes_only.
v1::RotationPolicy Changed(const v1::RotationPolicy& stored, const v1::ForecastRequest& request) {
  const v1::RotationPolicy& changes = request.policy();
  v1::RotationPolicy out = stored;
  for (const int field : request.cleared()) {
    if (field == v1::ForecastRequest::MAX_CREDENTIAL_AGE) out.clear_max_credential_age_seconds();
    if (field == v1::ForecastRequest::WINDOWS) out.clear_windows();
    if (field == v1::ForecastRequest::AFTER) out.clear_after();
    if (field == v1::ForecastRequest::TARGET) out.clear_target();
  }
  if (changes.windows_size() > 0) out.clear_windows();
  if (changes.after_size() > 0) out.clear_after();
  out.MergeFrom(changes);
  return out;
}

class Forecaster {
 public:
  Forecaster(const RotationContext& context, const KeyringSnapshot& keys, const Snapshot& snapshot,
             const v1::ForecastRequest& request, const UpTime& up, const SecretPath& top,
             VisibleFn visible, CheckPolicyFn check)
      : context_(context),
        keys_(keys),
        snapshot_(snapshot),
        request_(request),
        top_(top),
        visible_(visible),
        check_(check) {
    const int64_t begun = context.clock.MonotonicNanos();
    constexpr int64_t kNanos = 1'000'000;
    full_nanos_ = begun + limits::kForecastMillisMax * kNanos;
    bounds_.now = context.clock.Now();
    bounds_.up = up;
    bounds_.end =
        bounds_.now + absl::Seconds(request.span_seconds() == 0 ? limits::kForecastSecondsDefault
                                                                : request.span_seconds());
    bounds_.stop_nanos = begun + 2 * limits::kForecastMillisMax * kNanos;
    if (request.value_delay_seconds() >= 0) {
      bounds_.value_delay = absl::Seconds(request.value_delay_seconds());
    }
    *response_.mutable_time() = ToTimestamp(bounds_.now);
    *response_.mutable_end_time() = ToTimestamp(bounds_.end);
  }

  // Whether the next one is for another answer.
  bool IsFull(size_t page_size) const {
    const auto told = static_cast<size_t>(response_.forecasts_size());
    return told >= page_size || events_ >= limits::kForecastPageEventsMax ||
           (told > 0 && context_.clock.MonotonicNanos() >= full_nanos_);
  }

  // Nothing of a secret that does not rotate.
  absl::Status Add(const std::string& path, const SecretMetadata& metadata, const Uuid& id) {
    FutureSecret first;
    first.path = path;
    first.secret.id = id;
    first.secret.metadata = metadata;
    RETURN_IF_ERROR(WhatIf(path, &first.secret.metadata));
    if (!first.secret.metadata.has_rotation()) return absl::OkStatus();
    ASSIGN_OR_RETURN(first.secret.run, ReadOpenRun(keys_, snapshot_, metadata));
    const bool still_used = IsStillUsed(first.secret);
    std::vector<v1::Forecast::Obstacle> obstacles;
    ASSIGN_OR_RETURN(std::vector<FutureSecret> group,
                     WithThoseBefore(std::move(first), &obstacles));
    v1::Forecast forecast = RunAhead(keys_, context_.clock, std::move(group), bounds_).Run();
    if (still_used) obstacles.push_back(v1::Forecast::STILL_USED);
    for (const v1::Forecast::Obstacle obstacle : obstacles) forecast.add_obstacles(obstacle);
    events_ += static_cast<size_t>(forecast.events_size());
    *response_.add_forecasts() = std::move(forecast);
    return absl::OkStatus();
  }

  // Whether the secret is one that is told of at all.
  bool MayAdd(const std::string& path, const SecretMetadata& metadata) const {
    return metadata.has_rotation() || (request_.has_policy() && path == top_.text());
  }

  v1::ForecastResponse& response() { return response_; }

 private:
  // As SetPolicy would change it, if the request asks what would be then.
  absl::Status WhatIf(const std::string& path, SecretMetadata* metadata) const {
    const bool below = top_.is_root() || path == top_.text() ||
                       absl::StartsWith(path, absl::StrCat(top_.text(), "/"));
    if (!request_.has_policy() || !below || !MayAdd(path, *metadata)) return absl::OkStatus();
    v1::SetRotationPolicyRequest asked;
    asked.set_path(path);
    *asked.mutable_policy() = request_.changes_only()
                                  ? Changed(metadata->rotation().policy(), request_)
                                  : request_.policy();
    if (const absl::Status refused = check_(asked, *metadata); !refused.ok()) {
      if (path == top_.text()) return refused;
      return absl::Status(refused.code(), absl::StrCat(path, ": ", refused.message()));
    }
    const absl::Time planned = PlannedStart(*metadata, asked.policy());
    if (!metadata->has_rotation()) BeginRotating(bounds_.now, asked.policy(), metadata);
    *metadata->mutable_rotation()->mutable_policy() = asked.policy();
    metadata->mutable_rotation()->set_due_ms(0);
    HoldStarts(metadata, bounds_.now, planned);
    return absl::OkStatus();
  }

  bool IsStillUsed(const RotatingSecret& secret) const {
    if (secret.metadata.rotation().policy().retire_gate() != v1::RotationPolicy::BLOCK) {
      return false;
    }
    for (const VersionRecord& version : secret.metadata.versions()) {
      if (!IsState(version, v1::VERSION_STATE_GRACE)) continue;
      if (!context_.users(secret.id, SecretVersion(version.version())).empty()) return true;
    }
    return false;
  }

  // And those that these wait for.
  absl::StatusOr<std::vector<FutureSecret>> WithThoseBefore(
      FutureSecret first, std::vector<v1::Forecast::Obstacle>* obstacles) const {
    std::vector<FutureSecret> group = {std::move(first)};
    std::map<std::string, size_t> places = {{group[0].path, 0}};
    bool unseen = false, unknown = false;
    for (size_t i = 0; i < group.size(); ++i) {
      const v1::RotationPolicy policy = group[i].secret.metadata.rotation().policy();
      for (const v1::RotationOrder& order : policy.after()) {
        const auto [place, is_new] = places.insert({order.path(), FutureSecret::kNobody});
        if (is_new && !visible_(order.path(), false)) {
          unseen = true;
        } else if (is_new) {
          ASSIGN_OR_RETURN(std::optional<FutureSecret> other, Find(order.path()));
          if (other.has_value() && group.size() > limits::kForecastOrdersMax) {
            unknown = true;
          } else if (other.has_value()) {
            place->second = group.size();
            group.push_back(*std::move(other));
          }
        }
        group[i].after.push_back(place->second);
      }
    }
    if (unseen) obstacles->push_back(v1::Forecast::ORDER_UNSEEN);
    if (unknown) obstacles->push_back(v1::Forecast::ORDER_UNKNOWN);
    return group;
  }

  // std::nullopt of one that the engine would not wait for either.
  absl::StatusOr<std::optional<FutureSecret>> Find(const std::string& path) const {
    const absl::StatusOr<SecretPath> parsed = SecretPath::Parse(path);
    if (!parsed.ok()) return std::optional<FutureSecret>();
    ASSIGN_OR_RETURN(const std::optional<Located> located, FindSecret(keys_, snapshot_, *parsed));
    if (!located.has_value()) return std::optional<FutureSecret>();
    absl::StatusOr<std::optional<RotatingSecret>> loaded =
        LoadRotating(keys_, snapshot_, located->secret);
    if (absl::IsDataLoss(loaded.status())) return std::optional<FutureSecret>();
    RETURN_IF_ERROR(loaded.status());
    if (!loaded->has_value()) return std::optional<FutureSecret>();
    FutureSecret found;
    found.path = path;
    found.secret = *std::move(*loaded);
    // One that the policy is not for goes on as it does.
    SecretMetadata changed = found.secret.metadata;
    if (WhatIf(path, &changed).ok()) found.secret.metadata = std::move(changed);
    return std::optional<FutureSecret>(std::move(found));
  }

  const RotationContext& context_;
  const KeyringSnapshot& keys_;
  const Snapshot& snapshot_;
  const v1::ForecastRequest& request_;
  const SecretPath& top_;
  const VisibleFn visible_;
  const CheckPolicyFn check_;
  RunAhead::Bounds bounds_;
  int64_t full_nanos_ = 0;
  size_t events_ = 0;
  v1::ForecastResponse response_;
};

// Everything of the request that the next page must have too.
std::string BindingOf(const v1::ForecastRequest& request) {
  v1::ForecastRequest same = request;
  same.clear_page_token();
  same.clear_page_size();
  return absl::StrCat("forecast", same.SerializeAsString());
}

}  // namespace

absl::StatusOr<v1::ForecastResponse> ForecastRotations(const RotationContext& context,
                                                       const v1::ForecastRequest& request,
                                                       const UpTime& up, VisibleFn visible,
                                                       CheckPolicyFn check) {
  ASSIGN_OR_RETURN(const SecretPath top, SecretPath::ParseDirectory(request.path()));
  RETURN_IF_ERROR(CheckSpan(request));
  ASSIGN_OR_RETURN(size_t page_size, PageSize(request.page_size()));
  page_size = std::min(page_size, limits::kForecastPageMax);
  ASSIGN_OR_RETURN(const std::shared_ptr<const KeyringSnapshot> keys, context.keyring.Snapshot());
  const std::string binding = BindingOf(request);
  ASSIGN_OR_RETURN(WalkPosition position, DecodePageToken(*keys, binding, request.page_token()));
  const std::shared_ptr<const Snapshot> snapshot = context.store.GetSnapshot();
  Forecaster forecaster(context, *keys, *snapshot, request, up, top, visible, check);
  const auto add = [&](const std::string& path, const Uuid& secret) -> absl::StatusOr<bool> {
    ASSIGN_OR_RETURN(const std::optional<SecretMetadata> metadata,
                     ReadMetadata(*keys, *snapshot, secret));
    if (!metadata.has_value() || !forecaster.MayAdd(path, *metadata)) return true;
    if (forecaster.IsFull(page_size)) return false;
    RETURN_IF_ERROR(forecaster.Add(path, *metadata, secret));
    return true;
  };
  if (!top.is_root() && request.page_token().empty() && visible(top.text(), false)) {
    ASSIGN_OR_RETURN(const std::optional<Located> located, FindSecret(*keys, *snapshot, top));
    if (located.has_value()) RETURN_IF_ERROR(add(top.text(), located->secret).status());
  }
  ASSIGN_OR_RETURN(const bool ended, WalkVisible(*keys, *snapshot, top, visible, &position, add));
  if (!ended) {
    ASSIGN_OR_RETURN(*forecaster.response().mutable_next_page_token(),
                     EncodePageToken(*keys, binding, position));
  }
  return std::move(forecaster.response());
}

}  // namespace keyturn
