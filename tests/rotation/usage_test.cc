// Who uses what, from a use in memory to the record in the store and back.
#include "rotation/usage/usage.h"

#include <thread>

#include "rotation/usage/usage_record.h"
#include "storage/schema.h"
#include "tests/rotation/rotation_fixture.h"

namespace keyturn {
namespace {

// The store, with something that happens just before each change, or instead of it.
class MeddlingStore final : public Store {
 public:
  explicit MeddlingStore(Store& store) : store_(store) {}
  std::function<void()> before;
  absl::Status instead;

  absl::StatusOr<Revision> Update(UpdateFn fn) override {
    if (before) std::exchange(before, nullptr)();
    RETURN_IF_ERROR(instead);
    return store_.Update(fn);
  }
  std::shared_ptr<const Snapshot> GetSnapshot() const override { return store_.GetSnapshot(); }
  const View& Newest() const override { return store_.Newest(); }
  Revision LastRevision() const override { return store_.LastRevision(); }
  void SkipTo(Revision) override {}
  absl::Status WaitFor(Revision, absl::Time) override { return absl::OkStatus(); }
  void SetRecordHasher(std::shared_ptr<const RecordHasher>) override {}
  void SetCommitListener(CommitListener) override {}
  absl::StatusOr<std::vector<StoreProblem>> Verify(ProgressFn progress) override {
    return store_.Verify(progress);
  }
  absl::Status Purge(Family family) override { return store_.Purge(family); }
  absl::StatusOr<FileSearch> SearchFiles(absl::Span<const std::string> needles,
                                         ProgressFn progress) override {
    return store_.SearchFiles(needles, progress);
  }
  StoreStats Stats() const override { return store_.Stats(); }

 private:
  Store& store_;
};

class UsageTest : public RotationFixture {
 protected:
  void SetUp() override { ASSERT_OK(Put("app/key", "1", v1::KIND_API_KEY)); }

