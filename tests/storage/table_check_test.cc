// Damage in a table where no scan of the records looks.
#include "storage/table_check.h"

#include <filesystem>
#include <fstream>

#include "base/status_macros.h"
#include "tests/support/status.h"
#include "tests/support/temp_dir.h"

namespace keyturn {
namespace {

TEST(TableCheckTest, FindsABitInAnyBlockOfAnyFamily) {
  const TempDir dir;
  const std::string directory = dir.File("store");
  {
    ASSERT_OK_AND_ASSIGN(const auto db, RocksDb::Open({.directory = directory}));
    for (const Family family : {Family::kChanges, Family::kRecords}) {
      ASSERT_OK(FromRocks(db->db().Put({}, db->family(family), "key", std::string(500, 'v'))));
      ASSERT_OK(FromRocks(db->db().Flush({}, db->family(family))));
    }
    std::vector<StoreProblem> problems;
    ASSERT_OK(CheckTables(
        *db, [] { return absl::OkStatus(); }, &problems));
    EXPECT_TRUE(problems.empty());
  }
  int tables = 0, checked = 0;
  for (const auto& entry : std::filesystem::directory_iterator(directory)) {
    if (entry.path().extension() != ".sst") continue;
    ++tables;
    // In the first third are the data, behind it filter, properties and index.
    for (const double part : {0.1, 0.7, 0.9}) {
      SCOPED_TRACE(absl::StrCat(entry.path().string(), " at ", part));
      const auto offset =
          static_cast<std::streamoff>(part * static_cast<double>(entry.file_size()));
      const auto flip = [&] {
        std::fstream file(entry.path(), std::ios::in | std::ios::out | std::ios::binary);
        file.seekg(offset);
        const int byte = file.get();
        file.seekp(offset);
        file.put(static_cast<char>(byte ^ 1));
      };
      flip();
      const auto db = RocksDb::Open({.directory = directory});
      if (db.ok()) {  // or refused, which is as good
        std::vector<StoreProblem> problems;
        ASSERT_OK(CheckTables(
            **db, [] { return absl::OkStatus(); }, &problems));
        ASSERT_EQ(problems.size(), 1u);
        ++checked;
        EXPECT_EQ(problems[0].what.substr(0, 11), "table file ");
      }
      flip();
    }
  }
  EXPECT_GE(tables, 2);
  EXPECT_GE(checked, 2) << "what is in the data is found by this check alone";
}

TEST(TableCheckTest, EndsWhenItIsToldTo) {
  const TempDir dir;
  ASSERT_OK_AND_ASSIGN(const auto db, RocksDb::Open({.directory = dir.File("store")}));
  ASSERT_OK(FromRocks(db->db().Put({}, db->family(Family::kMeta), "key", "value")));
  ASSERT_OK(FromRocks(db->db().Flush({}, db->family(Family::kMeta))));
  std::vector<StoreProblem> problems;
  EXPECT_CODE(CheckTables(
                  *db, [] { return absl::CancelledError("enough"); }, &problems),
              kCancelled);
}

}  // namespace
}  // namespace keyturn
