// /metrics, /health, /ready and the info file of a running server.
#include "server/pages.h"

#include <sys/resource.h>
#include <sys/stat.h>

#include <csignal>

#include <nlohmann/json.hpp>

#include "absl/strings/match.h"
#include "server/info_file.h"
#include "tests/server/server_fixture.h"

namespace keyturn {
namespace {

// No file of this process grows beyond so many bytes, while it lives: EFBIG.
class FileSizeLimit {
 public:
  explicit FileSizeLimit(rlim_t bytes) {
    was_handler_ = std::signal(SIGXFSZ, SIG_IGN);
    if (getrlimit(RLIMIT_FSIZE, &was_) != 0) std::abort();
    const rlimit now = {bytes, was_.rlim_max};
    if (setrlimit(RLIMIT_FSIZE, &now) != 0) std::abort();
  }
  ~FileSizeLimit() {
    if (setrlimit(RLIMIT_FSIZE, &was_) != 0) std::abort();
    std::signal(SIGXFSZ, was_handler_);
  }

 private:
  rlimit was_;
  sighandler_t was_handler_;
};

class PagesTest : public ServerFixture {
 protected:
  void SetUp() override {
    StartDev();
    methods_ = std::make_unique<MethodTable>(*MethodTable::Create(MethodTable::Services()));
    metrics_ = Metrics::Create(*methods_);
    pages_ = Pages(server_->rooms(), server_->lifecycle(), *metrics_);
  }
  std::unique_ptr<MethodTable> methods_;
  std::unique_ptr<Metrics> metrics_;
  HttpListener::Routes pages_;
};

TEST_F(PagesTest, ReadyFollowsTheSealHealthDoesNot) {
  EXPECT_EQ(pages_.at("/ready")().status, 200);
  server_->lifecycle().Seal();
  const HttpReply ready = pages_.at("/ready")();
  EXPECT_EQ(ready.status, 503);
  EXPECT_EQ(nlohmann::json::parse(ready.body)["reason"], "sealed");
  const HttpReply health = pages_.at("/health")();
  EXPECT_EQ(health.status, 200);
  EXPECT_EQ(nlohmann::json::parse(health.body)["sealed"], true);
  EXPECT_EQ(nlohmann::json::parse(Fetch("/ready"))["ready"], false);
}

// A write of the store fails because its log would grow too large.
TEST_F(PagesTest, ReadyIsNotSaidOfAStoreThatHasStopped) {
  StartReal();
  InitReal();
  stubs_ = std::make_unique<Stubs>(Operator());
  ASSERT_EQ(Text(Put("app/before", {{"v", "1"}}, root_)), "OK");
  EXPECT_EQ(nlohmann::json::parse(Fetch("/ready"))["ready"], true);
  {
    const FileSizeLimit limit(256 * 1024);
    const std::string large(400 * 1024, 'l');
    EXPECT_EQ(Put("app/large", {{"v", large}}, root_).error_code(), grpc::StatusCode::UNAVAILABLE);
  }
  const auto ready = nlohmann::json::parse(Fetch("/ready"));
  EXPECT_EQ(ready["ready"], false);
  EXPECT_EQ(ready["reason"], "the store has stopped");
  EXPECT_TRUE(absl::StrContains(Fetch("/metrics"), "keyturn_store_stopped 1\n"));
  EXPECT_EQ(nlohmann::json::parse(Fetch("/health"))["status"], "ok");
  EXPECT_EQ(Get("app/before", root_), "v=1");
}

TEST_F(PagesTest, MetricsCountCallsAndNameNothingConfidential) {
  ASSERT_EQ(Text(Put("app/confidential-path", {{"v", "canary"}}, root_)), "OK");
  Get("app/confidential-path", root_);
  Get("app/confidential-path", root_);
  Get("app/absent", root_);
  const std::string text = Fetch("/metrics");
  for (const std::string line : {
           "keyturn_calls_total{code=\"OK\",method=\"/keyturn.v1.SecretService/Get\"} 2\n",
           "keyturn_calls_total{code=\"NOT_FOUND\",method=\"/keyturn.v1.SecretService/Get\"} 1\n",
           "keyturn_call_seconds_count{method=\"/keyturn.v1.SecretService/Put\"} 1\n",
           "keyturn_sealed 0\n",
           "keyturn_kek_term 1\n",
           "keyturn_audit_failing 0\n",
           "keyturn_store_stopped 0\n",
           "keyturn_watchers 0\n",
           "keyturn_build_info{version=\"0.1.0\"} 1\n",
           "# TYPE keyturn_commits_total counter\n",
           "# TYPE keyturn_arena_in_use_bytes gauge\n",
       }) {
    EXPECT_TRUE(absl::StrContains(text, line)) << line;
  }
  for (const std::string hidden : {"confidential-path", "canary", "root-token", "kts."}) {
    EXPECT_FALSE(absl::StrContains(text, hidden)) << hidden;
  }
  server_->lifecycle().Seal();
  EXPECT_TRUE(absl::StrContains(Fetch("/metrics"), "keyturn_sealed 1\n"));
}

TEST_F(PagesTest, MetricsCountWhatTargetsAreAsked) {
  metrics_->CountTargetCall("stripe", "apply", "ok", absl::Seconds(2));
  metrics_->CountTargetCall("stripe", "apply", "ok", absl::Seconds(40));
  metrics_->CountTargetCall("stripe", "retire", "transient", absl::Milliseconds(1));
  const std::string text = pages_.at("/metrics")().body;
  for (const std::string line : {
           "keyturn_target_calls_total{call=\"apply\",outcome=\"ok\",target=\"stripe\"} 2\n",
           "keyturn_target_calls_total{call=\"retire\",outcome=\"transient\",target=\"stripe\"} "
           "1\n",
           "keyturn_target_call_seconds_count{target=\"stripe\"} 3\n",
           "keyturn_target_call_seconds_bucket{target=\"stripe\",le=\"2.5\"} 2\n",
       }) {
    EXPECT_TRUE(absl::StrContains(text, line)) << line << text;
  }
}

TEST_F(PagesTest, TheInfoFileSaysWhereTheServerIs) {
  ServerInfo info = server_->info();
  info.root_token_file = dir_.File("root-token");
  const std::string path = dir_.File("info.json");
  ASSERT_OK(WriteInfoFile(path, info));
  struct stat file;
  ASSERT_EQ(stat(path.c_str(), &file), 0);
  EXPECT_EQ(file.st_mode & 0777, 0600u);
  const nlohmann::json json = nlohmann::json::parse(ReadFile(path));
  EXPECT_EQ(json["grpc"], server_->info().grpc);
  EXPECT_EQ(json["metrics"], server_->info().metrics);
  EXPECT_EQ(json["operator_socket"], dir_.File("operator.sock"));
  EXPECT_EQ(json["ca_file"], dir_.File("tls/ca.pem"));
  EXPECT_EQ(json["root_token_file"], dir_.File("root-token"));
  EXPECT_EQ(json["data_directory"], dir_.path());
  EXPECT_EQ(json["version"], "0.1.0");
  EXPECT_GT(json["pid"].get<int>(), 1);
  info.root_token_file = "";
  ASSERT_OK(WriteInfoFile(path, info));
  EXPECT_FALSE(nlohmann::json::parse(ReadFile(path)).contains("root_token_file"));
}

}  // namespace
}  // namespace keyturn
