// Changing the root key: which keys are asked for, which open the vault before, during and after,
// and the same with a fault at every file operation.
#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "base/status_macros.h"
#include "keyring/key_file.h"
#include "keyring/keyring.h"
#include "keyring/seal_file.h"
#include "tests/support/fault_files.h"
#include "tests/support/fault_fixture.h"
#include "tests/support/status.h"

namespace keyturn {
namespace {

using Phase = RekeyStatus::Phase;
using Type = SealSpec::Type;

constexpr int kLossesPerFault = 6;

// What the holders of one set of seals have: what each of them needs to unseal.
struct Keys {
  std::string key_file;  // bytes
  std::string passphrase;
  std::vector<std::string> shares;
};

class RekeyTest : public FaultFixture {
 protected:
  static SecretBytes Secret(absl::string_view text) { return *SecretBytes::CopyOf(text); }

  static std::vector<SealSpec> Seals(std::initializer_list<Type> types,
                                     absl::string_view passphrase = "the old passphrase") {
    std::vector<SealSpec> seals;
    for (const Type type : types) {
      SealSpec spec;
      spec.type = type;
      if (type == Type::kPassphrase) spec.passphrase = Secret(passphrase);
      if (type == Type::kShamir) spec.shares = 3, spec.threshold = 2;
      seals.push_back(std::move(spec));
    }
    return seals;
  }

  // A vault, and what opens it in old_.
  void NewVault(std::initializer_list<Type> types) {
    keyring_.reset();
    unlink(options_.key_file.c_str());
    disk_ = std::make_unique<FaultDisk>(random_());
    files_ = NewFaultFileSystem(*disk_);
    ASSERT_OK_AND_ASSIGN(keyring_, Keyring::Open(options_, *files_, clock_));
    ASSERT_OK_AND_ASSIGN(const InitResult made, keyring_->Init(Seals(types)));
    old_ = {KeyFileBytes(), "the old passphrase", {}};
    for (const SecretBytes& share : made.shares) {
      old_.shares.emplace_back(share.ExposeForCrypto());
    }
    index_key_ = std::string((*keyring_->Snapshot())->index_key().ExposeForCrypto());
  }

  std::string KeyFileBytes() {
    const auto key = ReadKeyFile(options_.key_file);
    return key.ok() ? std::string(key->ExposeForCrypto()) : "";
  }
  void PutKeyFile(const std::string& path, absl::string_view bytes) {
    unlink(path.c_str());
    if (bytes.empty()) return;
    FILE* const file = fopen(path.c_str(), "w");
    fwrite(bytes.data(), 1, bytes.size(), file);
    fclose(file);
    chmod(path.c_str(), 0400);
  }

  absl::StatusOr<RekeyStep> Give(Type type, absl::string_view secret = "") {
    return keyring_->GiveRekeyKey({type, Secret(secret)}, keyring_->rekey_status().nonce);
  }
  // Gives what is asked for from `keys` until the phase ends. The new shares go to new_.
  absl::StatusOr<bool> GiveAll(const Keys& keys) {
    const Phase phase = keyring_->rekey_status().phase;
    size_t next_share = 0;
    while (keyring_->rekey_status().phase == phase) {
      std::string name;
      for (const RekeyStatus::Seal& seal : keyring_->rekey_status().seals) {
        if (!seal.done && name.empty()) name = seal.name;
      }
      absl::StatusOr<RekeyStep> step = absl::InternalError("");
      if (name == "keyfile") step = Give(Type::kKeyFile);
      if (name == "passphrase") step = Give(Type::kPassphrase, keys.passphrase);
      if (name == "shamir") step = Give(Type::kShamir, keys.shares[next_share++]);
      if (!step.ok()) return step.status();
      for (const SecretBytes& share : step->shares) {
        new_.shares.emplace_back(share.ExposeForCrypto());
      }
      if (step->finished) return true;
    }
    return false;
  }
  // The whole change.
  absl::Status Rekey(std::vector<SealSpec> seals) {
    new_ = {"", "the new passphrase", {}};
    const bool root_only = seals.empty();
    if (root_only) new_ = old_;
    RETURN_IF_ERROR(keyring_->StartRekey(std::move(seals)).status());
    ASSIGN_OR_RETURN(bool finished, GiveAll(old_));
    if (!finished) {
      ASSIGN_OR_RETURN(finished, GiveAll(new_));
    }
    return finished ? absl::OkStatus() : absl::InternalError("not finished");
  }

