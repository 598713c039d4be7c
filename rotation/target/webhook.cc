#include "rotation/target/webhook.h"

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/limits.h"
#include "base/reason.h"
#include "base/status_macros.h"
#include "net/https_post.h"
#include "rotation/target/addresses.h"
#include "rotation/target/webhook_signature.h"

namespace keyturn {
namespace {

TargetAnswer AnswerOf(const HttpsAnswer& answer) {
  if (answer.status >= 200 && answer.status < 300) return ReadAnswer(answer.body);
  const std::string said = absl::StrCat("it answers with HTTP status ", answer.status);
  switch (answer.status) {
    case 401:
    case 403:
      return {absl::PermissionDeniedError(said), {}, {}};
    case 429:
    case 503:
      return {WithRetryAfter(absl::UnavailableError(said), answer.retry_after), {}, {}};
    case 502:
    case 504:
      return {absl::UnavailableError(said), {}, {}};
    default:
      break;
  }
  // What failed inside of a server may have been done.
  if (answer.status >= 500) return {absl::UnknownError(said), {}, {}};
  return {absl::FailedPreconditionError(said), {}, {}};
}

class WebhookTransport : public Transport {
 public:
  WebhookTransport(const TargetSpec& spec, SecretBytes key, std::vector<Cidr> allowed, Clock& clock)
      : spec_(spec), key_(std::move(key)), allowed_(std::move(allowed)), clock_(clock) {}

  TargetAnswer Call(absl::string_view id, const SecretBytes& request, const ValueFilter&,
                    const Interrupt* interrupt) override {
    const int64_t now = absl::ToUnixSeconds(clock_.Now());
    const absl::StatusOr<std::string> signature = SignWebhook(key_, id, now, request);
    if (!signature.ok()) return {signature.status(), {}, {}};
    HttpsRequest post;
    post.url = spec_.url;
    post.headers = {{"webhook-id", std::string(id)},
                    {"webhook-timestamp", absl::StrCat(now)},
                    {"webhook-signature", *signature}};
    post.body = request.ExposeForWire();
    post.ca_file = spec_.ca_file;
    post.timeout = spec_.timeout;
    post.answer_bytes_max = limits::kTargetAnswerBytesMax;
    post.may_connect = [this](const std::string& address) { return MayConnect(address, allowed_); };
    post.interrupted = [interrupt] { return interrupt != nullptr && interrupt->is_set(); };
    absl::StatusOr<HttpsAnswer> answer = HttpsPost(post);
    if (!answer.ok()) return {answer.status(), {}, {}};
    TargetAnswer read = AnswerOf(*answer);
    WipeString(&answer->body);
    return read;
  }

 private:
  const TargetSpec spec_;
  const SecretBytes key_;
  const std::vector<Cidr> allowed_;
  Clock& clock_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Transport>> NewWebhookTransport(const TargetSpec& spec,
                                                               Clock& clock) {
  ASSIGN_OR_RETURN(SecretBytes key, ReadWebhookKey(spec.signing_key_file));
  std::vector<Cidr> allowed;
  for (const std::string& block : spec.allow_addresses) {
    ASSIGN_OR_RETURN(const Cidr cidr, Cidr::Parse(block));
    allowed.push_back(cidr);
  }
  return std::make_unique<WebhookTransport>(spec, std::move(key), std::move(allowed), clock);
}

}  // namespace keyturn
