// A change of one secret: that it is still as it was when the action was chosen, the change, and
// who is told of it, in one update of the store.
#include "absl/strings/str_cat.h"
#include "base/reason.h"
#include "base/status_macros.h"
#include "rotation/worker.h"
#include "vault/directories.h"

namespace keyturn {
namespace {

using Run = v1::RotationRun;

void NoteRun(const Run& run, Batch& batch) {
  batch.Note("run", absl::StrCat(run.number()));
  batch.Note("cause", Run::Cause_Name(run.cause()));
}

}  // namespace

absl::StatusOr<std::string> Worker::PathFor(const Look& look) const {
  std::optional<ResolvedPath>& known = look.carried->path;
  if (known.has_value()) return known->path;
  const View& view = context_.store.Newest();
  absl::StatusOr<ResolvedPath> found = ResolvePath(*look.keys, view, look.secret.metadata);
  if (ReasonOf(found.status()) == "DIRECTORY_UNKNOWN") {
    RETURN_IF_ERROR(AddMissingDirectories(*look.keys, context_.store, context_.store).status());
    found = ResolvePath(*look.keys, view, look.secret.metadata);
  }
  RETURN_IF_ERROR(found.status());
  known = *std::move(found);
  return known->path;
}

absl::StatusOr<RotatingSecret> Worker::CheckStill(const Look& look, const View& view,
                                                  absl::Time now) const {
  ASSIGN_OR_RETURN(std::optional<RotatingSecret> secret,
                   ReloadRotating(*look.keys, view, look.secret));
  if (!secret.has_value()) return Moved();
  const Action action = NextAction(secret->metadata, secret->run, now, look.frozen);
  const bool same_run =
      secret->metadata.rotation().open_run() == look.secret.metadata.rotation().open_run() &&
      (!secret->run.has_value() || secret->run->step() == look.secret.run->step());
  if (action.kind != look.action.kind || action.version != look.action.version || !same_run) {
    return Moved();
  }
  return *std::move(secret);
}

absl::Status Worker::Change(const Look& look, absl::string_view event, Edit edit) const {
  ASSIGN_OR_RETURN(const std::string path, PathFor(look));
  const ResolvedPath& resolved = *look.carried->path;
  std::optional<RotatingSecret>& left = look.carried->left;
  return context_
      .update(event, path,
              [&](const View& view, Batch& batch) -> absl::Status {
                const absl::Time now = context_.clock.Now();
                ASSIGN_OR_RETURN(RotatingSecret secret, CheckStill(look, view, now));
                ASSIGN_OR_RETURN(const bool there, IsStillAt(resolved, view, secret.metadata));
                if (!there) return Moved();
                RETURN_IF_ERROR(edit(secret, view, now, batch));
                if (secret.run.has_value()) NoteRun(*secret.run, batch);
                RETURN_IF_ERROR(
                    SaveAndTell(context_, *look.keys, view, now, event, path, &secret, batch));
                left = std::move(secret);
                return absl::OkStatus();
              })
      .status();
}

absl::Status Worker::Settle(const Look& look, absl::FunctionRef<void(RotatingSecret&)> edit) const {
  std::optional<RotatingSecret>& left = look.carried->left;
  return context_.store
      .Update([&](const View& view, Batch& batch) -> absl::Status {
        ASSIGN_OR_RETURN(std::optional<RotatingSecret> secret,
                         ReloadRotating(*look.keys, view, look.secret));
        if (!secret.has_value()) return Moved();
        const absl::Time now = context_.clock.Now();
        const Action action = NextAction(secret->metadata, secret->run, now, look.frozen);
        if (action.kind != look.action.kind) return Moved();
        edit(*secret);
        RETURN_IF_ERROR(SaveRotating(*look.keys, view, now, &*secret, nullptr, batch));
        left = std::move(secret);
        return absl::OkStatus();
      })
      .status();
}

}  // namespace keyturn
