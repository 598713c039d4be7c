// The worked example of docs/FORMAT.md, opened by the code, and the same for a vault that is made
// here: so the example is true of what is written today. When a format changes, run
// docs_test --gtest_filter=FormatExample.IsWhatTheCodeWrites with KEYTURN_PRINT_EXAMPLE=1, and put
// what it prints into the document.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdio>
#include <cstdlib>
#include <map>

#include "absl/strings/ascii.h"
#include "absl/strings/str_split.h"
#include "audit/audit_log.h"
#include "audit/chain.h"
#include "audit/segments.h"
#include "base/coding.h"
#include "crypto/signature.h"
#include "keyring/anchor.h"
#include "keyring/envelope.h"
#include "keyring/keyring.h"
#include "storage/accumulators.h"
#include "storage/rocks_store.h"
#include "storage/schema.h"
#include "tests/support/status.h"
#include "tests/support/temp_dir.h"
#include "vault/fields.h"
#include "vault/records.h"
#include "vault/vault.h"

namespace keyturn {
namespace {

// Name -> bytes.
using Example = std::map<std::string, std::string>;

constexpr char kPassphrase[] = "correct horse battery staple";
constexpr char kSegment[] = "audit-00000000000000000001.ktl";
constexpr char kKeyFile[] = "unseal.key";

std::string TheDocument() {
  const char* const source = std::getenv("KEYTURN_SOURCE");
  return *FileSystem::Posix().Read(
      absl::StrCat(source == nullptr ? "." : source, "/docs/FORMAT.md"));
}

// Lines "name = hex" of the first block that starts with "```hex"; hexadecimal goes on in lines
// that start with a space.
Example ReadExample(const std::string& document) {
  Example out;
  const std::pair<std::string, std::string> before =
      absl::StrSplit(document, absl::MaxSplits("\n```hex\n", 1));
  const std::pair<std::string, std::string> block =
      absl::StrSplit(before.second, absl::MaxSplits("\n```\n", 1));
  std::string name;
  std::map<std::string, std::string> hex;
  for (const absl::string_view line : absl::StrSplit(block.first, '\n')) {
    if (!line.empty() && line.front() != ' ') {
      const std::pair<absl::string_view, absl::string_view> parts = absl::StrSplit(line, " =");
      name = std::string(parts.first);
      absl::StrAppend(&hex[name], absl::StripAsciiWhitespace(parts.second));
    } else {
      absl::StrAppend(&hex[name], absl::StripAsciiWhitespace(line));
    }
  }
  for (const auto& [item, text] : hex) {
    const std::optional<std::string> bytes = HexDecode(text);
    EXPECT_TRUE(bytes.has_value()) << item;
    out[item] = bytes.value_or("");
  }
  return out;
}

std::string Print(const Example& example) {
  std::string out;
  for (const auto& [name, bytes] : example) {
    absl::StrAppend(&out, name, " =\n");
    const std::string hex = HexEncode(bytes);
    for (size_t i = 0; i < hex.size(); i += 96) {
      absl::StrAppend(&out, "  ", hex.substr(i, 96), "\n");
    }
  }
  return out;
}

KeyringOptions OptionsIn(const TempDir& dir) {
  return {.directory = dir.path(),
          .key_file = dir.File(kKeyFile),
          .anchor_file = dir.File("anchor.ktn"),
          .argon2 = {1, 64 * 1024}};
}

// A vault with one secret, app/db, and everything that is on its disk.
class Maker {
 public:
  Example Make() {
    std::string key(32, '\0');
    for (size_t i = 0; i < key.size(); ++i) key[i] = static_cast<char>(i);
    EXPECT_OK(WriteFileAtomically(files_, dir_.File(kKeyFile), key, 0400));
    Init();
    EXPECT_OK(keyring_->WriteAnchor(Write()));
    for (const char* const name : {kKeyFile, "seal.ktn", "keyring.ktn", "anchor.ktn"}) {
      out_[name] = *files_.Read(dir_.File(name));
    }
    const KeyringSnapshot& keys = **keyring_->Snapshot();
    const std::string app = EntryKey(keys, Uuid(), "app", true);
    Take(Family::kIndex, app, "app/");
    const Uuid directory = OpenEntry(keys, app, out_["app/ value"])->uuid;
    const std::string db = EntryKey(keys, directory, "db", false);
    Take(Family::kIndex, db, "db");
    const std::string uuid(OpenEntry(keys, db, out_["db value"])->uuid.bytes());
    Take(Family::kDeks, schema::DekKey(*Uuid::FromBytes(uuid), SecretVersion(1)), "dek");
    Take(Family::kRecords, schema::DirectoryKey(directory), "directory");
    Take(Family::kRecords, schema::SecretMetadataKey(*Uuid::FromBytes(uuid)), "metadata");
    Take(Family::kRecords, schema::PayloadKey(*Uuid::FromBytes(uuid), SecretVersion(1)), "payload");
    Take(Family::kMeta, schema::AccumulatorKey(static_cast<uint8_t>(uuid[0])), "accumulator");
    Take(Family::kMeta, "revision", "revision");
    Take(Family::kChanges, schema::RevisionKey(Revision(1)), "change");
    return out_;
  }

