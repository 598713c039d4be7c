// A year of many secrets whose targets fail now and then, over what a server uses: a store and an
// audit log on disk, though nothing waits for it. The checker is given the entries of the audit log
// and what public calls answer, and nothing else (story.h). What it has read is deleted.
//
// Time goes by the minute: what falls due is done at the next one, and what begins at a whole
// minute and lasts for whole days ends to the second. Targets are named by policies; their calls
// are quick ones (no Driver::lane), since a thread of a target's own would be waited for by a clock
// that stands still.
#include <sys/resource.h>

#include <cinttypes>
#include <cstdlib>
#include <fstream>
#include <queue>
#include <random>
#include <thread>

#include "absl/container/flat_hash_set.h"
#include "absl/hash/hash.h"
#include "audit/segments.h"
#include "audit/server_event.h"
#include "tests/rotation/rotation_fixture.h"
#include "tests/rotation/story.h"
#include "tests/support/seed.h"

namespace keyturn {
namespace {

constexpr absl::Duration kTick = absl::Minutes(1);

// Takes every value, and fails each twentieth call.
class ShakyTarget : public Driver {
 public:
  // For so many values that work at once.
  ShakyTarget(uint64_t seed, size_t values) : random_(seed) { works_.reserve(values); }
  absl::StatusOr<bool> Probe(const DriverCall&, const SecretBytes& value) override {
    const absl::MutexLock lock(&mu_);
    RETURN_IF_ERROR(Chance());
    return works_.contains(Of(value));
  }
  absl::Status Apply(const DriverCall&, const SecretBytes&, const SecretBytes& pending) override {
    const absl::MutexLock lock(&mu_);
    RETURN_IF_ERROR(Chance());
    if (!works_.insert(Of(pending)).second) ADD_FAILURE() << "a value is set twice";
    return absl::OkStatus();
  }
  absl::Status Test(const DriverCall&, const SecretBytes& pending) override {
    const absl::MutexLock lock(&mu_);
    RETURN_IF_ERROR(Chance());
    return works_.contains(Of(pending)) ? absl::OkStatus() : absl::InternalError("not set");
  }
  absl::Status ArmExpiry(const DriverCall&, const SecretBytes&, absl::Time) override {
    const absl::MutexLock lock(&mu_);
    return Chance();
  }
  absl::Status Disarm(const DriverCall&, const SecretBytes&) override {
    const absl::MutexLock lock(&mu_);
    return Chance();
  }
  absl::StatusOr<std::optional<int>> Sessions(const DriverCall&, const SecretBytes&) override {
    return 0;
  }
  absl::Status Retire(const DriverCall&, const SecretBytes& old) override {
    const absl::MutexLock lock(&mu_);
    RETURN_IF_ERROR(Chance());
    works_.erase(Of(old));
    return absl::OkStatus();
  }
  absl::StatusOr<bool> VerifyDead(const DriverCall&, const SecretBytes& old) override {
    const absl::MutexLock lock(&mu_);
    RETURN_IF_ERROR(Chance());
    return !works_.contains(Of(old));
  }
  uint64_t failures() const {
    const absl::MutexLock lock(&mu_);
    return failures_;
  }
  size_t working() const {
    const absl::MutexLock lock(&mu_);
    return works_.size();
  }

 private:
  static size_t Of(const SecretBytes& value) {
    return absl::Hash<absl::string_view>()(value.ExposeForCrypto());
  }
  absl::Status Chance() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    if (random_() % 20 != 0) return absl::OkStatus();
    ++failures_;
    return absl::UnavailableError("shaky");
  }
  mutable absl::Mutex mu_;
  std::mt19937_64 random_ ABSL_GUARDED_BY(mu_);
  absl::flat_hash_set<size_t> works_ ABSL_GUARDED_BY(mu_);
  uint64_t failures_ ABSL_GUARDED_BY(mu_) = 0;
};

// The machine's files, but nothing waits for the disk.
class UnsyncedFiles : public FileSystem {
 public:
  absl::StatusOr<std::unique_ptr<WritableFile>> OpenForAppend(const std::string& path,
                                                              uint32_t mode) override {
    return Wrap(files_.OpenForAppend(path, mode));
  }
  absl::StatusOr<std::unique_ptr<WritableFile>> Create(const std::string& path,
                                                       uint32_t mode) override {
    return Wrap(files_.Create(path, mode));
  }
  absl::StatusOr<std::string> Read(const std::string& path) override { return files_.Read(path); }
  absl::StatusOr<std::string> ReadAt(const std::string& path, uint64_t offset,
                                     size_t size) override {
    return files_.ReadAt(path, offset, size);
  }
  absl::StatusOr<uint64_t> FileSize(const std::string& path) override {
    return files_.FileSize(path);
  }
  absl::Status Truncate(const std::string& path, uint64_t size) override {
    return files_.Truncate(path, size);
  }
  absl::Status Rename(const std::string& from, const std::string& to) override {
    return files_.Rename(from, to);
  }
  absl::Status Remove(const std::string& path) override { return files_.Remove(path); }
  absl::Status SyncDirectory(const std::string&) override { return absl::OkStatus(); }
  absl::Status CreateDirectory(const std::string& path, uint32_t mode) override {
    return files_.CreateDirectory(path, mode);
  }
  absl::StatusOr<std::vector<std::string>> List(const std::string& directory) override {
    return files_.List(directory);
  }
  bool Exists(const std::string& path) override { return files_.Exists(path); }

