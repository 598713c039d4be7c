// A rotation engine whose events are told to endpoints, wired as the server wires it. What is sent
// goes to a function of the test instead of the network.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <nlohmann/json.hpp>

#include "absl/strings/str_split.h"
#include "rotation/webhook/webhooks.h"
#include "tests/rotation/rotation_fixture.h"

namespace keyturn {

struct Sent {
  std::string url, id, timestamp, signature, body, type;
  absl::Time at;
  nlohmann::json data() const { return nlohmann::json::parse(body)["data"]; }
};

class WebhookFixture : public RotationFixture {
 protected:
  void SetUp() override { OpenBook(); }
  void TearDown() override {
    rotation_.reset();  // its threads tell the book
    book_.reset();
  }

  void OpenBook() {
    WebhookContext context{.store = *store_,
                           .keyring = *keyring_,
                           .clock = clock_,
                           .update = [this](absl::string_view event, absl::string_view resource,
                                            UpdateFn fn) { return Update(event, resource, fn); },
                           .options = options_,
                           .post = [this](const HttpsRequest& request) { return Post(request); },
                           .users = [this](const Uuid&, SecretVersion) { return users_; },
                           .api_keys_ending =
                               [this](absl::Time from, absl::Time to) {
                                 std::vector<ApiKeyEnd> out;
                                 for (const ApiKeyEnd& key : api_keys_) {
                                   if (from < key.end && key.end <= to) out.push_back(key);
                                 }
                                 return out;
                               },
                           .clock_trusted = [this] { return clock_trusted_; }};
    book_ = WebhookBook::Create(std::move(context));
    ASSERT_OK(book_->OnUnsealed());
  }
  // The server starts anew on what is on disk.
  void Restart() {
    book_.reset();
    dead_ = false;
    die_at_ = 0;
    Open();
    OpenBook();
  }

  absl::Status Tell(const RotationNews& news, const KeyringSnapshot& keys, const View& view,
                    Batch& batch) override {
    return book_ == nullptr ? absl::OkStatus() : book_->Tell(news, keys, view, batch);
  }
  void OnCommitted(absl::Span<const CommittedUpdate> group) override {
    if (book_ != nullptr) book_->OnCommitted(group);
  }

  absl::StatusOr<HttpsAnswer> Post(const HttpsRequest& request) {
    Sent sent;
    sent.url = request.url;
    sent.body = std::string(request.body);
    sent.at = clock_.Now();
    for (const auto& [name, value] : request.headers) {
      if (name == "webhook-id") sent.id = value;
      if (name == "webhook-timestamp") sent.timestamp = value;
      if (name == "webhook-signature") sent.signature = value;
    }
    sent.type = nlohmann::json::parse(sent.body)["type"];
    std::function<absl::StatusOr<HttpsAnswer>(const Sent&)> answer;
    {
      const absl::MutexLock lock(&sent_mu_);
      sent_.push_back(sent);
      answer = answer_;
    }
    if (answer != nullptr) return answer(sent);
    HttpsAnswer ok;
    ok.status = 204;
    return ok;
  }
  static HttpsAnswer Status(int status, absl::Duration retry_after = absl::ZeroDuration()) {
    HttpsAnswer answer;
    answer.status = status;
    answer.retry_after = retry_after;
    return answer;
  }
  using RotationFixture::Status;
  void Answer(std::function<absl::StatusOr<HttpsAnswer>(const Sent&)> answer) {
    const absl::MutexLock lock(&sent_mu_);
    answer_ = std::move(answer);
  }
  void AnswerWith(int status, absl::Duration retry_after = absl::ZeroDuration()) {
    Answer([=](const Sent&) { return Status(status, retry_after); });
  }
  std::vector<Sent> sent() {
    const absl::MutexLock lock(&sent_mu_);
    return sent_;
  }
  // "rotation.started rotation.promoted", and what is sent from now on comes anew.
  std::string TakeTypes() {
    const absl::MutexLock lock(&sent_mu_);
    std::vector<std::string> types;
    for (const Sent& one : sent_) types.push_back(one.type);
    sent_.clear();
    return absl::StrJoin(types, " ");
  }

  // Everything that is due by now has been tried.
  void Settle() {
    ASSERT_OK(book_->RunDue());
    while (!book_->idle()) std::this_thread::yield();
  }
  void PassQuietly(absl::Duration duration, absl::Duration step) {
    const absl::Time end = clock_.Now() + duration;
    while (clock_.Now() < end) {
      clock_.AdvanceTime(std::min(step, end - clock_.Now()));
      Settle();
    }
  }

  v1::CreateWebhookRequest Request(const std::string& url = "https://hooks.example/a") {
    v1::CreateWebhookRequest request;
    request.set_url(url);
    return request;
  }
  IssuedWebhook Make(const v1::CreateWebhookRequest& request) {
    absl::StatusOr<IssuedWebhook> made = book_->Make(*store_, request, "admin");
    EXPECT_OK(made);
    return made.ok() ? *std::move(made) : IssuedWebhook();
  }
  std::string MakeId(const v1::CreateWebhookRequest& request) { return Make(request).info.id(); }
  std::string MakeId() { return MakeId(Request()); }

  std::vector<v1::WebhookDelivery> Deliveries(const std::string& id) {
    v1::ListWebhookDeliveriesRequest request;
    request.set_id(id);
    const auto listed = book_->ListDeliveries(request);
    EXPECT_OK(listed);
    if (!listed.ok()) return {};
    return {listed->deliveries().begin(), listed->deliveries().end()};
  }
  // "rotation.promoted DELIVERED 1, ...", newest first.
  std::string Log(const std::string& id) {
    std::vector<std::string> out;
    for (const v1::WebhookDelivery& one : Deliveries(id)) {
      out.push_back(absl::StrCat(one.type(), " ", v1::WebhookDelivery::State_Name(one.state()), " ",
                                 one.attempts()));
    }
    return absl::StrJoin(out, ", ");
  }
  v1::WebhookInfo Info(const std::string& id) {
    const auto info = book_->Get(id);
    EXPECT_OK(info);
    return info.value_or(v1::WebhookInfo());
  }
  // A secret whose rotations the server does by itself.
  void PutRotating(const std::string& path) {
    ASSERT_OK(Put(path, "old-value", v1::KIND_API_KEY));
    ASSERT_OK(SetPolicy(path, Exact()));
  }

  WebhookOptions options_;
  std::vector<ApiKeyEnd> api_keys_;  // that there are
  bool clock_trusted_ = true;
  std::unique_ptr<WebhookBook> book_;
  absl::Mutex sent_mu_;
  std::vector<Sent> sent_ ABSL_GUARDED_BY(sent_mu_);
  std::function<absl::StatusOr<HttpsAnswer>(const Sent&)> answer_ ABSL_GUARDED_BY(sent_mu_);
};

}  // namespace keyturn