 private:
  void Init() {
    keyring_ = *Keyring::Open(OptionsIn(dir_), files_, clock_);
    std::vector<SealSpec> seals(3);
    seals[1].type = SealSpec::Type::kPassphrase;
    seals[1].passphrase = *SecretBytes::CopyOf(kPassphrase);
    seals[2].type = SealSpec::Type::kShamir;
    seals[2].shares = 3;
    seals[2].threshold = 2;
    const absl::StatusOr<InitResult> made = keyring_->Init(std::move(seals));
    ASSERT_OK(made);
    out_["share 1"] = std::string(made->shares[0].ExposeForWire());
    out_["share 3"] = std::string(made->shares[2].ExposeForWire());
  }

  // One Put with its audit entry, and a checkpoint.
  Revision Write() {
    const auto keys = *keyring_->Snapshot();
    store_ = *OpenRocksStore({.directory = "/store", .in_memory = true}, clock_);
    std::unique_ptr<AuditLog> log = *AuditLog::Open(
        {.directory = dir_.File("audit"), .accept_rollback = ""}, files_, *store_, clock_);
    const std::unique_ptr<Vault> vault = Vault::Create(*store_, *keyring_, clock_);
    store_->SetCommitListener(
        [&log](absl::Span<const CommittedUpdate> group) { log->OnCommitted(group); });
    store_->SetRecordHasher(NewRecordHasher(*keys));
    log->SetKeys(keys);
    EXPECT_OK(vault->OnUnsealed());
    AuditEvent event;
    event.time = clock_.Now();
    event.event = "secret_written";
    event.principal = "root";
    event.auth_method = "root-token";
    event.method = "/keyturn.v1.SecretService/Put";
    event.resource = "app/db";
    event.source = "127.0.0.1:50000";
    event.correlation_id = "example";
    AuditedUpdater updater(*store_, *log, event);
    PutParams params;
    params.path = *SecretPath::Parse("app/db");
    params.principal = "root";
    const FieldView field{"password", 1, "hunter2"};
    const auto put = vault->Put(updater, params, *EncodeFields({&field, 1}));
    EXPECT_OK(put);
    log->SetKeys(nullptr);  // writes the checkpoint
    store_->SetCommitListener(nullptr);
    out_[kSegment] = *files_.Read(dir_.File(absl::StrCat("audit/", kSegment)));
    return put->revision;
  }

  void Take(Family family, const std::string& key, const std::string& name) {
    out_[name + " key"] = key;
    out_[name + " value"] = store_->Newest().Get(family, key)->value_or("");
  }

  SimulatedClock clock_;
  const TempDir dir_;
  FileSystem& files_ = FileSystem::Posix();
  std::unique_ptr<Keyring> keyring_;
  std::unique_ptr<Store> store_;
  Example out_;
};

// Opens an example with the code, and says what is in it.
class Opener {
 public:
  explicit Opener(Example example) : example_(std::move(example)) {
    for (const char* const name : {"seal.ktn", "keyring.ktn", "anchor.ktn"}) Put(name, 0600);
    Put(kKeyFile, 0400);
    keyring_ = *Keyring::Open(OptionsIn(dir_), files_, clock_);
  }

