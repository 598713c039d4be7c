// A running Redis (or anything that speaks its protocol) whose keys are read a page at a time, with
// SCAN, so that it goes on serving others. Not thread-safe.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "crypto/secret_bytes.h"
#include "keyturn/v1/revocation_service.pb.h"

namespace keyturn::cli {

// "redis://[USER@]HOST[:PORT][/DATABASE]".
struct RedisAddress {
  std::string user;  // "": the default user
  std::string host;
  int port = 6379;
  int database = 0;
};
// INVALID_ARGUMENT says what is allowed; a password in it is refused and not repeated.
absl::StatusOr<RedisAddress> ParseRedisAddress(const std::string& url);

class RedisSource {
 public:
  // `password` empty: none. Errors are UNAVAILABLE, or UNAUTHENTICATED with what Redis says; each
  // answer must come within `timeout`.
  static absl::StatusOr<std::unique_ptr<RedisSource>> Connect(const RedisAddress& address,
                                                              const SecretBytes& password,
                                                              absl::Duration timeout);
  virtual ~RedisSource() = default;

  struct Page {
    std::string next;  // "0" after the last one
    // Strings and sets. Those that ended while they were read are left out.
    std::vector<v1::ImportedKey> keys;
    // How many there were of types that are not taken over.
    std::map<std::string, uint64_t> others;
  };
  // About `count` keys from `cursor`, at first "0"; those that match a pattern of Redis ("*": all).
  // Ends are as of `now`, which the time to live is added to, rounded up. RESOURCE_EXHAUSTED for a
  // key that is too large to be taken over.
  virtual absl::StatusOr<Page> Read(const std::string& cursor, const std::string& match, int count,
                                    absl::Time now) = 0;
  // How many keys there are, of any name.
  virtual absl::StatusOr<uint64_t> Size() = 0;
};

}  // namespace keyturn::cli
