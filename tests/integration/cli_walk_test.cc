// The guide's three secrets through day 90, by a server whose clock is moved: over gRPC and by the
// real command.
#include "tests/integration/cli_fixture.h"
#include "tests/server/server_fixture.h"

namespace keyturn {
namespace {

constexpr absl::Duration kDay = absl::Hours(24);

class WalkTest : public ServerFixture {
 protected:
  void SetUp() override {
    StartDev(nullptr, clock_);
    begin_ = clock_.Now();
  }
  void TearDown() override { server_.reset(); }  // before its clock

  ProcessResult Cli(const std::string& line, const std::string& input = "") {
    std::vector<std::string> words = Words(line);
    words.insert(words.begin(), BinFile("keyturn"));
    ProcessOptions options;
    options.input = input;
    options.directory = dir_.path();
    options.environment = {{"HOME", dir_.path()},
                           {"XDG_CONFIG_HOME", ""},
                           {"XDG_STATE_HOME", ""},
                           {"KEYTURN_PROFILE", ""},
                           {"KEYTURN_INFO_FILE", ""},
                           {"KEYTURN_ADDR", server_->info().grpc},
                           {"KEYTURN_CACERT", server_->info().ca_file},
                           {"KEYTURN_TOKEN", ""},
                           {"KEYTURN_TOKEN_FILE", dir_.File("root-token")}};
    return RunProcess(std::move(words), options);
  }
  std::string Ok(const std::string& line, const std::string& input = "") {
    const ProcessResult result = Cli(line, input);
    EXPECT_EQ(result.code, 0) << line << "\n" << result.out << result.err;
    return result.out;
  }

  // What a read gives at each door: the value, or the reason that it is refused for.
  std::string Grpc(const std::string& path, uint64_t number,
                   v1::VersionSelector::Alias alias = v1::VersionSelector::CURRENT) {
    v1::GetRequest request;
    request.set_path(path);
    request.mutable_version()->set_number(number);
    request.mutable_version()->set_alias(alias);
    v1::GetResponse response;
    const grpc::Status status = stubs_->secrets->Get(Ctx(root_), request, &response);
    if (!status.ok()) return ReasonIn(status);
    for (const v1::Field& given : response.data().fields()) {
      if (given.name() == "value") return given.value();
    }
    return "no field 'value'";
  }
  std::string ByCli(const std::string& path, const std::string& version) {
    const ProcessResult result =
        Cli(absl::StrCat("secret read ", path, "#value --version ", version));
    if (result.code == 0) return result.out;
    EXPECT_EQ(result.out, "");
    if (result.code == 6 && absl::StrContains(result.err, " is retired; read the current one")) {
      return "VERSION_RETIRED";
    }
    if (result.code == 3 && absl::StrContains(result.err, "no such version")) {
      return "VERSION_NOT_FOUND";
    }
    return absl::StrCat(result.code, ": ", result.err);
  }
  void ExpectBoth(const std::string& path, uint64_t version, const std::string& expected) {
    EXPECT_EQ(Grpc(path, version), expected) << path << " version " << version;
    EXPECT_EQ(ByCli(path, absl::StrCat(version)), expected) << path << " version " << version;
  }
  void ExpectAliases(const std::string& path, const std::string& current,
                     const std::string& previous) {
    EXPECT_EQ(Grpc(path, 0), current) << path;
    EXPECT_EQ(ByCli(path, "current"), current) << path;
    EXPECT_EQ(Grpc(path, 0, v1::VersionSelector::PREVIOUS), previous) << path;
    EXPECT_EQ(ByCli(path, "previous"), previous) << path;
  }

  v1::RotationStatus Status(const std::string& path) {
    v1::GetRotationStatusRequest request;
    request.set_path(path);
    v1::RotationStatus status;
    EXPECT_EQ(Text(stubs_->rotations->GetStatus(Ctx(root_), request, &status)), "OK");
    return status;
  }
  v1::VersionState StateOf(const std::string& path, uint64_t version) {
    const v1::RotationStatus status = Status(path);
    for (const v1::VersionInfo& info : status.versions()) {
      if (info.version() == version) return info.state();
    }
    return v1::VERSION_STATE_UNSPECIFIED;
  }
  static absl::Time TimeOf(const google::protobuf::Timestamp& time) {
    return absl::FromUnixSeconds(time.seconds()) + absl::Nanoseconds(time.nanos());
  }

