// The whole way, over TLS: a rotation by the engine arrives at a receiver, signed; and what is not
// connected to.
#include "rotation/webhook/sender.h"

#include <csignal>

#include "absl/strings/escaping.h"
#include "crypto/signature.h"
#include "tests/rotation/target/https_server.h"
#include "tests/rotation/webhook/webhook_fixture.h"

namespace keyturn {
namespace {

class WebhookSenderTest : public RotationFixture {
 protected:
  WebhookSenderTest() { std::signal(SIGPIPE, SIG_IGN); }
  void TearDown() override {
    rotation_.reset();
    book_.reset();
  }
  void OpenBook(const std::string& ca_file, bool loopback = true) {
    WebhookContext context{.store = *store_,
                           .keyring = *keyring_,
                           .clock = clock_,
                           .update = [this](absl::string_view event, absl::string_view resource,
                                            UpdateFn fn) { return Update(event, resource, fn); },
                           .options = {}};
    context.options.ca_file = ca_file;
    if (loopback) context.options.addresses = {*Cidr::Parse("127.0.0.0/8")};
    book_ = WebhookBook::Create(std::move(context));
    ASSERT_OK(book_->OnUnsealed());
  }
  absl::Status Tell(const RotationNews& news, const KeyringSnapshot& keys, const View& view,
                    Batch& batch) override {
    return book_ == nullptr ? absl::OkStatus() : book_->Tell(news, keys, view, batch);
  }
  void OnCommitted(absl::Span<const CommittedUpdate> group) override {
    if (book_ != nullptr) book_->OnCommitted(group);
  }
  v1::WebhookInfo Make(const std::string& url) {
    v1::CreateWebhookRequest request;
    request.set_url(url);
    request.add_types("rotation.promoted");
    absl::StatusOr<IssuedWebhook> made = book_->Make(*store_, request, "admin");
    EXPECT_OK(made);
    return made->info;
  }
  void Settle() {
    ASSERT_OK(book_->RunDue());
    while (!book_->idle()) std::this_thread::yield();
  }
  v1::TestWebhookResponse Test(const std::string& id) {
    const auto tested = book_->Test(id);
    EXPECT_OK(tested);
    return tested.value_or(v1::TestWebhookResponse());
  }
  std::unique_ptr<WebhookBook> book_;
};

TEST_F(WebhookSenderTest, ARotationArrivesSigned) {
  HttpsServer server([](const HttpsServer::Seen&) { return HttpAnswer(204, ""); });
  OpenBook(server.ca_file());
  const v1::WebhookInfo made = Make(server.url("/hooks?x=1"));
  ASSERT_OK(Put("app/key", "old-value", v1::KIND_API_KEY));
  ASSERT_OK(SetPolicy("app/key", Exact()));
  ASSERT_OK(Rotate("app/key"));
  Settle();
  const std::vector<HttpsServer::Seen> seen = server.seen();
  ASSERT_EQ(seen.size(), 1u);
  EXPECT_TRUE(absl::StartsWith(seen[0].head, "POST /hooks?x=1 HTTP/1.1\r\n"));
  EXPECT_EQ(seen[0].Header("content-type"), "application/json");
  const nlohmann::json body = nlohmann::json::parse(seen[0].body);
  EXPECT_EQ(body["type"], "rotation.promoted");
  EXPECT_EQ(body["data"]["secret"], "app/key");
  EXPECT_LT(seen[0].body.size(), 20'000u);
  EXPECT_FALSE(absl::StrContains(seen[0].head + seen[0].body, "old-value"));
  EXPECT_FALSE(absl::StrContains(seen[0].body, Get("app/key")));
  std::string key, signature;
  ASSERT_TRUE(absl::Base64Unescape(made.keys(0).public_key().substr(5), &key));
  ASSERT_TRUE(absl::Base64Unescape(seen[0].Header("webhook-signature").substr(4), &signature));
  EXPECT_TRUE(Ed25519Verify(key,
                            absl::StrCat(seen[0].Header("webhook-id"), ".",
                                         seen[0].Header("webhook-timestamp"), ".", seen[0].body),
                            signature));
}

TEST_F(WebhookSenderTest, EachAnswerIsTakenForWhatItIs) {
  HttpsServer server;
  OpenBook(server.ca_file());
  const std::string id = Make(server.url()).id();
  const std::string more = absl::StrCat("Location: ", server.url("/elsewhere"), "\r\n");
  size_t asked = 0;
  for (const int code : {200, 201, 204, 301, 302, 307, 308, 400, 401, 404, 410, 429, 500, 503}) {
    server.Say(HttpAnswer(code, "", more));
    const v1::TestWebhookResponse tested = Test(id);
    EXPECT_EQ(tested.status(), code);
    EXPECT_EQ(tested.delivered(), code < 300) << code;
    EXPECT_EQ(server.seen().size(), ++asked) << code;  // nothing is followed
  }
  server.Say(HttpAnswer(200, std::string(1'000'000, 'x'), more));  // whatever it says
  EXPECT_TRUE(Test(id).delivered());
}

TEST_F(WebhookSenderTest, RetryAfterIsRead) {
  HttpsServer server(
      [&](const HttpsServer::Seen&) { return HttpAnswer(503, "", "Retry-After: 120\r\n"); });
  OpenBook(server.ca_file());
  const std::string id = Make(server.url()).id();
  ASSERT_OK(Put("app/key", "old-value", v1::KIND_API_KEY));
  ASSERT_OK(SetPolicy("app/key", Exact()));
  ASSERT_OK(Rotate("app/key"));
  Settle();
  v1::ListWebhookDeliveriesRequest request;
  request.set_id(id);
  const auto listed = book_->ListDeliveries(request);
  ASSERT_OK(listed);
  EXPECT_EQ(listed->deliveries(0).next_attempt_time().seconds(),
            absl::ToUnixSeconds(clock_.Now()) + 120);
}

TEST_F(WebhookSenderTest, AnAddressNearTheServerIsNotConnectedTo) {
  HttpsServer server([](const HttpsServer::Seen&) { return HttpAnswer(200, ""); });
  OpenBook(server.ca_file(), /*loopback=*/false);
  const std::string port = absl::StrCat(":", server.port(), "/");
  for (const char* const host : {"127.0.0.1", "localhost", "[::1]", "169.254.169.254", "10.0.0.1",
                                 "[::ffff:127.0.0.1]", "0.0.0.0"}) {
    const v1::WebhookInfo made = Make(absl::StrCat("https://", host, port));
    const v1::TestWebhookResponse tested = Test(made.id());
    EXPECT_FALSE(tested.delivered()) << host;
    EXPECT_TRUE(absl::StrContains(tested.error(), "is not public, and not allowed"))
        << host << tested.error();
    ASSERT_OK(book_->Delete(*store_, made.id()));
    Settle();
  }
  EXPECT_TRUE(server.seen().empty());
}

TEST_F(WebhookSenderTest, ACertificateOfNobodyGetsNothing) {
  HttpsServer server([](const HttpsServer::Seen&) { return HttpAnswer(200, ""); });
  HttpsServer other([](const HttpsServer::Seen&) { return HttpAnswer(200, ""); });
  OpenBook(other.ca_file());
  const v1::TestWebhookResponse tested = Test(Make(server.url()).id());
  EXPECT_FALSE(tested.delivered());
  EXPECT_EQ(tested.error(), "the server's certificate is not good");
  EXPECT_TRUE(server.seen().empty());
}

}  // namespace
}  // namespace keyturn
