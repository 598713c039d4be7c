#include "vault/rewrap.h"

#include <atomic>
#include <set>
#include <thread>

#include "base/coding.h"
#include "base/limits.h"
#include "storage/schema.h"
#include "tests/support/seed.h"
#include "tests/vault/vault_fixture.h"
#include "vault/records.h"

namespace keyturn {
namespace {

using record::v1::RewrapState;

class RewrapTest : public VaultFixture {
 protected:
  void Fill(int secrets) {
    for (int i = 0; i < secrets; ++i) {
      for (int version = 1; version <= 1 + i % 3; ++version) {
        ASSERT_OK(Put(PathOf(i), {{"v", absl::StrCat("value ", i, "/", version)}}));
      }
    }
  }
  static std::string PathOf(int i) { return absl::StrCat("d", i % 7, "/e/s", i); }
  void ExpectAll(int secrets) {
    for (int i = 0; i < secrets; ++i) {
      for (int version = 1; version <= 1 + i % 3; ++version) {
        EXPECT_EQ(Get(PathOf(i), version), absl::StrCat("v=value ", i, "/", version));
      }
    }
  }

  KekTerm Rotate(bool compromised = false, AeadSuite suite = AeadSuite::kAes256Gcm) {
    const auto term = keyring_->RotateKek(suite, compromised);
    EXPECT_OK(term);
    return *term;
  }
  RewrapState Rewrap() {
    const auto state = vault_->Rewrap(*store_, NoProgress);
    EXPECT_OK(state);
    return state.value_or(RewrapState());
  }
  uint64_t Outside() {
    const auto count = vault_->CountOutside((*keyring_->Snapshot())->active_kek().term, NoProgress);
    EXPECT_OK(count);
    return *count;
  }
  std::map<std::string, std::string> Everything(Family family) {
    std::map<std::string, std::string> out;
    EXPECT_OK(store_->GetSnapshot()->Scan(family, "", "",
                                          [&](absl::string_view key, absl::string_view value) {
                                            out.emplace(key, value);
                                            return true;
                                          }));
    return out;
  }
  std::map<std::string, std::string> Payloads() {
    std::map<std::string, std::string> out = Everything(Family::kRecords);
    std::erase_if(out, [](const auto& record) {
      return record.first.size() <= Uuid::kSize || record.first[Uuid::kSize] != 'p';
    });
    return out;
  }
  // Flips a bit of its tag; twice mends it.
  void Damage(Family family, const std::string& key) {
    ASSERT_OK(store_->Update([&](const View& view, Batch& batch) -> absl::Status {
      std::string value = **view.Get(family, key);
      value.back() = static_cast<char>(value.back() ^ 1);
      batch.Put(family, key, value);
      return absl::OkStatus();
    }));
  }
};

// Lets so many updates through, and fails the rest.
class LimitedUpdater : public Updater {
 public:
  LimitedUpdater(Updater& store, int updates) : store_(store), left_(updates) {}
  absl::StatusOr<Revision> Update(UpdateFn fn) override {
    if (left_-- <= 0) return absl::UnavailableError("no more");
    return store_.Update(fn);
  }

