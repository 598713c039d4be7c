// Addresses of databases with their credentials in them, as "postgres://user:pass@host:5432/name",
// taken apart and put together by libcurl's URL parser (RFC 3986). An object is for one thread.
#pragma once

#include <memory>
#include <optional>

#include "absl/functional/function_ref.h"
#include "absl/strings/string_view.h"

typedef struct Curl_URL CURLU;

namespace keyturn {

class DatabaseUrl {
 public:
  // Ends with a zero; overwritten before it is freed.
  struct WipingFree {
    void operator()(char* text) const;
  };
  using Text = std::unique_ptr<char, WipingFree>;

  // nullopt for anything but a URL of a database with a password: postgres, postgresql, mysql,
  // mariadb, redis, rediss, mongodb, mongodb+srv, amqp, amqps or sqlserver.
  static std::optional<DatabaseUrl> Parse(absl::string_view text);

  // scheme, username, password, host, port, database, options.
  static bool IsPart(absl::string_view name);

  // Those that are there, decoded but for options, which are a list of their own.
  void ForEachPart(
      absl::FunctionRef<void(absl::string_view name, absl::string_view value)> fn) const;

  // Another value for a part; "" takes it away. False when it cannot be in a URL of a database; the
  // object is then good for nothing more.
  bool Set(absl::string_view name, absl::string_view value);

  // nullptr without memory.
  Text ToText() const;

 private:
  struct Cleanup {
    void operator()(CURLU* url) const;
  };
  explicit DatabaseUrl(CURLU* url) : url_(url) {}
  bool IsWhole() const;

  std::unique_ptr<CURLU, Cleanup> url_;
};

}  // namespace keyturn
