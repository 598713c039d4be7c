// One POST over HTTPS to a server outside: for calls of targets, and for whatever else is to be
// told to others. TLS as net/tls_policy.h says it, the name in the certificate checked; no redirect
// is followed, no proxy, cookie or netrc is used, no connection is kept. Thread-safe.
#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace keyturn {

struct HttpsRequest {
  std::string url;  // https, without user information
  std::vector<std::pair<std::string, std::string>> headers;
  absl::string_view body;  // JSON
  std::string ca_file;     // PEM; "": those of the system
  absl::Duration timeout;  // of all of it
  size_t answer_bytes_max = 0;
  bool keep_answer = true;  // else its body, of any length, is read and thrown away
  // Asked about the very address that is about to be connected to, as "192.0.2.1" or "2001:db8::1":
  // what a name means may change between a look and a connection.
  std::function<bool(const std::string& address)> may_connect;
  std::function<bool()> interrupted;  // asked once a second at least
};

struct HttpsAnswer {
  int status = 0;  // HTTP's
  // What the header Retry-After asks for, in seconds or as a date by this machine's clock; at most
  // limits::kHttpRetryAfterSecondsMax. Zero when there is none, or one that is over.
  absl::Duration retry_after;
  std::string body;
};

// Any status of HTTP is an answer. UNAVAILABLE: nothing was sent, as there is no such name or
// nobody there. FAILED_PRECONDITION: nothing was sent, as no address may be connected to, the URL
// is none or the certificate is not good. DEADLINE_EXCEEDED, ABORTED (interrupted) and UNKNOWN: it
// may have arrived. Messages hold nothing of the request but addresses.
// REQUIRES: this process ignores SIGPIPE.
absl::StatusOr<HttpsAnswer> HttpsPost(const HttpsRequest& request);

}  // namespace keyturn
