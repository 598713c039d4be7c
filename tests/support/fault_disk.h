// A disk that can fail and lose its power: the layer under store, keyring and audit log in fault
// tests (as keyturn::FileSystem, fault_files.h, and as rocksdb::Env, fault_env.h; both may share
// one disk, so that one loss hits everything at once).
//
// What survives a loss is what POSIX promises and no more: bytes before the last sync of their
// file, and names before the last sync of their directory. Of what came later a random part
// survives: of each file a prefix, cut at any byte, so that the last record is torn; of the changes
// of names (create, rename, remove) a prefix in the order they were made. Directories themselves
// are durable at once, and blocks do not survive out of order within a file.
//
// Handles from before a loss are dead afterwards. Errors are those of storage/file_system.h.
// Thread-safe.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"

namespace keyturn {

enum class DiskFault {
  kError,     // the operation does nothing and fails; the next ones work again
  kTorn,      // an append writes a part of its bytes and fails; others as kError
  kPowerOff,  // the power is lost in the middle of the operation
  // From here on, until ClearFault:
  kNoSpace,    // the disk is full: appends and creates fail
  kReadOnly,   // as after an error that makes the kernel remount it: whatever changes it fails
  kNoHandles,  // the process has no descriptor left: whatever opens fails, also to read
};

inline constexpr DiskFault kDiskFaults[] = {DiskFault::kError,    DiskFault::kTorn,
                                            DiskFault::kPowerOff, DiskFault::kNoSpace,
                                            DiskFault::kReadOnly, DiskFault::kNoHandles};
// Those that leave the program running.
inline constexpr DiskFault kDiskErrors[] = {DiskFault::kError, DiskFault::kTorn,
                                            DiskFault::kNoSpace, DiskFault::kReadOnly,
                                            DiskFault::kNoHandles};

class FaultDisk {
 public:
  explicit FaultDisk(uint64_t seed) : random_(seed) {}

  // The n-th operation from now that changes the disk fails (1: the next); append, sync, create,
  // rename, remove, truncate and sync of a directory count. Replaces an earlier plan.
  void FailAt(uint64_t n, DiskFault fault);
  void ClearFault();
  // Whether the planned fault has come.
  bool fault_hit() const;
  // Changing operations so far.
  uint64_t operations() const;
  // From now on syncs answer OK and do nothing: a disk, or a program, that lies.
  void LieAboutSyncs();

  // From here every operation fails.
  void PowerOff();
  // Drops a random part of what was not synced and works again. Powers off first if need be.
  void PowerOn();
  // As PowerOn, for a test that decides itself: keeps `keep` of the unsynced bytes of each file
  // (fewer when there are fewer) and all names.
  void PowerOnKeeping(uint64_t keep);
  // The largest number of unsynced bytes that a file has.
  uint64_t unsynced_bytes() const;

  // What the two file systems are made of.
  struct Inode {
    std::string bytes;
    size_t synced = 0;
  };
  struct Handle {
    std::shared_ptr<Inode> inode;
    uint64_t boot = 0;
  };
  enum class OpenMode { kRead, kAppend, kTruncate };
  absl::StatusOr<Handle> Open(const std::string& path, OpenMode mode);
  absl::Status Append(const Handle& handle, absl::string_view bytes);
  absl::Status Sync(const Handle& handle);
  absl::StatusOr<std::string> ReadAt(const Handle& handle, uint64_t offset, size_t size) const;
  absl::StatusOr<uint64_t> Size(const Handle& handle) const;
  absl::Status Truncate(const std::string& path, uint64_t size);
  absl::Status Rename(const std::string& from, const std::string& to);
  absl::Status Remove(const std::string& path);
  absl::Status SyncDirectory(const std::string& path);
  absl::Status MakeDirectory(const std::string& path);
  absl::Status RemoveDirectory(const std::string& path);
  absl::StatusOr<std::vector<std::string>> List(const std::string& directory) const;
  bool Exists(const std::string& path) const;
  bool IsDirectory(const std::string& path) const;
  // UNAVAILABLE when it is held.
  absl::Status Lock(const std::string& path);
  void Unlock(const std::string& path);

 private:
  using Names = std::map<std::string, std::shared_ptr<Inode>>;
  // One change of names, durable with the next sync of `directory`. A null inode: removed.
  struct Change {
    std::string directory;
    std::vector<std::pair<std::string, std::shared_ptr<Inode>>> entries;
  };

  // Counts one changing operation, which may need space, and brings the planned fault. `torn` is
  // set when a part of the operation's bytes is to be written before the error is returned.
  absl::Status Step(bool grows = false, bool* torn = nullptr) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  absl::Status Powered() const ABSL_SHARED_LOCKS_REQUIRED(mu_);
  // Powered, for what takes a descriptor.
  absl::Status MayOpen() const ABSL_SHARED_LOCKS_REQUIRED(mu_);
  absl::Status Alive(const Handle& handle) const ABSL_SHARED_LOCKS_REQUIRED(mu_);
  absl::StatusOr<std::shared_ptr<Inode>> Find(const std::string& path) const
      ABSL_SHARED_LOCKS_REQUIRED(mu_);
  void Apply(const Change& change, Names* names);
  void ChangeNames(Change change) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  uint64_t Below(uint64_t bound) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  uint64_t Kept(uint64_t unsynced) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void Restart() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  mutable absl::Mutex mu_;
  std::mt19937_64 random_ ABSL_GUARDED_BY(mu_);
  Names live_ ABSL_GUARDED_BY(mu_);
  Names durable_ ABSL_GUARDED_BY(mu_);
  std::vector<Change> pending_ ABSL_GUARDED_BY(mu_);
  std::set<std::string> directories_ ABSL_GUARDED_BY(mu_);
  std::set<std::string> locks_ ABSL_GUARDED_BY(mu_);
  uint64_t boot_ ABSL_GUARDED_BY(mu_) = 0;
  uint64_t operations_ ABSL_GUARDED_BY(mu_) = 0;
  uint64_t fail_at_ ABSL_GUARDED_BY(mu_) = 0;  // 0: no plan
  DiskFault fault_ ABSL_GUARDED_BY(mu_) = DiskFault::kError;
  bool hit_ ABSL_GUARDED_BY(mu_) = false;
  std::optional<DiskFault> lasting_ ABSL_GUARDED_BY(mu_);
  bool off_ ABSL_GUARDED_BY(mu_) = false;
  bool lying_ ABSL_GUARDED_BY(mu_) = false;
};

}  // namespace keyturn
