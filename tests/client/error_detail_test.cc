// What DetailOf makes of what a server says about an error.
#include "client/error_detail.h"

#include "base/reason.h"
#include "tests/client/fake_server.h"

namespace keyturn {
namespace {

TEST(ErrorDetail, HasAllThatTheServerSays) {
  FakeServer server;
  server.secrets.OnGet([](auto*, const auto&, auto*) {
    const RichStatus rich{"SEALED", "keyturn operator unseal", absl::Milliseconds(1250), "req-7"};
    return rich.As(grpc::StatusCode::FAILED_PRECONDITION, "the vault is sealed");
  });
  CallOptions options;
  options.correlation_id = "mine";
  const absl::Status status = ConnectTo(server.address())->Get(GetOf("app/a"), options).status();
  EXPECT_CODE(status, kFailedPrecondition);
  EXPECT_EQ(status.message(), "the vault is sealed");
  const ErrorDetail detail = DetailOf(status);
  EXPECT_EQ(detail.reason, "SEALED");
  EXPECT_EQ(ReasonOf(status), "SEALED");  // for those who know nothing of gRPC
  EXPECT_EQ(detail.help, "keyturn operator unseal");
  EXPECT_EQ(detail.retry_after, absl::Milliseconds(1250));
  EXPECT_EQ(detail.correlation_id, "req-7");  // as the audit log knows it
}

TEST(ErrorDetail, IsReadEvenIfThereIsLittle) {
  FakeServer server;
  server.secrets.OnGet(
      [](auto*, const auto&, auto*) { return grpc::Status(grpc::StatusCode::NOT_FOUND, "no"); });
  CallOptions options;
  options.correlation_id = "mine";
  const ErrorDetail detail =
      DetailOf(ConnectTo(server.address())->Get(GetOf("app/a"), options).status());
  EXPECT_EQ(detail.reason, "NOT_FOUND");
  EXPECT_EQ(detail.help, "");
  EXPECT_EQ(detail.correlation_id, "mine");
  EXPECT_EQ(detail.retry_after, std::nullopt);
}

TEST(ErrorDetail, OfNonsenseIsThatOfTheCode) {
  for (const std::string& details : {std::string("\xff\xff\xff"), std::string("x"),
                                     std::string(1000, '\0'), std::string("\x1a\x05hello")}) {
    const absl::Status status = MakeCallStatus(5, "no", details, "id");
    EXPECT_CODE(status, kNotFound);
    EXPECT_EQ(DetailOf(status).reason, "NOT_FOUND");
    EXPECT_EQ(DetailOf(status).correlation_id, "id");
  }
}

TEST(ErrorDetail, OfAStatusThatNoCallMade) {
  EXPECT_EQ(DetailOf(absl::OkStatus()).reason, "");
  EXPECT_EQ(DetailOf(absl::NotFoundError("no")).reason, "NOT_FOUND");
  EXPECT_EQ(DetailOf(WithReason(absl::NotFoundError("no"), "VERSION_GONE")).reason, "VERSION_GONE");
  EXPECT_EQ(DetailOf(absl::NotFoundError("no")).correlation_id, "");
  EXPECT_OK(MakeCallStatus(0, "", "details", "id"));
}

}  // namespace
}  // namespace keyturn
