// One flipped bit, anywhere in the files of a vault with revoked tokens, thousands of times: store
// (tables, log, manifest), keyring, seal, audit log and anchor. Each must be refused at open or
// unseal, mended from a copy, or reported by a read or a verification; or be in a place that
// docs/FORMAT.md ("What notices a changed byte") has outside every record. Nothing may be missing
// or different unnoticed.
#include "absl/strings/match.h"
#include "google/protobuf/io/coded_stream.h"
#include "keyturn/record/v1/keyring.pb.h"
#include "server/key_turner.h"
#include "tests/crash/machine.h"
#include "tests/support/fault_fixture.h"
#include "tests/support/seed.h"
#include "tests/support/status.h"
#include "vault/fields.h"

namespace keyturn {
namespace {

constexpr int kFlipSecrets = 40;
constexpr int kFlipTokens = 60;
constexpr char kAnchor[] = "/anchor/anchor.ktn";

using Image = std::map<std::string, std::string>;  // path -> bytes

// From good to bad. kLost: something is missing, and neither the read nor a verification says so.
// kWrong: a read gave what was never written, which no report makes good.
enum class Outcome { kUnnoticed, kRefused, kMended, kReported, kLost, kWrong };

// Whether the judge asks the verifications, or reads only: a mutant.
enum class Judge { kVerifies, kReadsOnly };

class FlipTest : public FaultFixture {
 protected:
  void SetUp() override {
    FaultFixture::SetUp();
    options_.anchor_file = kAnchor;
  }

  static SecretPath PathOf(int i) {
    return *SecretPath::Parse(absl::StrCat("app/", i % 5, "/s", i));
  }
  static std::string ValueOf(int i, int version) {
    return absl::StrCat("value ", i, ".", version, std::string(static_cast<size_t>(i) * 7, 'v'));
  }
  static std::string OwnerOf(int i, int version) { return absl::StrCat("team ", i, " ", version); }

  static void Put(Machine& machine, int i, int version) {
    AuditEvent event;
    event.event = "secret_written";
    event.outcome = "ok";
    AuditedUpdater updater(*machine.store, *machine.audit, event);
    PutParams params;
    params.path = PathOf(i);
    params.custom_metadata["owner"] = OwnerOf(i, version);
    const std::string value = ValueOf(i, version);
    ASSERT_OK(machine.vault->Put(updater, params, *EncodeFields({{"v", 1, value}})));
  }

  // In each life some more tokens, and the end of one of them; a set grows.
  static std::string TokenOf(int i) { return absl::StrCat("revoked:", i); }
  static std::string TokenValueOf(int i) { return i % 3 == 0 ? absl::StrCat("odd ", i) : "1"; }
  static bool TokenEnds(int i) { return i % 20 == 7; }
  static void Revoke(Machine& machine, int life) {
    RevocationList& list = *machine.revocations;
    const auto writer = std::make_shared<RevocationWriter>();
    uint64_t newest = 0;
    for (int i = life * 20; i < life * 20 + 20; ++i) {
      ASSERT_OK_AND_ASSIGN(auto transaction, list.Begin(writer, list.Now()));
      const int64_t end = i % 5 == 0 ? kNoExpiry : list.Now().now_ms + 100'000'000 + i * 3'000'000;
      ASSERT_OK(transaction->Put(TokenOf(i), TokenValueOf(i), end));
      ASSERT_OK(transaction->AddMembers("set", {absl::StrCat("member ", i)}));
      newest = transaction->Commit();
    }
    ASSERT_OK_AND_ASSIGN(auto transaction, list.Begin(writer, list.Now()));
    for (int i = life * 20; i < life * 20 + 20; ++i) {
      if (TokenEnds(i)) transaction->Erase(TokenOf(i));
    }
    newest = transaction->Commit();
    ASSERT_OK(list.WaitFor(newest));
  }

