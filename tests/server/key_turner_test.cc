#include "server/key_turner.h"

#include <atomic>
#include <thread>

#include "absl/cleanup/cleanup.h"
#include "base/limits.h"
#include "keyring/envelope.h"
#include "storage/schema.h"
#include "tests/server/server_fixture.h"

namespace keyturn {
namespace {

using Details = std::vector<std::pair<std::string, std::string>>;

class KeyTurnerTest : public ServerFixture {
 protected:
  Rooms& rooms() { return server_->rooms(); }

  std::string Rotate(const std::string& suite = "", bool compromised = false) {
    v1::RotateKekRequest request;
    request.set_suite(suite);
    request.set_compromised(compromised);
    v1::RotateKekResponse response;
    const grpc::Status status = stubs_->system->RotateKek(Ctx(root_), request, &response);
    return status.ok() ? absl::StrCat("term ", response.term()) : Text(status);
  }
  v1::RewrapStatusResponse Status() {
    v1::RewrapStatusResponse response;
    EXPECT_EQ(Text(stubs_->system->RewrapStatus(Ctx(root_), {}, &response)), "OK");
    return response;
  }
  // "1 RETIRED, 2 ACTIVE"
  std::string Keks() {
    const v1::RewrapStatusResponse status = Status();
    std::string out;
    for (const v1::KekInfo& kek : status.keks()) {
      absl::StrAppend(&out, out.empty() ? "" : ", ", kek.term(), " ",
                      v1::KekInfo::State_Name(kek.state()));
    }
    return out;
  }
  // The background thread looks now and then.
  bool Become(const std::string& keks) {
    const absl::Time deadline = Clock::Real().Now() + absl::Seconds(20);
    while (Keks() != keks && Clock::Real().Now() < deadline) std::this_thread::yield();
    return Keks() == keks;
  }
  AuditEvent LastOf(const std::string& event) {
    AuditEvent found;
    for (const AuditRecord& record : Entries()) {
      if (record.event.event == event) found = record.event;
    }
    return found;
  }
};

TEST_F(KeyTurnerTest, ARotationEndsWithTheOldKeyRetired) {
  for (int i = 0; i < 20; ++i) {
    ASSERT_EQ(Text(Put(absl::StrCat("app/s", i), {{"v", absl::StrCat(i)}}, root_)), "OK");
  }
  EXPECT_EQ(Keks(), "1 ACTIVE");
  EXPECT_EQ(Status().term(), 0u);
  EXPECT_EQ(Rotate("xchacha20-poly1305"), "term 2");
  EXPECT_EQ(LastOf("kek_rotated").details,
            (Details{{"term", "2"}, {"suite", "xchacha20-poly1305"}}));
  ASSERT_EQ(Text(Put("app/after", {{"v", "new"}}, root_)), "OK");
  ASSERT_TRUE(Become("1 RETIRED, 2 ACTIVE")) << Keks();
  const v1::RewrapStatusResponse status = Status();
  EXPECT_EQ(status.term(), 2u);
  EXPECT_FALSE(status.running());
  EXPECT_GT(status.records_rewrapped(), 60u);
  EXPECT_EQ(status.versions_reencrypted(), 0u);
  EXPECT_EQ(status.records_failed(), 0u);
  EXPECT_TRUE(status.has_finish_time());
  EXPECT_EQ(status.keks(1).suite(), "xchacha20-poly1305");
  EXPECT_GT(status.keks(1).uses(), status.records_rewrapped());
  EXPECT_EQ(LastOf("records_rewrapped").principal, "keyturn");
  EXPECT_EQ(LastOf("kek_retired").details, (Details{{"terms_below", "2"}}));
  // Everything is still there for everybody: values, tokens, policies, the client CA.
  for (int i = 0; i < 20; ++i) {
    EXPECT_EQ(Get(absl::StrCat("app/s", i), root_), absl::StrCat("v=", i));
  }
  EXPECT_EQ(Get("app/after", root_), "v=new");
}

// As ARotation…, but on disk, and read back by the next process.
TEST_F(KeyTurnerTest, ARestartReadsEverythingUnderTheNewKeyOnly) {
  server_.reset();
  const auto start = [this] { StartReal([](Config& config) { config.auto_unseal = true; }); };
  start();
  InitReal();
  stubs_ = std::make_unique<Stubs>(TlsChannel(operator_certificate_, operator_key_));
  root_.clear();
  ASSERT_EQ(Text(Put("app/a", {{"v", "1"}}, "")), "OK");
  EXPECT_EQ(Rotate("", true), "term 2");
  ASSERT_TRUE(Become("1 RETIRED, 2 ACTIVE")) << Keks();
  EXPECT_EQ(Status().versions_reencrypted(), 1u);
  EXPECT_TRUE(Status().keks(0).compromised());
  start();
  stubs_ = std::make_unique<Stubs>(TlsChannel(operator_certificate_, operator_key_));
  EXPECT_EQ(Get("app/a", ""), "v=1");
  EXPECT_EQ(Keks(), "1 RETIRED, 2 ACTIVE");
  EXPECT_TRUE(rooms().store->Verify(NoProgress)->empty());
  EXPECT_TRUE(rooms().vault->Verify(NoProgress)->empty());
  EXPECT_TRUE(rooms().audit->Verify()->problems.empty());
}

TEST_F(KeyTurnerTest, BadRequestsChangeNothing) {
  EXPECT_EQ(Rotate("AES"),
            "INVALID_ARGUMENT: suite: 'AES' must be aes-256-gcm or xchacha20-poly1305");
  EXPECT_EQ(Keks(), "1 ACTIVE");
  v1::RotateKekResponse ignored;
  EXPECT_EQ(stubs_->system->RotateKek(Ctx(), {}, &ignored).error_code(),
            grpc::StatusCode::UNAUTHENTICATED);
  server_->lifecycle().Seal();
  EXPECT_EQ(ReasonIn(stubs_->system->RotateKek(Ctx(root_), {}, &ignored)), "SEALED");
}

TEST_F(KeyTurnerTest, ACallFromBeforeKeepsTheOldKey) {
  std::shared_ptr<const KeyringSnapshot> held = *rooms().keyring->Snapshot();
  EXPECT_EQ(Rotate(), "term 2");
  KeyTurner turner({*rooms().store, *rooms().keyring, *rooms().vault, *rooms().audit,
                    server_->lifecycle(), Clock::Real()});
  ASSERT_OK(turner.Turn());
  EXPECT_EQ(Keks(), "1 DECRYPT_ONLY, 2 ACTIVE");
  // It writes after the pass has gone by.
  const std::string key = schema::IndexKey(std::string(16, 'd'), std::string(16, 'n'));
  ASSERT_OK(rooms().store->Update([&](const View&, Batch& batch) {
    batch.Put(Family::kIndex, key, *SealRecord(*held, {Purpose::kSetting, key, 0}, "late"));
    return absl::OkStatus();
  }));
  held.reset();
  ASSERT_TRUE(Become("1 RETIRED, 2 ACTIVE")) << Keks();
  const auto sealed = rooms().store->Newest().Get(Family::kIndex, key);
  EXPECT_OK(OpenRecord(**rooms().keyring->Snapshot(), Purpose::kSetting, key, **sealed));
}

TEST_F(KeyTurnerTest, WhatDoesNotOpenHoldsTheOldKeyBackAndIsSaid) {
  const std::string key = schema::IndexKey(std::string(16, 'd'), std::string(16, 'n'));
  ASSERT_OK(rooms().store->Update([&](const View&, Batch& batch) {
    batch.Put(Family::kIndex, key, std::string(120, '\1'));
    return absl::OkStatus();
  }));
  KeyTurner turner({*rooms().store, *rooms().keyring, *rooms().vault, *rooms().audit,
                    server_->lifecycle(), Clock::Real()});
  EXPECT_EQ(Rotate(), "term 2");
  const absl::Time deadline = Clock::Real().Now() + absl::Seconds(20);
  absl::Status turned;
  // A call from before may still be ending.
  while ((turned = turner.Turn()).ok() && Clock::Real().Now() < deadline) std::this_thread::yield();
  EXPECT_EQ(turned, absl::DataLossError("1 records do not open, so the older keys stay; run: "
                                        "keyturn operator verify"));
  EXPECT_EQ(Keks(), "1 DECRYPT_ONLY, 2 ACTIVE");
  EXPECT_EQ(turner.failed(), 1);
  EXPECT_EQ(Status().records_failed(), 1u);
  // Not again before an hour has passed.
  EXPECT_OK(turner.Turn());
}

TEST_F(KeyTurnerTest, AStoppedTurnerLeavesThePassWhereItIs) {
  for (int i = 0; i < 80; ++i) {
    ASSERT_EQ(Text(Put(absl::StrCat("app/s", i), {{"v", "1"}}, root_)), "OK");
  }
  server_->lifecycle().Seal();  // the server's own thread keeps out of this
  KeyTurner stopped({*rooms().store, *rooms().keyring, *rooms().vault, *rooms().audit,
                     server_->lifecycle(), Clock::Real()});
  EXPECT_OK(stopped.Turn());
  EXPECT_OK(stopped.RotateIfDue());
  EXPECT_EQ(rooms().keyring->status().kek_term, KekTerm(0));
}

// The server's own thread sleeps by this clock, so that what a test does is all that is done.
class DueRotationTest : public KeyTurnerTest {
 protected:
  void SetUp() override { StartDev(nullptr, clock_); }
  void TearDown() override { server_.reset(); }  // before its clock

