#include "client/cli/metadata_flag.h"

#include <gtest/gtest.h>

#include "tests/support/status.h"

namespace keyturn::cli {
namespace {

TEST(ParseMetadata, RefusesWhatIsNotAPair) {
  google::protobuf::Map<std::string, std::string> map;
  EXPECT_OK(ParseMetadata({"a=b", "c=", "d=e=f"}, &map));
  EXPECT_EQ(map["d"], "e=f");
  EXPECT_EQ(ParseMetadata({"x"}, &map).message(), "--metadata 'x' must be KEY=VALUE");
  EXPECT_EQ(ParseMetadata({"=x"}, &map).message(), "--metadata '=x' must be KEY=VALUE");
  EXPECT_EQ(ParseMetadata({"a=1"}, &map).message(), "--metadata a is given twice");
}

}  // namespace
}  // namespace keyturn::cli
