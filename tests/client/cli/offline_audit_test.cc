#include "client/cli/offline_audit.h"

#include <gtest/gtest.h>

#include "audit/audit_log.h"
#include "base/limits.h"
#include "client/cli/exit_codes.h"
#include "storage/rocks_store.h"
#include "tests/support/status.h"
#include "tests/support/temp_dir.h"

namespace keyturn::cli {
namespace {

class OfflineAudit : public testing::Test {
 protected:
  void Write(uint64_t entries) {
    SimulatedClock clock;
    auto store = OpenRocksStore({.directory = "/mem", .in_memory = true}, clock);
    ASSERT_OK(store);
    AuditLogOptions options;
    options.directory = dir_.path();
    options.sync_reads = false;
    auto log = AuditLog::Open(options, FileSystem::Posix(), **store, clock);
    ASSERT_OK(log);
    for (uint64_t i = 0; i < entries; ++i) {
      AuditEvent event;
      event.time = clock.Now();
      event.event = "read";
      ASSERT_OK((*log)->Append(event));
    }
  }

  const TempDir dir_;
};

TEST_F(OfflineAudit, TellsHowMuchThereIsToCheck) {
  constexpr uint64_t kEntries = 2 * limits::kProgressEveryRecords + 7;
  Write(kEntries);
  std::vector<std::pair<uint64_t, uint64_t>> told;
  const auto checked = VerifyAuditOffline(dir_.path(), "", "", [&](uint64_t done, uint64_t total) {
    told.emplace_back(done, total);
    return absl::OkStatus();
  });
  ASSERT_OK(checked);
  EXPECT_EQ(checked->entries(), kEntries);
  EXPECT_EQ(checked->problems_size(), 0);
  const std::vector<std::pair<uint64_t, uint64_t>> expected = {
      {0, kEntries},
      {limits::kProgressEveryRecords, kEntries},
      {2 * limits::kProgressEveryRecords, kEntries}};
  EXPECT_EQ(told, expected);
}

TEST_F(OfflineAudit, SaysWhatIsWrongWithWhatWasTyped) {
  const auto why = [&](const std::string& directory, const std::string& key,
                       const std::string& note = "") {
    const absl::Status status = VerifyAuditOffline(directory, key, note, NoProgress).status();
    return absl::StrCat(ExitCodeOf(status), ": ", status.message());
  };
  EXPECT_EQ(why(dir_.path(), "xyz"), "2: --public-key must be 64 hexadecimal digits");
  EXPECT_EQ(why(dir_.path(), "abcd"), "2: --public-key must be 64 hexadecimal digits");
  for (const char* const note : {"x", "5", "5:abcd", "0:", ":", "-1:00"}) {
    EXPECT_EQ(why(dir_.path(), "", note),
              "2: --noted must be ENTRIES:HEAD, as `audit verify` printed it as note");
  }
  EXPECT_EQ(why("/nowhere", ""), "3: there is no directory /nowhere");
  EXPECT_EQ(why(dir_.path(), ""), absl::StrCat("3: ", dir_.path(), " has no audit entries"));
}

}  // namespace
}  // namespace keyturn::cli
