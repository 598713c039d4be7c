// A revocation list over a store in memory, and a committer that can fail and wait.
#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "base/clock.h"
#include "revocation/list.h"
#include "storage/rocks_store.h"
#include "storage/schema.h"
#include "tests/support/keys.h"
#include "tests/support/status.h"

namespace keyturn {

class FaultyCommitter : public GroupCommitter {
 public:
  explicit FaultyCommitter(Store& store) : store_(store) {}

  absl::StatusOr<Revision> Commit(absl::Span<const WriterChanges> writers,
                                  absl::string_view record_hash, UpdateFn fn) override {
    absl::Status status;
    {
      const absl::MutexLock lock(&mu_);
      ++tries_;
      const auto may_go = [this]() ABSL_NO_THREAD_SAFETY_ANALYSIS { return !held_; };
      mu_.Await(absl::Condition(&may_go));
      if (!failures_.empty()) {
        status = failures_.front();
        if (failures_.size() > 1 || !for_ever_) failures_.pop_front();
      } else {
        writers_.assign(writers.begin(), writers.end());
        hash_ = std::string(record_hash);
      }
    }
    if (!status.ok()) return status;
    return store_.Update(fn);
  }

  // The next commits fail so.
  void FailNext(absl::Status status, int times = 1) {
    const absl::MutexLock lock(&mu_);
    failures_.assign(times, status);
    for_ever_ = false;
  }
  void FailFrom(absl::Status status) {
    const absl::MutexLock lock(&mu_);
    failures_ = {status};
    for_ever_ = true;
  }
  // Commits wait until they are let go.
  void Hold() {
    const absl::MutexLock lock(&mu_);
    held_ = true;
  }
  void LetGo() {
    const absl::MutexLock lock(&mu_);
    held_ = false;
  }
  void WaitForTries(int tries) {
    const auto tried = [this, tries]() ABSL_NO_THREAD_SAFETY_ANALYSIS { return tries_ >= tries; };
    const absl::MutexLock lock(&mu_);
    mu_.Await(absl::Condition(&tried));
  }
  int tries() {
    const absl::MutexLock lock(&mu_);
    return tries_;
  }
  std::vector<WriterChanges> writers() {
    const absl::MutexLock lock(&mu_);
    return writers_;
  }
  std::string hash() {
    const absl::MutexLock lock(&mu_);
    return hash_;
  }

 private:
  Store& store_;
  absl::Mutex mu_;
  std::deque<absl::Status> failures_ ABSL_GUARDED_BY(mu_);
  bool for_ever_ ABSL_GUARDED_BY(mu_) = false;
  bool held_ ABSL_GUARDED_BY(mu_) = false;
  int tries_ ABSL_GUARDED_BY(mu_) = 0;
  std::vector<WriterChanges> writers_ ABSL_GUARDED_BY(mu_);
  std::string hash_ ABSL_GUARDED_BY(mu_);
};

class ListFixture : public testing::Test {
 protected:
  using Durability = RevocationList::Durability;

  ListFixture() {
    auto store = OpenRocksStore({.directory = "/mem", .in_memory = true}, clock_);
    EXPECT_OK(store);
    store_ = *std::move(store);
    committer_ = std::make_unique<FaultyCommitter>(*store_);
    NewList();
  }

  // Unloaded, over the same store.
  void NewList(const RevocationList::Options& options = {}) {
    list_.reset();
    auto list = RevocationList::Create(options, *store_, *committer_, clock_);
    ASSERT_OK(list);
    list_ = *std::move(list);
  }
  void Load() { ASSERT_OK(list_->Load(keys_)); }
  void Unload() { ASSERT_OK(list_->Load(nullptr)); }
  // What is in memory is gone, and read from the log.
  void Reload() {
    Unload();
    Load();
  }

  int64_t NowMs() { return list_->Now().now_ms; }
  std::unique_ptr<RevocationList::Transaction> Begin() {
    auto transaction = list_->Begin(writer_, list_->Now());
    EXPECT_OK(transaction);
    return *std::move(transaction);
  }
  // Each is a transaction of its own; its number.
  uint64_t Put(absl::string_view key, absl::string_view value, int64_t life_ms) {
    auto transaction = Begin();
    EXPECT_OK(transaction->Put(key, value, life_ms == kNoExpiry ? kNoExpiry : NowMs() + life_ms));
    return transaction->Commit();
  }
  uint64_t Erase(absl::string_view key) {
    auto transaction = Begin();
    EXPECT_TRUE(transaction->Erase(key));
    return transaction->Commit();
  }
  uint64_t Add(absl::string_view key, std::vector<absl::string_view> members) {
    auto transaction = Begin();
    EXPECT_OK(transaction->AddMembers(key, members));
    return transaction->Commit();
  }
  uint64_t Clear() {
    auto transaction = Begin();
    transaction->Clear();
    return transaction->Commit();
  }
  bool Exists(absl::string_view key) { return list_->Exists(key, list_->Now()); }
  std::string Value(absl::string_view key) {
    const auto info = list_->Find(key, list_->Now());
    if (!info) return "(none)";
    return info->type == KeyType::kSet ? absl::StrCat("set of ", info->members) : info->value;
  }

  // The log as it is in the store.
  std::map<std::string, std::string> Records() {
    std::map<std::string, std::string> records;
    EXPECT_OK(store_->GetSnapshot()->Scan(Family::kRevlog, "", "",
                                          [&](absl::string_view key, absl::string_view value) {
                                            records[std::string(key)] = std::string(value);
                                            return true;
                                          }));
    return records;
  }
  // As who can write to the directory would: makes it these.
  void SetRecords(const std::map<std::string, std::string>& records) {
    for (const auto& [key, value] : Records()) {
      ASSERT_OK(store_->Update([&key = key](const View&, Batch& batch) {
        batch.Delete(Family::kRevlog, key);
        return absl::OkStatus();
      }));
    }
    for (const auto& [key, value] : records) {
      ASSERT_OK(store_->Update([&key = key, &value = value](const View&, Batch& batch) {
        batch.Put(Family::kRevlog, key, value);
        return absl::OkStatus();
      }));
    }
  }

  static constexpr int64_t kHour = 3'600'000;

  SimulatedClock clock_;
  const std::shared_ptr<const KeyringSnapshot> keys_ = TestKeys();
  const std::shared_ptr<const RevocationWriter> writer_ = [] {
    auto writer = std::make_shared<RevocationWriter>();
    writer->principal = "p";
    writer->auth_method = "token";
    writer->source = "unix";
    writer->method = "resp";
    return writer;
  }();
  std::unique_ptr<Store> store_;
  std::unique_ptr<FaultyCommitter> committer_;
  std::unique_ptr<RevocationList> list_;
};

}  // namespace keyturn