  void ExpectTheKeyring() {
    ASSERT_OK(keyring_->UnsealWithKeyFile(Revision(1)));
    keys_ = *keyring_->Snapshot();
    EXPECT_EQ(keyring_->status().seals,
              (std::vector<std::string>{"keyfile", "passphrase", "shamir"}));
    EXPECT_EQ(keys_->active_kek().term, KekTerm(1));
    keyring_->Seal();
    ASSERT_OK(keyring_->UnsealWithPassphrase(*SecretBytes::CopyOf(kPassphrase), Revision(1)));
    EXPECT_TRUE((*keyring_->Snapshot())->active_kek().key == keys_->active_kek().key);
    keyring_->Seal();
    for (const char* const name : {"share 1", "share 3"}) {
      ASSERT_OK(keyring_->UnsealWithShare(*SecretBytes::CopyOf(example_[name]), "", Revision(1)));
    }
    EXPECT_TRUE((*keyring_->Snapshot())->active_kek().key == keys_->active_kek().key);
    // The anchor has seen revision 1.
    Put("anchor.ktn", 0600);
    EXPECT_OK(CheckAnchor(files_, dir_.File("anchor.ktn"), *keys_, Revision(1)));
    EXPECT_CODE(CheckAnchor(files_, dir_.File("anchor.ktn"), *keys_, Revision(0)),
                kFailedPrecondition);
  }

  void ExpectTheSecret() {
    ASSERT_NE(keys_, nullptr);
    EXPECT_EQ(example_["app/ key"], EntryKey(*keys_, Uuid(), "app", true));
    ASSERT_OK_AND_ASSIGN(const Entry directory,
                         OpenEntry(*keys_, example_["app/ key"], example_["app/ value"]));
    EXPECT_EQ(directory.Display(), "app/");
    EXPECT_EQ(example_["db key"], EntryKey(*keys_, directory.uuid, "db", false));
    ASSERT_OK_AND_ASSIGN(const Entry entry,
                         OpenEntry(*keys_, example_["db key"], example_["db value"]));
    EXPECT_EQ(entry.Display(), "db");
    const Uuid secret = entry.uuid;
    EXPECT_EQ(example_["metadata key"], schema::SecretMetadataKey(secret));
    EXPECT_EQ(example_["payload key"], schema::PayloadKey(secret, SecretVersion(1)));
    EXPECT_EQ(example_["dek key"], schema::DekKey(secret, SecretVersion(1)));
    ASSERT_OK_AND_ASSIGN(const SecretMetadata metadata,
                         OpenMetadata(*keys_, secret, example_["metadata value"]));
    EXPECT_EQ(metadata.path_hint(), "db");
    EXPECT_EQ(metadata.parent_uuid(), directory.uuid.bytes());
    EXPECT_EQ(example_["directory key"], schema::DirectoryKey(directory.uuid));
    ASSERT_OK_AND_ASSIGN(const OpenedRecord place_of_app,
                         OpenRecord(*keys_, Purpose::kDirectory, example_["directory key"],
                                    example_["directory value"]));
    EXPECT_EQ(place_of_app.generation, 1u);
    EXPECT_EQ(place_of_app.plaintext.ExposeForCrypto(),
              absl::StrCat("\n\x10", std::string(16, '\0'),
                           "\x12\x03"
                           "app"));
    ASSERT_EQ(metadata.versions_size(), 1);
    const VersionPlace place = PlaceOf(secret, metadata, metadata.versions(0));
    ASSERT_OK_AND_ASSIGN(const SecretBytes dek, UnwrapDek(*keys_, place, example_["dek value"]));
    ASSERT_OK_AND_ASSIGN(const SecretBytes data,
                         OpenPayload(*keys_, place, dek, example_["payload value"]));
    EXPECT_EQ(data.ExposeForCrypto(), "\n\x15\n\x08password\x10\x01\x1a\x07hunter2");
    ASSERT_OK_AND_ASSIGN(const record::v1::ChangeRecord change,
                         OpenChange(*keys_, example_["change key"], example_["change value"]));
    EXPECT_EQ(change.path(), "app/db");
    EXPECT_EQ(example_["change key"], schema::RevisionKey(Revision(1)));
    EXPECT_EQ(example_["revision key"], schema::kRevisionKey);
    EXPECT_EQ(example_["revision value"], BigEndian64(1));
  }

