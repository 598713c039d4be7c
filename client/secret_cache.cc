#include "client/secret_cache.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "absl/synchronization/notification.h"
#include "base/status_macros.h"
#include "client/change_follower.h"
#include "client/error_detail.h"

namespace keyturn {
namespace {

using Handle = std::shared_ptr<const CachedSecret>;

// The server said nothing about the secret.
bool IsTransient(const absl::Status& status) {
  return absl::IsUnavailable(status) || absl::IsDeadlineExceeded(status) ||
         absl::IsResourceExhausted(status) || DetailOf(status).reason == "SEALED";
}

// A fetch under way. `result` is written once, before `done`.
struct Flight {
  absl::Notification done;
  absl::StatusOr<Handle> result = absl::UnknownError("not fetched");
  bool outdated = false;  // guarded by the cache's mutex; whoever asks now starts another
};

absl::Status Closed() { return absl::CancelledError("the cache of secrets was closed"); }

class SecretCacheImpl final : public SecretCache {
 public:
  SecretCacheImpl(Client& client, Options options)
      : client_(client),
        options_(std::move(options)),
        clock_(*options_.clock),
        table_(options_.entries_max, options_.bytes_max) {
    if (!options_.watch) return;
    follower_ = std::make_unique<ChangeFollower>(
        client_, clock_,
        ChangeFollower::Listener{[this](const v1::WatchResponse& event) { OnChanged(event); },
                                 [this] { OnMissed(); }},
        options_.uniform);
  }
  ~SecretCacheImpl() override { Close(); }

  absl::StatusOr<Handle> Get(absl::string_view path) override;
  void Invalidate(absl::string_view path) override;
  void InvalidateAll() override;
  void Close() override;
  Stats stats() const override;

 private:
  absl::StatusOr<Handle> Fetch(const std::string& path);
  void Acknowledge(const std::string& path, uint64_t version);
  // What a fetch that ended means for the entry, and what its callers get.
  absl::StatusOr<Handle> Settle(const std::string& path, const Moment& asked,
                                absl::StatusOr<Handle> fetched, bool outdated)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  SecretEntry NewEntry(Handle secret, const Moment& asked) const;

  void OnChanged(const v1::WatchResponse& event);
  void OnMissed();
  // Outdates flights and drops entries at or below `path` (all: ""). Returns their paths.
  std::vector<std::string> Outdate(absl::string_view path, bool keep_safe)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void Overtake(const std::string& path, uint64_t version) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void Tell(const std::vector<std::string>& paths);

  Client& client_;
  const Options options_;
  Clock& clock_;
  Cancellation closing_;
  std::unique_ptr<ChangeFollower> follower_;  // its thread uses what is below

