// Callers of one vault at once, while its keys turn, it is sealed and unsealed, and now and then
// its power fails: what each of them saw must be what one after another could have seen. The
// sequential specification is the reference of the model test. KEYTURN_SEED repeats the calls,
// though not how the threads meet; KEYTURN_HISTORIES checks more of them.
#include <atomic>
#include <cstdio>
#include <random>
#include <thread>

#include <gtest/gtest.h>

#include "base/log.h"
#include "tests/support/linearizability.h"
#include "tests/support/seed.h"
#include "tests/support/status.h"
#include "tests/vault/fault_vault.h"
#include "tests/vault/mutant_vaults.h"
#include "tests/vault/reference_vault.h"

namespace keyturn {
namespace {

struct VaultSpec {
  using State = ReferenceVault;
  using Input = VaultOp;
  using Output = std::string;

  static std::string KeyOf(const State& state) { return state.Fingerprint(); }
  static bool Step(const Input& input, const Output* output, State* state) {
    static const absl::Time now = SimulatedClock().Now();
    std::string change;
    const std::string wanted = state->Do(input, now, &change);
    return output == nullptr || *output == wanted;
  }
};
using VaultCall = HistoryCall<VaultSpec>;

// What one round is made of.
struct RoundShape {
  int threads = 4;
  int calls_each = 12;
  bool renames = true;
  bool turns_keys = false;
  bool seals = false;
  bool cuts_power = false;
};

// One vault and rounds of concurrent calls on it, each in a directory of its own.
class HistoryMaker {
 public:
  explicit HistoryMaker(uint64_t seed, FaultVault::Wrap wrap = nullptr)
      : random_(seed), world_(random_(), std::move(wrap)) {}

  absl::Status Begin() { return world_.Begin(); }
  void LieAboutSyncs() {
    world_.disk.LieAboutSyncs();
    only_power_cuts_ = true;
  }
  // Whether what a watcher is told of the last round fits.
  const absl::Status& watched() const { return watched_; }
  int rotations() const { return rotations_; }
  int retirements() const { return retirements_; }
  int seals() const { return seals_; }

  // The calls of one round, and then, once all have returned and the power is back, a look at
  // everything. Other than OK when something is wrong that no history shows.
  absl::StatusOr<std::vector<VaultCall>> Round(const RoundShape& shape) {
    top_ = absl::StrCat("r", ++round_);
    wrong_ = absl::OkStatus();
    Warm(shape);
    const Revision before = world_.store->LastRevision();
    if (shape.cuts_power) {
      const uint64_t calls = static_cast<uint64_t>(shape.threads) * shape.calls_each;
      world_.disk.FailAt(1 + random_() % (calls / 2 + 1), DiskFault::kPowerOff);
    }
    std::vector<std::vector<VaultCall>> seen(shape.threads);
    std::vector<std::thread> threads;
    running_ = shape.threads;
    for (int t = 0; t < shape.threads; ++t) {
      threads.emplace_back([this, &shape, &seen, t, seed = random_()] {
        seen[t] = CallMany(shape, t, seed);
        running_.fetch_sub(1);
      });
    }
    if (shape.turns_keys) threads.emplace_back([this, seed = random_()] { TurnKeys(seed); });
    if (shape.seals) threads.emplace_back([this, &shape] { SealAndUnseal(shape.cuts_power); });
    for (std::thread& thread : threads) thread.join();
    std::vector<VaultCall> history = warm_;
    for (std::vector<VaultCall>& calls : seen) {
      for (VaultCall& call : calls) history.push_back(std::move(call));
    }
    if (shape.cuts_power) RETURN_IF_ERROR(CutPowerAndOpen());
    RETURN_IF_ERROR(wrong_);
    for (VaultCall& call : Look(history)) history.push_back(std::move(call));
    RETURN_IF_ERROR(wrong_);
    watched_ = CheckChanges(before);
    return history;
  }

 private:
  // Two directories, which renames exchange, with few secrets, so that callers meet.
  std::string Directory(uint64_t which) const {
    return absl::StrCat(top_, "/", std::string(1, static_cast<char>('d' + which)));
  }
  std::string Path(uint64_t which) const {
    return absl::StrCat(Directory(which / 2), "/", which % 2 == 0 ? "a" : "b");
  }

