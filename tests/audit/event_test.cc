#include "audit/event.h"

#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/limits.h"

namespace keyturn {
namespace {

// A reply that carries it must parse, and a terminal must not obey it.
TEST(EventCodec, WhatIsNoTextIsEscaped) {
  const std::pair<const char*, const char*> cases[] = {
      {"\xc3\xa4", "\xc3\xa4"},
      {"\xed\xa0\x80", "\\xed\\xa0\\x80"},  // a surrogate
      {"\xed\x9f\xbf", "\xed\x9f\xbf"},
      {"\xe0\x80\xaf", "\\xe0\\x80\\xaf"},  // overlong
      {"\xe0\xa0\x80", "\xe0\xa0\x80"},
      {"\xc2\x9b", "\\xc2\\x9b"},  // CSI
      {"\xc2\xa0", "\xc2\xa0"},
      {"\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80"},
      {"\xf4\x8f\xbf\xbf", "\xf4\x8f\xbf\xbf"},
      {"\xf0\x80\x80\xaf", "\\xf0\\x80\\x80\\xaf"},
      {"\xf0\x90\x80\x80", "\xf0\x90\x80\x80"},
  };
  for (const auto& [given, kept] : cases) {
    AuditEvent event;
    event.resource = given;
    const std::optional<AuditEvent> back = DecodeEvent(EncodeEvent(event));
    ASSERT_TRUE(back.has_value());
    EXPECT_EQ(back->resource, kept);
  }
}

TEST(EventCodec, AnEventComesBackWhole) {
  const AuditEvent event = {.time = absl::FromUnixNanos(1234567890123),
                            .event = "secret_read",
                            .principal = "token:ci",
                            .auth_method = "token",
                            .method = "/keyturn.v1.SecretService/Get",
                            .resource = "a/\xc3\xa4",
                            .source = "192.0.2.1",
                            .user_agent = "agent",
                            .correlation_id = "id",
                            .outcome = "NOT_FOUND",
                            .reason = "VERSION_EXPIRED",
                            .revision = Revision(7),
                            .version = SecretVersion(8),
                            .count = 9,
                            .details = {{"a", "b"}, {"c", ""}}};
  const std::optional<AuditEvent> read = DecodeEvent(EncodeEvent(event));
  ASSERT_TRUE(read.has_value());
  EXPECT_EQ(read->time, event.time);
  EXPECT_EQ(
      absl::StrJoin(
          {read->event, read->principal, read->auth_method, read->method, read->resource,
           read->source, read->user_agent, read->correlation_id, read->outcome, read->reason},
          "|"),
      "secret_read|token:ci|token|/keyturn.v1.SecretService/Get|a/\xc3\xa4|192.0.2.1|agent|id|"
      "NOT_FOUND|VERSION_EXPIRED");
  EXPECT_EQ(read->revision, Revision(7));
  EXPECT_EQ(read->version, SecretVersion(8));
  EXPECT_EQ(read->count, 9u);
  EXPECT_EQ(read->details, event.details);
}

TEST(EventCodec, NoTokenIsKept) {
  const std::string token = "kts.AbCdEf0123456789AbCdEf0123456789";
  AuditEvent event;
  event.principal = "token:" + token;
  event.resource = token;
  event.user_agent = "curl " + token;
  event.correlation_id = token;
  event.details = {{"new_path", "app/" + token}, {"share", "kt-share-AbCd-0123"}};
  const std::string bytes = EncodeEvent(event);
  EXPECT_EQ(bytes.find(token.substr(0, 8)), std::string::npos);
  const std::optional<AuditEvent> read = DecodeEvent(bytes);
  ASSERT_TRUE(read.has_value());
  EXPECT_EQ(read->principal, "token:[redacted]");
  EXPECT_EQ(read->resource, "[redacted]");
  EXPECT_EQ(read->user_agent, "curl [redacted]");
  EXPECT_EQ(read->correlation_id, "[redacted]");
  EXPECT_EQ(read->details[0].second, "app/[redacted]");
  EXPECT_EQ(read->details[1].second, "[redacted]");
}

TEST(EventCodec, DetailsBeyondTheBoundAreLeftOut) {
  AuditEvent event;
  for (int i = 0; i < 17; ++i) event.details.emplace_back(absl::StrCat(i), "x");
  const std::optional<AuditEvent> read = DecodeEvent(EncodeEvent(event));
  ASSERT_TRUE(read.has_value());
  ASSERT_EQ(read->details.size(), 16u);
  EXPECT_EQ(read->details.back().first, "15");
}

TEST(EventCodec, AnEntryIsBoundedHoweverLongItsDetails) {
  AuditEvent event;
  for (int i = 0; i < 16; ++i)
    event.details.emplace_back(std::string(1100, 'n'), std::string(1100, 'v'));
  const std::string bytes = EncodeEvent(event);
  EXPECT_LE(bytes.size(), limits::kAuditEntryBytesMax);
  const std::optional<AuditEvent> read = DecodeEvent(bytes);
  ASSERT_TRUE(read.has_value());
  EXPECT_EQ(read->details.size(), 7u);
}

TEST(EventCodec, WhatDecodesEncodesToTheSameBytes) {
  AuditEvent event;
  event.time = absl::FromUnixNanos(1234567890123);
  event.event = "e";
  event.details = {{"a", "b"}, {"c", "d"}};
  const std::string bytes = EncodeEvent(event);
  ASSERT_TRUE(DecodeEvent(bytes).has_value());
  EXPECT_EQ(EncodeEvent(*DecodeEvent(bytes)), bytes);
  for (size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_FALSE(DecodeEvent(absl::string_view(bytes).substr(0, size)).has_value()) << size;
  }
  EXPECT_FALSE(DecodeEvent(bytes + "x").has_value());
}

TEST(EventCodec, ATailIsAnEventOrAListOfThem) {
  const std::string event = EncodeEvent(AuditEvent());
  EXPECT_EQ(EncodeTail({event}), event);
  EXPECT_EQ(SplitTail(event), std::vector<absl::string_view>{event});
  const std::string list = EncodeTail({event, "second", ""});
  EXPECT_EQ(SplitTail(list), (std::vector<absl::string_view>{event, "second", ""}));
  EXPECT_TRUE(SplitTail("").empty());
  EXPECT_TRUE(SplitTail(list.substr(0, list.size() - 1)).empty());
}

}  // namespace
}  // namespace keyturn