 private:
  class File : public WritableFile {
   public:
    explicit File(std::unique_ptr<WritableFile> file) : file_(std::move(file)) {}
    absl::Status Append(absl::string_view bytes) override { return file_->Append(bytes); }
    absl::Status Sync() override { return absl::OkStatus(); }
    absl::Status Close() override { return file_->Close(); }
    uint64_t size() const override { return file_->size(); }

   private:
    const std::unique_ptr<WritableFile> file_;
  };
  static absl::StatusOr<std::unique_ptr<WritableFile>> Wrap(
      absl::StatusOr<std::unique_ptr<WritableFile>> file) {
    RETURN_IF_ERROR(file.status());
    return std::make_unique<File>(*std::move(file));
  }
  FileSystem& files_ = FileSystem::Posix();
};

size_t ResidentBytes() {
  size_t pages = 0, resident = 0;
  std::ifstream("/proc/self/statm") >> pages >> resident;
  return resident * 4096;
}

absl::Duration CpuTime() {
  rusage usage = {};
  getrusage(RUSAGE_SELF, &usage);
  return absl::DurationFromTimeval(usage.ru_utime) + absl::DurationFromTimeval(usage.ru_stime);
}

class SimulationTest : public testing::Test {
 protected:
  SimulationTest()
      : seal_files_(NewMemoryFileSystem()), keyring_(TestKeyring(*seal_files_, clock_)) {}

  void Open(ShakyTarget& target) {
    auto store = OpenRocksStore({.directory = dir_.File("db"), .sync = false}, clock_);
    ASSERT_OK(store);
    store_ = *std::move(store);
    auto audit = AuditLog::Open({.directory = dir_.File("audit"), .accept_rollback = ""}, files_,
                                *store_, clock_);
    ASSERT_OK(audit);
    audit_ = *std::move(audit);
    vault_ = Vault::Create(*store_, *keyring_, clock_);
    usage_ = std::make_unique<Usage>(
        Usage::Parts{*store_, *keyring_, clock_,
                     [this](const Uuid& secret) { EXPECT_OK(rotation_->LookAtUsers(secret)); }});
    rotation_ = Rotation::Create(
        {.store = *store_,
         .keyring = *keyring_,
         .clock = clock_,
         .update =
             [this](absl::string_view event, absl::string_view path, UpdateFn fn) {
               AuditEvent entry = ServerEvent(event, clock_);
               entry.resource = std::string(path);
               return AuditedUpdater(*store_, *audit_, entry).Update(fn);
             },
         .update_each =
             [this](absl::Span<NamedChange> changes) {
               UpdateEachAsServer(*store_, *audit_, clock_, changes);
             },
         .password_policy = [](const std::string&) -> absl::StatusOr<v1::PasswordPolicy> {
           return absl::NotFoundError("none");
         },
         .driver = [&target](const SecretMetadata&, const std::string& name) -> Driver* {
           return name == "shaky" ? &target : nullptr;
         },
         .users = [this](const Uuid& secret,
                         SecretVersion version) { return usage_->UsersOf(secret, version); },
         .check_target = [](const std::string& name, const std::string&) -> absl::Status {
           return name == "shaky" ? absl::OkStatus() : absl::InvalidArgumentError("no such target");
         },
         .workers = TestCount("KEYTURN_ROTATION_WORKERS", 0)});
    store_->SetCommitListener([this](absl::Span<const CommittedUpdate> group) {
      audit_->OnCommitted(group);
      vault_->OnCommitted(group);
      rotation_->OnCommitted(group);
      usage_->OnCommitted(group);
    });
    const std::shared_ptr<const KeyringSnapshot> keys = *keyring_->Snapshot();
    store_->SetRecordHasher(NewRecordHasher(*keys));
    audit_->SetKeys(keys);
    ASSERT_OK(vault_->OnUnsealed());
    ASSERT_OK(rotation_->OnUnsealed());
    ASSERT_OK(usage_->OnUnsealed());
  }

