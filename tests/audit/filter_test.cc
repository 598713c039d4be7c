#include <gtest/gtest.h>

#include "audit/audit_log.h"

namespace keyturn {
namespace {

TEST(AuditFilterTest, EachFieldNarrows) {
  AuditRecord record;
  record.event.time = absl::FromUnixSeconds(100);
  record.event.event = "read";
  record.event.principal = "p";
  record.event.resource = "a/b";
  record.event.correlation_id = "c";
  EXPECT_TRUE(Matches({}, record));
  const auto matches = [&record](std::string AuditFilter::*field, const std::string& wanted) {
    AuditFilter filter;
    filter.*field = wanted;
    return Matches(filter, record);
  };
  EXPECT_TRUE(matches(&AuditFilter::event, "read"));
  EXPECT_FALSE(matches(&AuditFilter::event, "rea"));
  EXPECT_TRUE(matches(&AuditFilter::principal, "p"));
  EXPECT_FALSE(matches(&AuditFilter::principal, "-"));
  EXPECT_TRUE(matches(&AuditFilter::resource_prefix, "a/"));
  EXPECT_FALSE(matches(&AuditFilter::resource_prefix, "a/b/"));
  EXPECT_TRUE(matches(&AuditFilter::correlation_id, "c"));
  EXPECT_FALSE(matches(&AuditFilter::correlation_id, "d"));
  EXPECT_TRUE(matches(&AuditFilter::outcome, "ok"));
  EXPECT_FALSE(matches(&AuditFilter::outcome, "NOT_FOUND"));
  // From the first moment on, and before the second.
  AuditFilter times;
  times.after = absl::FromUnixSeconds(100);
  times.before = absl::FromUnixSeconds(101);
  EXPECT_TRUE(Matches(times, record));
  times.after = absl::FromUnixSeconds(101);
  EXPECT_FALSE(Matches(times, record));
  times.after = absl::InfinitePast();
  times.before = absl::FromUnixSeconds(100);
  EXPECT_FALSE(Matches(times, record));
}

}  // namespace
}  // namespace keyturn
