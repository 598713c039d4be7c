#include "keyring/keyring_codec.h"

#include <gtest/gtest.h>

#include <set>

#include "base/status_macros.h"
#include "crypto/random.h"
#include "keyring/committed_seal.h"
#include "keyturn/record/v1/keyring.pb.h"
#include "tests/support/status.h"

namespace keyturn {
namespace {

using KekRecord = record::v1::Kek;

constexpr char kFirst[] = "/d/keyring.ktn";
constexpr char kSecond[] = "/d/keyring.ktn.2";

std::set<std::string> AllKeys(const KeyringSnapshot& keys) {
  std::set<std::string> out;
  for (const SecretBytes* key :
       {&keys.active_kek().key, &keys.index_key(), &keys.record_hash_key(), &keys.token_key(),
        &keys.audit_mac_key(), &keys.audit_signing_seed(), &keys.api_key_pepper(),
        &keys.revocation_hash_key()}) {
    EXPECT_EQ(key->size(), 32u);
    out.insert(std::string(key->ExposeForCrypto()));
  }
  return out;
}

// Every key, named, so that two that were exchanged are noticed.
std::string InOrder(const KeyringSnapshot& keys) {
  return absl::StrCat(
      keys.active_kek().term.value(), "/", keys.active_kek().created_ms, "/",
      keys.active_kek().key.ExposeForCrypto(), keys.index_key().ExposeForCrypto(),
      keys.record_hash_key().ExposeForCrypto(), keys.token_key().ExposeForCrypto(),
      keys.audit_mac_key().ExposeForCrypto(), keys.audit_signing_seed().ExposeForCrypto(),
      keys.api_key_pepper().ExposeForCrypto(), keys.revocation_hash_key().ExposeForCrypto());
}

class KeyringCodecTest : public testing::Test {
 protected:
  void SetUp() override { ASSERT_OK(files_->CreateDirectory("/d", 0700)); }

  absl::Status Write(const KeyringSnapshot& keys, uint64_t generation) {
    return KeyringCodec::Write(keys, root_, generation, "/d", *files_);
  }
  absl::StatusOr<std::shared_ptr<const KeyringSnapshot>> Read() {
    ASSIGN_OR_RETURN(KeyringCodec::Opened opened, KeyringCodec::Read(vault_, root_, "/d", *files_));
    return std::move(opened.keys);
  }
  std::shared_ptr<const KeyringSnapshot> Generate() {
    return *KeyringCodec::Generate(vault_, 1234);
  }
  void Store(const char* path, const std::string& bytes) {
    ASSERT_OK(WriteFileAtomically(*files_, path, bytes, 0600));
  }
  uint64_t GenerationOf(const char* path) {
    record::v1::KeyringFile file;
    EXPECT_TRUE(file.ParseFromString(*files_->Read(path)));
    return file.generation();
  }

  // A message as the file holds it, each key of the vault being 32 times one letter.
  static record::v1::Keyring Message() {
    record::v1::Keyring message;
    AddKek(1, KekRecord::ACTIVE, &message);
    message.set_index_key(std::string(32, 'i'));
    message.set_record_hash_key(std::string(32, 'r'));
    message.set_token_key(std::string(32, 't'));
    message.set_audit_mac_key(std::string(32, 'm'));
    message.set_audit_signing_seed(std::string(32, 's'));
    message.set_api_key_pepper(std::string(32, 'p'));
    message.set_revocation_hash_key(std::string(32, 'v'));
    return message;
  }
  static KekRecord* AddKek(uint32_t term, KekRecord::State state, record::v1::Keyring* message) {
    KekRecord* const kek = message->add_keks();
    kek->set_term(term);
    kek->set_key(std::string(32, static_cast<char>('0' + term)));
    kek->set_suite(1);
    kek->set_state(state);
    return kek;
  }
  // Both copies hold these bytes, sealed as they should be.
  void StoreSealed(absl::string_view plaintext) {
    const SealHeader header{AeadSuite::kAes256Gcm, Purpose::kKeyring, KekTerm(0), 5};
    record::v1::KeyringFile file;
    file.set_format(1);
    file.set_vault_id(std::string(vault_.bytes()));
    file.set_generation(5);
    file.set_sealed(*SealCommitted(root_, header, vault_, "keyring", plaintext));
    for (const char* path : {kFirst, kSecond}) Store(path, file.SerializeAsString());
  }
  std::string Refusal(const record::v1::Keyring& message) {
    StoreSealed(message.SerializeAsString());
    const absl::Status status = Read().status();
    EXPECT_CODE(status, kDataLoss);
    return std::string(status.message());
  }

