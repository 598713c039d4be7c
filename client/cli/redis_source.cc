#include "client/cli/redis_source.h"

#include <hiredis/hiredis.h>

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/limits.h"
#include "base/status_macros.h"
#include "client/cli/exit_codes.h"

namespace keyturn::cli {
namespace {

struct FreeReply {
  void operator()(redisReply* reply) const { freeReplyObject(reply); }
};
using Reply = std::unique_ptr<redisReply, FreeReply>;
struct FreeContext {
  void operator()(redisContext* context) const { redisFree(context); }
};

absl::string_view TextOf(const redisReply& reply) { return {reply.str, reply.len}; }

absl::Status Unexpected(absl::string_view command) {
  return absl::InternalError(
      absl::StrCat("the answer to ", command, " is not one that Redis gives"));
}

class RedisSourceImpl final : public RedisSource {
 public:
  RedisSourceImpl(std::unique_ptr<redisContext, FreeContext> context, std::string where)
      : context_(std::move(context)), where_(std::move(where)) {}

  absl::Status LogIn(const RedisAddress& address, const SecretBytes& password) {
    if (password.size() > 0) {
      const absl::string_view secret = password.ExposeForWire();
      const absl::StatusOr<Reply> reply =
          address.user.empty() ? Call({"AUTH", secret}) : Call({"AUTH", address.user, secret});
      if (!reply.ok()) return absl::UnauthenticatedError(reply.status().message());
    }
    if (address.database == 0) return absl::OkStatus();
    return Call({"SELECT", absl::StrCat(address.database)}).status();
  }

  absl::StatusOr<Page> Read(const std::string& cursor, const std::string& match, int count,
                            absl::Time now) override {
    ASSIGN_OR_RETURN(const Reply scanned,
                     Call({"SCAN", cursor, "MATCH", match, "COUNT", absl::StrCat(count)}));
    if (scanned->type != REDIS_REPLY_ARRAY || scanned->elements != 2 ||
        scanned->element[1]->type != REDIS_REPLY_ARRAY) {
      return Unexpected("SCAN");
    }
    Page page;
    page.next = std::string(TextOf(*scanned->element[0]));
    std::vector<absl::string_view> names;
    for (size_t i = 0; i < scanned->element[1]->elements; ++i) {
      names.push_back(TextOf(*scanned->element[1]->element[i]));
    }
    for (const absl::string_view name : names) Send({"TYPE", name});
    std::vector<std::string> types;
    for (size_t i = 0; i < names.size(); ++i) {
      ASSIGN_OR_RETURN(const Reply type, Receive());
      types.emplace_back(TextOf(*type));
    }
    for (size_t i = 0; i < names.size(); ++i) {
      Send({types[i] == "set" ? "SMEMBERS" : types[i] == "string" ? "GET" : "TYPE", names[i]});
      Send({"PTTL", names[i]});
    }
    for (size_t i = 0; i < names.size(); ++i) {
      ASSIGN_OR_RETURN(const Reply value, Receive());
      ASSIGN_OR_RETURN(const Reply left, Receive());
      RETURN_IF_ERROR(Take(names[i], types[i], *value, *left, now, &page));
    }
    return page;
  }

  absl::StatusOr<uint64_t> Size() override {
    ASSIGN_OR_RETURN(const Reply reply, Call({"DBSIZE"}));
    return static_cast<uint64_t>(std::max<int64_t>(reply->integer, 0));
  }

 private:
  static absl::Status Take(absl::string_view name, const std::string& type, const redisReply& value,
                           const redisReply& left, absl::Time now, Page* page) {
    if (type == "none") return absl::OkStatus();
    if (type != "string" && type != "set") {
      ++page->others[type];
      return absl::OkStatus();
    }
    // -2: it ended meanwhile. -1: without an end.
    if (left.type != REDIS_REPLY_INTEGER || left.integer == -2) return absl::OkStatus();
    v1::ImportedKey key;
    key.set_key(std::string(name));
    if (value.type == REDIS_REPLY_STRING) {
      key.set_value(std::string(TextOf(value)));
    } else if (value.type == REDIS_REPLY_ARRAY && value.elements > 0) {
      for (size_t i = 0; i < value.elements; ++i) {
        key.add_members(std::string(TextOf(*value.element[i])));
      }
    } else {
      return absl::OkStatus();  // it ended, or is of another type now
    }
    if (key.ByteSizeLong() > limits::kRevocationChangeBytesMax) {
      return absl::ResourceExhaustedError(absl::StrCat("a key of ", key.ByteSizeLong(),
                                                       " bytes with its value or members cannot "
                                                       "be taken over: at most ",
                                                       limits::kRevocationChangeBytesMax));
    }
    if (left.integer >= 0) {
      // A second more at most, since a client's token must not come to life by being moved.
      const int64_t end = absl::ToUnixSeconds(now + absl::Milliseconds(left.integer + 999));
      key.mutable_expire_time()->set_seconds(end);
    }
    page->keys.push_back(std::move(key));
    return absl::OkStatus();
  }