  // A vault in the middle of its life: two terms of the KEK, tables and a log, some of it audited
  // and in no table yet. The power goes at the end, so nothing was tidied up.
  void Build(Image* image) {
    FaultDisk disk(random_());
    const std::unique_ptr<FileSystem> files = NewFaultFileSystem(disk);
    ASSERT_OK(files->CreateDirectory("/anchor", 0700));
    for (int life = 0; life < 3; ++life) {
      Machine machine(disk, options_);
      ASSERT_OK(machine.Start());
      ASSERT_OK(life == 0 ? machine.Init("") : machine.Unseal());
      for (int i = life; i < kFlipSecrets; i += 1 + life) Put(machine, i, life + 1);
      Revoke(machine, life);
      if (life == 1) ASSERT_OK(machine.lifecycle->RotateKek(AeadSuite::kAes256Gcm, false));
      ASSERT_OK(machine.keyring->WriteAnchor(machine.store->LastRevision()));
      revision_ = machine.store->LastRevision();
      if (life == 2) *image = ImageOf(*files);
      events_ = Events(machine);
    }
  }
  static Image ImageOf(FileSystem& files) {
    Image image;
    for (const char* const directory : {"/data", "/data/store", "/data/audit", "/anchor"}) {
      const std::vector<std::string> names = *files.List(directory);
      for (const std::string& name : names) {
        const std::string path = absl::StrCat(directory, "/", name);
        const absl::StatusOr<std::string> bytes = files.Read(path);
        if (bytes.ok()) image[path] = *bytes;
      }
    }
    return image;
  }
  static void Load(const Image& image, FileSystem& files) {
    for (const char* const directory : {"/data", "/data/store", "/data/audit", "/anchor"}) {
      ASSERT_OK(files.CreateDirectory(directory, 0700));
    }
    for (const auto& [path, bytes] : image) {
      ASSERT_OK_AND_ASSIGN(const auto file, files.Create(path, 0600));
      ASSERT_OK(file->Append(bytes));
      ASSERT_OK(file->Sync());
      ASSERT_OK(file->Close());
    }
    for (const char* const directory : {"/data", "/data/store", "/data/audit", "/anchor"}) {
      ASSERT_OK(files.SyncDirectory(directory));
    }
  }

  static int Events(Machine& machine) {
    int events = 0;
    EXPECT_OK(machine.audit->Read(1, [&](const AuditRecord&) {
      ++events;
      return true;
    }));
    return events;
  }

  // Every version of every secret, and its metadata. All of them, as a wrong value may stand behind
  // one that is refused.
  static Outcome ReadAll(Machine& machine) {
    Outcome worst = Outcome::kUnnoticed;
    // Missing is not damaged: it must be said so.
    const auto refused = [&worst](const absl::Status& status) {
      worst = std::max(worst, absl::IsDataLoss(status) ? Outcome::kReported : Outcome::kLost);
    };
    for (int i = 0; i < kFlipSecrets; ++i) {
      int version = 0;
      int newest = 0;
      for (int life = 0; life < 3; ++life) {
        if (i < life || (i - life) % (1 + life) != 0) continue;
        newest = life + 1;
        v1::GetRequest get;
        get.set_path(PathOf(i).text());
        get.mutable_version()->set_number(static_cast<uint64_t>(++version));
        const auto read = machine.vault->Get(get, absl::InfiniteFuture());
        if (!read.ok()) {
          refused(read.status());
          continue;
        }
        std::string value;
        const absl::Status fields =
            ForEachField(read->data.ExposeForCrypto(), [&](const FieldView& field) {
              value = std::string(field.value);
              return true;
            });
        if (!fields.ok()) refused(fields);
        if (fields.ok() && value != ValueOf(i, life + 1)) return Outcome::kWrong;
      }
      const auto info = machine.vault->Describe(PathOf(i));
      if (!info.ok()) {
        refused(info.status());
        continue;
      }
      const auto found = info->custom_metadata().find("owner");
      const std::string owner = found == info->custom_metadata().end() ? "" : found->second;
      if (owner == OwnerOf(i, newest)) continue;
      // One from before was written: a change is lost, which must be said so.
      bool older = owner.empty();
      for (int life = 1; life < newest; ++life) older |= owner == OwnerOf(i, life);
      if (!older) return Outcome::kWrong;
      worst = Outcome::kLost;
    }
    return worst;
  }

