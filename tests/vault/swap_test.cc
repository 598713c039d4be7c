// Records that changed places, or came back from an earlier time. Each is sealed for its own place,
// so that of any two that are exchanged neither opens, though the store itself takes part in it. An
// older value of the same record opens where it was: that the store's sums find, when it was put
// back behind the store's back.
#include <set>

#include "base/status_macros.h"
#include "storage/rocks_db.h"
#include "tests/vault/vault_fixture.h"

namespace keyturn {
namespace {

class SwapTest : public VaultFixture {
 protected:
  static constexpr Family kSealed[] = {Family::kRecords, Family::kDeks, Family::kIndex,
                                       Family::kChanges};
  struct SealedRecord {
    Family family;
    std::string key, value;
    bool operator<(const SealedRecord& other) const {
      return std::tie(family, key, value) < std::tie(other.family, other.key, other.value);
    }
  };

  std::vector<SealedRecord> Everything() {
    std::vector<SealedRecord> out;
    for (const Family family : kSealed) {
      EXPECT_OK(store_->GetSnapshot()->Scan(
          family, "", "", [&](absl::string_view key, absl::string_view value) {
            out.push_back({family, std::string(key), std::string(value)});
            return true;
          }));
    }
    return out;
  }

  // A few secrets with some history. Calls `each` after every change.
  void Fill(const std::function<void()>& each) {
    for (const char* const value : {"1", "2", "3"}) {
      ASSERT_OK(Put("a", {{"v", value}}));
      each();
    }
    ASSERT_OK(Put("b/c", {{"v", "4"}}));
    each();
    ASSERT_OK(Put("b/c", {{"v", "5"}}));
    each();
    ASSERT_OK(Put("b/d", {{"v", "6"}}));
    each();
    ASSERT_OK(Delete("a", {2}));
    each();
    ASSERT_OK(Rename("b", "e", true));
    each();
  }

  // What all reads say; the name of the error where one was refused.
  std::vector<std::string> Reads() {
    std::vector<std::string> out;
    for (const char* const path : {"a", "e/c", "e/d"}) {
      for (uint64_t version = 0; version <= 3; ++version) out.push_back(Get(path, version));
    }
    out.push_back(List("", true));
    out.back() = out.back().substr(0, out.back().find(':'));
    Revision reached;
    const auto events =
        vault_->ChangesSince(*SecretPath::ParseDirectory(""), Revision(0), 100, &reached);
    std::string told = events.ok() ? "" : absl::StatusCodeToString(events.status().code());
    for (size_t i = 0; events.ok() && i < events->size(); ++i) {
      absl::StrAppend(&told, (*events)[i].path(), " ", (*events)[i].version(), "; ");
    }
    out.push_back(told);
    return out;
  }
  bool VerifyFinds() {
    const auto problems = vault_->Verify(NoProgress);
    EXPECT_OK(problems);
    return !problems->empty();
  }
  // Behind the store's back. "" stands for no record. Returns what was there.
  absl::StatusOr<std::string> Behind(const SealedRecord& record) {
    vault_.reset();
    store_.reset();
    std::string before;
    {
      ASSIGN_OR_RETURN(const std::shared_ptr<RocksDb> db,
                       RocksDb::Open({.directory = dir_.File("db")}));
      ASSIGN_OR_RETURN(const auto there, db->Get({}, record.family, record.key));
      before = there.value_or("");
      rocksdb::ColumnFamilyHandle* const family = db->family(record.family);
      RETURN_IF_ERROR(FromRocks(record.value.empty()
                                    ? db->db().Delete({}, family, record.key)
                                    : db->db().Put({}, family, record.key, record.value)));
    }
    Open();
    return before;
  }
  // Through the store, which then counts it as its own.
  void PutBoth(const SealedRecord& one, const SealedRecord& other) {
    ASSERT_OK(store_->Update([&](const View&, Batch& batch) {
      batch.Put(one.family, one.key, one.value);
      batch.Put(other.family, other.key, other.value);
      return absl::OkStatus();
    }));
    vault_->OnSealed();  // nothing of it is cached
    ASSERT_OK(vault_->OnUnsealed());
  }
};

TEST_F(SwapTest, OfAnyTwoRecordsThatAreExchangedNeitherOpens) {
  Fill([] {});
  const std::vector<std::string> right = Reads();
  const std::vector<SealedRecord> all = Everything();
  ASSERT_GT(all.size(), 25u);
  int pairs = 0;
  for (size_t i = 0; i < all.size(); ++i) {
    for (size_t j = 0; j < i; ++j, ++pairs) {
      ASSERT_NO_FATAL_FAILURE(PutBoth({all[i].family, all[i].key, all[j].value},
                                      {all[j].family, all[j].key, all[i].value}));
      const std::vector<std::string> now = Reads();
      bool refused = false;
      for (size_t read = 0; read < right.size(); ++read) {
        if (now[read] == right[read]) continue;
        refused = true;
        // The second: its first bytes name a key that there is not.
        ASSERT_TRUE(now[read] == "DATA_LOSS" || now[read] == "FAILED_PRECONDITION")
            << right[read] << " is " << now[read] << " after " << i << " and " << j;
      }
      ASSERT_TRUE(refused || VerifyFinds()) << i << " and " << j;
      ASSERT_NO_FATAL_FAILURE(PutBoth(all[i], all[j]));
    }
  }
  EXPECT_EQ(Reads(), right);
  std::printf("%d pairs of %zu records\n", pairs, all.size());
}

TEST_F(SwapTest, AnyRecordThatComesBackIsReported) {
  std::set<SealedRecord> seen;
  Fill([&] {
    for (const SealedRecord& record : Everything()) seen.insert(record);
  });
  const std::vector<SealedRecord> all = Everything();
  const std::set<SealedRecord> newest(all.begin(), all.end());
  int replays = 0;
  for (const SealedRecord& old : seen) {
    if (newest.count(old) != 0 || !IsCovered(old.family)) continue;
    ++replays;
    const std::string before = *Behind(old);
    const auto problems = store_->Verify(NoProgress);
    ASSERT_OK(problems);
    EXPECT_FALSE(problems->empty()) << static_cast<int>(old.family);
    ASSERT_OK(Behind({old.family, old.key, before}));
  }
  ExpectClean();
  EXPECT_GT(replays, 4);
}

}  // namespace
}  // namespace keyturn
