// Keys that sign tokens: the next one is made and published as soon as there is none, and signs
// when a rotation comes, but not before all who verify can know it. What was signed with a key that
// others may know is refused by the revocation list too, for those who never look at the key set.
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "rotation/jwt/listed_keys.h"
#include "rotation/jwt/settings.h"
#include "rotation/runs.h"
#include "rotation/transitions.h"
#include "rotation/values.h"
#include "rotation/worker.h"
#include "rotation/worker_task.h"
#include "vault/versions.h"

namespace keyturn {

using Run = v1::RotationRun;

Worker::Acted Worker::Stage(const Look& look) const {
  ASSIGN_OR_RETURN(PreparedVersion prepared,
                   PrepareVersion(context_, *look.keys, *context_.store.GetSnapshot(), look.secret,
                                  context_.clock.Now()));
  return Change(
      look, "rotation_staged",
      [&look, prepared = std::move(prepared)](RotatingSecret& secret, const View& view,
                                              absl::Time now, Batch& batch) -> absl::Status {
        RETURN_IF_ERROR(AddPrepared(prepared, now, &secret, batch));
        batch.Note("version", absl::StrCat(prepared.record.version()));
        return ListKey(*look.keys, view, secret.id, secret.metadata.jwt(), batch);
      });
}

Worker::Acted Worker::TakeStaged(const Look& look, bool start) const {
  return Change(
      look, start ? "rotation_started" : "rotation_generated",
      [start](RotatingSecret& secret, const View&, absl::Time now, Batch& batch) -> absl::Status {
        const VersionRecord* const staged = FindStaged(secret.metadata);
        if (staged == nullptr) return absl::AbortedError("the next key is gone");
        const uint64_t version = staged->version();
        if (start) {
          secret.run = OpenRun(&secret.metadata, Run::SCHEDULED, now, batch);
          secret.run->set_principal("keyturn");
        }
        ClearFailures(&*secret.run);
        secret.run->set_version(version);
        secret.run->set_step(Run::PROMOTE);
        batch.Note("version", absl::StrCat(version));
        return absl::OkStatus();
      });
}

Worker::Acted Worker::AwaitPublished(const Look& look, absl::Time from) const {
  return Change(look, "rotation_published",
                [from](RotatingSecret& secret, const View&, absl::Time, Batch& batch) {
                  AwaitUntil(from, v1::RotationRun::PUBLISHED, &*secret.run);
                  batch.Note("version", absl::StrCat(secret.run->version()));
                  return absl::OkStatus();
                });
}

absl::Status Worker::RevokeKey(const Look& look, uint64_t version) const {
  const SecretMetadata& metadata = look.secret.metadata;
  const VersionRecord* const record = FindVersion(metadata, version);
  if (!metadata.has_jwt() || record == nullptr || !record->compromised()) return absl::OkStatus();
  if (context_.revoke_kid == nullptr) return absl::OkStatus();
  return context_.revoke_kid(KidOf(look.secret.id, SecretVersion(version)),
                             KidRevokedUntil(context_.clock.Now()));
}

}  // namespace keyturn
