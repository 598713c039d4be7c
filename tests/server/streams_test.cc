// Watch, Tail and Verify as clients see them.
#include "server/streams.h"

#include "absl/strings/match.h"
#include "tests/server/server_fixture.h"

namespace keyturn {
namespace {

class StreamsTest : public ServerFixture {
 protected:
  // One watch, read message by message.
  struct Watcher {
    Watcher(Stubs& stubs, const std::string& token, const std::string& path, uint64_t from = 0)
        : context(token, 20) {
      v1::WatchRequest request;
      request.set_path(path);
      request.set_from_revision(from);
      reader = stubs.secrets->Watch(context, request);
    }
    ~Watcher() {
      if (!finished) End();
    }
    // The next message that is not PROGRESS; "END code" at the end.
    std::string Next() {
      v1::WatchResponse event;
      while (reader->Read(&event)) {
        revision = event.revision();
        if (event.type() == v1::WatchResponse::PROGRESS) continue;
        return absl::StrCat(v1::WatchResponse::Type_Name(event.type()), " ", event.path(),
                            event.new_path().empty() ? "" : " ", event.new_path());
      }
      finished = true;
      return absl::StrCat("END ", Text(reader->Finish()));
    }
    bool Start() {
      v1::WatchResponse event;
      const bool any = reader->Read(&event);
      revision = event.revision();
      return any && event.type() == v1::WatchResponse::PROGRESS;
    }
    std::string End() {
      context->TryCancel();
      v1::WatchResponse event;
      while (reader->Read(&event)) {
      }
      finished = true;
      return Text(reader->Finish());
    }
    Ctx context;
    std::unique_ptr<grpc::ClientReader<v1::WatchResponse>> reader;
    uint64_t revision = 0;
    bool finished = false;
  };
};

TEST_F(StreamsTest, AWatchTellsWhatHappensInOrder) {
  Watcher watcher(*stubs_, root_, "app/");
  ASSERT_TRUE(watcher.Start());
  ASSERT_EQ(Text(Put("app/a", {{"v", "1"}}, root_)), "OK");
  ASSERT_EQ(Text(Put("other/b", {{"v", "1"}}, root_)), "OK");
  v1::DeleteRequest del;
  del.set_path("app/a");
  v1::SecretInfo info;
  ASSERT_EQ(Text(stubs_->secrets->Delete(Ctx(root_), del, &info)), "OK");
  EXPECT_EQ(watcher.Next(), "WRITTEN app/a");
  EXPECT_EQ(watcher.Next(), "DELETED app/a");
  EXPECT_TRUE(absl::StartsWith(watcher.End(), "CANCELLED"));
}

TEST_F(StreamsTest, AWatchResumesFromARevision) {
  v1::PutResponse first;
  ASSERT_EQ(Text(Put("app/a", {{"v", "1"}}, root_, &first)), "OK");
  ASSERT_EQ(Text(Put("app/b", {{"v", "1"}}, root_)), "OK");
  Watcher watcher(*stubs_, root_, "", first.revision());
  EXPECT_EQ(watcher.Next(), "WRITTEN app/b");
  Watcher future(*stubs_, root_, "", first.revision() + 1000);
  EXPECT_EQ(future.Next(), "END OUT_OF_RANGE: from_revision is newer than any change");
}

TEST_F(StreamsTest, AWatchShowsOnlyWhatTheCallerMayList) {
  PutPolicy("half", {{"secret:list", "app/*"}, {"deny", "secret:list", "app/hidden/*"}});
  Watcher watcher(*stubs_, NewToken({"half"}), "app/");
  ASSERT_TRUE(watcher.Start());
  ASSERT_EQ(Text(Put("app/hidden/x", {{"v", "1"}}, root_)), "OK");
  ASSERT_EQ(Text(Put("app/shown", {{"v", "1"}}, root_)), "OK");
  EXPECT_EQ(watcher.Next(), "WRITTEN app/shown");
}

// Who caches what he may read must hear that it went, but not where to.
TEST_F(StreamsTest, ARenameOutOfSightIsToldAsComingOrGoing) {
  PutPolicy("lister", {{"secret:list", "app/*"}});
  ASSERT_EQ(Text(Put("app/a", {{"v", "1"}}, root_)), "OK");
  ASSERT_EQ(Text(Put("app/d/x", {{"v", "1"}}, root_)), "OK");
  Watcher watcher(*stubs_, NewToken({"lister"}), "app/");
  ASSERT_TRUE(watcher.Start());
  const auto rename = [&](const std::string& from, const std::string& to, bool directory) {
    v1::RenameRequest request;
    request.set_path(from);
    request.set_new_path(to);
    request.set_directory(directory);
    v1::RenameResponse response;
    ASSERT_EQ(Text(stubs_->secrets->Rename(Ctx(root_), request, &response)), "OK");
  };
  rename("app/a", "archive/a", false);
  EXPECT_EQ(watcher.Next(), "DESTROYED app/a");
  rename("archive/a", "archive/b", false);  // not told
  rename("archive/b", "app/c", false);
  EXPECT_EQ(watcher.Next(), "WRITTEN app/c");
  rename("app/d", "archive/d", true);
  EXPECT_EQ(watcher.Next(), "DESTROYED app/d/");
  rename("archive/d", "app/e", true);
  EXPECT_EQ(watcher.Next(), "WRITTEN app/e/");
  rename("app/c", "app/f", false);
  EXPECT_EQ(watcher.Next(), "RENAMED app/c app/f");
}

TEST_F(StreamsTest, AWatchEndsWhenItsTokenIsRevoked) {
  PutPolicy("lister", {{"secret:list", "app/*"}});
  const std::string token = NewToken({"lister"});
  Watcher watcher(*stubs_, token, "app/");
  ASSERT_TRUE(watcher.Start());
  v1::LogoutResponse response;
  ASSERT_EQ(Text(stubs_->auth->Logout(Ctx(token), {}, &response)), "OK");
  ASSERT_EQ(Text(Put("app/a", {{"v", "1"}}, root_)), "OK");
  EXPECT_TRUE(absl::StartsWith(watcher.Next(), "END UNAUTHENTICATED"));
}

TEST_F(StreamsTest, AWatchEndsWhenItsGrantIsTakenAway) {
  PutPolicy("lister", {{"secret:list", "app/*"}});
  Watcher watcher(*stubs_, NewToken({"lister"}), "app/");
  ASSERT_TRUE(watcher.Start());
  PutPolicy("lister", {});
  ASSERT_EQ(Text(Put("app/a", {{"v", "1"}}, root_)), "OK");
  EXPECT_TRUE(absl::StartsWith(watcher.Next(), "END PERMISSION_DENIED"));
}

TEST_F(StreamsTest, AWatchEndsAtSealAndAtStop) {
  {
    Watcher watcher(*stubs_, root_, "");
    ASSERT_TRUE(watcher.Start());
    server_->lifecycle().Seal();
    EXPECT_EQ(watcher.Next(), "END FAILED_PRECONDITION: the vault was sealed");
  }
  ASSERT_OK(server_->lifecycle().Unseal([&](Keyring& keyring) {
    return keyring.UnsealWithPassphrase(*SecretBytes::CopyOf(kDevPassphrase),
                                        server_->rooms().store->LastRevision());
  }));
  Watcher watcher(*stubs_, root_, "");
  ASSERT_TRUE(watcher.Start());
  server_->Stop(absl::Seconds(5));
  EXPECT_TRUE(absl::StartsWith(watcher.Next(), "END UNAVAILABLE"));
}

TEST_F(StreamsTest, ManyChangesReachASlowWatcher) {
  Watcher watcher(*stubs_, root_, "");
  ASSERT_TRUE(watcher.Start());
  constexpr int kChanges = 600;  // more than two batches
  for (int i = 0; i < kChanges; ++i) {
    ASSERT_EQ(Text(Put(absl::StrCat("app/s", i), {{"v", "1"}}, root_)), "OK");
  }
  for (int i = 0; i < kChanges; ++i) ASSERT_EQ(watcher.Next(), absl::StrCat("WRITTEN app/s", i));
}

TEST_F(StreamsTest, ATailGivesTheNewestAndFollows) {
  for (int i = 0; i < 5; ++i) Get("app/none", root_);
  v1::TailRequest request;
  request.set_last(2);
  request.set_follow(true);
  Ctx context(root_, 20);
  const auto reader = stubs_->audit->Tail(context, request);
  v1::AuditEntry entry;
  ASSERT_TRUE(reader->Read(&entry));
  const uint64_t first = entry.sequence();
  ASSERT_TRUE(reader->Read(&entry));
  EXPECT_EQ(entry.sequence(), first + 1);
  ASSERT_EQ(Text(Put("app/new", {{"v", "1"}}, root_)), "OK");
  bool written = false;
  while (!written && reader->Read(&entry)) written = entry.event() == "secret_written";
  EXPECT_EQ(entry.resource(), "app/new");
  context->TryCancel();
  while (reader->Read(&entry)) {
  }
  EXPECT_EQ(reader->Finish().error_code(), grpc::StatusCode::CANCELLED);
}

TEST_F(StreamsTest, ATailWithoutFollowEnds) {
  v1::TailRequest request;
  request.set_from_sequence(1);
  Ctx context(root_);
  const auto reader = stubs_->audit->Tail(context, request);
  v1::AuditEntry entry;
  uint64_t expected = 1;
  while (reader->Read(&entry)) EXPECT_EQ(entry.sequence(), expected++);
  EXPECT_EQ(Text(reader->Finish()), "OK");
  EXPECT_GT(expected, 3u);
}

TEST_F(StreamsTest, VerifyFindsNothingWrongInAGoodStore) {
  for (int i = 0; i < 20; ++i) {
    ASSERT_EQ(Text(Put(absl::StrCat("app/s", i), {{"v", "1"}}, root_)), "OK");
  }
  Ctx context(root_, 20);
  const auto reader = stubs_->system->Verify(context, {});
  v1::VerifyResponse last, next;
  while (reader->Read(&next)) last = next;
  EXPECT_EQ(Text(reader->Finish()), "OK");
  EXPECT_TRUE(last.done());
  EXPECT_GE(last.records_checked(), 60u);
  EXPECT_EQ(last.problems_size(), 0) << last.DebugString();
}

// Every entry of the revocation log is among what is read.
TEST_F(StreamsTest, VerifyReadsTheRevocationLog) {
  const auto checked = [this] {
    Ctx context(root_, 20);
    const auto reader = stubs_->system->Verify(context, {});
    v1::VerifyResponse last, next;
    while (reader->Read(&next)) last = next;
    EXPECT_EQ(Text(reader->Finish()), "OK");
    EXPECT_EQ(last.problems_size(), 0) << last.DebugString();
    EXPECT_EQ(last.records_checked(), last.records_total());
    return last.records_checked();
  };
  const uint64_t before = checked();
  v1::RevokeRequest request;
  request.set_reason(v1::REVOCATION_REASON_LOGOUT);
  for (int i = 0; i < 500; ++i) {
    request.add_revocations()->mutable_target()->set_jti(absl::StrCat("token ", i));
  }
  v1::RevokeResponse response;
  ASSERT_EQ(Text(stubs_->revocations->Revoke(Ctx(root_), request, &response)), "OK");
  EXPECT_EQ(checked(), before + 500);
}

TEST(StreamRegistry, IsBounded) {
  const auto registry = std::make_shared<StreamRegistry>();
  int woken = 0;
  std::vector<std::shared_ptr<void>> handles;
  for (size_t i = 0; i < limits::kWatchersMax; ++i) {
    handles.push_back(registry->Add([&woken] { ++woken; }));
    ASSERT_NE(handles.back(), nullptr);
  }
  EXPECT_EQ(registry->Add([] {}), nullptr);
  registry->WakeAll();
  EXPECT_EQ(woken, static_cast<int>(limits::kWatchersMax));
  handles.pop_back();
  EXPECT_EQ(registry->size(), limits::kWatchersMax - 1);
  EXPECT_NE(registry->Add([] {}), nullptr);
}

}  // namespace
}  // namespace keyturn
