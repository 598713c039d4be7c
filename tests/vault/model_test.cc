// Random operations, turns of every key, crashes and losses of power against a reference that is a
// map (tests/vault/reference_vault.h): what the vault answers must be what the reference does, and
// after a crash everything acknowledged is there and what was under way is there wholly or not at
// all. KEYTURN_SEED runs a failure again, KEYTURN_MODEL_STEPS runs longer.
//
// A seed repeats the operations and the places of faults. What random keys and the threads of
// RocksDB do differs, so a failure in the middle of an operation may take a few runs to come back.
#include <array>
#include <atomic>
#include <cmath>
#include <cstdio>
#include <deque>
#include <random>
#include <thread>

#include <gtest/gtest.h>

#include "base/log.h"
#include "tests/support/seed.h"
#include "tests/support/status.h"
#include "tests/vault/fault_vault.h"
#include "tests/vault/mutant_vaults.h"
#include "tests/vault/reference_vault.h"

namespace keyturn {
namespace {

constexpr int kModelSteps = kSanitized ? 30'000 : 1'000'000;
constexpr int kStepsOfOneVault = 50'000;
constexpr size_t kOperationsTold = 30;
constexpr size_t kSecretsMax = 50;  // about

// Times at which something falls due are never within two seconds of a multiple of this, so that
// the grain of the vault's hints (a second) does not show.
constexpr int kTimeStepSeconds = 1202;
constexpr std::array<int64_t, 3> kTtlSeconds = {3600, 7200, 86400};

// One vault and its reference. Stops at the first difference, which is problem().
class Model {
 public:
  explicit Model(uint64_t seed, FaultVault::Wrap wrap = nullptr)
      : seed_(seed), random_(seed), world_(random_(), std::move(wrap)) {}

  void Run(int steps, bool lying_disk = false) {
    const absl::Status begun = world_.Begin();
    if (!begun.ok()) return Fail(absl::StrCat("no vault: ", begun.ToString()));
    if (lying_disk) world_.disk.LieAboutSyncs();
    for (step_ = 0; step_ < steps && problem_.empty(); ++step_) Step();
    if (problem_.empty()) CheckEverything();
  }

  // "" if there was none.
  const std::string& problem() const { return problem_; }
  const std::map<std::string, int>& counts() const { return counts_; }

