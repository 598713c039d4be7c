#include "net/https_post.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "base/limits.h"
#include "net/tls_policy.h"

namespace keyturn {
namespace {

void InitOnce() {
  static const CURLcode once = curl_global_init(CURL_GLOBAL_DEFAULT);
  static_cast<void>(once);  // a failure shows in curl_easy_init
}

std::string TextOf(const curl_sockaddr& address) {
  char text[INET6_ADDRSTRLEN] = {};
  const void* bytes = nullptr;
  if (address.family == AF_INET) {
    bytes = &reinterpret_cast<const sockaddr_in*>(&address.addr)->sin_addr;
  } else if (address.family == AF_INET6) {
    bytes = &reinterpret_cast<const sockaddr_in6*>(&address.addr)->sin6_addr;
  }
  if (bytes == nullptr || inet_ntop(address.family, bytes, text, sizeof(text)) == nullptr)
    return "";
  return text;
}

// What the library calls back with.
struct Exchange {
  const HttpsRequest& request;
  HttpsAnswer answer;
  std::string refused;  // an address that may not be connected to
  bool connected = false;
  bool too_long = false;
  bool interrupted = false;
};

curl_socket_t OpenSocket(void* self, curlsocktype purpose, curl_sockaddr* address) {
  auto& exchange = *static_cast<Exchange*>(self);
  const std::string text = TextOf(*address);
  if (purpose != CURLSOCKTYPE_IPCXN || text.empty() || !exchange.request.may_connect(text)) {
    exchange.refused = text;
    return CURL_SOCKET_BAD;
  }
  exchange.connected = true;
  return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

size_t TakeBody(char* bytes, size_t one, size_t count, void* self) {
  auto& exchange = *static_cast<Exchange*>(self);
  const size_t size = one * count;
  if (!exchange.request.keep_answer) return size;
  std::string& body = exchange.answer.body;
  if (body.size() + size > exchange.request.answer_bytes_max) {
    exchange.too_long = true;
    return 0;
  }
  body.append(bytes, size);
  return size;
}

int Progress(void* self, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
  auto& exchange = *static_cast<Exchange*>(self);
  exchange.interrupted = exchange.request.interrupted != nullptr && exchange.request.interrupted();
  return exchange.interrupted ? 1 : 0;
}

absl::Duration RetryAfter(CURL* curl) {
  curl_off_t seconds = 0;
  if (curl_easy_getinfo(curl, CURLINFO_RETRY_AFTER, &seconds) != CURLE_OK) return {};
  return absl::Seconds(std::clamp<int64_t>(seconds, 0, limits::kHttpRetryAfterSecondsMax));
}

// Before anything of the request is sent.
bool HandshakeDone(CURL* curl) {
  curl_off_t after = 0;
  return curl_easy_getinfo(curl, CURLINFO_APPCONNECT_TIME_T, &after) == CURLE_OK && after > 0;
}

absl::Status StatusOf(CURL* curl, CURLcode code, const Exchange& exchange) {
  const std::string why = curl_easy_strerror(code);
  if (exchange.interrupted) return absl::AbortedError("interrupted");
  if (exchange.too_long) return absl::UnknownError("the answer is too long");
  if (!exchange.connected && !exchange.refused.empty()) {
    return absl::FailedPreconditionError(
        absl::StrCat(exchange.refused, " is not public, and not allowed"));
  }
  if (HandshakeDone(curl)) {
    return code == CURLE_OPERATION_TIMEDOUT ? absl::DeadlineExceededError("no answer in time")
                                            : absl::UnknownError(why);
  }
  switch (code) {
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_CERTPROBLEM:
      return absl::FailedPreconditionError("the server's certificate is not good");
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_URL_MALFORMAT:
    case CURLE_LOGIN_DENIED:
      return absl::FailedPreconditionError(why);
    case CURLE_OPERATION_TIMEDOUT:
      return absl::UnavailableError("no connection in time");
    default:
      return absl::UnavailableError(why);
  }
}

void SetTransport(CURL* curl, const HttpsRequest& request) {
  const auto milliseconds = static_cast<long>(absl::ToInt64Milliseconds(request.timeout));
  curl_easy_setopt(curl, CURLOPT_URL, request.url.c_str());
  curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "https");
  curl_easy_setopt(curl, CURLOPT_DISALLOW_USERNAME_IN_URL, 1L);
  curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
  curl_easy_setopt(curl, CURLOPT_PROXY, "");  // whatever the environment says
  curl_easy_setopt(curl, CURLOPT_NETRC, static_cast<long>(CURL_NETRC_IGNORED));
  curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, milliseconds);
  curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, milliseconds);
  curl_easy_setopt(curl, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
  curl_easy_setopt(curl, CURLOPT_FRESH_CONNECT, 1L);
  curl_easy_setopt(curl, CURLOPT_FORBID_REUSE, 1L);
  curl_easy_setopt(curl, CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
  curl_easy_setopt(curl, CURLOPT_SSL_CIPHER_LIST, GrpcCipherSuites());
  curl_easy_setopt(curl, CURLOPT_SSL_SESSIONID_CACHE, 0L);
  curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 1L);
  curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 2L);
  if (!request.ca_file.empty()) {
    curl_easy_setopt(curl, CURLOPT_CAINFO, request.ca_file.c_str());
    curl_easy_setopt(curl, CURLOPT_CAPATH, nullptr);
  }
}

void SetExchange(CURL* curl, Exchange* exchange, curl_slist* headers) {
  curl_easy_setopt(curl, CURLOPT_POST, 1L);
  curl_easy_setopt(curl, CURLOPT_POSTFIELDS, exchange->request.body.data());
  curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE,
                   static_cast<curl_off_t>(exchange->request.body.size()));
  curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
  curl_easy_setopt(curl, CURLOPT_OPENSOCKETFUNCTION, OpenSocket);
  curl_easy_setopt(curl, CURLOPT_OPENSOCKETDATA, exchange);
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, TakeBody);
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, exchange);
  curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
  curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, Progress);
  curl_easy_setopt(curl, CURLOPT_XFERINFODATA, exchange);
}

}  // namespace

absl::StatusOr<HttpsAnswer> HttpsPost(const HttpsRequest& request) {
  InitOnce();
  CURL* const curl = curl_easy_init();
  if (curl == nullptr) return absl::ResourceExhaustedError("no memory for a connection");
  const absl::Cleanup cleanup = [curl] { curl_easy_cleanup(curl); };
  // Without the Expect that the library would wait for.
  curl_slist* headers = curl_slist_append(nullptr, "Content-Type: application/json");
  headers = curl_slist_append(headers, "Expect:");
  headers = curl_slist_append(headers, "User-Agent: keyturn");
  for (const auto& [name, value] : request.headers) {
    headers = curl_slist_append(headers, absl::StrCat(name, ": ", value).c_str());
  }
  const absl::Cleanup free_headers = [headers] { curl_slist_free_all(headers); };
  Exchange exchange{.request = request, .answer = {}, .refused = ""};
  exchange.answer.body.reserve(request.answer_bytes_max);  // so that it is never moved
  SetTransport(curl, request);
  SetExchange(curl, &exchange, headers);
  const CURLcode code = curl_easy_perform(curl);
  if (code != CURLE_OK) return StatusOf(curl, code, exchange);
  long status = 0;
  curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
  exchange.answer.status = static_cast<int>(status);
  exchange.answer.retry_after = RetryAfter(curl);
  return std::move(exchange.answer);
}

}  // namespace keyturn
