// When a call is tried again, by the rules alone and counted at a server.
#include "client/retry.h"

#include "client/error_detail.h"
#include "tests/client/clocks.h"
#include "tests/client/fake_server.h"

namespace keyturn {
namespace {

using absl::Milliseconds;
using absl::StatusCode;

RetryPolicy Policy(double uniform, int attempts_max = 4) {
  RetryPolicy::Options options;
  options.attempts_max = attempts_max;
  options.uniform = [uniform] { return uniform; };
  return RetryPolicy(std::move(options));
}

absl::Status Told(StatusCode code, absl::Duration retry_after) {
  const RichStatus rich{"X", "", retry_after, ""};
  return MakeCallStatus(static_cast<int>(code), "no",
                        rich.As(static_cast<grpc::StatusCode>(code), "no").error_details(), "");
}

TEST(RetryPolicy, OnlyReadsThatWereUnavailable) {
  const RetryPolicy policy = Policy(0.5);
  for (int code = 1; code <= 16; ++code) {
    const absl::Status status(static_cast<StatusCode>(code), "no");
    const absl::Duration remaining = absl::Seconds(5);
    EXPECT_EQ(policy.DelayAfter({status, true, 1, remaining}).has_value(),
              status.code() == StatusCode::kUnavailable)
        << status;
    EXPECT_FALSE(policy.DelayAfter({status, false, 1, remaining}).has_value()) << status;
  }
}

TEST(RetryPolicy, AnyMethodWhenTheServerSaysWhen) {
  const RetryPolicy policy = Policy(0);
  for (int code = 1; code <= 16; ++code) {
    const absl::Status status = Told(static_cast<StatusCode>(code), Milliseconds(700));
    const auto delay = policy.DelayAfter({status, false, 1, absl::Seconds(5)});
    const bool may = status.code() == StatusCode::kUnavailable ||
                     status.code() == StatusCode::kResourceExhausted;
    ASSERT_EQ(delay.has_value(), may) << status;
    if (!may) continue;
    EXPECT_EQ(*delay, Milliseconds(700));
  }
}

TEST(RetryPolicy, NeverEarlierThanTold) {
  const absl::Status status = Told(StatusCode::kUnavailable, absl::Seconds(1));
  EXPECT_EQ(Policy(0.5).DelayAfter({status, true, 1, absl::Seconds(5)}), Milliseconds(1050));
  EXPECT_EQ(Policy(0).DelayAfter({status, true, 1, absl::Seconds(1)}), std::nullopt);
}

TEST(RetryPolicy, TheCeilingDoublesUpToABound) {
  const absl::Status status = absl::UnavailableError("no");
  const RetryPolicy policy = Policy(0.5, 100);
  const auto after = [&](int attempts) {
    return *policy.DelayAfter({status, true, attempts, absl::InfiniteDuration()});
  };
  EXPECT_EQ(after(1), Milliseconds(50));
  EXPECT_EQ(after(2), Milliseconds(100));
  EXPECT_EQ(after(3), Milliseconds(200));
  EXPECT_EQ(after(5), Milliseconds(800));
  EXPECT_EQ(after(6), absl::Seconds(1));
  EXPECT_EQ(after(99), absl::Seconds(1));
}

TEST(RetryPolicy, EndsWithTheAttemptsAndWithTheDeadline) {
  const absl::Status status = absl::UnavailableError("no");
  EXPECT_TRUE(Policy(0).DelayAfter({status, true, 3, absl::Seconds(1)}).has_value());
  EXPECT_FALSE(Policy(0).DelayAfter({status, true, 4, absl::Seconds(1)}).has_value());
  EXPECT_TRUE(Policy(0.5).DelayAfter({status, true, 1, Milliseconds(51)}).has_value());
  EXPECT_FALSE(Policy(0.5).DelayAfter({status, true, 1, Milliseconds(50)}).has_value());
}

TEST(IsReadOnly, IsWhatTheDescriptorSays) {
  EXPECT_TRUE(IsReadOnly("/keyturn.v1.SecretService/Get"));
  EXPECT_TRUE(IsReadOnly("/keyturn.v1.SystemService/Status"));
  EXPECT_FALSE(IsReadOnly("/keyturn.v1.SecretService/Put"));
  EXPECT_FALSE(IsReadOnly("/keyturn.v1.SecretService/Destroy"));
  EXPECT_FALSE(IsReadOnly("/keyturn.v1.SecretService/Gett"));
  EXPECT_FALSE(IsReadOnly(""));
}

// A client whose waits take no time, and its server.
class RetryTest : public testing::Test {
 protected:
  void Uniform(double uniform) {
    client_ = ConnectTo(server_.address(), [&](ClientOptions& options) {
      options.clock = &clock_;
      options.retry = Policy(uniform);
      options.timeout = absl::Seconds(10);
    });
  }
  // Every Get ends with `status` until `failures` of them did.
  void FailGets(int failures, const grpc::Status& status) {
    server_.secrets.OnGet([this, failures, status](auto*, const auto&, auto*) {
      return server_.secrets.get_count() <= failures ? status : grpc::Status::OK;
    });
  }
  void SetUp() override { Uniform(0.5); }