  // A damaged list was refused at unseal: what is here is whole.
  static Outcome ReadTokens(Machine& machine) {
    const RevocationList& list = *machine.revocations;
    const ListTime now = machine.revocations->Now();
    Outcome worst = Outcome::kUnnoticed;
    for (int i = 0; i < 2 * kFlipTokens; ++i) {
      const auto found = list.Find(TokenOf(i), now);
      if (found && (i >= kFlipTokens || found->value != TokenValueOf(i))) return Outcome::kWrong;
      if (found.has_value() != (i < kFlipTokens && !TokenEnds(i))) worst = Outcome::kLost;
    }
    const auto set = list.Find("set", now);
    if (!set || set->members != kFlipTokens) worst = Outcome::kLost;
    return worst;
  }

  Outcome Look(const Image& image, const std::string& flipped, Judge judge = Judge::kVerifies) {
    FaultDisk disk(1);
    const std::unique_ptr<FileSystem> files = NewFaultFileSystem(disk);
    Load(image, *files);
    Machine machine(disk, options_);
    if (!machine.Start().ok() || !machine.Unseal().ok()) return Outcome::kRefused;
    const bool reported = judge == Judge::kVerifies && VerificationReports(machine);
    const Outcome read = std::max(ReadAll(machine), ReadTokens(machine));
    if (read == Outcome::kWrong) return read;
    if (reported) return Outcome::kReported;
    if (read != Outcome::kUnnoticed) return read;
    if (machine.store->LastRevision() < revision_) return Outcome::kLost;
    const bool has_another = absl::StrContains(flipped, "keyring.ktn") ||  // or is written again
                             absl::EndsWith(flipped, "/audit-public.key");
    if (has_another && *files->Read(flipped) != image.at(flipped)) return Outcome::kMended;
    // The last frame counts as torn, and the entry of a change comes back from the store.
    if (absl::StrContains(flipped, "/audit/")) {
      return Events(machine) == events_ ? Outcome::kMended : Outcome::kLost;
    }
    return Outcome::kUnnoticed;
  }
  static bool VerificationReports(Machine& machine) {
    const auto store_problems = machine.store->Verify(NoProgress);
    const auto vault_problems = machine.vault->Verify(NoProgress);
    const auto audit_problems = machine.audit->Verify(NoProgress);
    return !store_problems.ok() || !store_problems->empty() || !vault_problems.ok() ||
           !vault_problems->empty() || !audit_problems.ok() || !audit_problems->problems.empty() ||
           !machine.policies->GetRole(kOperatorRole).ok();
  }