  const Uuid vault_ = RandomUuid();
  const SecretBytes root_ = *RandomSecret(32);
  const std::unique_ptr<FileSystem> files_ = NewMemoryFileSystem();
};

TEST_F(KeyringCodecTest, ANewVaultHasEightDifferentKeysAndTermOne) {
  const auto keys = Generate();
  EXPECT_EQ(AllKeys(*keys).size(), 8u);
  EXPECT_EQ(keys->vault_id(), vault_);
  EXPECT_EQ(keys->active_kek().term, KekTerm(1));
  EXPECT_EQ(keys->active_kek().created_ms, 1234);
  EXPECT_EQ(keys->FindKek(KekTerm(1)), &keys->active_kek());
  EXPECT_EQ(keys->FindKek(KekTerm(2)), nullptr);
  EXPECT_NE(InOrder(*keys), InOrder(*Generate()));
}

TEST_F(KeyringCodecTest, BothCopiesGiveBackEveryKeyInItsPlace) {
  const auto keys = Generate();
  ASSERT_OK(Write(*keys, 1));
  EXPECT_EQ(*files_->Read(kFirst), *files_->Read(kSecond));
  for (const char* lost : {kFirst, kSecond}) {
    for (const bool damaged : {false, true}) {
      std::string bytes = *files_->Read(lost);
      bytes[bytes.size() / 2] ^= 1;
      if (damaged) Store(lost, bytes);
      if (!damaged) ASSERT_OK(files_->Remove(lost));
      ASSERT_OK_AND_ASSIGN(const auto read, Read());
      EXPECT_EQ(InOrder(*read), InOrder(*keys));
      EXPECT_EQ(read->vault_id(), vault_);
      ASSERT_TRUE(files_->Exists(lost));  // it is back
      EXPECT_EQ(*files_->Read(kFirst), *files_->Read(kSecond));
    }
  }
}

TEST_F(KeyringCodecTest, ThePlainKeysAreInNoFile) {
  const auto keys = Generate();
  ASSERT_OK(Write(*keys, 1));
  const std::string bytes = *files_->Read(kFirst);
  for (const std::string& key : AllKeys(*keys)) EXPECT_EQ(bytes.find(key), std::string::npos);
}

TEST_F(KeyringCodecTest, TheNewerCopyCountsAndReplacesTheOther) {
  const auto older = Generate();
  const auto newer = Generate();
  for (const char* stale : {kFirst, kSecond}) {
    ASSERT_OK(Write(*older, 8));
    const std::string old_bytes = *files_->Read(stale);
    ASSERT_OK(Write(*newer, 9));
    Store(stale, old_bytes);
    ASSERT_OK_AND_ASSIGN(const auto read, Read());
    EXPECT_EQ(InOrder(*read), InOrder(*newer)) << stale;
    EXPECT_EQ(GenerationOf(kFirst), 10u);
    EXPECT_EQ(GenerationOf(kSecond), 10u);
  }
}

TEST_F(KeyringCodecTest, CopiesThatAgreeAreNotWrittenAgain) {
  ASSERT_OK(Write(*Generate(), 3));
  const std::string before = *files_->Read(kFirst);
  ASSERT_OK(Read());
  EXPECT_EQ(*files_->Read(kFirst), before);
  EXPECT_EQ(*files_->Read(kSecond), before);
}

TEST_F(KeyringCodecTest, NoFlippedByteGoesUnnoticed) {
  ASSERT_OK(Write(*Generate(), 1));
  const std::string good = *files_->Read(kFirst);
  for (size_t i = 0; i < good.size(); ++i) {
    std::string bad = good;
    bad[i] = static_cast<char>(bad[i] ^ 0x10);
    Store(kFirst, bad);
    Store(kSecond, bad);
    ASSERT_EQ(Read().status().code(), absl::StatusCode::kDataLoss) << i;
  }
}

TEST_F(KeyringCodecTest, AnotherRootKeyOrVaultOpensNothing) {
  ASSERT_OK(Write(*Generate(), 1));
  EXPECT_EQ(KeyringCodec::Read(RandomUuid(), root_, "/d", *files_).status(),
            absl::DataLossError("no copy of the keyring opens: /d/keyring.ktn.2 is not a keyring "
                                "of this vault"));
  const SecretBytes other = *RandomSecret(32);
  EXPECT_EQ(KeyringCodec::Read(vault_, other, "/d", *files_).status(),
            absl::DataLossError("no copy of the keyring opens: a sealed record of purpose 14 does "
                                "not open: corrupted or tampered with"));
  EXPECT_CODE(KeyringCodec::Read(vault_, root_, "/none", *files_), kDataLoss);
}

// The outer generation is not authenticated: an old copy that claims to be newer is a bad one.
TEST_F(KeyringCodecTest, AnOldCopyCannotClaimToBeNewer) {
  const auto older = Generate();
  const auto newer = Generate();
  ASSERT_OK(Write(*older, 1));
  record::v1::KeyringFile forged;
  ASSERT_TRUE(forged.ParseFromString(*files_->Read(kFirst)));
  forged.set_generation(100);
  ASSERT_OK(Write(*newer, 2));
  Store(kFirst, forged.SerializeAsString());
  ASSERT_OK_AND_ASSIGN(const auto read, Read());
  EXPECT_EQ(InOrder(*read), InOrder(*newer));
}

TEST_F(KeyringCodecTest, TheLastTermSealsOlderOnesOpenAndRetiredOnesAreGone) {
  record::v1::Keyring message = Message();
  message.mutable_keks(0)->set_state(KekRecord::RETIRED);
  AddKek(2, KekRecord::DESTROYED, &message);
  AddKek(3, KekRecord::DECRYPT_ONLY, &message);
  AddKek(4, KekRecord::ACTIVE, &message)->set_suite(2);
  StoreSealed(message.SerializeAsString());
  ASSERT_OK_AND_ASSIGN(const auto keys, Read());
  EXPECT_EQ(keys->active_kek().term, KekTerm(4));
  EXPECT_EQ(keys->active_kek().suite, AeadSuite::kXChaCha20Poly1305);
  EXPECT_EQ(keys->FindKek(KekTerm(3))->key.ExposeForCrypto(), std::string(32, '3'));
  EXPECT_EQ(keys->FindKek(KekTerm(1)), nullptr);
  EXPECT_EQ(keys->FindKek(KekTerm(2)), nullptr);
  EXPECT_EQ(keys->revocation_hash_key().ExposeForCrypto(), std::string(32, 'v'));
}

TEST_F(KeyringCodecTest, AKeyringThatLacksAPartIsRefused) {
  StoreSealed("\xff not a message");
  EXPECT_EQ(Read().status(), absl::DataLossError("the keyring does not parse"));
  record::v1::Keyring message = Message();
  message.clear_keks();
  EXPECT_EQ(Refusal(message), "the keyring does not parse");
  message = Message();
  message.mutable_keks(0)->set_state(KekRecord::RETIRED);
  EXPECT_EQ(Refusal(message), "the keyring has no active key");
  message = Message();
  message.mutable_keks(0)->set_suite(3);
  EXPECT_EQ(Refusal(message), "the keyring names an unknown cipher suite");
  message.mutable_keks(0)->set_suite(256 + 1);
  EXPECT_EQ(Refusal(message), "the keyring names an unknown cipher suite");
  for (const uint32_t next : {0, 1}) {
    message = Message();
    AddKek(1, KekRecord::ACTIVE, &message)->set_term(next);
    EXPECT_EQ(Refusal(message), "the terms of the keyring do not ascend");
  }
  message = Message();
  message.mutable_keks(0)->set_key("short");
  EXPECT_EQ(Refusal(message), "the keyring lacks a key");
  for (const auto key :
       {&record::v1::Keyring::mutable_index_key, &record::v1::Keyring::mutable_record_hash_key,
        &record::v1::Keyring::mutable_token_key, &record::v1::Keyring::mutable_audit_mac_key,
        &record::v1::Keyring::mutable_audit_signing_seed,
        &record::v1::Keyring::mutable_api_key_pepper,
        &record::v1::Keyring::mutable_revocation_hash_key}) {
    message = Message();
    (message.*key)()->pop_back();
    EXPECT_EQ(Refusal(message), "the keyring lacks a key");
  }
}

}  // namespace
}  // namespace keyturn
