#include "auth/token_codec.h"

#include "absl/strings/match.h"
#include "base/coding.h"
#include "base/limits.h"
#include "crypto/mac.h"
#include "tests/support/keys.h"
#include "tests/support/status.h"

namespace keyturn {
namespace {

class TokenCodecTest : public testing::Test {
 protected:
  static record::v1::StatelessToken Token(size_t policy_bytes = 3) {
    record::v1::StatelessToken token;
    token.set_id(NewTokenId('b'));
    token.set_principal("token:ci");
    token.add_policies(std::string(policy_bytes, 'p'));
    token.set_expire_ms(1);
    return token;
  }
  std::string Encoded(const record::v1::StatelessToken& token) {
    const absl::StatusOr<SecretBytes> text = EncodeStateless(*keys_, token);
    EXPECT_OK(text);
    return std::string(text->ExposeForWire());
  }

  const std::shared_ptr<const KeyringSnapshot> keys_ = TestKeys();
};

TEST_F(TokenCodecTest, AnIdTellsItsKindAndIsNeverGivenTwice) {
  const std::string id = NewTokenId('b');
  EXPECT_EQ(id.size(), 4 + 32u);
  EXPECT_TRUE(IsStatelessId(id));
  EXPECT_NE(id, NewTokenId('b'));
  EXPECT_TRUE(absl::StartsWith(NewTokenId('s'), "kts-"));
  for (const std::string& bad : {NewTokenId('s'), id.substr(1), id + "00", id.substr(0, 34),
                                 id.substr(0, 35) + "g", "ktb." + id.substr(4), std::string(),
                                 std::string("ktb-"), "ktb-" + std::string(31, '0') + "A"}) {
    EXPECT_FALSE(IsStatelessId(bad)) << bad;
  }
}

TEST_F(TokenCodecTest, AStatelessTokenIsReadBackByTheVaultThatSealedItOnly) {
  const record::v1::StatelessToken token = Token();
  const std::string text = Encoded(token);
  EXPECT_TRUE(absl::StartsWith(text, "ktb."));
  EXPECT_NE(text, Encoded(token)) << "sealed with fresh randomness";
  const auto decoded = DecodeStateless(*keys_, text);
  ASSERT_TRUE(decoded.has_value());
  EXPECT_EQ(decoded->SerializeAsString(), token.SerializeAsString());
  EXPECT_FALSE(DecodeStateless(*TestKeys(), text).has_value());
  EXPECT_FALSE(DecodeStateless(*keys_, text.substr(4)).has_value());
  EXPECT_FALSE(DecodeStateless(*keys_, "kts." + text.substr(4)).has_value());
  EXPECT_FALSE(DecodeStateless(*keys_, text + "=").has_value());
  EXPECT_FALSE(DecodeStored(text).has_value());
}

TEST_F(TokenCodecTest, ATokenThatWouldBeTooLongIsNotMade) {
  size_t fits = 0;
  for (size_t step = limits::kTokenTextBytesMax; step > 0; step /= 2) {
    if (EncodeStateless(*keys_, Token(fits + step)).ok()) fits += step;
  }
  const std::string longest = Encoded(Token(fits));
  EXPECT_LE(longest.size(), limits::kTokenTextBytesMax);
  EXPECT_GT(longest.size(), limits::kTokenTextBytesMax - 4);
  EXPECT_TRUE(DecodeStateless(*keys_, longest).has_value());
  EXPECT_EQ(EncodeStateless(*keys_, Token(fits + 1)).status(),
            absl::InvalidArgumentError("the token would be longer than 2048 characters; use fewer "
                                       "or shorter policies, or make a stored token"));
}

TEST_F(TokenCodecTest, OfAStoredTokenOnlyIdAndHashAreKept) {
  ASSERT_OK_AND_ASSIGN(const NewStored made, MakeStored());
  const std::string text(made.text.ExposeForWire());
  const std::string bytes = *Base64UrlDecode(text.substr(4));
  ASSERT_EQ(bytes.size(), 16 + 32u);
  EXPECT_EQ(made.parts.id, "kts-" + HexEncode(bytes.substr(0, 16)));
  EXPECT_EQ(made.parts.secret_hash, Sha256(bytes.substr(16)));
  const auto decoded = DecodeStored(text);
  ASSERT_TRUE(decoded.has_value());
  EXPECT_EQ(decoded->id, made.parts.id);
  EXPECT_EQ(decoded->secret_hash, made.parts.secret_hash);
  ASSERT_OK_AND_ASSIGN(const NewStored other, MakeStored());
  EXPECT_NE(other.parts.id, made.parts.id);
  EXPECT_NE(other.parts.secret_hash, made.parts.secret_hash);
}

TEST_F(TokenCodecTest, AStoredTokenHasOneTextForm) {
  const std::string good = "kts." + Base64UrlEncode(std::string(48, 'x'));
  ASSERT_TRUE(DecodeStored(good).has_value());
  for (const std::string& bad :
       {good.substr(4), "ktb." + good.substr(4), "KTS." + good.substr(4), good + "=", good + " ",
        " " + good, "kts." + Base64UrlEncode(std::string(47, 'x')),
        "kts." + Base64UrlEncode(std::string(49, 'x')), std::string("kts."), std::string(),
        "kts." + std::string(limits::kTokenTextBytesMax, 'A')}) {
    EXPECT_FALSE(DecodeStored(bad).has_value()) << bad;
  }
}

}  // namespace
}  // namespace keyturn