 private:
  struct Action {
    const char* name;
    int weight;
    void (Model::*run)();
    // The power may fail within it, at one of about so many operations of the disk; 0: it may not.
    int operations = 0;
    int weight_when_cut = 0;
  };
  static const std::vector<Action>& Actions() {
    static const auto* const actions = new std::vector<Action>{
        {"secrets", 97'500, &Model::OnSecrets, 3, 60},
        {"list", 40, &Model::CheckList},
        {"time", 900, &Model::PassTime, 12, 5},
        {"check everything", 40, &Model::CheckEverything},
        {"verify", 15, &Model::Verify},
        {"rotate kek", 60, &Model::RotateKek, 12, 12},
        {"rewrap", 150, &Model::Rewrap, 30, 12},
        {"retire kek", 150, &Model::RetireKeks, 12, 10},
        {"rekey", 40, &Model::Rekey, 24, 12},
        {"rotate root key", 30, &Model::RotateRootKey, 24, 8},
        {"seal and unseal", 60, &Model::SealAndUnseal, 6, 5},
        {"anchor", 100, &Model::WriteAnchor, 6, 3},
        {"reopen", 15, &Model::Reopen},
        {"kill", 15, &Model::Kill},
        {"power cut", 15, &Model::CutPower},
        {"kill within", 25, &Model::KillWithin},
        {"power cut within", 50, &Model::CutPowerWithin},
    };
    return *actions;
  }

  uint64_t Below(uint64_t bound) { return random_() % bound; }
  template <typename Container>
  const auto& AnyOf(const Container& container) {
    return *std::next(container.begin(), static_cast<ptrdiff_t>(Below(container.size())));
  }
  bool OneIn(uint64_t times) { return Below(times) == 0; }

  const Action& Choose(int Action::*weight) {
    int sum = 0;
    for (const Action& action : Actions()) sum += action.*weight;
    int place = static_cast<int>(Below(sum));
    for (const Action& action : Actions()) {
      if (place < action.*weight) return action;
      place -= action.*weight;
    }
    return Actions().front();
  }

  void Step() {
    const Action& action = Choose(&Action::weight);
    Count(action.name);
    (this->*action.run)();
  }

  void Count(const std::string& what) { ++counts_[what]; }
  void Tell(std::string what) {
    told_.push_back(absl::StrCat(step_, ": ", what));
    if (told_.size() > kOperationsTold) told_.pop_front();
  }
  void Fail(const std::string& what) {
    if (!problem_.empty()) return;
    problem_ = absl::StrCat("KEYTURN_SEED=", seed_, ", step ", step_, ": ", what,
                            "\nthe last operations:\n", absl::StrJoin(told_, "\n"));
  }
  // Whether an operation failed because this test has failed the disk, which is no problem.
  bool Excused() const { return cutting_ && world_.disk.fault_hit(); }
  void Need(const absl::Status& status, absl::string_view what) {
    if (!status.ok() && !Excused()) Fail(absl::StrCat(what, ": ", status.ToString()));
  }

  // Operations on secrets.

  std::string RandomName() { return std::string(1, static_cast<char>('a' + Below(4))); }
  std::string RandomDirectory() {
    const auto& known = reference_.directories();
    if (!known.empty() && OneIn(2)) return AnyOf(known);
    return OneIn(2) ? RandomName() : RandomName() + "/" + RandomName();
  }
  std::string AnyPath() {
    const std::string name = RandomName();
    return OneIn(4) ? name : RandomDirectory() + "/" + name;
  }
  // Of a secret that is there, more often than not.
  std::string RandomPath() {
    const auto& known = reference_.secrets();
    if (known.empty() || (known.size() < kSecretsMax && OneIn(6))) return AnyPath();
    return AnyOf(known).first;
  }
  uint64_t NewestOf(const std::string& path) const {
    const auto found = reference_.secrets().find(path);
    return found == reference_.secrets().end() ? 0 : found->second.newest;
  }
  std::vector<uint64_t> RandomNumbers(const std::string& path) {
    const uint64_t newest = NewestOf(path);
    std::set<uint64_t> out;
    for (uint64_t i = Below(3); i < 3; ++i) out.insert(std::max<uint64_t>(1, newest - Below(4)));
    return {out.begin(), out.end()};
  }

  VaultOp RandomPut() {
    VaultOp op;
    op.kind = VaultOp::Kind::kPut;
    op.path = RandomPath();
    op.replace = OneIn(2);
    for (uint64_t i = Below(2); i < 2; ++i) {
      op.fields[OneIn(2) ? "u" : "v"] = std::to_string(random_());
    }
    if (OneIn(40)) op.fields["large"] = std::string(2000, 'x');
    if (OneIn(3)) op.if_version = OneIn(3) ? Below(12) : NewestOf(op.path);
    if (OneIn(4)) op.ttl = absl::Seconds(AnyOf(kTtlSeconds));
    if (OneIn(8)) op.custom[OneIn(2) ? "k" : "l"] = OneIn(3) ? "" : RandomName();
    return op;
  }

  VaultOp RandomOfLife(VaultOp::Kind kind) {
    VaultOp op;
    op.kind = kind;
    op.path = RandomPath();
    const bool numbered =
        kind == VaultOp::Kind::kDestroy || (kind != VaultOp::Kind::kDestroyAll && OneIn(2));
    if (numbered) op.numbers = RandomNumbers(op.path);
    if (kind != VaultOp::Kind::kDelete) return op;
    if (!numbered) op.all = OneIn(6);
    if (!OneIn(3)) op.window_seconds = AnyOf(kTtlSeconds);
    return op;
  }

  VaultOp RandomMetadata() {
    static constexpr std::array<uint32_t, 4> max_versions = {1, 3, 10, 12};
    VaultOp op;
    op.kind = VaultOp::Kind::kMetadata;
    op.path = RandomPath();
    if (OneIn(2)) op.custom[OneIn(2) ? "k" : "m"] = OneIn(3) ? "" : RandomName();
    op.replace_custom = OneIn(5);
    if (OneIn(3)) op.max_versions = AnyOf(max_versions);
    if (OneIn(4)) op.version_ttl_seconds = OneIn(2) ? -1 : AnyOf(kTtlSeconds);
    if (OneIn(4)) op.require_if_version = OneIn(3) ? 1 : 2;
    return op;
  }

  // Directories never go away, so most names are taken: a free one is looked for. Nothing is moved
  // deep, or paths would grow for ever.
  VaultOp RandomRename(bool directory) {
    VaultOp op;
    op.kind = directory ? VaultOp::Kind::kRenameDirectory : VaultOp::Kind::kRenameSecret;
    op.path = directory ? RandomDirectory() : RandomPath();
    for (int attempt = 0; attempt < 4; ++attempt) {
      op.to = directory ? RandomDirectory() : AnyPath();
      if (directory && OneIn(2)) op.to += "/" + RandomName();
      const bool taken = directory ? reference_.directories().count(op.to) != 0
                                   : reference_.secrets().count(op.to) != 0;
      if (!taken) break;
    }
    if (std::count(op.to.begin(), op.to.end(), '/') > 3) op.to = RandomName();
    return op;
  }

  VaultOp RandomChange() {
    using Kind = VaultOp::Kind;
    const uint64_t place = Below(100);
    if (place < 50) return RandomPut();
    if (place < 61) return RandomOfLife(Kind::kDelete);
    if (place < 70) return RandomOfLife(Kind::kUndelete);
    if (place < 78) return RandomOfLife(Kind::kDestroy);
    if (place < 83) return RandomOfLife(Kind::kDestroyAll);
    if (place < 91) return RandomRename(false);
    if (place < 94) return RandomRename(true);
    return RandomMetadata();
  }

  VaultOp RandomRead() {
    VaultOp op;
    op.kind = OneIn(5) ? VaultOp::Kind::kDescribe : VaultOp::Kind::kGet;
    op.path = RandomPath();
    if (op.kind == VaultOp::Kind::kGet) {
      op.previous = OneIn(4);
      if (OneIn(2)) op.number = RandomNumbers(op.path)[0];
    }
    return op;
  }

  std::string Ask(const VaultOp& op) { return VaultCaller(*world_.vault, *world_.store).Do(op); }

  // Reads four times as often as changes. With a fault planned, a change.
  void OnSecrets() {
    const VaultOp op = cutting_ || OneIn(5) ? RandomChange() : RandomRead();
    if (!cutting_) Count(NameOf(op.kind));
    if (op.if_version.has_value()) Count("put if_version");
    if (cutting_) before_ = Known{reference_, changes_};
    std::string change;
    const std::string wanted = reference_.Do(op, world_.clock.Now(), &change);
    if (!change.empty()) changes_.push_back(change);
    const std::string answer = Ask(op);
    Tell(absl::StrCat(TextOf(op), ": ", answer));
    if (answer == wanted) {
      before_.reset();  // acknowledged, or refused for good
    } else if (!Excused()) {
      Fail(absl::StrCat(TextOf(op), ": ", answer, "; the reference says: ", wanted));
    }
  }

  // Looks. Each returns the first difference, "" for none.

  std::string DifferenceOfSecret(const std::string& path, ReferenceVault* reference) {
    std::vector<VaultOp> reads(3);
    for (VaultOp& read : reads) read.path = path;
    reads[0].kind = VaultOp::Kind::kDescribe;
    reads[1].previous = true;
    for (const auto& [number, version] : reference->secrets().at(path).versions) {
      reads.push_back(reads[2]);
      reads.back().number = number;
    }
    for (const VaultOp& read : reads) {
      std::string unchanged;
      const std::string wanted = reference->Do(read, world_.clock.Now(), &unchanged);
      const std::string answer = Ask(read);
      if (answer != wanted) {
        return absl::StrCat(TextOf(read), ": ", answer, "; the reference says: ", wanted);
      }
    }
    return "";
  }

  std::string DifferenceOfNames(const ReferenceVault& reference) {
    v1::ListRequest request;
    request.set_recursive(true);
    request.set_page_size(static_cast<int>(1 + Below(20)));
    std::vector<std::string> listed, wanted;
    do {
      const auto page = world_.vault->List(request, [](absl::string_view, bool) { return true; });
      if (!page.ok()) return absl::StrCat("list: ", page.status().ToString());
      for (const auto& entry : page->entries()) listed.push_back(entry.name());
      request.set_page_token(page->next_page_token());
    } while (!request.page_token().empty());
    for (const auto& [path, secret] : reference.secrets()) wanted.push_back(path);
    std::sort(listed.begin(), listed.end());
    if (listed == wanted) return "";
    return absl::StrCat("listed are ", absl::StrJoin(listed, " "), "; the reference has ",
                        absl::StrJoin(wanted, " "));
  }

  std::string DifferenceOfChanges(const std::vector<std::string>& wanted, Revision* reached) {
    std::vector<std::string> told;
    uint64_t newest = told_up_to_.value();
    *reached = told_up_to_;
    do {
      const auto events =
          world_.vault->ChangesSince(SecretPath(), *reached, 1 + Below(500), reached);
      if (!events.ok()) return absl::StrCat("changes: ", events.status().ToString());
      for (const v1::WatchResponse& event : *events) {
        if (event.revision() <= newest) return "changes are told out of order";
        newest = event.revision();
        told.push_back(absl::StrCat(v1::WatchResponse::Type_Name(event.type()), " ", event.path(),
                                    " ", event.new_path(), " ", event.version()));
      }
    } while (*reached < world_.store->LastRevision());
    if (told == wanted) return "";
    return absl::StrCat("changes told are ", absl::StrJoin(told, ", "), "; the reference has ",
                        absl::StrJoin(wanted, ", "));
  }

  struct Known {
    ReferenceVault reference;
    std::vector<std::string> changes;
  };
  std::string Difference(Known known) {
    Revision reached;
    std::string difference = DifferenceOfChanges(known.changes, &reached);
    if (difference.empty()) difference = DifferenceOfNames(known.reference);
    for (const auto& [path, secret] : known.reference.secrets()) {
      if (difference.empty()) difference = DifferenceOfSecret(path, &known.reference);
    }
    return difference;
  }

  void CheckChanges() {
    Revision reached;
    const std::string difference = DifferenceOfChanges(changes_, &reached);
    if (!difference.empty()) return Fail(difference);
    told_up_to_ = reached;
    changes_.clear();
  }
  void CheckList() {
    const std::string difference = DifferenceOfNames(reference_);
    if (!difference.empty()) Fail(difference);
  }
  void CheckEverything() {
    const std::string difference = Difference({reference_, changes_});
    if (!difference.empty()) Fail(difference);
  }
  void Verify() {
    const auto of_store = world_.store->Verify(NoProgress);
    const auto of_vault = world_.vault->Verify(NoProgress);
    Need(of_store.status(), "verify the store");
    Need(of_vault.status(), "verify the vault");
    if (of_store.ok() && !of_store->empty()) Fail("verify: " + of_store->front().what);
    if (of_vault.ok() && !of_vault->empty()) Fail("verify: " + of_vault->front().what);
    const auto missing = world_.vault->SweepDue(*world_.store, NoProgress);
    Need(missing.status(), "sweep");
    if (missing.ok() && *missing != 0) Fail("what falls due has no hint");
  }

  // Time, in which versions expire and deleted ones are destroyed.
  void PassTime() {
    if (!cutting_) {  // those of a day ago are forgotten
      CheckChanges();
      const int64_t steps = 1 + static_cast<int64_t>(Below(12));
      world_.clock.AdvanceTime(absl::Seconds(kTimeStepSeconds * steps));
      Tell(absl::StrCat("time passes: ", kTimeStepSeconds * steps, " s"));
      if (OneIn(3)) return;  // what has expired does not read, but is still there
    }
    RunDue();
  }
  void RunDue() {
    Tell("what is due");
    due_cut_ = true;
    int done = 1;
    while (done > 0) {
      absl::Time next;
      const absl::StatusOr<int> run = world_.vault->RunDue(*world_.store, &next);
      Need(run.status(), "what is due");
      if (!run.ok()) return;
      done = *run;
    }
    due_cut_ = false;
    reference_.RunDue(world_.clock.Now());
  }

  // Keys.

  void RotateKek() {
    const bool compromised = OneIn(3);
    const AeadSuite suite = OneIn(2) ? AeadSuite::kAes256Gcm : AeadSuite::kXChaCha20Poly1305;
    Tell(absl::StrCat("rotate kek", compromised ? ", compromised" : ""));
    const absl::StatusOr<KekTerm> rotated = world_.keyring->RotateKek(suite, compromised);
    Need(rotated.status(), "rotate kek");
    if (!rotated.ok()) {
      rotation_cut_ = true;
      return;
    }
    if (*rotated != KekTerm(term_.value() + 1)) Fail("a wrong term");
    term_ = *rotated;
    ++keks_;
  }

  // As far as chance lets it; the next one goes on.
  void Rewrap() {
    if (keks_ == 1) return;
    int steps = static_cast<int>(1 + Below(80));
    Tell(absl::StrCat("rewrap ", steps, " steps"));
    const auto state = world_.vault->Rewrap(*world_.store, [&](uint64_t, uint64_t) {
      return --steps > 0 ? absl::OkStatus() : absl::CancelledError("enough");
    });
    if (absl::IsCancelled(state.status())) return;
    Need(state.status(), "rewrap");
    if (!state.ok()) return;
    if (state->failed() != 0) Fail("rewrap: records do not open");
    Count("rewrap finished");
  }

  void RetireKeks() {
    if (keks_ == 1) return;
    const auto state = world_.vault->ReadRewrapState();
    Need(state.status(), "state of rewrap");
    if (!state.ok() || state->term() != term_.value() || state->finished_ms() == 0) return;
    Tell("retire keks");
    if (world_.keyring->FormerSnapshotsHeld()) return Fail("somebody holds the keys of before");
    const auto outside = world_.vault->CountOutside(term_, NoProgress);
    Need(outside.status(), "count outside");
    if (!outside.ok()) return;
    if (*outside != 0) return Fail(absl::StrCat(*outside, " records are under older keys"));
    const absl::Status retired = world_.keyring->RetireKeks(term_);
    Need(retired, "retire keks");
    if (!retired.ok()) {
      retirement_cut_ = true;
      return;
    }
    keks_ = 1;
    Count("keks retired");
  }

  void ChangeSeals(bool passphrase, bool shamir) {
    Tell(absl::StrCat("rekey", passphrase ? " passphrase" : "", shamir ? " shamir" : ""));
    VaultKeys fresh;
    const absl::Status changed = world_.Rekey(passphrase, shamir, &fresh);
    Need(changed, "rekey");
    if (changed.ok()) {
      former_keys_ = std::exchange(world_.keys, fresh);
    } else {
      other_keys_ = fresh;
    }
  }
  void Rekey() {
    const uint64_t seals = 1 + Below(3);
    ChangeSeals((seals & 1) != 0, (seals & 2) != 0);
  }
  void RotateRootKey() {
    const VaultKeys kept = former_keys_;  // those of before open nothing still
    ChangeSeals(false, false);
    former_keys_ = kept;
  }

  void WriteAnchor() { Need(world_.keyring->WriteAnchor(world_.store->LastRevision()), "anchor"); }

  void SealAndUnseal() {
    Tell("seal");
    world_.Seal();
    for (const VaultOp& op : {RandomChange(), RandomRead()}) {
      const std::string answer = Ask(op);
      if (answer != "FAILED_PRECONDITION" && answer != "INVALID_ARGUMENT") {
        return Fail(absl::StrCat("sealed: ", TextOf(op), ": ", answer));
      }
    }
    if (!cutting_ && OneIn(4)) return CrashAndOpen(RandomLoss());
    ExpectFormerKeysRefused();
    Tell("unseal");
    Need(world_.Unseal(), "unseal");
  }
  void ExpectFormerKeysRefused() {
    if (former_keys_.passphrase.empty() && former_keys_.shares.empty()) return;
    if (world_.UnsealWith(former_keys_, OneIn(2)).ok()) Fail("revoked keys open the vault");
  }

  // Ends.

  enum class Loss { kNone, kProcess, kPower };
  Loss RandomLoss() { return OneIn(2) ? Loss::kProcess : Loss::kPower; }

  void Reopen() { CrashAndOpen(Loss::kNone); }
  void Kill() { CrashAndOpen(Loss::kProcess); }
  void CutPower() { CrashAndOpen(Loss::kPower); }
  void KillWithin() { CrashWithin(Loss::kProcess); }
  void CutPowerWithin() { CrashWithin(Loss::kPower); }

  void CrashWithin(Loss loss) {
    const Action& action = Choose(&Action::weight_when_cut);
    cutting_ = true;
    world_.disk.FailAt(1 + Below(action.operations), DiskFault::kPowerOff);
    (this->*action.run)();
    const bool hit = world_.disk.fault_hit();
    world_.disk.ClearFault();
    cutting_ = false;
    if (hit) Count(absl::StrCat("cut within ", action.name));
    CrashAndOpen(loss);
  }

  void CrashAndOpen(Loss loss) {
    static constexpr const char* names[] = {"reopen", "kill", "power cut"};
    Tell(names[static_cast<size_t>(loss)]);
    if (!problem_.empty()) return;
    if (loss != Loss::kNone) world_.disk.PowerOff();
    world_.Close();
    // A process that is killed leaves what it wrote with the system.
    if (loss == Loss::kProcess) world_.disk.PowerOnKeeping(uint64_t{1} << 40);
    if (loss == Loss::kPower) world_.disk.PowerOn();
    const absl::Status opened = world_.Open();
    if (!opened.ok()) return Fail(absl::StrCat("open: ", opened.ToString()));
    FindOutKeys();
    if (problem_.empty()) FindOutTerm();
    if (problem_.empty()) FindOutSecrets();
    if (problem_.empty() && due_cut_) RunDue();
  }

  // Of two sets of keys that may be in force exactly one is.
  void FindOutKeys() {
    ExpectFormerKeysRefused();
    const std::optional<VaultKeys> other = std::exchange(other_keys_, std::nullopt);
    const absl::Status unsealed = world_.Unseal();
    if (!other.has_value()) {
      if (!unsealed.ok()) Fail(absl::StrCat("unseal: ", unsealed.ToString()));
      return;
    }
    const bool same =
        other->passphrase == world_.keys.passphrase && other->shares == world_.keys.shares;
    if (unsealed.ok()) {
      if (same) return;
      Count("rekey cut, not done");
      world_.Seal();
      if (world_.UnsealWith(*other, OneIn(2)).ok()) return Fail("two sets of keys open the vault");
      const absl::Status again = world_.Unseal();
      if (!again.ok()) Fail(absl::StrCat("unseal again: ", again.ToString()));
      return;
    }
    const absl::Status opened = world_.UnsealWith(*other, OneIn(2));
    if (!opened.ok()) {
      return Fail(absl::StrCat("neither set of keys opens the vault: ", unsealed.ToString(), "; ",
                               opened.ToString()));
    }
    Count("rekey cut, done");
    former_keys_ = std::exchange(world_.keys, *other);
  }

  void FindOutTerm() {
    const bool rotated = std::exchange(rotation_cut_, false);
    const bool retired = std::exchange(retirement_cut_, false);
    const KekTerm term = world_.keyring->status().kek_term;
    if (rotated && term == KekTerm(term_.value() + 1)) {
      Count("rotate kek cut, done");
      term_ = term;
      ++keks_;
    }
    if (term != term_) Fail(absl::StrCat("the key's term is ", term.value()));
    const size_t keks = (*world_.keyring->Snapshot())->keks().size();
    if (retired && keks == 1) {
      Count("retire kek cut, done");
      keks_ = 1;
    }
    if (keks != keks_) Fail(absl::StrCat("there are ", keks, " keys, not ", keks_));
  }

  // The operation that was under way was done, or it was not.
  void FindOutSecrets() {
    if (due_cut_) {  // done for some, which what follows does not tell from others
      CheckChanges();
      return;
    }
    const std::string with = Difference({reference_, changes_});
    if (!before_.has_value()) {
      if (!with.empty()) Fail(with);
      return;
    }
    Known before = *std::exchange(before_, std::nullopt);
    Count(with.empty() ? "change cut, done" : "change cut, not done");
    if (with.empty()) return;
    const std::string without = Difference(before);
    if (!without.empty()) {
      return Fail(absl::StrCat("what was under way is there in part. As if done: ", with,
                               "\nAs if not: ", without));
    }
    reference_ = std::move(before.reference);
    changes_ = std::move(before.changes);
  }

  const uint64_t seed_;
  std::mt19937_64 random_;
  FaultVault world_;
  ReferenceVault reference_;
  std::vector<std::string> changes_;  // since told_up_to_
  Revision told_up_to_;
  KekTerm term_{1};
  size_t keks_ = 1;
  VaultKeys former_keys_;  // revoked

  // While the power is to fail within an operation, and what nobody knows after it.
  bool cutting_ = false;
  std::optional<Known> before_;  // the operation may not have been done
  std::optional<VaultKeys> other_keys_;
  bool rotation_cut_ = false, retirement_cut_ = false, due_cut_ = false;

  int step_ = 0;
  std::deque<std::string> told_;
  std::map<std::string, int> counts_;
  std::string problem_;
};

class ModelTest : public testing::Test {
 protected:
  void SetUp() override { SetLogFd(-1); }
  void TearDown() override { SetLogFd(2); }

