#include "server/watch.h"

#include "absl/strings/match.h"
#include "base/limits.h"
#include "base/reason.h"
#include "base/status_macros.h"

namespace keyturn {
namespace {

constexpr char kList[] = "secret:list";
using Stream = PullStream<v1::WatchResponse>;

bool IsDirectory(const v1::WatchRequest& request) {
  return request.path().empty() || absl::EndsWith(request.path(), "/");
}

// Where one watcher stands. Used by one fill at a time.
struct Position {
  SecretPath path;
  bool directory = false;
  Revision after;
  bool told = false;  // the first PROGRESS was sent
  absl::Time progress_due;
};

// Whether the caller is told, and how: of a rename to or from where he may not look, he is told
// that something came or went, as his cache must know, and nothing of the other place.
bool Tell(const Call& call, const Position& position, v1::WatchResponse* change) {
  v1::WatchResponse& event = *change;
  const auto seen = [&](const std::string& path) {
    if (path.empty()) return false;
    // The rename of a directory is told to who may see something in it.
    if (absl::EndsWith(path, "/")) return call.MayAllowBelow(kList, path);
    return call.Allows(kList, path);
  };
  if (!position.directory && event.path() != position.path.text() &&
      event.new_path() != position.path.text()) {
    return false;
  }
  const bool before = seen(event.path());
  const bool after = seen(event.new_path());
  if (event.new_path().empty() || before == after) return before;
  event.set_type(before ? v1::WatchResponse::DESTROYED : v1::WatchResponse::WRITTEN);
  if (after) event.set_path(event.new_path());
  event.clear_new_path();
  return true;
}

absl::StatusOr<StreamStep<v1::WatchResponse>> Next(Vault& vault, const Store& store,
                                                   Position& position, Call& call) {
  StreamStep<v1::WatchResponse> step;
  Revision reached = position.after;
  ASSIGN_OR_RETURN(
      std::vector<v1::WatchResponse> events,
      vault.ChangesSince(position.path, position.after, limits::kStreamBatchMax, &reached));
  for (v1::WatchResponse& event : events) {
    if (Tell(call, position, &event)) step.messages.push_back(std::move(event));
  }
  // One look is bounded, so it may end before the newest change, even without an event to tell.
  step.again = reached > position.after && reached < store.LastRevision();
  position.after = std::max(position.after, reached);
  const absl::Time now = call.clock().Now();
  if (!position.told || (step.messages.empty() && now >= position.progress_due)) {
    v1::WatchResponse progress;
    progress.set_type(v1::WatchResponse::PROGRESS);
    progress.set_revision(position.after.value());
    step.messages.push_back(std::move(progress));
    position.told = true;
  }
  if (!step.messages.empty()) {
    position.progress_due = now + absl::Seconds(limits::kWatchTickSeconds);
  }
  return step;
}

}  // namespace

raw::StreamReactor* StartWatch(const WatchParts& parts, raw::Context* context,
                               const raw::Bytes* bytes, const MethodInfo& method) {
  std::shared_ptr<Call> call = parts.door.NewCall(*context, method);
  auto position = std::make_shared<Position>();
  v1::WatchRequest request;
  const absl::Status admitted = call->Run(
      [&]() -> absl::StatusOr<Resource> {
        RETURN_IF_ERROR(ParseMessage(*bytes, &request));
        return IsDirectory(request) ? Resource::Directory(request.path())
                                    : Resource::Path(request.path());
      },
      [&](Call&) -> absl::Status {
        position->directory = IsDirectory(request);
        ASSIGN_OR_RETURN(position->path, SecretPath::ParseDirectory(request.path()));
        const Revision last = parts.store.LastRevision();
        position->after = request.from_revision() == 0 ? last : Revision(request.from_revision());
        if (position->after <= last) return absl::OkStatus();
        return absl::OutOfRangeError("from_revision is newer than any change");
      });
  if (!admitted.ok()) return Stream::Failed(parts.door, context, std::move(call), admitted);

  Vault& vault = parts.vault;
  const Store& store = parts.store;
  Stream* const stream = Stream::Start(
      parts.door, context, std::move(call),
      [&vault, &store, position](Call& c) { return Next(vault, store, *position, c); });
  const std::weak_ptr<Stream> weak = stream->weak_from_this();
  const auto wake = [weak] {
    if (const std::shared_ptr<Stream> alive = weak.lock()) alive->Wake();
  };
  std::shared_ptr<void> registered = parts.watchers.Add(wake);
  if (registered == nullptr) {
    stream->Fail(WithRetryAfter(WithReason(absl::ResourceExhaustedError(absl::StrCat(
                                               limits::kWatchersMax, " watches are open")),
                                           "TOO_MANY_WATCHES"),
                                absl::Seconds(limits::kWatchTickSeconds)));
    return stream;
  }
  stream->Keep(std::move(registered));
  stream->Keep(vault.OnChange(wake));
  stream->Wake();
  return stream;
}

}  // namespace keyturn