  KeyTurner Turner() {
    return KeyTurner({*rooms().store, *rooms().keyring, *rooms().vault, *rooms().audit,
                      server_->lifecycle(), clock_});
  }
  uint64_t Term() { return rooms().keyring->status().kek_term.value(); }

  SimulatedClock clock_;
};

TEST_F(DueRotationTest, ComesAfterNinetyDays) {
  const absl::Time made =
      absl::FromUnixMillis((*rooms().keyring->Snapshot())->active_kek().created_ms);
  KeyTurner turner = Turner();
  clock_.SetTime(made + absl::Seconds(limits::kKekSecondsMax) - absl::Seconds(30));
  ASSERT_OK(turner.RotateIfDue());
  EXPECT_EQ(Term(), 1u);
  clock_.SetTime(made + absl::Seconds(limits::kKekSecondsMax));
  // The server's own thread does it, which looks once a minute.
  const absl::Time deadline = Clock::Real().Now() + absl::Seconds(20);
  while (LastOf("kek_rotated").event.empty() && Clock::Real().Now() < deadline) {
    clock_.AdvanceTime(absl::Minutes(1));
    std::this_thread::yield();
  }
  EXPECT_EQ(LastOf("kek_rotated").details, (Details{{"term", "2"}, {"due", "age"}}));
  EXPECT_EQ(LastOf("kek_rotated").auth_method, "server");
  ASSERT_OK(turner.RotateIfDue());
  EXPECT_EQ(Term(), 2u);
}

TEST_F(DueRotationTest, ComesByItself) {
  const absl::Time deadline = Clock::Real().Now() + absl::Seconds(20);
  while (Term() < 3 && Clock::Real().Now() < deadline) {
    clock_.AdvanceTime(absl::Hours(24));
    std::this_thread::yield();
  }
  EXPECT_GE(Term(), 3u);
}

TEST_F(DueRotationTest, AStopEndsThePassWhereItIs) {
  for (int i = 0; i < 80; ++i) {
    ASSERT_EQ(Text(Put(absl::StrCat("app/s", i), {{"v", "1"}}, root_)), "OK");
  }
  EXPECT_EQ(Rotate(), "term 2");
  KeyTurner turner = Turner();
  turner.Stop();
  EXPECT_OK(turner.Turn());
  const uint64_t rewrapped = Status().records_rewrapped();
  EXPECT_GT(rewrapped, 0u);
  EXPECT_FALSE(Status().has_finish_time());
  EXPECT_OK(turner.Turn());
  EXPECT_GT(Status().records_rewrapped(), rewrapped) << "another takes it up";
  EXPECT_EQ(Keks(), "1 DECRYPT_ONLY, 2 ACTIVE");
  KeyTurner other = Turner();
  // A call from before may still be ending.
  while (Keks() != "1 RETIRED, 2 ACTIVE") ASSERT_OK(other.Turn());
}

TEST_F(DueRotationTest, ACallThatDoesNotEndIsToldOf) {
  const std::shared_ptr<const KeyringSnapshot> held = *rooms().keyring->Snapshot();
  EXPECT_EQ(Rotate(), "term 2");
  KeyTurner turner = Turner();
  EXPECT_OK(turner.Turn());
  clock_.AdvanceTime(absl::Seconds(limits::kFormerCallsSecondsMax));
  EXPECT_EQ(turner.Turn(),
            absl::UnavailableError(
                "a call from before the rotation is still under way, so the older keys stay"));
  EXPECT_EQ(Term(), 2u);
  EXPECT_OK(turner.Turn());  // not tried again at once
}

TEST_F(DueRotationTest, ComesAfterManyUses) {
  KeyTurner turner = Turner();
  const std::shared_ptr<const KeyringSnapshot> keys = *rooms().keyring->Snapshot();
  keys->active_kek().uses = limits::kKekUsesMax - 1;
  ASSERT_OK(turner.RotateIfDue());
  EXPECT_EQ(Term(), 1u);
  keys->active_kek().uses = limits::kKekUsesMax;
  ASSERT_OK(turner.RotateIfDue());
  EXPECT_EQ(Term(), 2u);
  EXPECT_EQ(LastOf("kek_rotated").details, (Details{{"term", "2"}, {"due", "uses"}}));
}

}  // namespace
}  // namespace keyturn