  // The clock goes on to `time`, and what fell due by then is done.
  void GoTo(absl::Time time) {
    ASSERT_GE(time, clock_.Now());
    clock_.AdvanceTime(time - clock_.Now());
    absl::Time next;
    for (int handled = 1; handled > 0;) {
      const absl::StatusOr<int> done = server_->rooms().rotation->RunDue(&next);
      ASSERT_OK(done);
      handled = *done;
    }
  }
  // In steps of an hour, as a server looks more often than that.
  void WalkTo(absl::Time time) {
    while (clock_.Now() < time) GoTo(std::min(time, clock_.Now() + absl::Hours(1)));
  }
  // What the server's own thread has begun comes to its end.
  void AwaitState(const std::string& path, uint64_t version, v1::VersionState state) {
    for (int i = 0; i < 1000 && StateOf(path, version) != state; ++i) GoTo(clock_.Now());
    EXPECT_EQ(StateOf(path, version), state) << path << " version " << version;
  }

  // One of the guide's secrets, on its way.
  struct Walked {
    std::string path, kind, value, next;  // next: what its owner puts, or what is made
    uint64_t version = 1;                 // that it is adopted with; its successor is one more
    absl::Time due = absl::InfinitePast(), end = absl::InfinitePast();  // of `version`
  };

  void Adopt(Walked* walked) {
    Ok(absl::StrCat("secret put ", walked->path, " --value-file -"), walked->value);
    Ok(absl::StrCat("secret adopt ", walked->path, " --kind ", walked->kind));
    // Nobody's value was replaced, nor has a version its grace.
    EXPECT_EQ(StateOf(walked->path, 1), v1::VERSION_STATE_CURRENT) << walked->path;
    EXPECT_EQ(Status(walked->path).versions_size(), 1) << walked->path;
    // Nothing rotates at adoption; when it will is known in the next second.
    GoTo(clock_.Now() + absl::Seconds(2));
    for (int i = 0; i < 1000 && !Status(walked->path).has_due_time(); ++i) GoTo(clock_.Now());
    walked->due = TimeOf(Status(walked->path).due_time());
    EXPECT_GE(walked->due - begin_, 87 * kDay) << walked->path;
    EXPECT_LE(walked->due - begin_, 90 * kDay + absl::Minutes(1)) << walked->path;
    ExpectBoth(walked->path, walked->version, walked->value);
    const auto plan = nlohmann::json::parse(
        Ok(absl::StrCat("rotation plan ", walked->path, " --days 100 -o json")));
    const auto first =
        std::find_if(plan["items"].begin(), plan["items"].end(), [](const auto& item) {
          return item["kind"] == "PROMOTED" || item["kind"] == "AWAITING_VALUE";
        });
    ASSERT_NE(first, plan["items"].end());
    EXPECT_EQ((*first)["time"], Json(walked->path)["dueTime"]);
  }
  nlohmann::json Json(const std::string& path) {
    return nlohmann::json::parse(Ok(absl::StrCat("rotation status ", path, " -o json")));
  }

  // At its second, and not before.
  void Rotate(Walked* walked) {
    const std::string& path = walked->path;
    WalkTo(walked->due - absl::Seconds(1));
    if (clock_.Now() < walked->due) {  // else another came in the same second
      EXPECT_EQ(StateOf(path, walked->version), v1::VERSION_STATE_CURRENT) << path;
      EXPECT_EQ(Grpc(path, walked->version + 1), "VERSION_NOT_FOUND") << path;
    }
    WalkTo(walked->due + absl::Seconds(2));
    if (walked->next.empty()) {
      AwaitState(path, walked->version, v1::VERSION_STATE_GRACE);
      walked->next = Grpc(path, 0);
      EXPECT_EQ(walked->next.size(), 88u);  // base64 of 64 bytes
    } else {
      // The owner is asked, and the old value goes on working until there is a new one.
      for (int i = 0; i < 1000 && !Status(path).has_open_run(); ++i) GoTo(clock_.Now());
      EXPECT_EQ(Status(path).open_run().state(), v1::RotationRun::AWAITING_VALUE) << path;
      ExpectBoth(path, walked->version, walked->value);
      EXPECT_TRUE(absl::StrContains(Ok("rotation list alcs/"), "waits for a value"));
      Ok(absl::StrCat("secret put ", path, " --value-file -"), walked->next);
      AwaitState(path, walked->version, v1::VERSION_STATE_GRACE);
    }
    const absl::Time promoted = TimeOf(Status(path).promote_time());
    EXPECT_GE(promoted - begin_, 83 * kDay) << path;
    EXPECT_LE(promoted - begin_, 90 * kDay + absl::Minutes(1)) << path;
    walked->end = promoted + 7 * kDay;
    ExpectAliases(path, walked->next, walked->value);
  }