  mutable absl::Mutex mu_;
  bool closed_ ABSL_GUARDED_BY(mu_) = false;
  int fetching_ ABSL_GUARDED_BY(mu_) = 0;
  SecretTable table_ ABSL_GUARDED_BY(mu_);
  absl::flat_hash_map<std::string, std::shared_ptr<Flight>> flights_ ABSL_GUARDED_BY(mu_);
  // The newest version that an outdated fetch brought, until one that is not outdated ends.
  absl::flat_hash_map<std::string, uint64_t> overtaken_ ABSL_GUARDED_BY(mu_);
  // The versions that the server was told of.
  absl::flat_hash_map<std::string, uint64_t> acknowledged_ ABSL_GUARDED_BY(mu_);
  Stats stats_ ABSL_GUARDED_BY(mu_);
};

absl::StatusOr<Handle> SecretCacheImpl::Get(absl::string_view path) {
  if (path.empty() || path.size() > limits::kPathBytesMax) {
    return absl::InvalidArgumentError(
        absl::StrCat("the path of a secret has 1 to ", limits::kPathBytesMax, " bytes"));
  }
  std::shared_ptr<Flight> flight;
  std::string name;
  const Moment now(clock_);
  {
    absl::MutexLock lock(&mu_);
    if (closed_) return Closed();
    if (SecretEntry* const entry = table_.Find(path); entry != nullptr) {
      if (entry->IsFresh(now)) {
        ++stats_.hits;
        return entry->secret;
      }
      if (entry->IsSafe(now) && now.Since(entry->asked) < entry->wait_until) {
        ++stats_.stale;
        return entry->secret;
      }
    }
    std::shared_ptr<Flight>& shared = flights_[path];
    if (shared != nullptr) {
      ++stats_.joined;
      flight = shared;
    } else {
      ++stats_.fetches;
      ++fetching_;
      name = std::string(path);
      shared = std::make_shared<Flight>();
      flight = shared;
    }
  }
  if (name.empty()) {
    flight->done.WaitForNotification();
    return flight->result;
  }
  absl::StatusOr<Handle> fetched = Fetch(name);
  const uint64_t version = fetched.ok() ? (*fetched)->version() : 0;
  bool tell = false;
  {
    absl::MutexLock lock(&mu_);
    flight->result = Settle(name, now, std::move(fetched), flight->outdated);
    tell = options_.acknowledge && !closed_ && !flight->outdated && version != 0;
    if (tell) {
      const auto known = acknowledged_.find(name);
      tell = known == acknowledged_.end() || known->second != version;
    }
    if (!flight->outdated) flights_.erase(name);
    flight->done.Notify();
  }
  if (tell) Acknowledge(name, version);
  absl::MutexLock lock(&mu_);
  --fetching_;
  return flight->result;
}

void SecretCacheImpl::Acknowledge(const std::string& path, uint64_t version) {
  v1::AcknowledgeRequest request;
  request.set_path(path);
  request.set_version(version);
  CallOptions call;
  call.timeout = options_.timeout;
  call.cancellation = &closing_;
  if (!client_.Acknowledge(request, call).ok()) return;
  absl::MutexLock lock(&mu_);
  ++stats_.acknowledged;
  if (acknowledged_.size() >= options_.entries_max) acknowledged_.clear();
  acknowledged_[path] = version;
}

absl::StatusOr<Handle> SecretCacheImpl::Fetch(const std::string& path) {
  // Before the question, so that no change after the answer is missed.
  if (follower_ != nullptr) follower_->Include(path);
  v1::GetRequest request;
  request.set_path(path);
  CallOptions call;
  call.timeout = options_.timeout;
  call.cancellation = &closing_;
  ASSIGN_OR_RETURN(v1::GetResponse response, client_.Get(request, call));
  // Kept under the name that was asked for.
  response.set_path(path);
  return std::make_shared<const CachedSecret>(std::move(response));
}

SecretEntry SecretCacheImpl::NewEntry(Handle secret, const Moment& asked) const {
  const v1::GetResponse& response = secret->response();
  const double spread = limits::kSecretCacheTtlJitter * (2 * options_.uniform() - 1);
  const absl::Duration promised =
      absl::Seconds(std::max<int64_t>(0, response.guaranteed_for_seconds()));
  SecretEntry entry{std::move(secret), asked, options_.ttl * (1 + spread), promised};
  // A promise that is shorter than the age allowed ends it: nobody vouches for the rest.
  if (promised > absl::ZeroDuration()) entry.fresh_for = std::min(entry.fresh_for, promised);
  if (response.version().has_expire_time()) {
    const absl::Duration left =
        absl::FromUnixSeconds(response.version().expire_time().seconds()) - asked.wall();
    entry.fresh_for = std::min(entry.fresh_for, left);
    entry.safe_for = std::min(entry.safe_for, left);
  }
  return entry;
}

absl::StatusOr<Handle> SecretCacheImpl::Settle(const std::string& path, const Moment& asked,
                                               absl::StatusOr<Handle> fetched, bool outdated) {
  if (closed_) return Closed();
  const Moment now(clock_);
  if (fetched.ok() && outdated) {
    Overtake(path, (*fetched)->version());
    return fetched;
  }
  if (!outdated) overtaken_.erase(path);
  if (fetched.ok()) {
    table_.Put(NewEntry(*fetched, asked), now);
    return fetched;
  }
  if (!IsTransient(fetched.status())) {
    // What the server refuses today is not given out under yesterday's answer.
    if (!outdated) table_.Erase(path);
    return fetched;
  }
  SecretEntry* const entry = table_.Find(path);
  if (entry == nullptr || !entry->IsUsable(now)) {
    table_.Erase(path);
    return fetched;
  }
  const absl::Duration most = absl::Milliseconds(limits::kSecretCacheRetryMillisMax);
  absl::Duration wait = absl::Milliseconds(limits::kSecretCacheRetryMillisMin);
  for (int i = 0; i < entry->failures && wait < most; ++i) wait *= 2;
  ++entry->failures;
  entry->wait_until = now.Since(entry->asked) + std::min(wait, most);
  ++stats_.stale;
  return entry->secret;
}

// An outdated fetch may still bring something newer than the one that was begun after it. Whoever
// got its answer must not get an older one next; so what was begun before now is outdated too. Once
// for each version, or two fetches side by side could outdate each other without end.
void SecretCacheImpl::Overtake(const std::string& path, uint64_t version) {
  if (overtaken_.size() >= options_.entries_max) Outdate("", true);
  uint64_t& newest = overtaken_[path];
  if (version <= newest) return;
  newest = version;
  SecretEntry* const entry = table_.Find(path);
  if (entry != nullptr && entry->secret->version() < version) table_.Erase(path);
  const auto flight = flights_.find(path);
  if (flight == flights_.end()) return;
  flight->second->outdated = true;
  flights_.erase(flight);
}

std::vector<std::string> SecretCacheImpl::Outdate(absl::string_view path, bool keep_safe) {
  const Moment now(clock_);
  if (path.empty()) overtaken_.clear();
  std::vector<std::string> out = path.empty() ? table_.AllPaths() : table_.PathsAt(path);
  for (const std::string& each : out) {
    SecretEntry* const entry = table_.Find(each);
    entry->changed = true;
    if (!keep_safe || !entry->IsSafe(now)) table_.Erase(each);
  }
  for (auto at = flights_.begin(); at != flights_.end();) {
    const bool below =
        path.empty() || (absl::EndsWith(path, "/") && absl::StartsWith(at->first, path));
    if (!below && at->first != path) {
      ++at;
      continue;
    }
    at->second->outdated = true;
    if (std::find(out.begin(), out.end(), at->first) == out.end()) out.push_back(at->first);
    flights_.erase(at++);
  }
  return out;
}

void SecretCacheImpl::OnChanged(const v1::WatchResponse& event) {
  // A new version leaves the old one valid for as long as was promised; anything else may not.
  const bool keep_safe =
      event.type() == v1::WatchResponse::WRITTEN || event.type() == v1::WatchResponse::METADATA;
  std::vector<std::string> paths;
  {
    absl::MutexLock lock(&mu_);
    for (const std::string& path : {event.path(), event.new_path()}) {
      if (path.empty()) continue;
      const std::vector<std::string> more = Outdate(path, keep_safe);
      paths.insert(paths.end(), more.begin(), more.end());
    }
    stats_.changes += paths.size();
  }
  Tell(paths);
}

void SecretCacheImpl::OnMissed() {
  std::vector<std::string> paths;
  {
    absl::MutexLock lock(&mu_);
    paths = Outdate("", false);
    stats_.changes += paths.size();
  }
  Tell(paths);
}

void SecretCacheImpl::Tell(const std::vector<std::string>& paths) {
  if (options_.on_change == nullptr) return;
  for (const std::string& path : paths) options_.on_change(path);
}

void SecretCacheImpl::Invalidate(absl::string_view path) {
  if (path.empty()) return;
  absl::MutexLock lock(&mu_);
  Outdate(path, false);
}

void SecretCacheImpl::InvalidateAll() {
  absl::MutexLock lock(&mu_);
  Outdate("", false);
}

void SecretCacheImpl::Close() {
  {
    absl::MutexLock lock(&mu_);
    closed_ = true;
    Outdate("", false);
  }
  closing_.Cancel();
  if (follower_ != nullptr) follower_->Stop();
  absl::MutexLock lock(&mu_);
  const auto ended = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) { return fetching_ == 0; };
  mu_.Await(absl::Condition(&ended));
}

SecretCache::Stats SecretCacheImpl::stats() const {
  absl::MutexLock lock(&mu_);
  Stats out = stats_;
  out.entries = table_.size();
  return out;
}

}  // namespace

absl::StatusOr<std::unique_ptr<SecretCache>> SecretCache::Start(Client& client, Options options) {
  const absl::Duration most = absl::Seconds(limits::kSecretCacheTtlSecondsMax);
  if (options.ttl <= absl::ZeroDuration() || options.ttl > most) {
    return absl::InvalidArgumentError(absl::StrCat(
        "the ttl of a cache must be above zero and at most ", absl::FormatDuration(most)));
  }
  if (options.entries_max == 0 || options.bytes_max == 0) {
    return absl::InvalidArgumentError("a cache has room for at least one entry and one byte");
  }
  return std::make_unique<SecretCacheImpl>(client, std::move(options));
}

}  // namespace keyturn
