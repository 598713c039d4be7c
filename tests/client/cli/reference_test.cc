#include "client/cli/reference.h"

#include <gtest/gtest.h>

#include "tests/support/status.h"

namespace keyturn::cli {
namespace {

std::string Shown(absl::string_view text) {
  const absl::StatusOr<Reference> r = ParseReference(text);
  if (!r.ok()) return std::string(r.status().message());
  return absl::StrCat(r->path, "|", r->field, "|", r->version.number(), "|",
                      static_cast<int>(r->version.alias()));
}

TEST(ParseReference, SplitsPathFieldAndVersion) {
  EXPECT_EQ(Shown("app/db"), "app/db||0|0");
  EXPECT_EQ(Shown("keyturn://app/db#password"), "app/db|password|0|0");
  EXPECT_EQ(Shown("app/db#password@3"), "app/db|password|3|0");
  EXPECT_EQ(Shown("app/db#password@previous"), "app/db|password|0|1");
  EXPECT_EQ(Shown("app/db#password@current"), "app/db|password|0|0");
  EXPECT_EQ(Shown("app/user@example.com"), "app/user@example.com||0|0");
  EXPECT_TRUE(IsReference("keyturn://app/db"));
  EXPECT_FALSE(IsReference("app/db#password"));
  EXPECT_FALSE(IsReference("https://keyturn://"));
}

TEST(ParseReference, SaysWhatIsWrong) {
  EXPECT_EQ(Shown(""), "'' names no secret; write PATH or PATH#FIELD");
  EXPECT_EQ(Shown("#f"), "'#f' names no secret; write PATH or PATH#FIELD");
  EXPECT_EQ(Shown("a#"), "'a#' names no field: after '#' come 1 to 128 of A-Z a-z 0-9 _ . -");
  EXPECT_EQ(Shown("a#b c"), "'a#b c' names no field: after '#' come 1 to 128 of A-Z a-z 0-9 _ . -");
  EXPECT_EQ(Shown("a#b@0"), "version '0' must be a number from 1, 'current' or 'previous'");
  EXPECT_EQ(Shown("keyturn://#f"), "'keyturn://#f' names no secret; write PATH or PATH#FIELD");
  EXPECT_EQ(Shown("a#" + std::string(128, 'f')), "a|" + std::string(128, 'f') + "|0|0");
  EXPECT_CODE(ParseReference("a#" + std::string(129, 'f')), kInvalidArgument);
  EXPECT_EQ(Shown("a#b@18446744073709551616"),
            "version '18446744073709551616' must be a number from 1, 'current' or 'previous'");
  EXPECT_EQ(Shown("a#b@-1"), "version '-1' must be a number from 1, 'current' or 'previous'");
}

}  // namespace
}  // namespace keyturn::cli
