// A log over a store in memory, with keys, that tests close, damage and open again.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "audit/audit_log.h"
#include "audit/segments.h"
#include "keyring/envelope.h"
#include "storage/rocks_store.h"
#include "storage/schema.h"
#include "tests/support/keys.h"
#include "tests/support/status.h"

namespace keyturn {

class AuditFixture : public testing::Test {
 protected:
  AuditFixture() : files_(NewMemoryFileSystem()), keys_(TestKeys()) {
    store_ = *OpenRocksStore({.directory = "/mem", .in_memory = true}, clock_);
    store_->SetRecordHasher(NewRecordHasher(*keys_));
    EXPECT_OK(Open());
  }
  ~AuditFixture() override { Close(); }

  void Close() {
    store_->SetCommitListener(nullptr);
    log_.reset();
  }

  absl::Status Open() {
    Close();
    auto log = AuditLog::Open(options_, *files_, *store_, clock_);
    if (!log.ok()) return log.status();
    log_ = *std::move(log);
    log_->SetKeys(keys_);
    store_->SetCommitListener(
        [this](absl::Span<const CommittedUpdate> group) { log_->OnCommitted(group); });
    return absl::OkStatus();
  }

  AuditEvent Event(const std::string& name, const std::string& resource = "a/b") {
    AuditEvent event;
    event.time = clock_.Now();
    event.event = name;
    event.resource = resource;
    event.details = {{"k", "v"}};
    return event;
  }

  absl::Status Change(const std::string& resource) {
    const AuditEvent event = Event("secret_written", resource);
    AuditedUpdater updater(*store_, *log_, event);
    const auto result = updater.Update([](const View&, Batch& batch) {
      batch.Put(Family::kRecords, "key", "value");
      batch.Note("version", "7");
      return absl::OkStatus();
    });
    EXPECT_EQ(updater.recorded(), result.ok());
    return result.status();
  }

  // One change of several callers.
  absl::Status ChangeOfMany(const std::vector<std::string>& resources) {
    std::vector<AuditEvent> events;
    for (const std::string& resource : resources) events.push_back(Event("written", resource));
    AuditedUpdater updater(*store_, *log_, events);
    const auto result = updater.Update([](const View&, Batch& batch) {
      batch.Put(Family::kRecords, "key", "value");
      return absl::OkStatus();
    });
    EXPECT_EQ(updater.recorded(), result.ok());
    return result.status();
  }

  std::vector<AuditRecord> All(uint64_t from = 1) {
    std::vector<AuditRecord> out;
    EXPECT_OK(log_->Read(from, [&](const AuditRecord& record) {
      out.push_back(record);
      return true;
    }));
    return out;
  }

  std::string LastSegment() { return ListSegments(*files_, options_.directory)->back().path; }

  void Replace(const std::string& path, const std::string& bytes) {
    ASSERT_OK(WriteFileAtomically(*files_, path, bytes, 0600));
  }

  size_t Problems() {
    const auto verified = log_->Verify();
    EXPECT_OK(verified);
    return verified->problems.size();
  }

  SimulatedClock clock_;
  AuditLogOptions options_{.directory = "/audit", .sync_reads = true, .accept_rollback = ""};
  std::unique_ptr<FileSystem> files_;
  std::shared_ptr<const KeyringSnapshot> keys_;
  std::unique_ptr<Store> store_;
  std::unique_ptr<AuditLog> log_;
};

}  // namespace keyturn
