#include "rotation/forecast.h"

#include "base/limits.h"
#include "tests/rotation/forecast_harness.h"

namespace keyturn {
namespace {

using Policy = v1::RotationPolicy;

class ForecastTest : public ForecastHarness<RotationFixture> {
 protected:
  static void AddWindow(Policy* policy, const std::string& cron, absl::Duration length,
                        const std::string& zone = "Europe/Berlin") {
    v1::RotationWindow& window = *policy->add_windows();
    window.set_cron(cron);
    window.set_duration_seconds(absl::ToInt64Seconds(length));
    window.set_time_zone(zone);
  }
  static void AddAfter(Policy* policy, const std::string& path, absl::Duration offset) {
    v1::RotationOrder& order = *policy->add_after();
    order.set_path(path);
    order.set_offset_seconds(absl::ToInt64Seconds(offset));
  }
  static Policy Every(int days, int grace_days) {
    Policy policy = Exact();
    policy.set_period_seconds(days * limits::kDaySeconds);
    policy.set_grace_seconds(grace_days * limits::kDaySeconds);
    return policy;
  }
  // At a moment between two seconds.
  void Make(const std::string& path, const Policy& policy, v1::Kind kind = v1::KIND_API_KEY) {
    clock_.AdvanceTime(absl::Milliseconds(1373));
    ASSERT_OK(Put(path, "first", kind));
    ASSERT_OK(SetPolicy(path, policy));
    ASSERT_OK(RunDue());
  }
  v1::Forecast Of(const std::string& path, v1::ForecastRequest request = {}) {
    request.set_path(path);
    if (request.span_seconds() == 0) request.set_span_seconds(365 * limits::kDaySeconds);
    const std::vector<v1::Forecast> found = Foresee(request);
    EXPECT_EQ(found.size(), 1u) << path;
    return found.empty() ? v1::Forecast() : found[0];
  }
  static std::vector<Event> Only(const v1::Forecast& forecast, Event::Kind kind) {
    std::vector<Event> out;
    for (const Event& event : forecast.events()) {
      if (event.kind() == kind) out.push_back(event);
    }
    return out;
  }

