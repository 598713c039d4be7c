#include "storage/data_format.h"

#include <gmock/gmock.h>

#include "base/clock.h"
#include "storage/rocks_store.h"
#include "tests/support/status.h"
#include "tests/support/temp_dir.h"

namespace keyturn {
namespace {

TEST(DataFormatTest, IsReadBesideAnOpenStoreAndAfterIt) {
  const TempDir dir;
  {
    const auto store = OpenRocksStore({.directory = dir.File("db")}, Clock::Real());
    ASSERT_OK(store);
    ASSERT_OK_AND_ASSIGN(const uint64_t beside, ReadDataFormat(dir.File("db")));
    EXPECT_EQ(beside, kDataFormat);
  }
  ASSERT_OK_AND_ASSIGN(const uint64_t after, ReadDataFormat(dir.File("db")));
  EXPECT_EQ(after, kDataFormat);
}

TEST(DataFormatTest, WithoutAStoreThereIsNone) {
  const TempDir dir;
  EXPECT_CODE(ReadDataFormat(dir.File("db")).status(), kNotFound);
  EXPECT_CODE(ReadDataFormat(dir.path()).status(), kNotFound);
}

TEST(DataFormatTest, AnotherIsRefusedWithWhatToUse) {
  EXPECT_OK(CheckDataFormat("/d", kDataFormat));
  EXPECT_THAT(std::string(CheckDataFormat("/d", kDataFormat + 1).message()),
              testing::HasSubstr("use the newer keyturnd"));
  EXPECT_THAT(std::string(CheckDataFormat("/d", 0).message()),
              testing::HasSubstr("use the older keyturnd"));
  EXPECT_CODE(CheckDataFormat("/d", 0), kFailedPrecondition);
}

}  // namespace
}  // namespace keyturn