 private:
  Updater& store_;
  int left_;
};

TEST_F(RewrapTest, EverythingComesUnderTheNewKeyAndTheOldOneIsNotNeeded) {
  Fill(30);
  ASSERT_OK(Delete(PathOf(2)));
  ASSERT_OK(Destroy(PathOf(5), {1}));
  const auto payloads = Payloads();
  Rotate(false, AeadSuite::kXChaCha20Poly1305);
  EXPECT_GT(Outside(), 100u);
  const RewrapState state = Rewrap();
  EXPECT_EQ(state.term(), 2u);
  EXPECT_GT(state.finished_ms(), 0);
  EXPECT_EQ(state.failed(), 0u);
  EXPECT_EQ(state.reencrypted(), 0u);
  EXPECT_GT(state.rewrapped(), 100u);
  EXPECT_GE(state.checked(), state.rewrapped() + payloads.size());
  EXPECT_EQ(Outside(), 0u);
  EXPECT_EQ(Payloads(), payloads) << "a rewrap leaves the data as it is";
  ASSERT_OK(keyring_->RetireKeks(KekTerm(2)));
  ASSERT_OK(Undelete(PathOf(2)));
  EXPECT_EQ(Get(PathOf(5), 1), "NOT_FOUND");
  EXPECT_EQ(Get(PathOf(5), 2), "v=value 5/2");
  Open();
  EXPECT_EQ(Get(PathOf(4), 2), "v=value 4/2");
  EXPECT_EQ(List("d3/e"), "s10 s17 s24 s3");
  ExpectClean();
}

TEST_F(RewrapTest, WithoutAnOlderKeyThereIsNothingToDo) {
  EXPECT_EQ(vault_->ReadRewrapState()->term(), 0u);
  Fill(3);
  const auto records = Everything(Family::kRecords);
  EXPECT_EQ(Outside(), 0u);
  const RewrapState state = Rewrap();
  EXPECT_EQ(state.rewrapped(), 0u);
  EXPECT_EQ(Everything(Family::kDeks).size(), 6u);
  EXPECT_EQ(Everything(Family::kRecords).size(), records.size() + 1) << "its own record";
}

TEST_F(RewrapTest, WatchersGoOnAsIfNothingHappened) {
  Fill(3);
  const Revision before = store_->LastRevision();
  Rotate();
  Rewrap();
  ASSERT_OK(keyring_->RetireKeks(KekTerm(2)));
  Revision reached;
  ASSERT_OK_AND_ASSIGN(const auto all,
                       vault_->ChangesSince(SecretPath(), Revision(0), 100, &reached));
  EXPECT_EQ(all.size(), 6u) << "the changes from before open, and there are no new ones";
  ASSERT_OK_AND_ASSIGN(const auto since, vault_->ChangesSince(SecretPath(), before, 100, &reached));
  EXPECT_TRUE(since.empty());
}

TEST_F(RewrapTest, APageOfAListingIsFollowedByTheNext) {
  Fill(30);
  v1::ListRequest list;
  list.set_path("d1/e");
  list.set_page_size(2);
  const auto visible = [](absl::string_view, bool) { return true; };
  ASSERT_OK_AND_ASSIGN(const v1::ListResponse first, vault_->List(list, visible));
  Rotate();
  Rewrap();
  ASSERT_OK(keyring_->RetireKeks(KekTerm(2)));
  list.set_page_token(first.next_page_token());
  ASSERT_OK_AND_ASSIGN(const v1::ListResponse second, vault_->List(list, visible));
  EXPECT_EQ(second.entries_size(), 2);
  EXPECT_NE(second.entries(0).name(), first.entries(0).name());
}

TEST_F(RewrapTest, AStopAnywhereIsTakenUpThere) {
  Fill(60);
  const auto payloads = Payloads();
  Rotate();
  const uint64_t all = Outside();
  uint64_t before = 0;
  int stops = 0;
  while (true) {
    LimitedUpdater updater(*store_, 1);
    const auto state = vault_->Rewrap(updater, NoProgress);
    ASSERT_OK_AND_ASSIGN(const RewrapState stored, vault_->ReadRewrapState());
    EXPECT_EQ(all - Outside(), stored.rewrapped());
    if (state.ok()) break;
    ASSERT_TRUE(absl::IsUnavailable(state.status())) << state.status();
    EXPECT_GT(stored.rewrapped(), before);
    EXPECT_LE(stored.rewrapped() - before, limits::kRewrapRecordsPerUpdate);
    before = stored.rewrapped();
    ++stops;
    Open();
    ExpectClean();
  }
  EXPECT_GT(stops, static_cast<int>(all / limits::kRewrapRecordsPerUpdate));
  EXPECT_EQ(Outside(), 0u);
  EXPECT_EQ(Payloads(), payloads);
  ExpectAll(60);
}

TEST_F(RewrapTest, StopsWhenToldSo) {
  Fill(80);
  Rotate();
  int calls = 0;
  const auto state = vault_->Rewrap(*store_, [&](uint64_t done, uint64_t) {
    EXPECT_GT(done, 0u);
    return ++calls == 2 ? absl::CancelledError("enough") : absl::OkStatus();
  });
  EXPECT_CODE(state, kCancelled);
  EXPECT_EQ(calls, 2);
  EXPECT_EQ(vault_->ReadRewrapState()->rewrapped(), 2 * limits::kRewrapRecordsPerUpdate);
}

TEST_F(RewrapTest, ARotationInTheMiddleBeginsAnew) {
  Fill(60);
  Rotate();
  const auto state = vault_->Rewrap(*store_, [this](uint64_t, uint64_t) {
    Rotate();
    return absl::OkStatus();
  });
  EXPECT_CODE(state, kAborted);
  const RewrapState again = Rewrap();
  EXPECT_EQ(again.term(), 3u);
  EXPECT_EQ(Outside(), 0u);
  ExpectAll(60);
  ExpectClean();
}

// What somebody writes between the look at a record and its rewrap is not put back.
TEST_F(RewrapTest, AChangeMeanwhileIsNotUndone) {
  Fill(8);
  Rotate();
  class Between : public Updater {
   public:
    Between(Updater& store, std::function<void()> then) : store_(store), then_(std::move(then)) {}
    absl::StatusOr<Revision> Update(UpdateFn fn) override {
      if (then_ != nullptr) std::exchange(then_, nullptr)();
      return store_.Update(fn);
    }

   private:
    Updater& store_;
    std::function<void()> then_;
  } updater(*store_, [this] {
    EXPECT_OK(Put(PathOf(1), {{"v", "new"}}));
    EXPECT_OK(Destroy(PathOf(2)));
    EXPECT_OK(Rename(PathOf(3), "elsewhere"));
  });
  ASSERT_OK(vault_->Rewrap(updater, NoProgress));
  EXPECT_EQ(Get(PathOf(1)), "v=new");
  EXPECT_EQ(Get(PathOf(2)), "NOT_FOUND");
  EXPECT_EQ(Get("elsewhere"), "v=value 3/1");
  EXPECT_EQ(Outside(), 0u);
  ExpectClean();
}

TEST_F(RewrapTest, WritersAndReadersDoNotNotice) {
  Fill(40);
  std::atomic<bool> stop{false};
  std::atomic<int> reads{0}, writes{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 3; ++t) {
    threads.emplace_back([&, t] {
      for (int i = t; !stop.load(); i = (i + 1) % 40) {
        EXPECT_EQ(Get(PathOf(i), 1), absl::StrCat("v=value ", i, "/1"));
        reads.fetch_add(1);
      }
    });
  }
  threads.emplace_back([&] {
    for (int n = 1; !stop.load(); ++n) {
      EXPECT_OK(Put(absl::StrCat("w/", n % 50), {{"v", absl::StrCat(n)}}, std::nullopt, true));
      writes.fetch_add(1);
    }
  });
  for (int turn = 0; turn < 6; ++turn) {
    // Each turn meets some of both.
    const int reads_before = reads.load(), writes_before = writes.load();
    Rotate(turn % 2 == 1, turn % 3 == 0 ? AeadSuite::kXChaCha20Poly1305 : AeadSuite::kAes256Gcm);
    do {
      ASSERT_OK(vault_->Rewrap(*store_, NoProgress));
      while (keyring_->FormerSnapshotsHeld()) std::this_thread::yield();
    } while (Outside() > 0);
    ASSERT_OK(keyring_->RetireKeks((*keyring_->Snapshot())->active_kek().term));
    while (reads.load() == reads_before || writes.load() == writes_before) {
      std::this_thread::yield();
    }
  }
  stop.store(true);
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ((*keyring_->Snapshot())->keks().size(), 1u);
  ExpectAll(40);
  ExpectClean();
}

TEST_F(RewrapTest, AfterACompromiseNoOldDataKeyOpensAnything) {
  Fill(12);
  const std::string large(limits::kSecretValueBytesMax - 64, 'x');
  ASSERT_OK(Put("large/a", {{"v", large}}));
  ASSERT_OK(Put("large/b", {{"v", large}}));
  // What a thief has: the wrapped DEKs and the KEK.
  const auto wrapped = Everything(Family::kDeks);
  const auto payloads = Payloads();
  const std::shared_ptr<const KeyringSnapshot> stolen = *keyring_->Snapshot();
  Rotate(true);
  const RewrapState state = Rewrap();
  EXPECT_EQ(state.reencrypted(), payloads.size());
  EXPECT_EQ(state.failed(), 0u);
  EXPECT_EQ(Outside(), 0u);
  const auto now = Payloads();
  ASSERT_EQ(now.size(), payloads.size());
  int tried = 0;
  for (const auto& [key, old_payload] : payloads) {
    EXPECT_NE(now.at(key), old_payload);
    const Uuid secret = *Uuid::FromBytes(key.substr(0, Uuid::kSize));
    absl::string_view number = absl::string_view(key).substr(Uuid::kSize + 1);
    const SecretVersion version(*ReadBigEndian64(&number));
    ASSERT_OK_AND_ASSIGN(const auto metadata,
                         ReadMetadata(**keyring_->Snapshot(), *store_->GetSnapshot(), secret));
    const VersionRecord* record = nullptr;
    for (const VersionRecord& one : metadata->versions()) {
      if (one.version() == version.value()) record = &one;
    }
    ASSERT_NE(record, nullptr);
    const VersionPlace place = PlaceOf(secret, *metadata, *record);
    ASSERT_OK_AND_ASSIGN(const SecretBytes dek,
                         UnwrapDek(*stolen, place, wrapped.at(schema::DekKey(secret, version))));
    EXPECT_OK(OpenPayload(*stolen, place, dek, old_payload));
    EXPECT_CODE(OpenPayload(*stolen, place, dek, now.at(key)), kDataLoss);
    ++tried;
  }
  EXPECT_EQ(tried, static_cast<int>(payloads.size()));
  ExpectAll(12);
  EXPECT_EQ(Get("large/b"), "v=" + large);
  ExpectClean();
}

TEST_F(RewrapTest, ADamagedRecordIsCountedAndHoldsItsKeyBack) {
  Fill(6);
  const std::string dek = Everything(Family::kDeks).begin()->first;
  const std::string entry = Everything(Family::kIndex).begin()->first;
  Damage(Family::kDeks, dek);
  Damage(Family::kIndex, entry);
  Rotate();
  const RewrapState state = Rewrap();
  EXPECT_EQ(state.failed(), 2u);
  EXPECT_GT(state.finished_ms(), 0);
  EXPECT_EQ(Outside(), 2u);
  // Mended, they come along with the next pass.
  Damage(Family::kDeks, dek);
  Damage(Family::kIndex, entry);
  EXPECT_EQ(Rewrap().failed(), 0u);
  EXPECT_EQ(Outside(), 0u);
  ExpectClean();
}

TEST_F(RewrapTest, WhatIsNoRecordIsNotTakenForOne) {
  Fill(2);
  ASSERT_OK(store_->Update([](const View&, Batch& batch) {
    batch.Put(Family::kDeks, std::string(24, 'k'), "short");
    batch.Put(Family::kIndex, std::string(32, 'k'), std::string(200, '\xff'));
    return absl::OkStatus();
  }));
  Rotate();
  EXPECT_EQ(Rewrap().failed(), 2u);
  EXPECT_EQ(Outside(), 2u);
}

TEST_F(RewrapTest, ABadRecordOfThePassOnlyCostsItsWork) {
  Fill(2);
  Rotate();
  Rewrap();
  for (const auto& [key, value] : Everything(Family::kRecords)) {
    if (key.size() == Uuid::kSize + 2) Damage(Family::kRecords, key);
  }
  EXPECT_EQ(vault_->ReadRewrapState()->term(), 0u);
  EXPECT_EQ(Rewrap().term(), 2u);
  EXPECT_EQ(vault_->ReadRewrapState()->term(), 2u);
}

TEST_F(RewrapTest, WhileSealedItSaysSo) {
  keyring_->Seal();
  EXPECT_CODE(vault_->ReadRewrapState(), kFailedPrecondition);
  EXPECT_CODE(vault_->Rewrap(*store_, NoProgress), kFailedPrecondition);
}

}  // namespace
}  // namespace keyturn
