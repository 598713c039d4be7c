// Addresses; what is read from a Redis is tests/redis/import.py's.
#include "client/cli/redis_source.h"

#include <gtest/gtest.h>

#include "tests/support/status.h"

namespace keyturn::cli {
namespace {

TEST(RedisAddressTest, HasDefaults) {
  ASSERT_OK_AND_ASSIGN(const RedisAddress address, ParseRedisAddress("redis://cache.internal"));
  EXPECT_EQ(address.host, "cache.internal");
  EXPECT_EQ(address.port, 6379);
  EXPECT_EQ(address.database, 0);
  EXPECT_EQ(address.user, "");
}

TEST(RedisAddressTest, EachPartIsRead) {
  ASSERT_OK_AND_ASSIGN(const RedisAddress address, ParseRedisAddress("redis://me@10.0.0.7:7000/3"));
  EXPECT_EQ(address.user, "me");
  EXPECT_EQ(address.host, "10.0.0.7");
  EXPECT_EQ(address.port, 7000);
  EXPECT_EQ(address.database, 3);
  ASSERT_OK_AND_ASSIGN(const RedisAddress six, ParseRedisAddress("redis://[::1]:7000/"));
  EXPECT_EQ(six.host, "::1");
  EXPECT_EQ(six.port, 7000);
  ASSERT_OK_AND_ASSIGN(const RedisAddress bare, ParseRedisAddress("redis://[::1]"));
  EXPECT_EQ(bare.host, "::1");
  EXPECT_EQ(bare.port, 6379);
}

TEST(RedisAddressTest, WhatIsWrongIsSaidAndAPasswordIsNot) {
  for (const char* const url : {"", "redis://", "http://a", "redis://a:0", "redis://a:65536",
                                "redis://a:b", "redis://a/x", "redis://a/-1", "rediss://a"}) {
    EXPECT_CODE(ParseRedisAddress(url), kInvalidArgument);
  }
  const absl::Status status = ParseRedisAddress("redis://me:hunter2@a").status();
  EXPECT_CODE(status, kInvalidArgument);
  EXPECT_EQ(status.message().find("hunter2"), absl::string_view::npos);
}

}  // namespace
}  // namespace keyturn::cli
