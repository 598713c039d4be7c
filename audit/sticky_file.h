// A file that remembers a failed sync. The kernel reports lost pages once, so a second fdatasync
// would say that all is well (Rebello et al., "Can Applications Recover from fsync Failures?",
// USENIX ATC 2020). Thread-safe if one thread at a time appends.
#pragma once

#include <memory>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "storage/file_system.h"

namespace keyturn {

class StickyFile : public WritableFile {
 public:
  explicit StickyFile(std::unique_ptr<WritableFile> file) : file_(std::move(file)) {}

  absl::Status Append(absl::string_view bytes) override { return file_->Append(bytes); }
  // One at a time: of two at once, the kernel might tell only one of them.
  absl::Status Sync() override {
    const absl::MutexLock lock(&mu_);
    if (status_.ok()) status_ = file_->Sync();
    return status_;
  }
  absl::Status Close() override { return file_->Close(); }
  uint64_t size() const override { return file_->size(); }

 private:
  const std::unique_ptr<WritableFile> file_;
  absl::Mutex mu_;
  absl::Status status_ ABSL_GUARDED_BY(mu_);
};

}  // namespace keyturn
