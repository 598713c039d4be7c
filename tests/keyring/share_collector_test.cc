#include "keyring/share_collector.h"

#include <gtest/gtest.h>

#include "crypto/random.h"
#include "keyring/share_text.h"
#include "tests/support/status.h"

namespace keyturn {
namespace {

class ShareCollectorTest : public testing::Test {
 protected:
  // A slot of any 2 of 3, and its shares in their text form.
  static record::v1::SealSlot Slot(const std::string& id, const SecretBytes& key,
                                   std::vector<SecretBytes>* texts) {
    record::v1::SealSlot slot;
    slot.set_id(id);
    slot.set_threshold(2);
    std::vector<ShamirShare> shares = *ShamirSplit(key, 3, 2);
    for (ShamirShare& share : shares) {
      texts->push_back(*EncodeShare({id.substr(0, 4), 2, std::move(share)}));
    }
    return slot;
  }

  void SetUp() override {
    key_ = *RandomSecret(32);
    slot_ = Slot("AAAA-the-first--", key_, &texts_);
  }

  SecretBytes key_;
  record::v1::SealSlot slot_;
  std::vector<SecretBytes> texts_;
  ShareCollector collector_;
};

TEST_F(ShareCollectorTest, GivesTheKeyWithTheLastShareAndForgetsThem) {
  ASSERT_OK_AND_ASSIGN(std::optional<SecretBytes> key, collector_.Add(slot_, texts_[2]));
  EXPECT_FALSE(key.has_value());
  EXPECT_EQ(collector_.given(), 1);
  ASSERT_OK_AND_ASSIGN(key, collector_.Add(slot_, texts_[0]));
  ASSERT_TRUE(key.has_value());
  EXPECT_TRUE(*key == key_);
  EXPECT_EQ(collector_.given(), 0);
}

TEST_F(ShareCollectorTest, TakesAShareOnce) {
  ASSERT_OK(collector_.Add(slot_, texts_[1]));
  EXPECT_EQ(collector_.Add(slot_, texts_[1]).status().message(),
            "this share was given already; give another one");
  EXPECT_EQ(collector_.given(), 1);
}

TEST_F(ShareCollectorTest, TakesSharesOfOneSlotAtATime) {
  std::vector<SecretBytes> others;
  // As if two seals had the same first bytes.
  const record::v1::SealSlot twin = Slot("AAAA-the-second-", key_, &others);
  ASSERT_OK(collector_.Add(slot_, texts_[0]));
  EXPECT_EQ(collector_.Add(twin, others[1]).status().message(),
            "the shares given so far belong to another seal");
  const record::v1::SealSlot stranger = Slot("BBBB-the-third--", key_, &others);
  EXPECT_EQ(collector_.Add(stranger, texts_[1]).status().message(),
            "the share belongs to another vault or an older seal");
  collector_.Clear();
  EXPECT_OK(collector_.Add(twin, others[1]));
}

}  // namespace
}  // namespace keyturn
