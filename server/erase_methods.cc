#include "server/erase_methods.h"

#include "base/reason.h"
#include "base/status_macros.h"
#include "base/wait.h"
#include "server/work_stream.h"
#include "vault/eraser.h"

namespace keyturn {
namespace {

constexpr absl::Duration kBetweenRounds = absl::Seconds(1);
constexpr int kRoundsOfAPurge = 5;
constexpr absl::Duration kBetweenPurges = absl::Milliseconds(200);
constexpr absl::Duration kForAnotherRound = absl::Seconds(3);  // what is left of the deadline

// Until the readers of an older state may have ended: nobody tells when they do.
absl::Status AwaitReaders(const Call& call) {
  if (call.time_left() < kForAnotherRound) return absl::DeadlineExceededError("no time is left");
  WaitFor(call.clock(), kBetweenRounds);
  return absl::OkStatus();
}

// The server's own looks at an older state are over in a moment, and are nothing to refuse for.
absl::Status PurgeOne(Store& store, Family family) {
  absl::Status purged = store.Purge(family);
  for (int i = 0; i < kRoundsOfAPurge && ReasonOf(purged) == "OLD_STATE_READ"; ++i) {
    WaitFor(Clock::Real(), kBetweenPurges);
    purged = store.Purge(family);
  }
  return purged;
}

}  // namespace

absl::StatusOr<v1::EraseResponse> Erase(Call& call, const v1::EraseRequest& request, GrpcDoor& door,
                                        Vault& vault, Store& store) {
  const std::shared_ptr<void> place = door.TakeWorkPlace();
  if (place == nullptr) return TooMuchWork();
  v1::DestroyRequest destroy;
  destroy.set_path(request.path());
  *destroy.mutable_versions() = request.versions();
  destroy.set_all(request.all());
  destroy.set_leave_at_target(request.leave_at_target());
  ASSIGN_OR_RETURN(const EraseResult erased,
                   EraseVersions(vault, store, call.updater(), destroy, NoProgress,
                                 [&] { return AwaitReaders(call); }));
  v1::EraseResponse response;
  *response.mutable_versions() = erased.destroyed.versions();
  response.set_revision(erased.destroyed.revision());
  response.set_keys_searched(erased.keys);
  response.set_files_searched(erased.search.files);
  response.set_bytes_searched(erased.search.bytes);
  return response;
}

raw::StreamReactor* StartPurge(GrpcDoor& door, Store& store, raw::Context* context,
                               const raw::Bytes* request, const MethodInfo& method) {
  return StartWork<v1::PurgeRequest, v1::PurgeResponse>(
      door, context, request, method,
      [&store](WorkReport<v1::PurgeResponse>& report) -> absl::Status {
        v1::PurgeResponse message;
        message.set_families_total(kFamilies);
        for (size_t i = 0; i < kFamilies; ++i) {
          RETURN_IF_ERROR(PurgeOne(store, static_cast<Family>(i)));
          message.set_families_purged(static_cast<uint32_t>(i + 1));
          message.set_done(i + 1 == kFamilies);
          RETURN_IF_ERROR(report.Publish(message));
        }
        return absl::OkStatus();
      });
}

}  // namespace keyturn