  // What FORMAT.md has outside every record.
  static bool IsOutside(const std::string& path, const std::string& before,
                        const std::string& after, size_t offset) {
    for (const char* const name : {"/LOG", "/OPTIONS-", "/IDENTITY", "/LOCK"}) {
      if (absl::StrContains(path, name)) return true;
    }
    if (absl::EndsWith(path, "/seal.ktn")) return SameButForHints(before, after);
    if (absl::EndsWith(path, ".sst")) {
      return offset + kFooterSize >= before.size() && FooterOf(before) == FooterOf(after);
    }
    return false;
  }
  // What RocksDB reads of a table's last 53 bytes: the type of the checksums, two handles (offset
  // and size as varints, then padding to 41 bytes), 4 bytes of version, 8 of magic. A varint may be
  // written longer than it need be, by a zero of the padding. Without compression versions 1 and 4
  // are read as 5 is.
  static constexpr size_t kFooterSize = 53;
  static std::vector<uint64_t> FooterOf(std::string_view table) {
    table.remove_prefix(table.size() - kFooterSize);
    google::protobuf::io::CodedInputStream input(reinterpret_cast<const uint8_t*>(table.data()),
                                                 static_cast<int>(table.size()));
    std::vector<uint64_t> read(8);
    uint32_t version = 0;
    bool whole = input.ReadRaw(read.data(), 1);
    for (size_t i = 1; i <= 4; ++i) whole = whole && input.ReadVarint64(&read[i]);
    whole = whole && input.Skip(static_cast<int>(kFooterSize) - 12 - input.CurrentPosition()) &&
            input.ReadLittleEndian32(&version) && input.ReadLittleEndian64(&read[6]);
    read[5] = version == 1 || version == 4 ? 5 : version;
    read[7] = whole ? 1 : 0;
    return read;
  }
  // The byte of a table whose top bit RocksDB 7.8 believes before it has checked the block: that of
  // its properties, which the metaindex names, with its offset and size after the name. With
  // assertions, as Debian builds it, that stops the process; docs/FORMAT.md has it.
  static size_t AssertedByteOf(const std::string& table) {
    constexpr std::string_view kName = "rocksdb.properties";
    const size_t named = table.rfind(kName);
    if (named == std::string::npos) return std::string::npos;
    const std::string_view handle = std::string_view(table).substr(named + kName.size(), 20);
    google::protobuf::io::CodedInputStream input(reinterpret_cast<const uint8_t*>(handle.data()),
                                                 static_cast<int>(handle.size()));
    uint64_t offset = 0, size = 0;
    if (!input.ReadVarint64(&offset) || !input.ReadVarint64(&size)) return std::string::npos;
    return offset + size - 1;
  }
  // created_ms, and fields that this program does not know.
  static bool SameButForHints(const std::string& before, const std::string& after) {
    record::v1::SealFile was, is;
    if (!was.ParseFromString(before) || !is.ParseFromString(after)) return false;
    for (record::v1::SealFile* const file : {&was, &is}) {
      file->set_created_ms(0);
      file->DiscardUnknownFields();
      for (record::v1::SealSlot& slot : *file->mutable_slots()) {
        slot.set_created_ms(0);
        slot.clear_argon2();
        slot.clear_shares();
        slot.clear_threshold();
      }
    }
    return was.SerializeAsString() == is.SerializeAsString();
  }

  static std::string KindOf(const std::string& path) {
    if (absl::EndsWith(path, ".sst")) return "tables";
    if (absl::EndsWith(path, ".log")) return "log";
    if (absl::StrContains(path, "MANIFEST") || absl::EndsWith(path, "CURRENT")) return "manifest";
    if (absl::StrContains(path, "/store/")) return "beside the store";
    if (absl::StrContains(path, "/audit/")) return "audit";
    if (absl::StrContains(path, "keyring")) return "keyring";
    if (absl::EndsWith(path, "seal.ktn")) return "seal";
    return absl::EndsWith(path, "anchor.ktn") ? "anchor" : "other";
  }

  // One bit of one file of `image`.
  struct Flip {
    std::string kind, path;
    size_t offset = 0;
    int bit = 0;
    Image damaged;

    std::string Where() const {
      return absl::StrCat(path, ", byte ", offset, " of ", damaged.at(path).size(), ", bit ", bit);
    }
  };
  // Files of a kind as often as those of another, however large they are.
  Flip NthFlip(const Image& image, int n) {
    std::map<std::string, std::vector<std::string>> kinds;
    for (const auto& [path, bytes] : image) {
      if (!bytes.empty()) kinds[KindOf(path)].push_back(path);
    }
    const auto& [kind, paths] =
        *std::next(kinds.begin(), n % static_cast<std::ptrdiff_t>(kinds.size()));
    Flip flip;
    flip.kind = kind;
    flip.path = paths[random_() % paths.size()];
    flip.damaged = image;
    std::string& bytes = flip.damaged[flip.path];
    flip.offset = random_() % bytes.size();
    flip.bit = static_cast<int>(random_() % 8);
    const bool table = absl::EndsWith(flip.path, ".sst");
    if (table && flip.bit == 7 && flip.offset == AssertedByteOf(bytes)) flip.bit = 6;
    bytes[flip.offset] = static_cast<char>(bytes[flip.offset] ^ (1 << flip.bit));
    return flip;
  }