  absl::Status Make(size_t i) {
    PutParams params;
    params.path = *SecretPath::Parse(Stories::PathOf(i));
    params.kind = v1::KIND_API_KEY;
    params.principal = "test";
    const FieldView field{"value", 1, "first"};
    RETURN_IF_ERROR(vault_->Put(*store_, params, *EncodeFields({&field, 1})).status());
    v1::SetRotationPolicyRequest request;
    request.set_path(Stories::PathOf(i));
    v1::RotationPolicy& policy = *request.mutable_policy();
    policy.mutable_source()->mutable_generate();
    policy.set_target("shaky");
    if (Stories::IsGated(i)) policy.set_retire_gate(v1::RotationPolicy::BLOCK);
    return rotation_->SetPolicy(*store_, request).status();
  }
  void Fill(size_t count) {
    constexpr size_t kThreads = 8;
    std::vector<std::thread> threads;
    for (size_t t = 0; t < kThreads; ++t) {
      threads.emplace_back([this, t, count] {
        for (size_t i = t; i < count; i += kThreads) ASSERT_OK(Make(i));
      });
    }
    for (std::thread& thread : threads) thread.join();
  }

  // `version` 0 is the current one.
  absl::StatusOr<ReadResult> Read(size_t i, uint64_t version) {
    v1::GetRequest request;
    request.set_path(Stories::PathOf(i));
    request.mutable_version()->set_number(version);
    return vault_->Get(request, absl::InfiniteFuture());
  }

  // The only consumer of a secret reads a version; 0 the current one.
  void ReadAsConsumer(size_t i, uint64_t version) {
    const absl::StatusOr<ReadResult> read = Read(i, version);
    ASSERT_OK(read);
    usage_->Note({read->secret, SecretVersion(read->info.version().version()),
                  absl::StrCat("app-", i), clock_.Now()});
    flush_ = std::min(flush_, clock_.Now() + absl::Seconds(limits::kUsageWriteSeconds));
  }
  // The current one some days before the next promotion, which it still has in memory then; of half
  // of them a day after a promotion the former one, by its number. 3, 9 or 16 days after the
  // promotion the current one: before the end of the grace, in one week more, and in a second one.
  struct Visit {
    absl::Time when;
    size_t secret;
    uint32_t version;
    friend bool operator<(const Visit& a, const Visit& b) { return a.when > b.when; }
  };
  void PlanVisits(size_t i) {
    constexpr int kDays[] = {3, 9, 16};
    constexpr int kBeforeNext = 86;  // it comes after 90 days, 3 earlier at most
    const Story& story = stories_->of(i);
    const int cycle = static_cast<int>(i / 10 + story.current);
    if (cycle % 2 == 0 || story.former == 1) {
      visits_.push({story.promoted + absl::Hours(24), i, story.former});
    }
    visits_.push({story.promoted + absl::Hours(24 * kBeforeNext), i, 0});
    visits_.push({story.promoted + absl::Hours(24 * kDays[cycle % 3]), i, 0});
  }
  void MakeVisits() {
    while (!visits_.empty() && visits_.top().when <= clock_.Now()) {
      const Visit visit = visits_.top();
      visits_.pop();
      ReadAsConsumer(visit.secret, visit.version);
      if (visit.version == 0) stories_->Converged(visit.secret, clock_.Now());
    }
  }

  // Takes what the audit log has more by now, and deletes the segments that are read.
  void Follow() {
    ASSERT_OK(audit_->Read(followed_, [&](const AuditRecord& record) {
      if (record.sequence != followed_) ADD_FAILURE() << "an entry is missing before this one";
      followed_ = record.sequence + 1;
      if (!stories_->Take(record.event)) return true;
      const size_t i = Stories::NumberOf(record.event.resource);
      if (Stories::IsGated(i)) PlanVisits(i);
      return true;
    }));
    const auto segments = ListSegments(files_, dir_.File("audit"));
    ASSERT_OK(segments);
    for (size_t i = 0; i + 1 < segments->size() && (*segments)[i + 1].first_sequence <= followed_;
         ++i) {
      ASSERT_OK(files_.Remove((*segments)[i].path));
    }
  }