  FakeServer server_;
  ImpatientClock clock_;
  std::unique_ptr<Client> client_;
};

TEST_F(RetryTest, AReadIsTriedFourTimes) {
  FailGets(1000, {grpc::StatusCode::UNAVAILABLE, "not now"});
  const absl::Status status = client_->Get(GetOf("app/a")).status();
  EXPECT_CODE(status, kUnavailable);
  EXPECT_EQ(status.message(), "not now");
  EXPECT_EQ(server_.secrets.get_count(), 4);
  EXPECT_EQ(clock_.waits(), (std::vector{Milliseconds(50), Milliseconds(100), Milliseconds(200)}));
}

TEST_F(RetryTest, AReadThatSucceedsIsNotTriedAgain) {
  FailGets(2, {grpc::StatusCode::UNAVAILABLE, "not now"});
  ASSERT_OK_AND_ASSIGN(const v1::GetResponse response, client_->Get(GetOf("app/a")));
  ASSERT_EQ(response.data().fields_size(), 1);  // nothing left from the attempts before
  EXPECT_EQ(response.data().fields(0).value(), "v1");
  EXPECT_EQ(server_.secrets.get_count(), 3);
}

TEST_F(RetryTest, AWriteIsTriedOnce) {
  server_.secrets.OnPut([] { return grpc::Status(grpc::StatusCode::UNAVAILABLE, "not now"); });
  EXPECT_CODE(client_->Put({}), kUnavailable);
  EXPECT_EQ(server_.secrets.put_count(), 1);
  EXPECT_TRUE(clock_.waits().empty());
}

TEST_F(RetryTest, OtherErrorsOfAReadAreFinal) {
  int gets = 0;
  for (int code = 1; code <= 16; ++code) {
    if (code == grpc::StatusCode::UNAVAILABLE) continue;
    const grpc::Status status(static_cast<grpc::StatusCode>(code), "no");
    FailGets(1000, status);
    EXPECT_EQ(static_cast<int>(client_->Get(GetOf("app/a")).status().code()), code);
    EXPECT_EQ(server_.secrets.get_count(), ++gets) << code;
  }
}

TEST_F(RetryTest, TheServersDelayIsObeyed) {
  Uniform(0);
  server_.secrets.OnPut([this] {
    const RichStatus rich{"RATE_LIMITED", "", Milliseconds(1500), ""};
    return server_.secrets.put_count() == 1
               ? rich.As(grpc::StatusCode::RESOURCE_EXHAUSTED, "slower")
               : grpc::Status::OK;
  });
  EXPECT_OK(client_->Put({}));
  EXPECT_EQ(server_.secrets.put_count(), 2);
  EXPECT_EQ(clock_.waits(), std::vector{Milliseconds(1500)});
}

TEST_F(RetryTest, ADelayBeyondTheDeadlineIsTheCallers) {
  const RichStatus rich{"RATE_LIMITED", "", absl::Seconds(60), ""};
  FailGets(1000, rich.As(grpc::StatusCode::RESOURCE_EXHAUSTED, "slower"));
  const absl::Status status = client_->Get(GetOf("app/a")).status();
  EXPECT_EQ(DetailOf(status).retry_after, absl::Seconds(60));
  EXPECT_EQ(server_.secrets.get_count(), 1);
  EXPECT_TRUE(clock_.waits().empty());
}

TEST_F(RetryTest, AllAttemptsShareOneTimeout) {
  FailGets(1000, {grpc::StatusCode::UNAVAILABLE, "not now"});
  CallOptions options;
  options.timeout = Milliseconds(140);  // 50 fits, and then 100 does not
  EXPECT_CODE(client_->Get(GetOf("app/a"), options), kUnavailable);
  EXPECT_EQ(server_.secrets.get_count(), 2);
}

TEST_F(RetryTest, AllAttemptsCarryOneCorrelationId) {
  std::vector<std::string> ids;
  server_.secrets.OnGet([&](grpc::ServerContext* context, const auto&, auto*) {
    const auto& metadata = context->client_metadata();
    for (auto [at, end] = metadata.equal_range("x-correlation-id"); at != end; ++at) {
      ids.emplace_back(at->second.data(), at->second.size());
    }
    return grpc::Status(grpc::StatusCode::UNAVAILABLE, "not now");
  });
  const absl::Status status = client_->Get(GetOf("app/a")).status();
  ASSERT_EQ(ids.size(), 4u);
  EXPECT_EQ(ids[0].size(), 32u);
  EXPECT_EQ(ids, std::vector(4, ids[0]));
  EXPECT_EQ(DetailOf(status).correlation_id, ids[0]);
}

}  // namespace
}  // namespace keyturn