  bool HasRecord(const Uuid& secret) {
    return store_->Newest().Get(Family::kRecords, schema::UsageKey(secret))->has_value();
  }
  void Minute() {
    clock_.AdvanceTime(absl::Minutes(1));
    ASSERT_OK(usage_->WriteDue());
  }
  absl::Status Acknowledge(const std::string& consumer, const std::string& path, uint64_t version) {
    v1::AcknowledgeRequest request;
    request.set_path(path);
    request.set_version(version);
    return usage_->Acknowledge(request, consumer).status();
  }
  absl::Status Forget(const std::string& path, const std::string& name,
                      const std::string& reason = "it was shut down") {
    v1::ForgetConsumerRequest request;
    request.set_path(path);
    request.set_name(name);
    request.set_reason(reason);
    return usage_->Forget(*store_, request).status();
  }
  // More consumers of other secrets than one part of the book takes, beside this one.
  void FillThePartOf(const Uuid& secret) {
    std::array<uint8_t, Uuid::kSize> bytes{};
    bytes.back() = static_cast<uint8_t>(secret.bytes().back());
    for (size_t i = 0; i < limits::kUsesPerShardMax; ++i) {
      usage_->Note({Uuid(bytes), SecretVersion(i + 1), "filler", clock_.Now()});
    }
  }
};

TEST_F(UsageTest, IsKnownAtOnceAndWrittenWithinAMinute) {
  ASSERT_OK(usage_->WriteDue());
  EXPECT_EQ(ReadAs("payments", "app/key"), "1");
  EXPECT_EQ(Consumers("app/key"), "payments CURRENT 1");
  const Revision before = store_->LastRevision();
  for (int i = 0; i < 59; ++i) {
    clock_.AdvanceTime(absl::Seconds(1));
    ASSERT_OK(usage_->WriteDue());
  }
  EXPECT_EQ(store_->LastRevision(), before);  // no write for a read
  clock_.AdvanceTime(absl::Seconds(1));
  ASSERT_OK(usage_->WriteDue());
  EXPECT_EQ(store_->LastRevision().value(), before.value() + 1);
  EXPECT_EQ(usage_->stats().waiting, 0u);
  EXPECT_EQ(Consumers("app/key"), "payments CURRENT 1");
  Minute();
  EXPECT_EQ(store_->LastRevision().value(), before.value() + 1);  // nothing to say
  Open();                                                         // killed
  EXPECT_EQ(Consumers("app/key"), "payments CURRENT 1");
  ExpectClean();
}

TEST_F(UsageTest, AKillTakesTheLastMinuteAndNoMore) {
  ReadAs("a", "app/key");
  Minute();
  ReadAs("b", "app/key");
  Open();
  EXPECT_EQ(Consumers("app/key"), "a CURRENT 1");
}

TEST_F(UsageTest, ASealTakesNothing) {
  ReadAs("a", "app/key");
  usage_->OnSealed();
  EXPECT_EQ(usage_->stats().waiting, 0u);
  Open();
  EXPECT_EQ(Consumers("app/key"), "a CURRENT 1");
}

TEST_F(UsageTest, CountsGoOnWhereTheyWere) {
  for (int i = 0; i < 3; ++i) ReadAs("a", "app/key");
  const absl::Time first = clock_.Now();
  Minute();
  ReadAs("a", "app/key");
  Minute();
  Open();
  ReadAs("a", "app/key");
  v1::ListConsumersRequest request;
  request.set_path("app");
  const auto listed = usage_->List(request, [](absl::string_view, bool) { return true; });
  ASSERT_OK(listed);
  ASSERT_EQ(listed->consumers_size(), 1);
  EXPECT_EQ(listed->consumers(0).uses(), 5u);
  EXPECT_EQ(listed->consumers(0).path(), "app/key");
  EXPECT_EQ(listed->consumers(0).first_use_time().seconds(), absl::ToUnixSeconds(first));
  EXPECT_EQ(listed->consumers(0).last_use_time().seconds(), absl::ToUnixSeconds(clock_.Now()));
}

TEST_F(UsageTest, FollowsARotationARollbackAndARename) {
  ASSERT_OK(SetPolicy("app/key", Exact()));
  ReadAs("early", "app/key");
  ReadAs("late", "app/key");
  clock_.AdvanceTime(absl::Seconds(1));
  ASSERT_OK(Rotate("app/key"));
  EXPECT_EQ(Consumers("app/key"), "early LAGGING 1, late LAGGING 1");
  clock_.AdvanceTime(absl::Seconds(1));
  EXPECT_EQ(ReadAs("early", "app/key"), "2");
  EXPECT_EQ(Consumers("app/key"), "early CURRENT 2, late LAGGING 1");
  EXPECT_EQ(Consumers("app", true), "late LAGGING 1");
  v1::RenameRequest rename;
  rename.set_path("app");
  rename.set_new_path("moved");
  rename.set_directory(true);
  ASSERT_OK(vault_->Rename(*store_, rename));
  EXPECT_EQ(Consumers("app"), "");
  EXPECT_EQ(Consumers("moved/key"), "early CURRENT 2, late LAGGING 1");
  ASSERT_OK(Rollback("moved/key"));
  EXPECT_EQ(Consumers("moved/key"), "early LAGGING 2, late CURRENT 1");
  const v1::RotationStatus status = Status("moved/key");
  EXPECT_EQ(status.consumers(), 2u);
  ASSERT_EQ(status.laggards_size(), 1);
  EXPECT_EQ(status.laggards(0).name(), "early");
  EXPECT_EQ(status.laggards(0).version(), 2u);
  Minute();
  EXPECT_EQ(usage_->stats().laggards, 1u);
  EXPECT_EQ(ReadAs("early", "moved/key"), "1");
  Minute();
  EXPECT_EQ(usage_->stats().laggards, 0u);
}

TEST_F(UsageTest, WhoReadsBothVersionsAtOnceIsOnTheLaterOne) {
  ASSERT_OK(SetPolicy("app/key", Exact()));
  ASSERT_OK(Rotate("app/key"));
  ReadAs("verifier", "app/key");
  ReadAs("verifier", "app/key", 0, v1::VersionSelector::PREVIOUS);
  EXPECT_EQ(Consumers("app/key"), "verifier CURRENT 2");
}

TEST_F(UsageTest, GoesWithItsSecret) {
  ReadAs("a", "app/key");
  Minute();
  const Uuid secret = IdOf("app/key");
  EXPECT_TRUE(HasRecord(secret));
  ReadAs("a", "app/key");
  v1::DestroyRequest destroy;
  destroy.set_path("app/key");
  destroy.set_all(true);
  ASSERT_OK(vault_->Destroy(*store_, destroy));
  EXPECT_FALSE(HasRecord(secret));
  Minute();  // what waited is not written
  EXPECT_FALSE(HasRecord(secret));
  EXPECT_EQ(usage_->stats().waiting, 0u);
  ExpectClean();
}

TEST_F(UsageTest, OneOfNoSecretIsAProblem) {
  ASSERT_OK(store_->Update([&](const View&, Batch& batch) {
    batch.Put(Family::kRecords, schema::UsageKey(Uuid({1, 2, 3})), "x");
    return absl::OkStatus();
  }));
  ASSERT_OK_AND_ASSIGN(const auto problems, vault_->Verify(NoProgress));
  ASSERT_EQ(problems.size(), 2u);
  EXPECT_TRUE(absl::StrContains(problems[0].what, "a record of uses of secret 01020300"));
  EXPECT_TRUE(absl::StrContains(problems[1].what, "who uses it does not open"));
}

TEST_F(UsageTest, ARecordThatDoesNotOpenMeansThatSomebodyUsesEachVersion) {
  ASSERT_OK(SetPolicy("app/key", Exact()));
  ASSERT_OK(Rotate("app/key"));
  const std::string key = schema::UsageKey(IdOf("app/key"));
  ASSERT_OK(store_->Update([&](const View&, Batch& batch) {
    batch.Put(Family::kRecords, key, "damaged");
    return absl::OkStatus();
  }));
  EXPECT_EQ(usage_->UsersOf(IdOf("app/key"), SecretVersion(1)),
            std::vector<std::string>{"(others)"});
  ReadAs("a", "app/key");
  Minute();
  EXPECT_EQ(usage_->stats().failing, 1u);
  EXPECT_EQ(usage_->stats().waiting, 0u);
  EXPECT_EQ(**store_->Newest().Get(Family::kRecords, key), "damaged");  // evidence is kept
}

TEST_F(UsageTest, WhatFindsNoRoomIsSomebodyAlsoAfterARestart) {
  ASSERT_OK(SetPolicy("app/key", Exact()));
  const Uuid secret = IdOf("app/key");
  FillThePartOf(secret);
  ReadAs("unlucky", "app/key");
  EXPECT_EQ(usage_->stats().lost, 1u);
  EXPECT_CODE(Acknowledge("unlucky", "app/key", 1), kResourceExhausted);
  clock_.AdvanceTime(absl::Seconds(2));
  ASSERT_OK(Rotate("app/key"));
  EXPECT_EQ(usage_->UsersOf(secret, SecretVersion(1)), std::vector<std::string>{"(others)"});
  ASSERT_OK(usage_->WriteDue());  // it is crowded: no minute is waited for
  EXPECT_EQ(usage_->stats().waiting, 0u);
  Open();
  EXPECT_EQ(usage_->UsersOf(secret, SecretVersion(1)), std::vector<std::string>{"(others)"});
  EXPECT_EQ(Consumers("app/key"), "(others) LAGGING 1");
  ASSERT_OK(Forget("app/key", "(others)"));
  EXPECT_EQ(Consumers("app/key"), "");
  Open();
  EXPECT_TRUE(usage_->UsersOf(secret, SecretVersion(1)).empty());
}

TEST_F(UsageTest, ManyUsersAreNamedInALineThatEnds) {
  ASSERT_OK(SetPolicy("app/key", Exact()));
  for (size_t i = 0; i < limits::kConsumersNamedMax + 5; ++i) {
    ReadAs(absl::StrCat("c", i), "app/key");
  }
  clock_.AdvanceTime(absl::Seconds(1));
  ReadAs(std::string(400, '\xff'), "app/key");
  ASSERT_OK(Rotate("app/key"));
  const std::vector<std::string> users = usage_->UsersOf(IdOf("app/key"), SecretVersion(1));
  ASSERT_EQ(users.size(), limits::kConsumersNamedMax + 1);
  EXPECT_EQ(users.front().size(), 128u);  // an audit entry has to hold them
  EXPECT_EQ(users.back(), "(6 more)");
  EXPECT_EQ(Status("app/key").laggards_size(), static_cast<int>(limits::kConsumersNamedMax) + 6);
}

TEST_F(UsageTest, AcknowledgingNeedsAVersionThatWorks) {
  ASSERT_OK(SetPolicy("app/key", Exact()));
  ASSERT_OK(Rotate("app/key"));
  EXPECT_CODE(Acknowledge("a", "app/key", 0), kInvalidArgument);
  EXPECT_EQ(ReasonOf(Acknowledge("a", "app/key", 3)), "VERSION_NOT_FOUND");
  EXPECT_CODE(Acknowledge("a", "app/none", 1), kNotFound);
  ASSERT_OK(Acknowledge("a", "app/key", 1));
  EXPECT_EQ(Consumers("app/key"), "a LAGGING 1");
  clock_.AdvanceTime(absl::Seconds(1));
  ASSERT_OK(Acknowledge("a", "app/key", 2));
  EXPECT_EQ(Consumers("app/key"), "a ACKNOWLEDGED 2");
  Minute();
  Open();
  EXPECT_EQ(Consumers("app/key"), "a ACKNOWLEDGED 2");
  Pass(Days(8));
  EXPECT_EQ(ReasonOf(Acknowledge("a", "app/key", 1)), "VERSION_RETIRED");
}

TEST_F(UsageTest, ForgetsWhatIsWrittenAndWhatWaits) {
  EXPECT_EQ(ReasonOf(Forget("app/key", "a")), "CONSUMER_NOT_FOUND");
  EXPECT_CODE(Forget("app/key", ""), kInvalidArgument);
  EXPECT_CODE(Forget("app/key", "a", ""), kInvalidArgument);
  EXPECT_CODE(Forget("app/key", "a", std::string(513, 'x')), kInvalidArgument);
  EXPECT_CODE(Forget("app/none", "a"), kNotFound);
  ReadAs("a", "app/key");
  ReadAs("b", "app/key");
  ASSERT_OK(Forget("app/key", "a"));  // waits only
  EXPECT_EQ(Consumers("app/key"), "b CURRENT 1");
  Minute();
  ReadAs("b", "app/key");
  ASSERT_OK(Forget("app/key", "b"));  // both
  Minute();
  EXPECT_EQ(Consumers("app/key"), "");
  ReadAs("b", "app/key");  // it was not gone
  EXPECT_EQ(Consumers("app/key"), "b CURRENT 1");
}

TEST_F(UsageTest, IsListedInPagesOfWholeSecrets) {
  std::string expected;
  for (int i = 0; i < 5; ++i) {
    const std::string path = absl::StrCat("dir/", i);
    ASSERT_OK(Put(path, "1"));
    for (int c = 0; c < 3; ++c) {
      ReadAs(absl::StrCat("c", c), path);
      clock_.AdvanceTime(absl::Seconds(1));
    }
  }
  ASSERT_OK(Put("dir", "1"));  // a secret and a directory may share a name
  ReadAs("top", "dir");
  v1::ListConsumersRequest request;
  request.set_path("dir");
  request.set_page_size(4);
  std::vector<std::string> found;
  int pages = 0;
  do {
    const auto page =
        usage_->List(request, [](absl::string_view path, bool) { return path != "dir/3"; });
    ASSERT_OK(page);
    for (const v1::Consumer& consumer : page->consumers()) {
      found.push_back(absl::StrCat(consumer.path(), ":", consumer.name()));
    }
    request.set_page_token(page->next_page_token());
    ++pages;
  } while (!request.page_token().empty());
  EXPECT_EQ(absl::StrJoin(found, " "),
            "dir:top dir/0:c2 dir/0:c1 dir/0:c0 dir/1:c2 dir/1:c1 dir/1:c0 dir/2:c2 dir/2:c1 "
            "dir/2:c0 dir/4:c2 dir/4:c1 dir/4:c0");
  EXPECT_EQ(pages, 3);
  request.set_page_size(-1);
  EXPECT_CODE(usage_->List(request, [](absl::string_view, bool) { return true; }),
              kInvalidArgument);
  request.set_page_size(0);
  request.set_page_token("made-up");
  EXPECT_CODE(usage_->List(request, [](absl::string_view, bool) { return true; }),
              kInvalidArgument);
}

TEST_F(UsageTest, ManySecretsAreWrittenInUpdatesThatFit) {
  std::vector<std::string> paths;
  for (int i = 0; i < 100; ++i) {
    paths.push_back(absl::StrCat("many/", i));
    ASSERT_OK(Put(paths.back(), "1"));
  }
  ASSERT_OK(usage_->WriteAll());
  for (const std::string& path : paths) ReadAs("a", path);
  const uint64_t before = store_->LastRevision().value();
  Minute();
  EXPECT_EQ(store_->LastRevision().value() - before, 4u);  // 32 with each
  EXPECT_EQ(usage_->stats().waiting, 0u);
  EXPECT_EQ(store_->Stats().slow_updates, 0u);
  ExpectClean();
}

TEST_F(UsageTest, ASecretThatIsDestroyedMeanwhileGetsNoRecord) {
  MeddlingStore store(*store_);
  Usage usage({store, *keyring_, clock_, nullptr});
  const Uuid secret = IdOf("app/key");
  usage.Note({secret, SecretVersion(1), "a", clock_.Now()});
  store.before = [&] {
    v1::DestroyRequest destroy;
    destroy.set_path("app/key");
    destroy.set_all(true);
    ASSERT_OK(vault_->Destroy(*store_, destroy));
  };
  ASSERT_OK(usage.WriteAll());
  EXPECT_FALSE(HasRecord(secret));
  ASSERT_OK(usage.WriteAll());
  EXPECT_EQ(usage.stats().waiting, 0u);
  ExpectClean();
}

TEST_F(UsageTest, ARecordThatChangesMeanwhileIsNotOverwritten) {
  MeddlingStore store(*store_);
  Usage usage({store, *keyring_, clock_, nullptr});
  usage.Note({IdOf("app/key"), SecretVersion(1), "a", clock_.Now()});
  store.before = [&] {
    ReadAs("b", "app/key");
    ASSERT_OK(usage_->WriteAll());
  };
  ASSERT_OK(usage.WriteAll());
  EXPECT_EQ(Consumers("app/key"), "b CURRENT 1");
  EXPECT_EQ(usage.stats().waiting, 1u);
  ASSERT_OK(usage.WriteAll());
  EXPECT_EQ(Consumers("app/key"), "a CURRENT 1, b CURRENT 1");
}

TEST_F(UsageTest, WhatCouldNotBeWrittenWaitsOn) {
  MeddlingStore store(*store_);
  Usage usage({store, *keyring_, clock_, nullptr});
  usage.Note({IdOf("app/key"), SecretVersion(1), "a", clock_.Now()});
  store.instead = absl::ResourceExhaustedError("the queue is full");
  EXPECT_CODE(usage.WriteDue(), kResourceExhausted);
  EXPECT_EQ(usage.stats().waiting, 1u);
  store.instead = absl::OkStatus();
  ASSERT_OK(usage.WriteDue());
  EXPECT_EQ(usage.stats().waiting, 1u);  // not before a minute has passed
  clock_.AdvanceTime(absl::Minutes(1));
  ASSERT_OK(usage.WriteDue());
  EXPECT_EQ(usage.stats().waiting, 0u);
  EXPECT_EQ(Consumers("app/key"), "a CURRENT 1");
}

// Under the thread sanitizer as well.
TEST_F(UsageTest, ReadsWritesAndQuestionsGoOnAtOnce) {
  constexpr int kReads = 2000;
  ASSERT_OK(SetPolicy("app/key", Exact()));
  std::atomic<int> running{3};
  std::vector<std::thread> threads;
  for (int t = 0; t < 3; ++t) {
    threads.emplace_back([&, t] {
      const std::string name = absl::StrCat("c", t);
      for (int i = 0; i < kReads; ++i) ReadAs(name, "app/key");
      running.fetch_sub(1);
    });
  }
  while (running.load() > 0) {
    ASSERT_OK(usage_->WriteAll());
    Consumers("app", true);
    usage_->stats();
  }
  for (std::thread& thread : threads) thread.join();
  ASSERT_OK(usage_->WriteAll());
  v1::ListConsumersRequest request;
  const auto listed = usage_->List(request, [](absl::string_view, bool) { return true; });
  ASSERT_OK(listed);
  ASSERT_EQ(listed->consumers_size(), 3);
  for (const v1::Consumer& consumer : listed->consumers()) EXPECT_EQ(consumer.uses(), kReads);
}

}  // namespace
}  // namespace keyturn
