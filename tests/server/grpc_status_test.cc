#include "server/grpc_status.h"

#include <gtest/gtest.h>

#include "base/reason.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"

namespace keyturn {
namespace {

google::rpc::Status DetailsOf(const grpc::Status& status) {
  google::rpc::Status details;
  EXPECT_TRUE(details.ParseFromString(status.error_details()));
  return details;
}

// The details of this kind; there is at most one.
template <typename Detail>
std::optional<Detail> Find(const grpc::Status& status) {
  std::optional<Detail> out;
  const google::rpc::Status details = DetailsOf(status);
  for (const google::protobuf::Any& any : details.details()) {
    Detail detail;
    if (!any.UnpackTo(&detail)) continue;
    EXPECT_FALSE(out.has_value()) << any.type_url() << " is there twice";
    out = detail;
  }
  return out;
}

TEST(GrpcStatus, OkHasNoDetails) {
  const grpc::Status status = ToGrpcStatus(absl::OkStatus(), "id");
  EXPECT_TRUE(status.ok());
  EXPECT_EQ(status.error_details(), "");
}

TEST(GrpcStatus, EveryCodeIsTheSameNumber) {
  for (int code = 1; code <= 16; ++code) {
    const grpc::Status status =
        ToGrpcStatus(absl::Status(static_cast<absl::StatusCode>(code), "m"), "id");
    EXPECT_EQ(static_cast<int>(status.error_code()), code);
    EXPECT_EQ(status.error_message(), "m");
    EXPECT_EQ(DetailsOf(status).code(), code);
    EXPECT_EQ(DetailsOf(status).message(), "m");
  }
}

TEST(GrpcStatus, TheReasonIsTheOneAttachedOrTheCodes) {
  const absl::Status sealed = absl::FailedPreconditionError("the vault is sealed");
  const auto plain = Find<google::rpc::ErrorInfo>(ToGrpcStatus(sealed, "id"));
  ASSERT_TRUE(plain.has_value());
  EXPECT_EQ(plain->reason(), "FAILED_PRECONDITION");
  EXPECT_EQ(plain->domain(), "keyturn");
  const auto with = Find<google::rpc::ErrorInfo>(ToGrpcStatus(WithReason(sealed, "SEALED"), "id"));
  ASSERT_TRUE(with.has_value());
  EXPECT_EQ(with->reason(), "SEALED");
}

TEST(GrpcStatus, TheWaitIsToldWhenThereIsOne) {
  const absl::Status full = absl::ResourceExhaustedError("full");
  EXPECT_FALSE(Find<google::rpc::RetryInfo>(ToGrpcStatus(full, "id")).has_value());
  const auto retry = Find<google::rpc::RetryInfo>(
      ToGrpcStatus(WithRetryAfter(full, absl::Milliseconds(61'250)), "id"));
  ASSERT_TRUE(retry.has_value());
  EXPECT_EQ(retry->retry_delay().seconds(), 61);
  EXPECT_EQ(retry->retry_delay().nanos(), 250'000'000);
}

TEST(GrpcStatus, TheCorrelationIdIsRepeated) {
  const auto request =
      Find<google::rpc::RequestInfo>(ToGrpcStatus(absl::NotFoundError("no"), "call-7"));
  ASSERT_TRUE(request.has_value());
  EXPECT_EQ(request->request_id(), "call-7");
}

TEST(GrpcStatus, NoTokenLeavesInAMessage) {
  const std::string token = "kts." + std::string(40, 'A');
  const grpc::Status status = ToGrpcStatus(absl::InternalError("lost " + token), "id");
  EXPECT_EQ(status.error_message().find(token), std::string::npos) << status.error_message();
  EXPECT_EQ(status.error_details().find(token), std::string::npos);
}

}  // namespace
}  // namespace keyturn