  // The first problem of a few vaults; "" for none.
  static std::string ProblemOf(const FaultVault::Wrap& wrap, bool lying_disk) {
    const uint64_t seed = TestSeed();
    for (uint64_t i = 0; i < 4; ++i) {
      Model model(seed + i, wrap);
      model.Run(5000, lying_disk);
      if (!model.problem().empty()) return model.problem();
    }
    return "";
  }
};

TEST_F(ModelTest, RandomOperationsAgreeWithTheReference) {
  const uint64_t seed = TestSeed();
  const int steps = TestCount("KEYTURN_MODEL_STEPS", kModelSteps);
  absl::Mutex mu;
  std::map<std::string, int> counts;
  std::string problem;
  std::atomic<int> next{0};
  const auto work = [&] {
    for (int vault = next++; vault * kStepsOfOneVault < steps; vault = next++) {
      Model model(seed + static_cast<uint64_t>(vault));
      model.Run(std::min(kStepsOfOneVault, steps - vault * kStepsOfOneVault));
      const absl::MutexLock lock(&mu);
      for (const auto& [what, count] : model.counts()) counts[what] += count;
      if (problem.empty()) problem = model.problem();
      if (!problem.empty()) return;
    }
  };
  std::thread other(work);  // each waits for its commits half of the time
  work();
  other.join();
  ASSERT_EQ(problem, "");
  for (const auto& [what, count] : counts) std::printf("%7d %s\n", count, what.c_str());
  // Of a million steps; so that nothing stops being done unnoticed.
  const std::map<std::string, int> least = {
      {"put", 70'000},
      {"put if_version", 20'000},
      {"get", 400'000},
      {"describe", 100'000},
      {"delete", 12'000},
      {"undelete", 12'000},
      {"destroy", 10'000},
      {"destroy all", 6'000},
      {"rename secret", 10'000},
      {"rename directory", 3'000},
      {"metadata", 8'000},
      {"time", 6'000},
      {"check everything", 250},
      {"verify", 80},
      {"rotate kek", 400},
      {"rewrap finished", 300},
      {"keks retired", 150},
      {"rekey", 250},
      {"rotate root key", 200},
      {"seal and unseal", 400},
      {"reopen", 60},
      {"kill", 100},
      {"power cut", 100},
      {"kill within", 150},
      {"power cut within", 350},
      {"change cut, done", 20},
      {"change cut, not done", 60},
      {"cut within rotate kek", 8},
      {"cut within rekey", 8},
      {"cut within rewrap", 3},
  };
  if (steps < kModelSteps) return;
  for (const auto& [what, count] : least) {
    const double expected = static_cast<double>(count) * steps / 1'000'000;
    // A handful comes out as less now and then.
    const double spread = kSanitized ? 3 * std::sqrt(expected) : 0;
    EXPECT_GE(counts[what], expected - spread) << what;
  }
}

TEST_F(ModelTest, MutantThatServesOldReadsIsFound) {
  EXPECT_NE(ProblemOf(MakeMutant<StaleReadsVault>, false), "");
}

TEST_F(ModelTest, MutantThatLosesWritesIsFound) {
  EXPECT_NE(ProblemOf(MakeMutant<LostWritesVault>, false), "");
}

TEST_F(ModelTest, MutantThatSetsWithoutComparingIsFound) {
  EXPECT_NE(ProblemOf(MakeMutant<CarelessCasVault>, false), "");
}

TEST_F(ModelTest, MutantDiskThatLiesAboutSyncsIsFound) { EXPECT_NE(ProblemOf(nullptr, true), ""); }

}  // namespace
}  // namespace keyturn