  // What public calls say of the secret is what the log has told.
  void Look(size_t i) {
    const Story& story = stories_->of(i);
    v1::GetRotationStatusRequest request;
    request.set_path(Stories::PathOf(i));
    const auto status = rotation_->GetStatus(request);
    ASSERT_OK(status);
    std::map<v1::VersionState, int> states;
    for (const v1::VersionInfo& version : status->versions()) {
      ++states[version.state()];
      if (version.state() == v1::VERSION_STATE_CURRENT) {
        EXPECT_EQ(version.version(), story.current) << request.path();
        EXPECT_EQ(version.promote_time().seconds(), absl::ToUnixSeconds(story.promoted));
      } else if (version.state() == v1::VERSION_STATE_GRACE) {
        EXPECT_EQ(version.version(), story.former) << request.path();
        EXPECT_EQ(version.grace_end_time().seconds(), absl::ToUnixSeconds(story.grace_end));
        EXPECT_EQ(version.grace_end_time().nanos(), 0);
      }
    }
    EXPECT_EQ(states[v1::VERSION_STATE_CURRENT], 1) << request.path();
    EXPECT_EQ(states[v1::VERSION_STATE_GRACE], story.in_grace ? 1 : 0) << request.path();
    EXPECT_EQ(states[v1::VERSION_STATE_RETIRING], story.former != 0 && !story.in_grace ? 1 : 0);
    EXPECT_EQ(static_cast<size_t>(states[v1::VERSION_STATE_RETIRED]), story.retired.size());
    EXPECT_EQ(static_cast<uint32_t>(states[v1::VERSION_STATE_DESTROYED]), story.destructions);
    const absl::StatusOr<ReadResult> current = Read(i, 0);
    ASSERT_OK(current);
    EXPECT_EQ(current->info.version().version(), story.current) << request.path();
    if (story.in_grace) EXPECT_OK(Read(i, story.former).status());
    if (story.former == 0 && story.current > 1) {
      EXPECT_FALSE(Read(i, story.current - 1).ok()) << request.path();
    }
  }

  // All that is due now.
  absl::Time Turn() {
    MakeVisits();
    if (clock_.Now() >= flush_) {
      // As often as a server does in a minute, for what is left of a round comes with the next
      // call.
      for (int second = 0; second < 60 && usage_->stats().waiting > 0; ++second) {
        EXPECT_OK(usage_->WriteDue());
      }
      flush_ = usage_->stats().waiting > 0 ? clock_.Now() + kTick : absl::InfiniteFuture();
    }
    absl::Time next;
    for (;;) {
      const absl::StatusOr<int> handled = rotation_->RunDue(&next);
      EXPECT_OK(handled);
      if (!handled.ok() || *handled == 0) return next;
    }
  }

  // When the clock is to stand next: at a whole minute, in an hour at the latest.
  absl::Time NextTick(absl::Time next) const {
    next = std::min({next, flush_, clock_.Now() + absl::Hours(1)});
    if (!visits_.empty()) next = std::min(next, visits_.top().when);
    const int64_t tick = absl::ToInt64Seconds(kTick);
    const int64_t seconds = absl::ToUnixSeconds(next + kTick - absl::Nanoseconds(1));
    return std::max(absl::FromUnixSeconds(seconds / tick * tick), clock_.Now() + kTick);
  }

  void Live(absl::Time until, std::mt19937_64& random) {
    while (clock_.Now() < until && stories_->problems() == 0) {
      const absl::Time next = NextTick(Turn());
      if (audit_->next_sequence() > followed_ + 2000 || clock_.Now() - looked_ >= absl::Hours(1)) {
        looked_ = clock_.Now();
        Follow();
        Look(random() % stories_->size());
      }
      clock_.AdvanceTime(std::min(next, until) - clock_.Now());
    }
    Turn();
    Follow();
  }

  void LookAtAll() {
    for (size_t i = 0; i < stories_->size(); ++i) Look(i);
    size_t listed = 0;
    v1::ListRotationsRequest request;
    request.set_page_size(1000);
    do {
      const auto page = rotation_->List(request, [](absl::string_view, bool) { return true; });
      ASSERT_OK(page);
      for (const v1::RotationStatus& status : page->rotations()) {
        EXPECT_EQ(status.current_version(), stories_->of(Stories::NumberOf(status.path())).current);
        EXPECT_EQ(status.lateness(), v1::RotationStatus::ON_TIME) << status.path();
        ++listed;
      }
      request.set_page_token(page->next_page_token());
    } while (!request.page_token().empty());
    EXPECT_EQ(listed, stories_->size());
  }

