#include "vault/page_token.h"

#include <gtest/gtest.h>

#include "base/coding.h"
#include "keyring/committed_seal.h"
#include "tests/support/keys.h"
#include "tests/support/status.h"

namespace keyturn {
namespace {

class PageTokenTest : public testing::Test {
 protected:
  // Of this vault, whatever is in it.
  std::string Sealed(absl::string_view plain) {
    SealHeader header;
    header.purpose = Purpose::kPageToken;
    return Base64UrlEncode(
        *SealCommitted(keys_->token_key(), header, keys_->vault_id(), "list", plain));
  }

  const std::shared_ptr<const KeyringSnapshot> keys_ = TestKeys();
};

TEST_F(PageTokenTest, APositionComesBackForItsRequest) {
  WalkPosition position;
  position.levels = {{"app/", false}, {"db", true}};
  ASSERT_OK_AND_ASSIGN(const std::string token, EncodePageToken(*keys_, "list", position));
  ASSERT_OK_AND_ASSIGN(const WalkPosition read, DecodePageToken(*keys_, "list", token));
  ASSERT_EQ(read.levels.size(), 2u);
  EXPECT_EQ(read.levels[0].name, "app/");
  EXPECT_FALSE(read.levels[0].by_key);
  EXPECT_EQ(read.levels[1].name, "db");
  EXPECT_TRUE(read.levels[1].by_key);
  EXPECT_CODE(DecodePageToken(*keys_, "another list", token), kInvalidArgument);
  EXPECT_CODE(DecodePageToken(*TestKeys(), "list", token), kInvalidArgument);
}

TEST_F(PageTokenTest, AnEmptyTokenIsTheStart) {
  ASSERT_OK_AND_ASSIGN(const WalkPosition read, DecodePageToken(*keys_, "list", ""));
  EXPECT_TRUE(read.levels.empty());
}

TEST_F(PageTokenTest, WhatEncodeDoesNotMakeIsRefused) {
  const std::string name("\0\0\0\1a", 5);
  EXPECT_OK(DecodePageToken(*keys_, "list", Sealed(std::string(1, '\1') + name)));
  for (const std::string& plain : {std::string(1, '\2') + name, std::string(1, '\1'),
                                   name.substr(1), std::string(1, '\1') + name.substr(0, 4)}) {
    EXPECT_CODE(DecodePageToken(*keys_, "list", Sealed(plain)), kInvalidArgument);
  }
  EXPECT_CODE(DecodePageToken(*keys_, "list", "not a token"), kInvalidArgument);
}

}  // namespace
}  // namespace keyturn