  Revision revision_;
  int events_ = 0;
};

struct FlipCounts {
  int refused = 0, mended = 0, reported = 0, outside = 0;
};

void Print(const std::string& what, const FlipCounts& count) {
  std::printf("%-18s %8d %8d %8d %8d\n", what.c_str(), count.refused, count.mended, count.reported,
              count.outside);
}

TEST_F(FlipTest, NoBitIsFlippedUnnoticed) {
  Image image;
  Build(&image);
  if (HasFatalFailure()) return;
  ASSERT_EQ(Look(image, ""), Outcome::kUnnoticed) << "or this test shows nothing";
  const int flips = TestCount("KEYTURN_FLIPS", kSanitized ? 500 : 10'000);
  std::map<std::string, FlipCounts> counts;
  FlipCounts all;
  for (int n = 0; n < flips; ++n) {
    const Flip flip = NthFlip(image, n);
    FlipCounts& count = counts[flip.kind];
    switch (Look(flip.damaged, flip.path)) {
      case Outcome::kRefused:
        ++count.refused, ++all.refused;
        break;
      case Outcome::kMended:
        ++count.mended, ++all.mended;
        break;
      case Outcome::kReported:
        ++count.reported, ++all.reported;
        break;
      case Outcome::kUnnoticed:
        ++count.outside, ++all.outside;
        EXPECT_TRUE(IsOutside(flip.path, image[flip.path], flip.damaged.at(flip.path), flip.offset))
            << flip.Where() << ": unnoticed";
        break;
      case Outcome::kLost:
        ADD_FAILURE() << flip.Where() << ": something is lost, and nothing says so";
        break;
      case Outcome::kWrong:
        ADD_FAILURE() << flip.Where() << ": a read gives what was never written";
    }
  }
  std::printf("%-18s %8s %8s %8s %8s\n", "flipped in", "refused", "mended", "reported", "outside");
  for (const auto& [kind, count] : counts) Print(kind, count);
  Print("all", all);
}

// The one place of a table with bits that mean nothing, whole: chance would rarely choose them.
TEST_F(FlipTest, OfAFooterNoBitThatMeansSomethingIsFlippedUnnoticed) {
  Image image;
  Build(&image);
  if (HasFatalFailure()) return;
  std::string path;
  for (const auto& [name, bytes] : image) {
    if (absl::EndsWith(name, ".sst") && bytes.size() > kFooterSize) path = name;
  }
  ASSERT_NE(path, "");
  const std::string before = image.at(path);
  std::string& bytes = image.at(path);
  int outside = 0;
  for (size_t offset = before.size() - kFooterSize; offset < before.size(); ++offset) {
    for (int bit = 0; bit < 8; ++bit) {
      bytes = before;
      bytes[offset] = static_cast<char>(bytes[offset] ^ (1 << bit));
      const Outcome outcome = Look(image, path);
      EXPECT_NE(outcome, Outcome::kWrong) << "byte " << offset << ", bit " << bit;
      EXPECT_NE(outcome, Outcome::kLost) << "byte " << offset << ", bit " << bit;
      const bool unnoticed = outcome == Outcome::kUnnoticed;
      EXPECT_EQ(unnoticed, IsOutside(path, before, bytes, offset))
          << "byte " << offset << " of " << before.size() << ", bit " << bit;
      outside += unnoticed ? 1 : 0;
    }
  }
  std::printf("%d bits of a footer mean nothing\n", outside);
  EXPECT_GT(outside, 0) << "or this test shows nothing";
}

// A judge that never verifies does not see damage in what no read of a value needs.
TEST_F(FlipTest, MutantJudgeThatNeverVerifiesMissesDamage) {
  Image image;
  Build(&image);
  if (HasFatalFailure()) return;
  int missed = 0;
  int n = 0;
  for (; n < 2000 && missed == 0; ++n) {
    const Flip flip = NthFlip(image, n);
    const Outcome seen = Look(flip.damaged, flip.path, Judge::kReadsOnly);
    const bool unnoticed =
        seen == Outcome::kUnnoticed &&
        !IsOutside(flip.path, image[flip.path], flip.damaged.at(flip.path), flip.offset);
    missed += unnoticed || seen == Outcome::kLost ? 1 : 0;
  }
  std::printf("the first that was missed: %d\n", n);
  EXPECT_GT(missed, 0);
}

}  // namespace
}  // namespace keyturn