  void MakeAllSorts() {
    ASSERT_OK(Put("jitter", "first", v1::KIND_JWT_KEY));
    Make("exact", Exact());
    Policy before = Every(60, 5);
    before.set_grace_mode(Policy::BEFORE);
    before.clear_jitter_max_seconds();
    Make("before", before);
    Policy strict = Every(30, 3);
    strict.clear_jitter_max_seconds();
    AddWindow(&strict, "0 2 * * SUN", absl::Hours(4));
    Make("window/strict", strict);
    Policy soft = Every(50, 7);
    AddWindow(&soft, "30 1 1 JAN,JUL *", absl::Hours(30), "America/New_York");
    soft.set_enforcement(Policy::SOFT);
    Make("window/soft", soft);
    Policy none = soft;
    none.set_enforcement(Policy::STRICT);
    Make("window/none", none);
    Policy age = Every(90, 7);
    age.set_max_credential_age_seconds(40 * limits::kDaySeconds);
    age.set_destroy_after_seconds(3 * limits::kDaySeconds);
    age.clear_jitter_max_seconds();
    Make("age", age);
    Policy graceless = Every(45, 1);
    graceless.set_grace_seconds(-1);
    Make("graceless", graceless);
  }
  void MakeOrders() {
    Make("order/first", Every(40, 2));
    Policy second = Every(40, 2);
    AddAfter(&second, "order/first", absl::Hours(6));
    Make("order/second", second);
    Policy third = Every(39, 2);  // due before the one it waits for
    AddAfter(&third, "order/second", absl::ZeroDuration());
    AddAfter(&third, "nowhere", absl::Hours(1));
    third.set_jitter_max_seconds(3 * limits::kDaySeconds);
    Make("order/third", third);
    Policy slow = Every(40, 1);
    AddAfter(&slow, "owner/late", absl::Hours(3));  // which waits for its owner for days
    Make("order/slow", slow);
    Policy in_window = slow;
    AddWindow(&in_window, "0 1 * * *", absl::Hours(5));
    Make("order/in-window", in_window);
    Policy ring = Every(35, 1);
    AddAfter(&ring, "ring/b", absl::Hours(1));
    Make("ring/a", ring);
    // A policy may not close a circle; a rename does.
    ring.mutable_after(0)->set_path("ring/a");
    Make("ring/c", ring);
    v1::RenameRequest rename;
    rename.set_path("ring/c");
    rename.set_new_path("ring/b");
    ASSERT_OK(vault_->Rename(*store_, rename));
  }
  void MakeOwners() {
    Policy asked;
    asked.set_period_seconds(41 * limits::kDaySeconds);
    asked.mutable_source()->mutable_reminder();
    Make("owner/asked", asked);
    asked.set_period_seconds(40 * limits::kDaySeconds);
    asked.set_jitter_max_seconds(-1);
    Make("owner/late", asked, v1::KIND_DB_CREDENTIAL);
  }
};

TEST_F(ForecastTest, AYearGoesAsForeseen) {
  MakeAllSorts();
  MakeOwners();
  MakeOrders();
  const size_t events = ExpectDays(365);
  EXPECT_GT(events, 300u);
  std::printf("%zu events foreseen\n", events);
  ExpectClean();
}

// A grace that would end before anybody could know of it ends when the engine lets it.
TEST_F(ForecastTest, AnEndThatIsNewsIsForeseenWhenItComes) {
  v1::RotationPolicy policy = Every(30, 3);
  policy.set_grace_seconds(2 * 3600);
  Make("a", policy);
  LiveUntil(clock_.Now() + Days(30) + absl::Minutes(1));
  ASSERT_EQ(States("a").substr(0, 7), "1 GRACE");
  clock_.AdvanceTime(absl::Minutes(90));
  Open();
  happened_.clear();
  v1::ForecastRequest request;
  request.set_span_seconds(limits::kDaySeconds);
  const Story foreseen = StoryOf(Foresee(request));
  ASSERT_EQ(foreseen.at("a").size(), 1u);
  EXPECT_GE(foreseen.at("a")[0].second, absl::ToUnixSeconds(clock_.Now() + absl::Minutes(58)));
  LiveUntil(clock_.Now() + Days(1));
  EXPECT_TRUE(Differences(foreseen).empty()) << absl::StrJoin(Differences(foreseen), "\n");
}

// The comparison finds what is wrong by one.
TEST_F(ForecastTest, AForecastThatIsWrongIsFound) {
  Make("a", Every(30, 3));
  Make("b", Every(40, 3));
  v1::ForecastRequest request;
  request.set_span_seconds(100 * limits::kDaySeconds);
  const Story foreseen = StoryOf(Foresee(request));
  LiveUntil(clock_.Now() + Days(100));
  EXPECT_TRUE(Differences(foreseen).empty());
  const auto found = [&](const std::function<void(std::vector<Happened>&)>& mistake) {
    Story wrong = foreseen;
    mistake(wrong["a"]);
    return Differences(wrong).size();
  };
  EXPECT_EQ(found([](auto& events) { ++events[0].second; }), 1u);
  EXPECT_EQ(found([](auto& events) { --events.back().second; }), 1u);
  EXPECT_EQ(found([](auto& events) { ++events[1].version; }), 1u);
  EXPECT_EQ(found([](auto& events) { events[2].what = "DESTROYED"; }), 1u);
  EXPECT_EQ(found([](auto& events) { events.pop_back(); }), 1u);
  EXPECT_EQ(found([](auto& events) { events.clear(); }), 1u);
  EXPECT_EQ(found([](auto& events) { events.push_back(events.back()); }), 1u);
}

TEST_F(ForecastTest, TheNextYearGoesAsForeseenToo) {
  MakeAllSorts();
  MakeOwners();
  MakeOrders();
  LiveUntil(clock_.Now() + Days(123) + absl::Milliseconds(777));
  EXPECT_GT(ExpectDays(400), 300u);
}

TEST_F(ForecastTest, ValuesThatNeverComeAreAwaited) {
  delay_.reset();
  MakeOwners();
  MakeOrders();
  EXPECT_GT(ExpectDays(200), 50u);
  EXPECT_EQ(happened_["owner/asked"].size(), 2u);
}

TEST_F(ForecastTest, WithATargetItGoesTheSame) {
  FakeTarget target;
  target_ = &target;
  Make("exact", Exact());
  Make("short", Every(20, 2));
  EXPECT_GT(ExpectDays(200), 40u);
}

TEST_F(ForecastTest, AGraceThatWasExtendedHoldsUpTheNextRotation) {
  Policy two = Every(10, 4);
  two.set_max_live_versions(2);
  Make("a", two);
  ASSERT_OK(Rotate("a"));
  v1::SetGraceRequest extend;
  extend.set_path("a");
  extend.mutable_end_time()->set_seconds(absl::ToUnixSeconds(clock_.Now() + Days(25)));
  extend.set_reason("a partner is late");
  ASSERT_OK(rotation_->SetGrace(*store_, extend));
  const v1::Forecast forecast = Of("a");
  EXPECT_EQ(Only(forecast, Event::STARTED)[0].why(), Event::LIVE_VERSIONS);
  ASSERT_EQ(forecast.grace_versions_size(), 1);
  EXPECT_EQ(forecast.grace_versions(0), 1u);
  EXPECT_GT(ExpectDays(100), 20u);
}

TEST_F(ForecastTest, TheFirstStartIsTheOneThatTheStatusTells) {
  MakeAllSorts();
  for (const v1::Forecast& forecast : Foresee({})) {
    const v1::RotationStatus status = Status(forecast.path());
    const v1::Forecast year = Of(forecast.path());
    const std::vector<Event> starts = Only(year, Event::STARTED);
    ASSERT_FALSE(starts.empty()) << forecast.path();
    EXPECT_EQ(ToTime(starts[0].time()), ToTime(status.due_time())) << forecast.path();
    EXPECT_EQ(ToTime(starts[0].deadline_time()), ToTime(status.deadline_time()));
    EXPECT_EQ(year.current_version(), 1u);
    EXPECT_EQ(Only(year, Event::PROMOTED)[0].version(), 2u);
  }
}

TEST_F(ForecastTest, ItSaysWhy) {
  MakeAllSorts();
  MakeOwners();
  MakeOrders();
  const auto why = [&](const std::string& path, size_t at = 0) {
    return Only(Of(path), Event::STARTED)[at].why();
  };
  EXPECT_EQ(why("exact"), Event::DEADLINE);
  EXPECT_EQ(why("jitter"), Event::JITTER);
  EXPECT_EQ(why("window/strict"), Event::WINDOW);
  EXPECT_EQ(why("window/none"), Event::NO_WINDOW);
  EXPECT_EQ(why("window/soft"), Event::LATE_WINDOW);
  EXPECT_EQ(why("order/second"), Event::ORDER);
  EXPECT_EQ(Only(Of("order/second"), Event::STARTED)[0].after_path(), "order/first");
  // What is foreseen of a value that somebody has to bring is so on condition.
  const v1::Forecast asked = Of("owner/asked");
  EXPECT_FALSE(Only(asked, Event::AWAITING_VALUE)[0].conditional());
  EXPECT_TRUE(Only(asked, Event::PROMOTED)[0].conditional());
  EXPECT_FALSE(Only(Of("exact"), Event::PROMOTED)[0].conditional());
  const Event promoted = Only(Of("exact"), Event::PROMOTED)[0];
  EXPECT_EQ(ToTime(promoted.grace_end_time()) - ToTime(promoted.time()), Days(7));
}

TEST_F(ForecastTest, WhatStandsAgainstItIsSaid) {
  Make("paused", Every(10, 1));
  v1::PauseRotationRequest pause;
  pause.set_path("paused");
  pause.set_reason("freeze");
  ASSERT_OK(rotation_->Pause(*store_, pause));
  v1::Forecast forecast = Of("paused");
  ASSERT_EQ(forecast.obstacles_size(), 1);
  EXPECT_EQ(forecast.obstacles(0), v1::Forecast::PAUSED);
  EXPECT_EQ(forecast.events_size(), 0);

  FakeTarget target;
  target_ = &target;
  target.failures.insert({"apply", absl::PermissionDeniedError("wrong password")});
  Make("blocked", Every(10, 1));
  ASSERT_OK(Rotate("blocked"));
  ASSERT_EQ(Status("blocked").open_run().state(), v1::RotationRun::BLOCKED);
  forecast = Of("blocked");
  ASSERT_EQ(forecast.obstacles_size(), 1);
  EXPECT_EQ(forecast.obstacles(0), v1::Forecast::BLOCKED);
  EXPECT_EQ(forecast.block_error(), "wrong password");
  EXPECT_EQ(forecast.events_size(), 0);
  target_ = nullptr;

  Policy block = Every(10, 5);
  block.set_retire_gate(Policy::BLOCK);
  Make("used", block);
  ASSERT_OK(Rotate("used"));
  users_ = {"payments"};
  EXPECT_EQ(Of("used").obstacles(0), v1::Forecast::STILL_USED);
  users_.clear();

  Make("often", Every(10, 1));
  Policy often = Exact();
  often.set_period_seconds(60);
  often.set_grace_seconds(60);
  ASSERT_OK(SetPolicy("often", often));
  forecast = Of("often");
  ASSERT_EQ(forecast.obstacles_size(), 1);
  EXPECT_EQ(forecast.obstacles(0), v1::Forecast::TOO_MANY);
  EXPECT_GE(forecast.events_size(), static_cast<int>(limits::kForecastSecretEventsMax));
  EXPECT_LE(forecast.events_size(),
            static_cast<int>(limits::kForecastSecretEventsMax) + limits::kRotationActionsPerLook);
  EXPECT_GE(ToTime(forecast.end_time()),
            ToTime(forecast.events(forecast.events_size() - 1).time()));
}

TEST_F(ForecastTest, AValueThatExpiresIsNotRotated) {
  PutParams params;
  params.path = *SecretPath::Parse("a");
  params.kind = v1::KIND_API_KEY;
  params.principal = "test";
  params.ttl = Days(5);
  const FieldView field{"value", 1, "x"};
  ASSERT_OK(vault_->Put(*store_, params, *EncodeFields({&field, 1})));
  ASSERT_OK(SetPolicy("a", Every(10, 1)));
  const v1::Forecast forecast = Of("a");
  ASSERT_EQ(forecast.obstacles_size(), 1);
  EXPECT_EQ(forecast.obstacles(0), v1::Forecast::UNREADABLE);
}

TEST_F(ForecastTest, AnotherPolicyIsTriedWithoutBeingSet) {
  Make("a", Every(90, 7));
  LiveUntil(clock_.Now() + Days(50));
  v1::ForecastRequest request;
  *request.mutable_policy() = Every(30, 2);
  const v1::Forecast forecast = Of("a", request);
  EXPECT_EQ(forecast.effective_policy().period_seconds(), 30 * limits::kDaySeconds);
  // It is overdue by that, and nothing rotates within a day of a new policy.
  EXPECT_EQ(Only(forecast, Event::STARTED)[0].why(), Event::HOLD);
  EXPECT_EQ(ToTime(Only(forecast, Event::STARTED)[0].time()), clock_.Now() + Days(1));
  EXPECT_EQ(Status("a").policy().period_seconds(), 90 * limits::kDaySeconds);
  // So it goes when it is set.
  v1::ForecastRequest year = request;
  year.set_path("a");
  year.set_span_seconds(365 * limits::kDaySeconds);
  const Story foreseen = StoryOf(Foresee(year));
  happened_.clear();
  ASSERT_OK(SetPolicy("a", Every(30, 2)));
  LiveUntil(clock_.Now() + Days(365));
  ExpectAsForeseen(foreseen);
}

TEST_F(ForecastTest, WhatIsDueAnywayIsNotHeldByANewPolicy) {
  Make("a", Every(90, 7));
  LiveUntil(clock_.Now() + Days(89) + absl::Hours(20));
  v1::ForecastRequest request;
  *request.mutable_policy() = Every(90, 3);
  const absl::Time due = ToTime(Status("a").due_time());
  EXPECT_LT(due, clock_.Now() + absl::Hours(5));
  EXPECT_EQ(ToTime(Only(Of("a", request), Event::STARTED)[0].time()), due);
  ASSERT_OK(SetPolicy("a", Every(90, 3)));
  EXPECT_EQ(Get("a"), "first");
  LiveUntil(clock_.Now() + absl::Hours(5));
  EXPECT_NE(Get("a"), "first");
}

TEST_F(ForecastTest, ChangesAreOfWhatIsStored) {
  Policy stored = Every(90, 7);
  AddWindow(&stored, "0 2 * * SUN", absl::Hours(4));
  Make("d/a", stored);
  Make("d/b", Every(60, 3));
  ASSERT_OK(Put("d/generic", "1"));
  v1::ForecastRequest request;
  request.set_path("d");
  request.mutable_policy()->set_period_seconds(20 * limits::kDaySeconds);
  request.set_changes_only(true);
  const std::vector<v1::Forecast> found = Foresee(request);
  ASSERT_EQ(found.size(), 2u);
  EXPECT_EQ(found[0].effective_policy().period_seconds(), 20 * limits::kDaySeconds);
  EXPECT_EQ(found[0].effective_policy().grace_seconds(), 7 * limits::kDaySeconds);
  EXPECT_EQ(found[0].effective_policy().windows_size(), 1);
  EXPECT_EQ(found[1].effective_policy().grace_seconds(), 3 * limits::kDaySeconds);
  AddWindow(request.mutable_policy(), "0 3 * * *", absl::Hours(1));
  EXPECT_EQ(Foresee(request)[0].effective_policy().windows(0).cron(), "0 3 * * *");
  // A generic secret rotates only if it is asked about by its name.
  v1::ForecastRequest generic;
  *generic.mutable_policy() = Every(20, 1);
  EXPECT_EQ(Only(Of("d/generic", generic), Event::PROMOTED).size(), 18u);
}

// What a policy of changes cannot say, as it is what an empty policy has.
TEST_F(ForecastTest, ChangesMayTakeAwayWhatIsStored) {
  using Request = v1::ForecastRequest;
  Policy stored = Every(30, 3);
  AddWindow(&stored, "0 2 * * SUN", absl::Hours(4));
  AddAfter(&stored, "d/b", absl::Hours(1));
  stored.set_max_credential_age_seconds(20 * limits::kDaySeconds);
  stored.set_target("one");
  Make("d/a", stored);
  Make("d/b", Every(60, 3));
  Request request;
  request.set_path("d");
  request.set_span_seconds(365 * limits::kDaySeconds);
  const auto policy_of_a = [&] { return Foresee(request)[0].effective_policy(); };
  const size_t by_age = Only(Foresee(request)[0], Event::PROMOTED).size();
  request.mutable_policy();
  request.set_changes_only(true);
  EXPECT_EQ(policy_of_a().target(), "one");
  request.add_cleared(Request::TARGET);
  EXPECT_EQ(policy_of_a().target(), "");
  EXPECT_EQ(policy_of_a().windows_size(), 1);
  request.set_cleared(0, Request::WINDOWS);
  EXPECT_EQ(policy_of_a().windows_size(), 0);
  EXPECT_EQ(policy_of_a().after_size(), 1);
  request.set_cleared(0, Request::AFTER);
  EXPECT_EQ(policy_of_a().after_size(), 0);
  EXPECT_EQ(policy_of_a().max_credential_age_seconds(), 20 * limits::kDaySeconds);
  request.set_cleared(0, Request::MAX_CREDENTIAL_AGE);
  EXPECT_EQ(policy_of_a().max_credential_age_seconds(), 0);
  EXPECT_LT(Only(Foresee(request)[0], Event::PROMOTED).size(), by_age);
  // What is given as well is given.
  request.set_cleared(0, Request::TARGET);
  request.mutable_policy()->set_target("other");
  EXPECT_EQ(policy_of_a().target(), "other");
  EXPECT_EQ(policy_of_a().windows_size(), 1);
  EXPECT_EQ(Status("d/a").policy().target(), "one");

  request.add_cleared(Request::CLEARED_UNSPECIFIED);
  EXPECT_EQ(Said(Ask(request)),
            "INVALID_ARGUMENT: cleared is 0; allowed are MAX_CREDENTIAL_AGE, WINDOWS, AFTER and "
            "TARGET");
  request.set_cleared(1, static_cast<Request::Cleared>(5));
  EXPECT_CODE(Ask(request), kInvalidArgument);
  for (int i = 0; i < 3; ++i) request.add_cleared(Request::TARGET);
  EXPECT_EQ(Said(Ask(request)), "INVALID_ARGUMENT: cleared: 5 fields; there are 4");
  request.clear_cleared();
  request.add_cleared(Request::TARGET);
  request.set_changes_only(false);
  EXPECT_EQ(Said(Ask(request)), "INVALID_ARGUMENT: cleared: allowed with changes_only only");
}

TEST_F(ForecastTest, APolicyIsRefusedAsWhereItIsSet) {
  Make("d/key", Every(90, 7));
  Make("d/db", Policy(), v1::KIND_DB_CREDENTIAL);
  std::vector<Policy> bad(6);
  bad[0].set_period_seconds(5);
  bad[1].set_grace_seconds(1000 * limits::kDaySeconds);
  AddWindow(&bad[2], "0 2 * * SUN", absl::Hours(4), "Mars/Base");
  AddAfter(&bad[3], "d/key", absl::ZeroDuration());
  bad[4].mutable_source()->mutable_generate()->mutable_spec()->set_policy("missing");
  bad[5].set_max_live_versions(1);
  for (const Policy& policy : bad) {
    v1::ForecastRequest request;
    request.set_path("d/key");
    *request.mutable_policy() = policy;
    const std::string set = Said(SetPolicy("d/key", policy));
    EXPECT_EQ(Said(Ask(request)), set);
    EXPECT_NE(set, "OK");
  }
  v1::ForecastRequest below;
  below.set_path("d");
  *below.mutable_policy() = Every(90, 7);
  EXPECT_EQ(Said(Ask(below)),
            "INVALID_ARGUMENT: d/db: policy.source is generate for a db_credential, whose database "
            "would not know the value; allowed is reminder, or a target that sets it");
}

TEST_F(ForecastTest, RequestsOutOfBoundsAreRefused) {
  v1::ForecastRequest request;
  request.set_span_seconds(401 * limits::kDaySeconds);
  EXPECT_EQ(Said(Ask(request)),
            "INVALID_ARGUMENT: span_seconds is 34646400; allowed are 0 (30 days) to 34560000");
  request.set_span_seconds(-1);
  EXPECT_CODE(Ask(request), kInvalidArgument);
  request.set_span_seconds(0);
  request.set_value_delay_seconds(-2);
  EXPECT_EQ(
      Said(Ask(request)),
      "INVALID_ARGUMENT: value_delay_seconds is -2; allowed are -1 (never), 0 (at once) and 1 "
      "to 34560000");
  request.set_value_delay_seconds(0);
  request.set_changes_only(true);
  EXPECT_EQ(Said(Ask(request)), "INVALID_ARGUMENT: changes_only: there is no policy");
  request.set_changes_only(false);
  request.set_page_size(1'000'000);
  EXPECT_CODE(Ask(request), kInvalidArgument);
  request.set_page_size(0);
  request.set_path("a//b");
  EXPECT_CODE(Ask(request), kInvalidArgument);
  request.set_path("nowhere");
  ASSERT_OK_AND_ASSIGN(const v1::ForecastResponse nothing, Ask(request));
  EXPECT_EQ(nothing.forecasts_size(), 0);
  EXPECT_TRUE(nothing.clock_trusted());
  EXPECT_EQ(ToTime(nothing.time()), clock_.Now());
  EXPECT_EQ(ToTime(nothing.end_time()), clock_.Now() + Days(30));
}

TEST_F(ForecastTest, SecretsThatTheCallerMayNotSeeAreLeftOut) {
  Make("open/a", Every(20, 1));
  Policy after = Every(20, 1);
  AddAfter(&after, "private/b", absl::Hours(5));
  Make("private/b", Every(20, 1));
  Make("open/c", after);
  const auto sees = [](absl::string_view path, bool) { return absl::StartsWith(path, "open"); };
  v1::ForecastRequest request;
  ASSERT_OK_AND_ASSIGN(const v1::ForecastResponse told, rotation_->Forecast(request, sees));
  ASSERT_EQ(told.forecasts_size(), 2);
  EXPECT_EQ(told.forecasts(0).path(), "open/a");
  EXPECT_EQ(told.forecasts(1).path(), "open/c");
  ASSERT_EQ(told.forecasts(1).obstacles_size(), 1);
  EXPECT_EQ(told.forecasts(1).obstacles(0), v1::Forecast::ORDER_UNSEEN);
  EXPECT_EQ(Only(told.forecasts(1), Event::STARTED)[0].why(), Event::DEADLINE);
  request.set_path("private/b");
  ASSERT_OK_AND_ASSIGN(const v1::ForecastResponse hidden, rotation_->Forecast(request, sees));
  EXPECT_EQ(hidden.forecasts_size(), 0);
}

TEST_F(ForecastTest, PagesHaveAllOfIt) {
  for (int i = 0; i < 7; ++i) Make(absl::StrCat("d/", i), Every(20, 1));
  Make("d", Every(20, 1));  // beside the directory of that name
  v1::ForecastRequest request;
  request.set_path("d");
  const std::vector<v1::Forecast> all = Foresee(request);
  ASSERT_EQ(all.size(), 8u);
  request.set_page_size(3);
  const std::vector<v1::Forecast> paged = Foresee(request);
  ASSERT_EQ(paged.size(), 8u);
  for (size_t i = 0; i < all.size(); ++i) {
    EXPECT_EQ(paged[i].SerializeAsString(), all[i].SerializeAsString()) << i;
  }
  ASSERT_OK_AND_ASSIGN(const v1::ForecastResponse first, Ask(request));
  request.set_page_token(first.next_page_token());
  request.set_span_seconds(86'400);
  EXPECT_CODE(Ask(request), kInvalidArgument);  // of another question
}

TEST_F(ForecastTest, NothingIsWritten) {
  MakeAllSorts();
  MakeOrders();
  const Revision before = store_->LastRevision();
  v1::ForecastRequest request;
  *request.mutable_policy() = Every(30, 2);
  request.mutable_policy()->mutable_source()->Clear();
  Foresee(request);
  Foresee({});
  EXPECT_EQ(store_->LastRevision(), before);
}

TEST_F(ForecastTest, AChainThatIsTooLongToFollowIsSaidToBe) {
  for (int i = 0; i < 40; ++i) {
    Policy policy = Every(30, 1);
    if (i > 0) AddAfter(&policy, absl::StrCat("c/", i - 1), absl::Minutes(1));
    Make(absl::StrCat("c/", i), policy);
  }
  EXPECT_EQ(Of("c/30").obstacles_size(), 0);
  ASSERT_EQ(Of("c/39").obstacles_size(), 1);
  EXPECT_EQ(Of("c/39").obstacles(0), v1::Forecast::ORDER_UNKNOWN);
}

}  // namespace
}  // namespace keyturn