  // With files opened afresh; whatever comes of it.
  std::unique_ptr<Keyring> Unseal(const Keys& keys, Type type) {
    auto keyring = Keyring::Open(options_, *files_, clock_);
    EXPECT_OK(keyring);
    absl::Status status;
    if (type == Type::kKeyFile) status = (*keyring)->UnsealWithKeyFile(Revision(0));
    if (type == Type::kPassphrase) {
      status = (*keyring)->UnsealWithPassphrase(Secret(keys.passphrase), Revision(0));
    }
    for (size_t i = 0; type == Type::kShamir && i < 2 && i < keys.shares.size(); ++i) {
      if (!status.ok()) break;
      status = (*keyring)->UnsealWithShare(Secret(keys.shares[i]), "", Revision(0));
    }
    EXPECT_TRUE(status.ok() || (*keyring)->status().sealed) << status;
    return *std::move(keyring);
  }
  // Every way in that `keys` have must work, or none.
  bool Opens(const Keys& keys, std::initializer_list<Type> types) {
    int opened = 0;
    for (const Type type : types) {
      const std::unique_ptr<Keyring> keyring = Unseal(keys, type);
      if (keyring->status().sealed) continue;
      EXPECT_EQ((*keyring->Snapshot())->index_key().ExposeForCrypto(), index_key_);
      ++opened;
    }
    EXPECT_TRUE(opened == 0 || opened == static_cast<int>(types.size())) << opened;
    return opened > 0;
  }