  // At both doors the former version works in its last minute,
  void ExpectInGrace(const Walked& walked) {
    ExpectBoth(walked.path, walked.version, walked.value);
    ExpectBoth(walked.path, walked.version + 1, walked.next);
    ExpectAliases(walked.path, walked.next, walked.value);
  }
  // and is refused in the next.
  void ExpectRetired(const Walked& walked) {
    AwaitState(walked.path, walked.version, v1::VERSION_STATE_RETIRED);
    ExpectBoth(walked.path, walked.version, "VERSION_RETIRED");
    ExpectBoth(walked.path, walked.version + 1, walked.next);
    ExpectAliases(walked.path, walked.next, "VERSION_NOT_FOUND");
    EXPECT_TRUE(absl::StrContains(Ok("rotation status " + walked.path), "retired"));
  }

  SimulatedClock clock_{Clock::Real().Now()};
  absl::Time begin_;
};

TEST_F(WalkTest, AllThreeSecretsAreReadableForSevenDaysThenRetired) {
  std::vector<Walked> walked = {{.path = "alcs/production/jwt-secret",
                                 .kind = "jwt_key",
                                 .value = "a-secret-of-the-guide-that-signs-tokens-0123456789",
                                 .next = ""},
                                {.path = "alcs/production/database-url",
                                 .kind = "db_credential",
                                 .value = "postgres://alcs:one@db.internal:5432/alcs",
                                 .next = "postgres://alcs:two@db.internal:5432/alcs"},
                                {.path = "alcs/production/api-key",
                                 .kind = "api_key",
                                 .value = "sk_live_0123456789abcdef",
                                 .next = "sk_live_fedcba9876543210"}};
  for (Walked& one : walked) ASSERT_NO_FATAL_FAILURE(Adopt(&one));
  WalkTo(begin_ + 83 * kDay);
  for (const Walked& one : walked) {
    EXPECT_EQ(StateOf(one.path, one.version), v1::VERSION_STATE_CURRENT) << one.path;
    ExpectBoth(one.path, one.version, one.value);
  }
  std::sort(walked.begin(), walked.end(),
            [](const Walked& a, const Walked& b) { return a.due < b.due; });
  for (Walked& one : walked) Rotate(&one);
  // Day by day both work.
  for (int day = 1; day < 3; ++day) {
    WalkTo(clock_.Now() + kDay);
    for (const Walked& one : walked) {
      if (one.end < clock_.Now()) continue;
      ExpectBoth(one.path, one.version, one.value);
      ExpectBoth(one.path, one.version + 1, one.next);
    }
  }
  std::multimap<absl::Time, std::pair<const Walked*, bool>> looks;  // whether it is over
  for (const Walked& one : walked) {
    looks.insert({one.end - absl::Minutes(1), {&one, false}});
    looks.insert({one.end + absl::Minutes(1), {&one, true}});
  }
  for (const auto& [time, look] : looks) {
    WalkTo(time);
    look.second ? ExpectRetired(*look.first) : ExpectInGrace(*look.first);
  }
  EXPECT_LE(clock_.Now() - begin_, 97 * kDay + absl::Minutes(5));
  WalkTo(begin_ + 97 * kDay + absl::Hours(1));
  for (const Walked& one : walked) {
    ExpectBoth(one.path, one.version, "VERSION_RETIRED");
    ExpectBoth(one.path, one.version + 1, one.next);
  }
}

}  // namespace
}  // namespace keyturn