  VaultOp RandomOp(const RoundShape& shape, std::mt19937_64& random) const {
    using Kind = VaultOp::Kind;
    VaultOp op;
    op.path = Path(random() % 4);
    const uint64_t kind = random() % (shape.renames ? 24 : 20);
    if (kind < 8) {
      op.kind = random() % 6 == 0 ? Kind::kDescribe : Kind::kGet;
      if (op.kind == Kind::kGet && random() % 3 == 0) op.number = 1 + random() % 5;
      if (op.kind == Kind::kGet && op.number == 0) op.previous = random() % 4 == 0;
    } else if (kind < 14) {
      op.kind = Kind::kPut;
      op.replace = random() % 2 == 0;
      op.fields[random() % 2 == 0 ? "u" : "v"] = std::to_string(random() % 100'000);
      if (random() % 2 == 0) op.if_version = random() % 5;
    } else if (kind < 16) {
      op.kind = Kind::kDelete;
      op.all = random() % 3 == 0;
    } else if (kind < 17) {
      op.kind = Kind::kUndelete;
    } else if (kind < 19) {
      op.kind = Kind::kDestroy;
      op.numbers = {1 + random() % 4};
    } else if (kind < 20) {
      op.kind = Kind::kDestroyAll;
    } else if (kind < 23) {
      op.kind = Kind::kRenameSecret;
      op.to = Path(random() % 4);
    } else {
      op.kind = Kind::kRenameDirectory;
      op.path = Directory(random() % 3);
      op.to = Directory(random() % 3);
    }
    return op;
  }

  uint64_t Tick() { return ticks_.fetch_add(1) + 1; }

  // Nothing to tell of: a refusal that says the vault did nothing, whenever that was.
  static bool IsRefusal(const std::string& answer) {
    return answer == "FAILED_PRECONDITION" || answer == "CONTENTION";
  }
  static bool IsOfTheMachine(const std::string& answer) {
    return answer == "UNAVAILABLE" || answer == "DATA_LOSS" || answer == "INTERNAL";
  }

  // False when this caller has seen the power go.
  bool Call(const VaultOp& op, bool may_fail, std::vector<VaultCall>* out) {
    VaultCall call{op, std::nullopt, {Tick(), kNeverReturned}};
    std::string answer = VaultCaller(*world_.vault, *world_.store).Do(op);
    const uint64_t returned = Tick();
    if (IsRefusal(answer)) return true;
    if (IsOfTheMachine(answer)) {
      if (!may_fail || !world_.disk.fault_hit()) {
        Wrong(absl::InternalError(absl::StrCat(TextOf(op), ": ", answer)));
      }
      // The change may be there after the restart, or not.
      if (op.changes()) out->push_back(std::move(call));
      return false;
    }
    call.output = std::move(answer);
    call.times.returned = returned;
    out->push_back(std::move(call));
    return true;
  }

  std::vector<VaultCall> CallMany(const RoundShape& shape, int thread, uint64_t seed) {
    std::vector<VaultCall> out;
    std::mt19937_64 random(seed + static_cast<uint64_t>(thread));
    for (int i = 0; i < shape.calls_each; ++i) {
      if (!Call(RandomOp(shape, random), shape.cuts_power, &out)) break;
    }
    return out;
  }

  // A few secrets to begin with, and what is read of them in the caches.
  void Warm(const RoundShape& shape) {
    warm_.clear();
    for (uint64_t which = 0; which < 3; ++which) {
      VaultOp op;
      op.kind = VaultOp::Kind::kPut;
      op.path = Path(which);
      op.fields["u"] = "first";
      Call(op, false, &warm_);
      op = VaultOp();
      op.path = Path(which);
      Call(op, false, &warm_);
    }
    if (!shape.renames) return;
    VaultOp op;
    op.path = Path(3);
    Call(op, false, &warm_);
  }

  std::vector<VaultCall> Look(const std::vector<VaultCall>& history) {
    std::set<std::string> paths;
    for (const VaultCall& call : history) {
      if (call.input.kind == VaultOp::Kind::kRenameDirectory) continue;
      paths.insert(call.input.path);
      if (!call.input.to.empty()) paths.insert(call.input.to);
    }
    for (uint64_t which = 0; which < 6; ++which) paths.insert(Path(which));
    std::vector<VaultCall> out;
    for (const std::string& path : paths) {
      VaultOp op;
      op.path = path;
      for (op.number = 0; op.number <= 6; ++op.number) Call(op, false, &out);
      op.number = 0;
      op.kind = VaultOp::Kind::kDescribe;
      Call(op, false, &out);
    }
    return out;
  }

  // The order that a watcher is told of: each path's versions come one after another, and lead to
  // what is there.
  absl::Status CheckChanges(Revision before) {
    Revision reached = before;
    ASSIGN_OR_RETURN(
        const auto events,
        world_.vault->ChangesSince(*SecretPath::ParseDirectory(top_), before, 10'000, &reached));
    std::map<std::string, uint64_t> newest;
    for (uint64_t which = 0; which < 3; ++which) newest[Path(which)] = 1;  // before the round
    uint64_t last = before.value();
    for (const v1::WatchResponse& event : events) {
      if (event.revision() <= last) return absl::InternalError("changes out of order");
      last = event.revision();
      if (event.type() == v1::WatchResponse::WRITTEN) {
        if (event.version() != ++newest[event.path()]) {
          return absl::InternalError(absl::StrCat("told of version ", event.version(), " of ",
                                                  event.path(), ", not ", newest[event.path()]));
        }
      } else if (event.type() == v1::WatchResponse::DESTROYED && event.version() == 0) {
        newest.erase(event.path());
      } else if (event.type() == v1::WatchResponse::RENAMED) {
        std::map<std::string, uint64_t> moved;
        const bool directory = absl::EndsWith(event.path(), "/");
        for (const auto& [path, version] : newest) {
          const bool moves =
              directory ? absl::StartsWith(path, event.path()) : path == event.path();
          moved[moves ? event.new_path() + path.substr(event.path().size()) : path] = version;
        }
        newest = std::move(moved);
      }
    }
    for (const auto& [path, version] : newest) {
      const auto info = world_.vault->Describe(*SecretPath::Parse(path));
      RETURN_IF_ERROR(info.status());
      if (info->newest_version() != version) {
        return absl::InternalError(absl::StrCat(path, ": its changes lead to ", version));
      }
    }
    return absl::OkStatus();
  }

  void Wrong(const absl::Status& status) {
    const absl::MutexLock lock(&mu_);
    wrong_.Update(status);
  }

  // Beside the callers, as the server does it.

  void TurnKeys(uint64_t seed) {
    std::mt19937_64 random(seed);
    do {
      {
        const absl::MutexLock lock(&transitions_);
        const bool odd = random() % 2 == 0;
        const AeadSuite suite = odd ? AeadSuite::kAes256Gcm : AeadSuite::kXChaCha20Poly1305;
        if (world_.keyring->RotateKek(suite, odd).ok()) ++rotations_;
      }
      RewrapAndRetire();
    } while (running_.load() > 0);
  }

  void RewrapAndRetire() {
    const KekTerm term = world_.keyring->status().kek_term;
    const auto state = world_.vault->Rewrap(*world_.store, NoProgress);
    if (!state.ok()) return;  // sealed, or without power
    if (state->failed() != 0) Wrong(absl::InternalError("rewrap: records do not open"));
    if (world_.keyring->FormerSnapshotsHeld() || world_.store->Stats().stopped) return;
    const auto outside = world_.vault->CountOutside(term, NoProgress);
    if (!outside.ok() || *outside != 0) return;
    const absl::MutexLock lock(&transitions_);
    if (world_.keyring->status().kek_term != term) return;
    if (world_.keyring->RetireKeks(term).ok()) ++retirements_;
  }

  void SealAndUnseal(bool may_fail) {
    do {
      const absl::MutexLock lock(&transitions_);
      world_.Seal();
      const absl::Status unsealed = world_.Unseal();
      if (!unsealed.ok() && !(may_fail && world_.disk.fault_hit())) Wrong(unsealed);
      ++seals_;
    } while (running_.load() > 0);
  }

  absl::Status CutPowerAndOpen() {
    world_.disk.ClearFault();
    world_.disk.PowerOff();
    world_.Close();
    // A process that is killed leaves what it wrote with the system.
    if (only_power_cuts_ || random_() % 2 == 0) {
      world_.disk.PowerOn();
    } else {
      world_.disk.PowerOnKeeping(uint64_t{1} << 40);
    }
    RETURN_IF_ERROR(world_.Open());
    return world_.Unseal();
  }

  std::mt19937_64 random_;
  FaultVault world_;
  bool only_power_cuts_ = false;
  int round_ = 0;
  std::string top_;
  std::vector<VaultCall> warm_;
  std::atomic<uint64_t> ticks_{0};
  std::atomic<int> running_{0};
  absl::Mutex transitions_;
  std::atomic<int> rotations_{0}, retirements_{0}, seals_{0};
  absl::Mutex mu_;
  absl::Status wrong_;
  absl::Status watched_;
};

class LinearizabilityTest : public testing::Test {
 protected:
  void SetUp() override { SetLogFd(-1); }
  void TearDown() override { SetLogFd(2); }

  static Linearization Check(const std::vector<VaultCall>& history) {
    return CheckLinearizable<VaultSpec>(history, ReferenceVault());
  }

  static std::string Text(const std::vector<VaultCall>& history, const Linearization& found) {
    std::vector<std::pair<uint64_t, std::string>> lines;
    for (size_t i = 0; i < history.size(); ++i) {
      const VaultCall& call = history[i];
      const auto place = std::find(found.order.begin(), found.order.end(), i);
      lines.emplace_back(
          call.times.invoked,
          absl::StrCat("[", call.times.invoked, ", ",
                       call.output.has_value() ? absl::StrCat(call.times.returned) : "never", "] ",
                       TextOf(call.input), ": ", call.output.value_or("?"),
                       place == found.order.end()
                           ? "   <- not explained"
                           : absl::StrCat("   (", place - found.order.begin(), ")")));
    }
    std::sort(lines.begin(), lines.end());
    std::string out;
    for (const auto& [time, line] : lines) absl::StrAppend(&out, line, "\n");
    return out;
  }

  // How many of `rounds` histories had no order, or ended in something that is wrong by itself.
  static int ViolationsOf(const FaultVault::Wrap& wrap, const RoundShape& shape, int rounds,
                          bool lying_disk = false) {
    const uint64_t seed = TestSeed();
    int violations = 0;
    for (int i = 0; i < rounds; ++i) {
      HistoryMaker maker(seed + static_cast<uint64_t>(i), wrap);
      EXPECT_OK(maker.Begin());
      if (lying_disk) maker.LieAboutSyncs();
      const auto history = maker.Round(shape);
      if (history.ok() && Check(*history).verdict == Verdict::kViolation) ++violations;
    }
    std::printf("%d of %d histories had no order\n", violations, rounds);
    return violations;
  }
};

TEST_F(LinearizabilityTest, WhatConcurrentCallersSeeCouldHaveBeenOneAfterAnother) {
  const int rounds = TestCount("KEYTURN_HISTORIES", kSanitized ? 60 : 600);
  const uint64_t seed = TestSeed();
  std::mt19937_64 random(seed);
  auto maker = std::make_unique<HistoryMaker>(random());
  ASSERT_OK(maker->Begin());
  size_t calls = 0, never_returned = 0, configurations = 0;
  int rotations = 0, retirements = 0, seals = 0, cuts = 0;
  for (int round = 0; round < rounds; ++round) {
    RoundShape shape;
    shape.threads = 3 + static_cast<int>(random() % 4);
    shape.calls_each = 8 + static_cast<int>(random() % 8);
    shape.renames = random() % 4 != 0;
    shape.turns_keys = random() % 3 == 0;
    shape.seals = random() % 5 == 0;
    shape.cuts_power = random() % 4 == 0;
    SCOPED_TRACE(absl::StrCat("KEYTURN_SEED=", seed, ", round ", round));
    const auto history = maker->Round(shape);
    ASSERT_OK(history);
    const Linearization found = Check(*history);
    ASSERT_EQ(found.verdict, Verdict::kLinearizable) << Text(*history, found);
    ASSERT_OK(maker->watched());
    calls += history->size();
    for (const VaultCall& call : *history) never_returned += call.output.has_value() ? 0 : 1;
    configurations = std::max(configurations, found.configurations);
    cuts += shape.cuts_power ? 1 : 0;
    if (round % 20 != 19) continue;
    rotations += maker->rotations();
    retirements += maker->retirements();
    seals += maker->seals();
    maker = std::make_unique<HistoryMaker>(random());
    ASSERT_OK(maker->Begin());
  }
  std::printf(
      "%d histories, %zu calls, %d power cuts, %zu calls cut off, %d rotations, %d retirements, %d "
      "seals; at most %zu configurations\n",
      rounds, calls, cuts, never_returned, rotations, retirements, seals, configurations);
  EXPECT_GE(rotations, rounds / 20);
  EXPECT_GE(retirements, rounds / 60);
  EXPECT_GE(seals, rounds / 20);
  EXPECT_GE(cuts, rounds / 10);
  EXPECT_GE(never_returned, static_cast<size_t>(rounds / 20));
}

// Many callers and long histories, which can be checked because without renames each secret is an
// object of its own.
TEST_F(LinearizabilityTest, LongHistoriesOfSecretsThatStayWhereTheyAre) {
  const int rounds = TestCount("KEYTURN_HISTORIES", kSanitized ? 5 : 60) / 2;
  const uint64_t seed = TestSeed();
  HistoryMaker maker(seed);
  ASSERT_OK(maker.Begin());
  for (int round = 0; round < rounds; ++round) {
    RoundShape shape;
    shape.threads = 8;
    shape.calls_each = 40;
    shape.renames = false;
    shape.turns_keys = round % 2 == 0;
    shape.cuts_power = round % 3 == 0;
    SCOPED_TRACE(absl::StrCat("KEYTURN_SEED=", seed, ", round ", round));
    const auto history = maker.Round(shape);
    ASSERT_OK(history);
    for (const auto& part :
         SplitHistory<VaultSpec>(*history, [](const VaultOp& op) { return op.path; })) {
      const Linearization found = Check(part);
      ASSERT_EQ(found.verdict, Verdict::kLinearizable) << Text(part, found);
    }
  }
}

TEST_F(LinearizabilityTest, MutantThatServesOldReadsIsFound) {
  EXPECT_GE(ViolationsOf(MakeMutant<StaleReadsVault>, RoundShape(), 20), 5);
}

TEST_F(LinearizabilityTest, MutantThatLosesWritesIsFound) {
  EXPECT_GE(ViolationsOf(MakeMutant<LostWritesVault>, RoundShape(), 20), 5);
}

TEST_F(LinearizabilityTest, MutantThatSetsWithoutComparingIsFound) {
  EXPECT_GE(ViolationsOf(MakeMutant<CarelessCasVault>, RoundShape(), 20), 5);
}

// Acknowledged before it is on the disk.
TEST_F(LinearizabilityTest, MutantDiskThatLiesAboutSyncsIsFound) {
  RoundShape shape;
  shape.cuts_power = true;
  EXPECT_GE(ViolationsOf(nullptr, shape, 20, true), 5);
}

// A round that ended in an error, or was too long for the checker, would show nothing.
TEST_F(LinearizabilityTest, WithoutAMutantThereIsNoViolation) {
  const uint64_t seed = TestSeed();
  for (uint64_t i = 0; i < 10; ++i) {
    HistoryMaker maker(seed + i);
    ASSERT_OK(maker.Begin());
    const auto history = maker.Round(RoundShape());
    ASSERT_OK(history);
    ASSERT_OK(maker.watched());
    const Linearization found = Check(*history);
    EXPECT_EQ(found.verdict, Verdict::kLinearizable) << Text(*history, found);
  }
}

}  // namespace
}  // namespace keyturn