  // 20,000 secrets in 3 minutes, a million in 60. Of a machine that does other things as well (CI)
  // by the time of its processors, with slack: shared ones were seen to need 2.3 times as much.
  static void CheckTime(size_t secrets, absl::Duration took, absl::Duration cpu) {
    if (kSanitized) return;
    const absl::Duration bar =
        std::max(absl::Duration(absl::Minutes(3)), absl::Hours(1) * secrets / 1'000'000);
    if (std::getenv("KEYTURN_ROTATION_TIMED") != nullptr) {
      EXPECT_LE(took, bar);
    } else if (secrets <= 20'000) {
      EXPECT_LE(cpu, bar * 3);
    }
  }

  void ExpectClean() {
    for (const auto& problems : {store_->Verify(NoProgress), vault_->Verify(NoProgress)}) {
      ASSERT_OK(problems);
      for (const StoreProblem& problem : *problems) ADD_FAILURE() << problem.what;
    }
  }

  TempDir dir_;
  SimulatedClock clock_;
  UnsyncedFiles files_;
  std::unique_ptr<FileSystem> seal_files_;
  std::unique_ptr<Keyring> keyring_;
  std::unique_ptr<Store> store_;
  std::unique_ptr<AuditLog> audit_;
  std::unique_ptr<Vault> vault_;
  std::unique_ptr<Usage> usage_;
  std::unique_ptr<Rotation> rotation_;
  std::unique_ptr<Stories> stories_;
  std::priority_queue<Visit> visits_;
  absl::Time flush_ = absl::InfiniteFuture();  // when uses are written
  absl::Time looked_ = absl::InfinitePast();
  uint64_t followed_ = 1;  // the first entry that is not read
};

TEST_F(SimulationTest, AYearOfManySecretsIsOnTimeAndInOrder) {
  const auto secrets =
      static_cast<size_t>(TestCount("KEYTURN_ROTATION_SECRETS", kSanitized ? 100 : 20'000));
  const uint64_t seed = TestSeed();
  // As keyturnd has it; it is one lock of all threads, and the other tests have it on.
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
  ShakyTarget target(seed, secrets * 3);
  std::mt19937_64 random(seed);
  const int64_t begun = Clock::Real().MonotonicNanos();
  const absl::Duration cpu_before = CpuTime();
  ASSERT_NO_FATAL_FAILURE(Open(target));
  // It has looked before they come: what falls due in a while that nobody looked is a storm.
  absl::Time first;
  ASSERT_OK(rotation_->RunDue(&first));
  stories_ = std::make_unique<Stories>(static_cast<int>(secrets), clock_.Now(), kTick);
  const absl::Time start = clock_.Now();
  const auto say = [&](const char* what) {
    const double seconds = static_cast<double>(Clock::Real().MonotonicNanos() - begun) / 1e9;
    std::printf("%-10s %7.1f s, %7.1f s of CPU, %" PRIu64 " events, %zu MB resident\n", what,
                seconds, absl::ToDoubleSeconds(CpuTime()), stories_->told(),
                ResidentBytes() / 1'000'000);
    std::fflush(stdout);
  };
  ASSERT_NO_FATAL_FAILURE(Fill(secrets));
  say("written");
  size_t resident = 0;
  for (int quarter = 1; quarter <= 4; ++quarter) {
    Live(start + absl::Hours(24 * (quarter == 4 ? 365 : 91 * quarter + 14)), random);
    ASSERT_EQ(stories_->problems(), 0u) << absl::StrJoin(stories_->shown(), "\n");
    say(absl::StrCat("quarter ", quarter).c_str());
    if (quarter == 1) resident = ResidentBytes();
  }
  const absl::Duration took = absl::Nanoseconds(Clock::Real().MonotonicNanos() - begun);
  CheckTime(secrets, took, CpuTime() - cpu_before);
  // What a year leaves in memory: the caches of the store, which have bounds; 64 bytes a secret.
  EXPECT_LE(ResidentBytes(), resident + (size_t{96} << 20) + secrets * 64);
  stories_->Finish(clock_.Now());
  EXPECT_EQ(stories_->problems(), 0u) << absl::StrJoin(stories_->shown(), "\n");
  EXPECT_EQ(stories_->failures(), target.failures()) << "each failure is told of once";
  EXPECT_GT(target.failures(), secrets / 2);
  EXPECT_GE(stories_->extensions(), secrets / 10 * 3) << "of three graces 0, 1 and 2";
  LookAtAll();
  ExpectClean();
  say("checked");
  std::printf("%zu secrets, %" PRIu64 " failures of targets, %" PRIu64
              " graces extended; the longest age of a version was %s\n",
              secrets, target.failures(), stories_->extensions(),
              absl::FormatDuration(stories_->longest()).c_str());
}

}  // namespace
}  // namespace keyturn
