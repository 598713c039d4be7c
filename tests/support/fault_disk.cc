#include "tests/support/fault_disk.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"

namespace keyturn {
namespace {

std::string ParentOf(const std::string& path) {
  const size_t slash = path.rfind('/');
  return slash == std::string::npos ? "" : path.substr(0, slash);
}

absl::Status Absent(const std::string& path) {
  return absl::NotFoundError(absl::StrCat("cannot open ", path, ": no such file or directory"));
}

}  // namespace

void FaultDisk::FailAt(uint64_t n, DiskFault fault) {
  const absl::MutexLock lock(&mu_);
  fail_at_ = operations_ + n;
  fault_ = fault;
  hit_ = false;
}

void FaultDisk::ClearFault() {
  const absl::MutexLock lock(&mu_);
  fail_at_ = 0;
  lasting_.reset();
}

bool FaultDisk::fault_hit() const {
  const absl::MutexLock lock(&mu_);
  return hit_;
}

uint64_t FaultDisk::operations() const {
  const absl::MutexLock lock(&mu_);
  return operations_;
}

void FaultDisk::LieAboutSyncs() {
  const absl::MutexLock lock(&mu_);
  lying_ = true;
}

void FaultDisk::PowerOff() {
  const absl::MutexLock lock(&mu_);
  off_ = true;
}

void FaultDisk::PowerOn() {
  const absl::MutexLock lock(&mu_);
  const uint64_t survive = Below(pending_.size() + 1);
  for (uint64_t i = 0; i < survive; ++i) Apply(pending_[i], &durable_);
  std::set<Inode*> cut;
  for (const auto& [path, inode] : durable_) {
    if (!cut.insert(inode.get()).second) continue;
    inode->bytes.resize(inode->synced + Kept(inode->bytes.size() - inode->synced));
  }
  Restart();
}

void FaultDisk::PowerOnKeeping(uint64_t keep) {
  const absl::MutexLock lock(&mu_);
  for (const Change& change : pending_) Apply(change, &durable_);
  for (const auto& [path, inode] : durable_) {
    inode->bytes.resize(std::min<uint64_t>(inode->bytes.size(), inode->synced + keep));
  }
  Restart();
}

uint64_t FaultDisk::unsynced_bytes() const {
  const absl::MutexLock lock(&mu_);
  uint64_t most = 0;
  for (const auto& [path, inode] : live_) {
    most = std::max<uint64_t>(most, inode->bytes.size() - inode->synced);
  }
  return most;
}

// What is there after a restart is on the disk.
void FaultDisk::Restart() {
  for (const auto& [path, inode] : durable_) inode->synced = inode->bytes.size();
  live_ = durable_;
  pending_.clear();
  locks_.clear();
  fail_at_ = 0;
  lasting_.reset();
  off_ = false;
  ++boot_;
}

// Nothing and everything are the ends at which mistakes show, so they come more often than by even
// chance.
uint64_t FaultDisk::Kept(uint64_t unsynced) {
  switch (Below(3)) {
    case 0:
      return 0;
    case 1:
      return unsynced;
    default:
      return Below(unsynced + 1);
  }
}

uint64_t FaultDisk::Below(uint64_t bound) { return random_() % bound; }

absl::Status FaultDisk::Powered() const {
  return off_ ? absl::UnavailableError("the disk has no power") : absl::OkStatus();
}

absl::Status FaultDisk::MayOpen() const {
  RETURN_IF_ERROR(Powered());
  if (lasting_ != DiskFault::kNoHandles) return absl::OkStatus();
  return absl::UnavailableError("injected: too many open files");
}

absl::Status FaultDisk::Alive(const Handle& handle) const {
  RETURN_IF_ERROR(Powered());
  if (handle.boot == boot_) return absl::OkStatus();
  return absl::UnavailableError("the file was opened before the power was lost");
}

absl::Status FaultDisk::Step(bool grows, bool* torn) {
  RETURN_IF_ERROR(Powered());
  if (++operations_ == fail_at_) {
    hit_ = true;
    if (torn != nullptr) *torn = fault_ == DiskFault::kTorn || fault_ == DiskFault::kPowerOff;
    off_ = fault_ == DiskFault::kPowerOff;
    if (fault_ < DiskFault::kNoSpace) {
      return absl::UnavailableError("injected: input/output error");
    }
    lasting_ = fault_;
  }
  if (lasting_ == DiskFault::kReadOnly) {
    return absl::UnavailableError("injected: read-only file system");
  }
  if (lasting_ == DiskFault::kNoSpace && grows) {
    return absl::ResourceExhaustedError("injected: no space left on device");
  }
  return absl::OkStatus();
}

absl::StatusOr<std::shared_ptr<FaultDisk::Inode>> FaultDisk::Find(const std::string& path) const {
  const auto it = live_.find(path);
  if (it == live_.end()) return Absent(path);
  return it->second;
}

void FaultDisk::Apply(const Change& change, Names* names) {
  for (const auto& [path, inode] : change.entries) {
    if (inode == nullptr) {
      names->erase(path);
    } else {
      (*names)[path] = inode;
    }
  }
}

void FaultDisk::ChangeNames(Change change) {
  Apply(change, &live_);
  pending_.push_back(std::move(change));
}

absl::StatusOr<FaultDisk::Handle> FaultDisk::Open(const std::string& path, OpenMode mode) {
  const absl::MutexLock lock(&mu_);
  RETURN_IF_ERROR(MayOpen());
  const auto it = live_.find(path);
  if (it != live_.end()) {
    if (mode == OpenMode::kTruncate) {
      RETURN_IF_ERROR(Step());
      it->second->bytes.clear();
      it->second->synced = 0;
    }
    return Handle{it->second, boot_};
  }
  if (mode == OpenMode::kRead) return Absent(path);
  RETURN_IF_ERROR(Step(/*grows=*/true));
  auto inode = std::make_shared<Inode>();
  ChangeNames({ParentOf(path), {{path, inode}}});
  return Handle{std::move(inode), boot_};
}

absl::Status FaultDisk::Append(const Handle& handle, absl::string_view bytes) {
  const absl::MutexLock lock(&mu_);
  RETURN_IF_ERROR(Alive(handle));
  bool torn = false;
  const absl::Status status = Step(/*grows=*/true, &torn);
  if (torn) bytes = bytes.substr(0, Below(bytes.size() + 1));
  if (status.ok() || torn) handle.inode->bytes.append(bytes.data(), bytes.size());
  return status;
}

absl::Status FaultDisk::Sync(const Handle& handle) {
  const absl::MutexLock lock(&mu_);
  RETURN_IF_ERROR(Alive(handle));
  RETURN_IF_ERROR(Step());
  if (!lying_) handle.inode->synced = handle.inode->bytes.size();
  return absl::OkStatus();
}

absl::StatusOr<std::string> FaultDisk::ReadAt(const Handle& handle, uint64_t offset,
                                              size_t size) const {
  const absl::MutexLock lock(&mu_);
  RETURN_IF_ERROR(Alive(handle));
  if (offset >= handle.inode->bytes.size()) return std::string();
  return handle.inode->bytes.substr(offset, size);
}

absl::StatusOr<uint64_t> FaultDisk::Size(const Handle& handle) const {
  const absl::MutexLock lock(&mu_);
  RETURN_IF_ERROR(Alive(handle));
  return handle.inode->bytes.size();
}

absl::Status FaultDisk::Truncate(const std::string& path, uint64_t size) {
  const absl::MutexLock lock(&mu_);
  RETURN_IF_ERROR(Powered());
  ASSIGN_OR_RETURN(const std::shared_ptr<Inode> inode, Find(path));
  RETURN_IF_ERROR(Step());
  inode->bytes.resize(size);
  inode->synced = std::min<size_t>(inode->synced, size);
  return absl::OkStatus();
}

absl::Status FaultDisk::Rename(const std::string& from, const std::string& to) {
  const absl::MutexLock lock(&mu_);
  RETURN_IF_ERROR(Powered());
  ASSIGN_OR_RETURN(const std::shared_ptr<Inode> inode, Find(from));
  RETURN_IF_ERROR(Step());
  ChangeNames({ParentOf(to), {{from, nullptr}, {to, inode}}});
  return absl::OkStatus();
}

absl::Status FaultDisk::Remove(const std::string& path) {
  const absl::MutexLock lock(&mu_);
  RETURN_IF_ERROR(Powered());
  RETURN_IF_ERROR(Find(path).status());
  RETURN_IF_ERROR(Step());
  ChangeNames({ParentOf(path), {{path, nullptr}}});
  return absl::OkStatus();
}

absl::Status FaultDisk::SyncDirectory(const std::string& path) {
  const absl::MutexLock lock(&mu_);
  RETURN_IF_ERROR(MayOpen());
  RETURN_IF_ERROR(Step());
  if (lying_) return absl::OkStatus();
  std::vector<Change> rest;
  for (Change& change : pending_) {
    if (change.directory == path) {
      Apply(change, &durable_);
    } else {
      rest.push_back(std::move(change));
    }
  }
  pending_ = std::move(rest);
  return absl::OkStatus();
}

absl::Status FaultDisk::MakeDirectory(const std::string& path) {
  const absl::MutexLock lock(&mu_);
  RETURN_IF_ERROR(Powered());
  if (directories_.count(path) != 0) return absl::OkStatus();
  RETURN_IF_ERROR(Step(/*grows=*/true));
  for (std::string at = path; !at.empty(); at = ParentOf(at)) directories_.insert(at);
  return absl::OkStatus();
}

absl::Status FaultDisk::RemoveDirectory(const std::string& path) {
  const absl::MutexLock lock(&mu_);
  RETURN_IF_ERROR(Step());
  return directories_.erase(path) == 1 ? absl::OkStatus() : Absent(path);
}

absl::StatusOr<std::vector<std::string>> FaultDisk::List(const std::string& directory) const {
  const absl::MutexLock lock(&mu_);
  RETURN_IF_ERROR(MayOpen());
  const std::string prefix = directory + "/";
  std::vector<std::string> names;
  for (auto it = live_.lower_bound(prefix);
       it != live_.end() && absl::StartsWith(it->first, prefix); ++it) {
    std::string name = it->first.substr(prefix.size());
    if (name.find('/') == std::string::npos) names.push_back(std::move(name));
  }
  if (names.empty() && directories_.count(directory) == 0) return Absent(directory);
  return names;
}

bool FaultDisk::Exists(const std::string& path) const {
  const absl::MutexLock lock(&mu_);
  return !off_ && (live_.count(path) != 0 || directories_.count(path) != 0);
}

bool FaultDisk::IsDirectory(const std::string& path) const {
  const absl::MutexLock lock(&mu_);
  return directories_.count(path) != 0;
}

absl::Status FaultDisk::Lock(const std::string& path) {
  const absl::MutexLock lock(&mu_);
  RETURN_IF_ERROR(Powered());
  if (locks_.insert(path).second) return absl::OkStatus();
  return absl::UnavailableError(absl::StrCat("lock ", path, ": held"));
}

void FaultDisk::Unlock(const std::string& path) {
  const absl::MutexLock lock(&mu_);
  locks_.erase(path);
}

}  // namespace keyturn