  SimulatedClock clock_;
  std::unique_ptr<FaultDisk> disk_;
  std::unique_ptr<FileSystem> files_;
  std::unique_ptr<Keyring> keyring_;
  Keys old_, new_;
  std::string index_key_;
};

TEST_F(RekeyTest, NewSharesReplaceOldOnes) {
  NewVault({Type::kShamir});
  const std::string before = *files_->Read("/data/keyring.ktn");
  const std::string seal_before = *files_->Read("/data/seal.ktn");
  ASSERT_OK_AND_ASSIGN(RekeyStatus status, keyring_->StartRekey(Seals({Type::kShamir})));
  EXPECT_EQ(status.phase, Phase::kAuthorize);
  EXPECT_TRUE(status.any_is_enough);
  EXPECT_FALSE(status.root_key_only);
  EXPECT_EQ(status.nonce.size(), 16u);

  ASSERT_OK_AND_ASSIGN(RekeyStep step, Give(Type::kShamir, old_.shares[0]));
  EXPECT_TRUE(step.shares.empty()) << "one share alone is no proof";
  EXPECT_EQ(step.status.seals[0].shares_given, 1);
  ASSERT_OK_AND_ASSIGN(step, Give(Type::kShamir, old_.shares[2]));
  EXPECT_EQ(step.status.phase, Phase::kVerify);
  EXPECT_FALSE(step.status.any_is_enough);
  ASSERT_EQ(step.shares.size(), 3u);
  for (const SecretBytes& share : step.shares) new_.shares.emplace_back(share.ExposeForCrypto());
  EXPECT_EQ(*files_->Read("/data/seal.ktn"), seal_before) << "not before they were typed back";
  EXPECT_TRUE(Opens(old_, {Type::kShamir}));
  EXPECT_FALSE(Opens(new_, {Type::kShamir}));

  EXPECT_EQ(Give(Type::kShamir, old_.shares[1]).status().message(),
            "the share belongs to another vault or an older seal");
  ASSERT_OK(Give(Type::kShamir, new_.shares[1]));
  ASSERT_OK_AND_ASSIGN(step, Give(Type::kShamir, new_.shares[2]));
  EXPECT_TRUE(step.finished);
  EXPECT_EQ(keyring_->rekey_status().phase, Phase::kNone);
  EXPECT_FALSE(Opens(old_, {Type::kShamir}));
  EXPECT_TRUE(Opens(new_, {Type::kShamir}));

  // Who has an old copy of seal.ktn, and the old shares, has the old root key: it opens nothing of
  // today.
  ASSERT_OK(WriteFileAtomically(*files_, "/data/seal.ktn", seal_before, 0600));
  EXPECT_FALSE(Opens(old_, {Type::kShamir}));
  ASSERT_OK(WriteFileAtomically(*files_, "/data/keyring.ktn", before, 0600));
  EXPECT_TRUE(Opens(old_, {Type::kShamir})) << "or this test shows nothing";
}

TEST_F(RekeyTest, AnySealAuthorisesAndEveryNewOneIsVerified) {
  const auto all = {Type::kKeyFile, Type::kPassphrase, Type::kShamir};
  for (const Type by : all) {
    SCOPED_TRACE(static_cast<int>(by));
    NewVault(all);
    new_ = {"", "the new passphrase", {}};
    ASSERT_OK(keyring_->StartRekey(Seals(all, new_.passphrase)));
    absl::StatusOr<RekeyStep> step = absl::InternalError("");
    if (by == Type::kShamir) ASSERT_OK(Give(by, old_.shares[0]));
    step = Give(by, by == Type::kShamir       ? old_.shares[1]
                    : by == Type::kPassphrase ? old_.passphrase
                                              : "");
    ASSERT_OK(step);
    EXPECT_EQ(step->status.phase, Phase::kVerify);
    ASSERT_EQ(step->status.seals.size(), 3u);
    EXPECT_TRUE(step->status.seals[0].done) << "the server reads its key file back by itself";
    for (const SecretBytes& share : step->shares) {
      new_.shares.emplace_back(share.ExposeForCrypto());
    }
    EXPECT_CODE(Give(Type::kPassphrase, old_.passphrase), kUnauthenticated);
    ASSERT_OK_AND_ASSIGN(const bool finished, GiveAll(new_));
    EXPECT_TRUE(finished);
    EXPECT_NE(KeyFileBytes(), old_.key_file);
    EXPECT_FALSE(std::filesystem::exists(NextKeyFile(options_.key_file)));
    EXPECT_FALSE(Opens(old_, {Type::kPassphrase, Type::kShamir}));
    EXPECT_TRUE(Opens(new_, all));
  }
}

TEST_F(RekeyTest, TheRootKeyAloneChangesUnderTheSameSeals) {
  const auto all = {Type::kKeyFile, Type::kPassphrase, Type::kShamir};
  NewVault(all);
  const std::string seal_before = *files_->Read("/data/seal.ktn");
  ASSERT_OK_AND_ASSIGN(const RekeyStatus status, keyring_->StartRekey({}));
  EXPECT_TRUE(status.root_key_only);
  EXPECT_FALSE(status.any_is_enough) << "each slot must be made again";
  new_ = old_;
  ASSERT_OK_AND_ASSIGN(const bool finished, GiveAll(old_));
  EXPECT_TRUE(finished);
  EXPECT_TRUE(new_.shares == old_.shares);
  EXPECT_EQ(KeyFileBytes(), old_.key_file);
  EXPECT_TRUE(Opens(old_, all));
  ASSERT_OK(WriteFileAtomically(*files_, "/data/seal.ktn", seal_before, 0600));
  EXPECT_FALSE(Opens(old_, all)) << "the root key is another one";
}

TEST_F(RekeyTest, WrongKeysAndStrangersAreRefused) {
  NewVault({Type::kPassphrase, Type::kShamir});
  EXPECT_EQ(Give(Type::kPassphrase, "x").status().message(),
            "no change of the root key is under way; start one: keyturn operator rekey start");
  EXPECT_CODE(keyring_->StartRekey(Seals({Type::kShamir, Type::kShamir})), kInvalidArgument);
  EXPECT_CODE(keyring_->StartRekey(Seals({Type::kPassphrase}, "short")), kInvalidArgument);
  EXPECT_EQ(keyring_->rekey_status().phase, Phase::kNone) << "a refused start starts nothing";

  ASSERT_OK(keyring_->StartRekey(Seals({Type::kPassphrase}, "the new passphrase")));
  EXPECT_CODE(keyring_->StartRekey({}), kFailedPrecondition);
  EXPECT_CODE(keyring_->GiveRekeyKey({Type::kPassphrase, Secret(old_.passphrase)}, "0123"),
              kInvalidArgument);
  EXPECT_EQ(Give(Type::kKeyFile).status().message(),
            "no key of a keyfile seal is asked for now; asked for: passphrase, shamir");
  EXPECT_CODE(Give(Type::kPassphrase, "the new passphrase"), kUnauthenticated);
  ASSERT_OK(Give(Type::kShamir, old_.shares[0]));
  EXPECT_CODE(Give(Type::kShamir, old_.shares[0]), kInvalidArgument);
  EXPECT_OK(keyring_->CancelRekey());
  EXPECT_EQ(keyring_->rekey_status().phase, Phase::kNone);
  EXPECT_TRUE(Opens(old_, {Type::kPassphrase, Type::kShamir}));
}

// Whoever cancels too late must not throw the new keys away.
TEST_F(RekeyTest, NoneIsCancelledWhenNoneIsUnderWay) {
  const auto refusal = [this] {
    const absl::Status refused = keyring_->CancelRekey();
    EXPECT_CODE(refused, kFailedPrecondition);
    return std::string(refused.message());
  };
  constexpr char kFinished[] = "the last one was finished and is in force";
  NewVault({Type::kShamir});
  EXPECT_THAT(refusal(), testing::Not(testing::HasSubstr(kFinished)));
  ASSERT_OK(Rekey(Seals({Type::kShamir})));
  EXPECT_THAT(refusal(), testing::HasSubstr(kFinished));
  EXPECT_TRUE(Opens(new_, {Type::kShamir}));
  // Of one that was cancelled after it the keys are worthless.
  ASSERT_OK(keyring_->StartRekey({}));
  ASSERT_OK(keyring_->CancelRekey());
  EXPECT_THAT(refusal(), testing::HasSubstr("if one was finished"));
}

TEST_F(RekeyTest, SealingEndsIt) {
  NewVault({Type::kPassphrase});
  ASSERT_OK(keyring_->StartRekey({}));
  keyring_->Seal();
  EXPECT_EQ(keyring_->rekey_status().phase, Phase::kNone);
  EXPECT_CODE(keyring_->StartRekey({}), kFailedPrecondition);
  EXPECT_CODE(Give(Type::kPassphrase, old_.passphrase), kFailedPrecondition);
}

TEST_F(RekeyTest, AForeignKeyFileIsNotReplaced) {
  NewVault({Type::kPassphrase});
  PutKeyFile(options_.key_file, std::string(32, 'f'));
  EXPECT_CODE(keyring_->StartRekey(Seals({Type::kKeyFile})), kFailedPrecondition);
  EXPECT_EQ(KeyFileBytes(), std::string(32, 'f'));
  unlink(options_.key_file.c_str());
  ASSERT_OK(Rekey(Seals({Type::kKeyFile})));
  EXPECT_TRUE(Opens({}, {Type::kKeyFile}));
}

TEST_F(RekeyTest, ACancelledOneLeavesNoKeyFileBehind) {
  NewVault({Type::kKeyFile, Type::kPassphrase});
  ASSERT_OK(keyring_->StartRekey(Seals({Type::kKeyFile, Type::kPassphrase}, "another passphrase")));
  EXPECT_TRUE(std::filesystem::exists(NextKeyFile(options_.key_file)));
  EXPECT_OK(keyring_->CancelRekey());
  EXPECT_FALSE(std::filesystem::exists(NextKeyFile(options_.key_file)));
  EXPECT_EQ(KeyFileBytes(), old_.key_file);
}

// The last of the four writes is missing: seal.ktn is new, the key file has the old name.
TEST_F(RekeyTest, ANewKeyFileThatHasNotItsNameYetIsFound) {
  NewVault({Type::kKeyFile});
  ASSERT_OK(Rekey(Seals({Type::kKeyFile})));
  const std::string fresh = KeyFileBytes();
  for (const bool old_one_there : {true, false}) {
    SCOPED_TRACE(old_one_there);
    PutKeyFile(NextKeyFile(options_.key_file), fresh);
    PutKeyFile(options_.key_file, old_one_there ? old_.key_file : "");
    EXPECT_TRUE(Opens({}, {Type::kKeyFile}));
    EXPECT_EQ(KeyFileBytes(), fresh);
    EXPECT_FALSE(std::filesystem::exists(NextKeyFile(options_.key_file)));
  }
  // One that is left from a change that came to nothing is not taken for it.
  PutKeyFile(NextKeyFile(options_.key_file), std::string(32, 'x'));
  EXPECT_TRUE(Opens({}, {Type::kKeyFile}));
  EXPECT_EQ(KeyFileBytes(), fresh);
}

TEST_F(RekeyTest, OtherKeysTurnMeanwhile) {
  NewVault({Type::kPassphrase});
  ASSERT_OK(keyring_->StartRekey(Seals({Type::kPassphrase}, "the new passphrase")));
  ASSERT_OK(keyring_->RotateKek(AeadSuite::kAes256Gcm, false));
  ASSERT_OK(Give(Type::kPassphrase, old_.passphrase));
  ASSERT_OK(keyring_->RotateKek(AeadSuite::kAes256Gcm, false));
  ASSERT_OK_AND_ASSIGN(const RekeyStep step, Give(Type::kPassphrase, "the new passphrase"));
  EXPECT_TRUE(step.finished);
  ASSERT_OK(keyring_->RotateKek(AeadSuite::kAes256Gcm, false));
  ASSERT_OK_AND_ASSIGN(const auto again, Keyring::Open(options_, *files_, clock_));
  ASSERT_OK(again->UnsealWithPassphrase(Secret("the new passphrase"), Revision(0)));
  EXPECT_EQ(again->status().kek_term, KekTerm(4));
}

TEST_F(RekeyTest, ANewKeyFileGetsItsNameWhicheverSealOpens) {
  NewVault({Type::kKeyFile, Type::kPassphrase});
  ASSERT_OK(Rekey(Seals({Type::kKeyFile, Type::kPassphrase}, "the new passphrase")));
  const std::string fresh = KeyFileBytes();
  PutKeyFile(NextKeyFile(options_.key_file), fresh);
  PutKeyFile(options_.key_file, old_.key_file);
  keyring_ = Unseal(new_, Type::kPassphrase);
  EXPECT_EQ(KeyFileBytes(), fresh);
  // The same when the server went on and another change begins.
  PutKeyFile(NextKeyFile(options_.key_file), fresh);
  PutKeyFile(options_.key_file, old_.key_file);
  ASSERT_OK(keyring_->StartRekey(Seals({Type::kKeyFile})));
  EXPECT_OK(keyring_->CancelRekey());
  EXPECT_EQ(KeyFileBytes(), fresh);
  EXPECT_TRUE(Opens(new_, {Type::kKeyFile, Type::kPassphrase}));
}

// Whatever a fault left behind of the first change, a second one by the same server, itself cut off
// by a power cut, leaves one set of keys that opens the vault, and not that of two changes ago.
TEST_F(RekeyTest, ASecondChangeAfterAFaultInTheFirst) {
  int runs = 0, second_done = 0, refused = 0;
  for (const DiskFault fault : {DiskFault::kError, DiskFault::kNoSpace}) {
    bool finished = false;
    for (uint64_t n = 1; !finished; ++n) {
      for (uint64_t cut = 1; cut <= 24; cut += 1 + random_() % 3) {
        SCOPED_TRACE(absl::StrCat("operation ", n, ", fault ", static_cast<int>(fault),
                                  ", the second cut at ", cut));
        NewVault({Type::kPassphrase});
        if (HasFatalFailure()) return;
        disk_->FailAt(n, fault);
        const absl::Status first = Rekey(Seals({Type::kPassphrase}, "the new passphrase"));
        finished = !disk_->fault_hit();
        disk_->ClearFault();
        const Keys oldest = old_, middle = new_;
        if (first.ok()) old_ = middle;
        disk_->FailAt(cut, DiskFault::kPowerOff);
        new_ = {"", "the third passphrase", {}};
        absl::Status second =
            keyring_->StartRekey(Seals({Type::kPassphrase}, new_.passphrase)).status();
        if (second.ok()) second = GiveAll(old_).status();
        if (second.ok()) second = GiveAll(new_).status();
        EXPECT_TRUE(second.ok() || disk_->fault_hit()) << first << "; " << second;
        keyring_.reset();
        disk_->ClearFault();
        disk_->PowerOff();
        disk_->PowerOn();

        const bool by_oldest = Opens(oldest, {Type::kPassphrase});
        const bool by_middle = Opens(middle, {Type::kPassphrase});
        const bool by_new = Opens(new_, {Type::kPassphrase});
        EXPECT_EQ(by_oldest + by_middle + by_new, 1) << first << "; " << second;
        if (first.ok()) {
          EXPECT_FALSE(by_oldest) << "revoked keys open the vault again";
        }
        if (second.ok()) {
          EXPECT_TRUE(by_new);
        }
        if (HasFailure()) return;
        ++runs;
        second_done += second.ok() ? 1 : 0;
        refused += second.ok() ? 0 : 1;
      }
    }
  }
  std::printf("%d runs, the second change was done in %d and cut off in %d\n", runs, second_done,
              refused);
  EXPECT_GT(second_done, 0);
  EXPECT_GT(refused, 0);
}

struct Change {
  std::string name;
  std::vector<Type> from, to;  // to: empty for the root key alone
};

class RekeyFaultTest : public RekeyTest, public testing::WithParamInterface<int> {
 protected:
  static const std::vector<Change>& Changes() {
    static const auto* const changes = new std::vector<Change>{
        {"shares for shares", {Type::kShamir}, {Type::kShamir}},
        {"shares for a passphrase", {Type::kPassphrase}, {Type::kShamir}},
        {"root key alone", {Type::kPassphrase, Type::kShamir}, {}},
    };
    return *changes;
  }
};

TEST_P(RekeyFaultTest, AFaultAtAnyOperationLeavesOneSetOfKeysThatOpens) {
  const Change& change = Changes()[static_cast<size_t>(GetParam())];
  const bool root_only = change.to.empty();
  int in_force = 0, runs = 0, unsure = 0;
  for (const DiskFault fault : kDiskFaults) {
    bool finished = false;
    for (uint64_t n = 1; !finished; ++n) {
      for (int loss = 0; loss < kLossesPerFault; ++loss) {
        SCOPED_TRACE(absl::StrCat(change.name, ", operation ", n, ", fault ",
                                  static_cast<int>(fault), ", loss ", loss));
        if (change.from.size() == 1) {
          NewVault({change.from[0]});
        } else {
          NewVault({change.from[0], change.from[1]});
        }
        if (HasFatalFailure()) return;
        const std::string wrapped_before =
            ReadSealFile(*files_, "/data")->slots(0).wrapped_root_key();
        disk_->FailAt(n, fault);
        const absl::Status done =
            Rekey(root_only ? std::vector<SealSpec>() : Seals({change.to[0]}));
        finished = !disk_->fault_hit();
        if (finished) {
          EXPECT_OK(done);
        }
        disk_->ClearFault();
        bool went_on = false;
        if (fault != DiskFault::kPowerOff && loss % 2 == 0) {
          // The server goes on, and what it writes is under the root key it has.
          went_on = keyring_->RotateKek(AeadSuite::kAes256Gcm, false).ok();
          EXPECT_TRUE(went_on);
        }
        keyring_.reset();
        disk_->PowerOff();
        disk_->PowerOn();

        const auto opens = [&](const Keys& keys, const std::vector<Type>& types) {
          return types.size() == 1 ? Opens(keys, {types[0]}) : Opens(keys, {types[0], types[1]});
        };
        const std::vector<Type>& to = root_only ? change.from : change.to;
        // The power goes again while an unseal ends the change.
        disk_->FailAt(1 + random_() % 8, DiskFault::kPowerOff);
        if (loss % 3 != 0) loss % 3 == 1 ? Unseal(old_, change.from[0]) : Unseal(new_, to[0]);
        disk_->ClearFault();
        disk_->PowerOff();
        disk_->PowerOn();

        bool by_old = opens(old_, change.from);
        bool by_new = opens(new_, to);
        EXPECT_TRUE(by_old || by_new) << done;
        ASSERT_OK_AND_ASSIGN(const auto seal, ReadSealFile(*files_, "/data"));
        EXPECT_TRUE(seal.next_slots().empty()) << "an unseal has ended the change";
        if (root_only) {  // the same keys open either root key
          by_new = seal.slots(0).wrapped_root_key() != wrapped_before;
          by_old = !by_new;
        }
        EXPECT_NE(by_old, by_new) << done;
        if (done.ok()) {
          EXPECT_TRUE(by_new);
        }
        if (!done.ok() && went_on) {
          EXPECT_TRUE(by_old);
        }
        if (HasFailure()) return;
        ++runs;
        in_force += by_new ? 1 : 0;
        unsure += !done.ok() && by_new ? 1 : 0;
      }
    }
  }
  std::printf("%s: %d runs, the new keys in force after %d, after %d of them unannounced\n",
              change.name.c_str(), runs, in_force, unsure);
  EXPECT_GT(runs, 4 * 10 * kLossesPerFault);
  EXPECT_LT(in_force, runs);
}

INSTANTIATE_TEST_SUITE_P(Changes, RekeyFaultTest, testing::Values(0, 1, 2));

}  // namespace
}  // namespace keyturn