  void Send(const std::vector<absl::string_view>& words) {
    std::vector<const char*> bytes;
    std::vector<size_t> sizes;
    for (const absl::string_view word : words) {
      bytes.push_back(word.data());
      sizes.push_back(word.size());
    }
    // A failure is said by the next Receive.
    redisAppendCommandArgv(context_.get(), static_cast<int>(words.size()), bytes.data(),
                           sizes.data());
  }
  absl::StatusOr<Reply> Receive() {
    void* received = nullptr;
    if (redisGetReply(context_.get(), &received) != REDIS_OK || received == nullptr) {
      return absl::UnavailableError(
          absl::StrCat("Redis at ", where_, " does not answer: ", context_->errstr));
    }
    Reply reply(static_cast<redisReply*>(received));
    if (reply->type == REDIS_REPLY_ERROR) {
      return absl::UnavailableError(absl::StrCat("Redis at ", where_, " says: ", TextOf(*reply)));
    }
    return reply;
  }
  absl::StatusOr<Reply> Call(const std::vector<absl::string_view>& words) {
    Send(words);
    return Receive();
  }

  const std::unique_ptr<redisContext, FreeContext> context_;
  const std::string where_;
};

}  // namespace

absl::StatusOr<RedisAddress> ParseRedisAddress(const std::string& url) {
  absl::string_view rest = url;
  const auto bad = [](absl::string_view why) {
    return UsageError(absl::StrCat("--from must be redis://[USER@]HOST[:PORT][/DATABASE]: ", why));
  };
  if (absl::StartsWith(rest, "rediss://")) {
    return bad("TLS is not spoken here; put stunnel or redis-cli's machine in between");
  }
  if (!absl::ConsumePrefix(&rest, "redis://")) return bad("it begins otherwise");
  RedisAddress out;
  if (const size_t at = rest.rfind('@'); at != absl::string_view::npos) {
    out.user = std::string(rest.substr(0, at));
    rest.remove_prefix(at + 1);
    if (absl::StrContains(out.user, ':')) {
      return bad("a password does not belong on a command line; use --password-file");
    }
  }
  if (const size_t slash = rest.find('/'); slash != absl::string_view::npos) {
    const absl::string_view number = rest.substr(slash + 1);
    if (!number.empty() && (!absl::SimpleAtoi(number, &out.database) || out.database < 0)) {
      return bad("the database is a number");
    }
    rest = rest.substr(0, slash);
  }
  const size_t colon = rest.rfind(':');
  const bool bare_v6 = absl::StartsWith(rest, "[") && absl::EndsWith(rest, "]");
  if (colon != absl::string_view::npos && !bare_v6) {
    if (!absl::SimpleAtoi(rest.substr(colon + 1), &out.port) || out.port < 1 || out.port > 65535) {
      return bad("the port is a number from 1 to 65535");
    }
    rest = rest.substr(0, colon);
  }
  absl::ConsumePrefix(&rest, "[");
  absl::ConsumeSuffix(&rest, "]");
  if (rest.empty()) return bad("there is no host");
  out.host = std::string(rest);
  return out;
}

absl::StatusOr<std::unique_ptr<RedisSource>> RedisSource::Connect(const RedisAddress& address,
                                                                  const SecretBytes& password,
                                                                  absl::Duration timeout) {
  const timeval wait = absl::ToTimeval(timeout);
  std::unique_ptr<redisContext, FreeContext> context(
      redisConnectWithTimeout(address.host.c_str(), address.port, wait));
  const std::string where = absl::StrCat(address.host, ":", address.port);
  if (context == nullptr || context->err != 0) {
    return absl::UnavailableError(absl::StrCat("no connection to Redis at ", where, ": ",
                                               context == nullptr ? "" : context->errstr));
  }
  redisSetTimeout(context.get(), wait);
  auto source = std::make_unique<RedisSourceImpl>(std::move(context), where);
  RETURN_IF_ERROR(source->LogIn(address, password));
  return source;
}

}  // namespace keyturn::cli
