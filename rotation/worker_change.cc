// A change of one secret: that it is still as it was when the action was chosen, the change, and
// who is told of it, in one update of the store. Only one thread writes, and what runs inside an
// update holds up all others: so the change is made before it, of the secret as it was looked at,
// and the update finds out whether it is so still. Else it makes it anew.
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/reason.h"
#include "base/status_macros.h"
#include "rotation/worker.h"
#include "rotation/worker_task.h"
#include "vault/directories.h"

namespace keyturn {
namespace {

using Run = v1::RotationRun;

void NoteRun(const Run& run, Batch& batch) {
  batch.Note("run", absl::StrCat(run.number()));
  batch.Note("cause", Run::Cause_Name(run.cause()));
}

}  // namespace

absl::Status Worker::Make(const Look& look, const Edit& edit, const View& view, absl::Time now,
                          RotatingSecret* secret, std::optional<Run>* run, Batch& batch) {
  RETURN_IF_ERROR(edit(*secret, view, now, batch));
  if (secret->run.has_value()) NoteRun(*secret->run, batch);
  *run = secret->run;
  return SaveRotating(*look.keys, view, now, secret, run->has_value() ? &**run : nullptr, batch);
}

std::unique_ptr<Worker::Prepared> Worker::Prepare(const Look& look, const Edit& edit) const {
  if (look.secret.sealed_metadata.empty()) return nullptr;
  auto out = std::make_unique<Prepared>(context_.store.Newest());
  out->now = context_.clock.Now();
  out->secret = look.secret;
  const absl::Status made =
      Make(look, edit, out->view, out->now, &out->secret, &out->run, out->batch);
  // An error the update comes to as well, and it has a revision.
  return made.ok() && !out->batch.revision_asked() ? std::move(out) : nullptr;
}

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

absl::StatusOr<bool> Worker::IsAsPrepared(const Look& look, const Prepared& prepared,
                                          const View& view) {
  ASSIGN_OR_RETURN(const bool same, IsStill(look.secret, view));
  if (!same) return false;
  ASSIGN_OR_RETURN(const bool there, IsStillAt(*look.carried->path, view, look.secret.metadata));
  if (!there) return false;
  return prepared.view.IsSame(view);
}

Worker::Acted Worker::Change(const Look& look, absl::string_view event, Edit edit) const {
  ASSIGN_OR_RETURN(std::string path, PathFor(look));
  auto planned = std::make_unique<Planned>(event, std::move(path), std::move(edit));
  planned->prepared = Prepare(look, planned->edit);
  return planned;
}

absl::Status Worker::MakeIn(const Look& look, Planned& planned, const View& view,
                            Batch& batch) const {
  std::optional<RotatingSecret>& left = look.carried->left;
  const auto tell = [&](absl::Time now, const std::optional<Run>& run) {
    return TellOf(context_, *look.keys, view, now, planned.event, planned.path, left->metadata,
                  run.has_value() ? &*run : nullptr, batch);
  };
  // Used up: another time it is made anew.
  if (const std::unique_ptr<Prepared> made = std::move(planned.prepared)) {
    ASSIGN_OR_RETURN(const bool same, IsAsPrepared(look, *made, view));
    if (same) {
      batch.Append(std::move(made->batch));
      left = std::move(made->secret);
      return tell(made->now, made->run);
    }
  }
  const absl::Time now = context_.clock.Now();
  ASSIGN_OR_RETURN(RotatingSecret secret, CheckStill(look, view, now));
  ASSIGN_OR_RETURN(const bool there, IsStillAt(*look.carried->path, view, secret.metadata));
  if (!there) return Moved();
  std::optional<Run> run;
  RETURN_IF_ERROR(Make(look, planned.edit, view, now, &secret, &run, batch));
  left = std::move(secret);
  return tell(now, run);
}

Worker::Acted Worker::Settle(const Look& look,
                             absl::FunctionRef<void(RotatingSecret&)> edit) const {
  std::optional<RotatingSecret>& left = look.carried->left;
  RETURN_IF_ERROR(
      context_.store
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
          .status());
  return nullptr;
}

}  // namespace keyturn