  // The secret's records are the only ones whose keys start with its first byte.
  void ExpectTheAccumulator() {
    ASSERT_NE(keys_, nullptr);
    const auto hasher = NewRecordHasher(*keys_);
    Accumulators sums;
    const auto add = [&](Family family, const std::string& key, const std::string& value) {
      sums.Add(key, hasher->Hash(family, key, value));
    };
    for (const char* const name : {"metadata", "payload"}) {
      add(Family::kRecords, example_[absl::StrCat(name, " key")],
          example_[absl::StrCat(name, " value")]);
    }
    add(Family::kDeks, example_["dek key"], example_["dek value"]);
    sums.TakeDirty([this](absl::string_view key, absl::string_view value) {
      EXPECT_EQ(key, example_["accumulator key"]);
      EXPECT_EQ(value, example_["accumulator value"]);
    });
  }

  void ExpectTheAuditLog() {
    ASSERT_NE(keys_, nullptr);
    ASSERT_OK(files_.CreateDirectory(dir_.File("audit"), 0700));
    ASSERT_OK(WriteFileAtomically(files_, dir_.File(absl::StrCat("audit/", kSegment)),
                                  example_[kSegment], 0600));
    ASSERT_OK_AND_ASSIGN(const std::string public_key,
                         Ed25519PublicKey(keys_->audit_signing_seed()));
    ASSERT_OK_AND_ASSIGN(const AuditVerification verified,
                         VerifyAuditDirectory(files_, dir_.File("audit"), public_key, NoProgress));
    EXPECT_EQ(verified.entries, 1u);
    EXPECT_TRUE(verified.problems.empty()) << verified.problems.front();
    std::vector<FrameType> types;
    ASSERT_OK(ForEachFrame(files_, dir_.File(absl::StrCat("audit/", kSegment)), 0,
                           [&types](const Frame& frame, uint64_t) {
                             types.push_back(frame.type);
                             if (frame.type != FrameType::kEntry) return true;
                             const std::optional<AuditRecord> record = ParseEntry(frame);
                             EXPECT_EQ(record->sequence, 1u);
                             EXPECT_EQ(record->event.event, "secret_written");
                             EXPECT_EQ(record->event.resource, "app/db");
                             EXPECT_EQ(record->event.revision, Revision(1));
                             EXPECT_EQ(record->event.version, SecretVersion(1));
                             return true;
                           }));
    EXPECT_EQ(types, (std::vector<FrameType>{FrameType::kHeader, FrameType::kEntry,
                                             FrameType::kCheckpoint}));
  }

 private:
  void Put(const std::string& name, uint32_t mode) {
    EXPECT_OK(WriteFileAtomically(files_, dir_.File(name), example_[name], mode));
  }

  SimulatedClock clock_;
  const TempDir dir_;
  FileSystem& files_ = FileSystem::Posix();
  Example example_;
  std::unique_ptr<Keyring> keyring_;
  std::shared_ptr<const KeyringSnapshot> keys_;
};

void ExpectAll(Example example) {
  Opener opener(std::move(example));
  opener.ExpectTheKeyring();
  opener.ExpectTheSecret();
  opener.ExpectTheAccumulator();
  opener.ExpectTheAuditLog();
}

TEST(FormatExample, OfTheDocumentOpens) { ExpectAll(ReadExample(TheDocument())); }

// The accumulator of the example is of one secret alone: unlucky keys are drawn again.
TEST(FormatExample, IsWhatTheCodeWrites) {
  Example made;
  do {
    made = Maker().Make();
  } while (made["dek key"][0] == made["app/ key"][0] || made["dek key"][0] == made["db key"][0] ||
           made["dek key"][0] == made["directory key"][0]);
  if (std::getenv("KEYTURN_PRINT_EXAMPLE") != nullptr) std::fputs(Print(made).c_str(), stdout);
  const Example documented = ReadExample(TheDocument());
  for (const auto& [name, bytes] : made) {
    const auto there = documented.find(name);
    ASSERT_TRUE(there != documented.end()) << name;
    EXPECT_EQ(bytes.size(), there->second.size()) << name;
  }
  EXPECT_EQ(made.size(), documented.size());
  ExpectAll(std::move(made));
}

}  // namespace
}  // namespace keyturn
