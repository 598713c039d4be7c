// A revocation list over a store on a disk that can fail, and writers who know what was
// acknowledged to them. Of what a writer was not told, any beginning may be there after a restart,
// in the order in which it was written, and nothing else.
#pragma once

#include <gtest/gtest.h>

#include <deque>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/log.h"
#include "base/status_macros.h"
#include "revocation/list.h"
#include "storage/rocks_store.h"
#include "tests/support/fault_env.h"
#include "tests/support/keys.h"
#include "tests/support/seed.h"
#include "tests/support/status.h"

namespace keyturn {

class PlainCommitter : public GroupCommitter {
 public:
  explicit PlainCommitter(Store& store) : store_(store) {}
  absl::StatusOr<Revision> Commit(absl::Span<const WriterChanges>, absl::string_view,
                                  UpdateFn fn) override {
    return store_.Update(fn);
  }

 private:
  Store& store_;
};

// One life of a store and its list.
struct ListOnDisk {
  absl::Status Start(rocksdb::Env& env, Clock& clock,
                     const std::shared_ptr<const KeyringSnapshot>& keys, bool sync) {
    ASSIGN_OR_RETURN(store, OpenRocksStore({.directory = "/db", .env = &env, .sync = sync}, clock));
    committer = std::make_unique<PlainCommitter>(*store);
    const SnapshotOptions always = {
        .log_bytes_min = 1, .chunk_bytes_max = 600, .chunks_per_step = 4};
    ASSIGN_OR_RETURN(
        list, RevocationList::Create({.index_bytes_max = size_t{64} << 20, .snapshots = always},
                                     *store, *committer, clock));
    return list->Load(keys);
  }

  std::unique_ptr<Store> store;
  std::unique_ptr<PlainCommitter> committer;
  std::unique_ptr<RevocationList> list;
};

class RevocationClient {
 public:
  // When it takes a change for acknowledged. kTooEarly is a mutant.
  enum class Kind { kReal, kTooEarly };

  RevocationClient(int number, uint64_t seed, Kind kind)
      : number_(number), kind_(kind), random_(seed) {}

  // One transaction of one to three changes; and waits, when some are not acknowledged.
  absl::Status Step(RevocationList& list) {
    const int64_t now_ms = list.Now().now_ms;
    ASSIGN_OR_RETURN(const auto transaction, list.Begin(writer_, list.Now()));
    State next = pending_.empty() ? acknowledged_ : pending_.back().state;
    for (auto it = next.begin(); it != next.end();) {
      it = it->second.expires_ms <= now_ms ? next.erase(it) : std::next(it);
    }
    for (uint64_t changes = 1 + random_() % 3; changes > 0; --changes) {
      RETURN_IF_ERROR(Change(*transaction, now_ms, &next));
    }
    pending_.push_back({transaction->Commit(), std::move(next)});
    ++attempts_;
    if (kind_ == Kind::kTooEarly) Acknowledge(pending_.size());
    if (pending_.size() < 1 + random_() % 6) return absl::OkStatus();
    RETURN_IF_ERROR(list.WaitFor(pending_.back().change));
    Acknowledge(pending_.size());
    return absl::OkStatus();
  }

  // After a failure of the log: what was revoked stays revoked for who asks.
  void ExpectRevokedStaysRevoked(RevocationList& list) {
    size_t durable = 0;
    for (const Pending& pending : pending_) {
      const auto how = list.DurabilityOf(pending.change);
      durable += how == RevocationList::Durability::kDurable ? 1 : 0;
    }
    Acknowledge(durable);
    const ListTime now = list.Now();
    for (const auto& [name, key] : acknowledged_) {
      if (key.expires_ms <= now.now_ms) continue;
      EXPECT_TRUE(list.Exists(name, now)) << name;
    }
  }

  // "" when all that was acknowledged is there, and what else is there was asked for.
  std::string Check(const RevocationList& list, const ListTime& now) {
    std::string first;
    pending_.push_front({0, std::move(acknowledged_)});
    for (Pending& pending : pending_) {
      const std::string problem = Compare(list, now, pending.state);
      if (first.empty()) first = problem;
      if (!problem.empty()) continue;
      acknowledged_ = std::move(pending.state);
      pending_.clear();
      return "";
    }
    return first;
  }

  uint64_t acknowledgements() const { return acknowledgements_; }
  uint64_t attempts() const { return attempts_; }

 private:
  struct Key {
    std::string value;              // of a string
    std::set<std::string> members;  // of a set
    int64_t expires_ms = kNoExpiry;
  };
  using State = std::map<std::string, Key>;
  struct Pending {
    uint64_t change;
    State state;
  };
  static constexpr int kNames = 12;
  static constexpr int kMembers = 5;

  std::string Name(uint64_t i) const { return absl::StrCat("revoked:", number_, ":", i % kNames); }
  static std::string Member(uint64_t i) { return absl::StrCat("member ", i % kMembers); }

  void Acknowledge(size_t count) {
    if (count == 0) return;
    acknowledged_ = std::move(pending_[count - 1].state);
    pending_.erase(pending_.begin(), pending_.begin() + static_cast<std::ptrdiff_t>(count));
    acknowledgements_ += count;
  }

  absl::Status Change(RevocationList::Transaction& transaction, int64_t now_ms, State* state) {
    const uint64_t chance = random_() % 100;
    const std::string name = Name(random_());
    // Names of a set are of a set only, so that each change may be of it.
    if (std::hash<std::string>()(name) % 4 == 0) {
      return ChangeSet(transaction, name, now_ms, chance, state);
    }
    if (chance < 20) {
      EXPECT_EQ(transaction.Erase(name), state->erase(name) > 0);
      return absl::OkStatus();
    }
    const int64_t lives[] = {30'000, 7'000'000, 40'000'000};
    Key key;
    key.value = chance < 60 ? "1" : absl::StrCat("value ", random_());
    if (chance < 95) key.expires_ms = now_ms / 1000 * 1000 + lives[random_() % 3];
    RETURN_IF_ERROR(transaction.Put(name, key.value, key.expires_ms));
    (*state)[name] = key;
    return absl::OkStatus();
  }
  absl::Status ChangeSet(RevocationList::Transaction& transaction, const std::string& name,
                         int64_t now_ms, uint64_t chance, State* state) {
    const std::string member = Member(random_());
    if (chance < 20 && state->contains(name)) {
      const int64_t expires_ms = now_ms / 1000 * 1000 + 9'000'000;
      (*state)[name].expires_ms = expires_ms;
      return transaction.Retime(name, expires_ms);
    }
    if (chance < 40) {
      RETURN_IF_ERROR(transaction.RemoveMembers(name, {member}).status());
      if (!state->contains(name)) return absl::OkStatus();
      (*state)[name].members.erase(member);
      if ((*state)[name].members.empty()) state->erase(name);
      return absl::OkStatus();
    }
    RETURN_IF_ERROR(transaction.AddMembers(name, {member}).status());
    (*state)[name].members.insert(member);
    return absl::OkStatus();
  }

  std::string Compare(const RevocationList& list, const ListTime& now, const State& state) const {
    for (uint64_t i = 0; i < kNames; ++i) {
      const std::string name = Name(i);
      const auto expected = state.find(name);
      const auto found = list.Find(name, now);
      const bool alive = expected != state.end() && expected->second.expires_ms > now.now_ms;
      if (found.has_value() != alive) {
        return absl::StrCat(name, alive ? " was acknowledged and is lost" : " should not be there");
      }
      if (!alive) continue;
      const Key& key = expected->second;
      if (found->value != key.value || found->expires_ms != key.expires_ms ||
          found->members != key.members.size()) {
        return absl::StrCat(name, " is not as it was left");
      }
      for (const std::string& member : key.members) {
        bool has = false;
        const bool set = list.FindMembers(name, {member}, now, {&has, 1}).ok();
        if (!set || !has) return absl::StrCat(name, " lacks ", member);
      }
    }
    return "";
  }

  const int number_;
  const Kind kind_;
  std::mt19937_64 random_;
  const std::shared_ptr<const RevocationWriter> writer_ = std::make_shared<RevocationWriter>();
  State acknowledged_;
  std::deque<Pending> pending_;
  uint64_t acknowledgements_ = 0;
  uint64_t attempts_ = 0;
};

class ListFaultFixture : public testing::Test {
 protected:
  void SetUp() override {
    random_.seed(TestSeed());
    SetLogFd(-1);  // each loss is an error worth a line
    NewDisk(RevocationClient::Kind::kReal);
  }
  void TearDown() override { SetLogFd(2); }

  void NewDisk(RevocationClient::Kind kind) {
    world_.reset();
    env_.reset();
    disk_ = std::make_unique<FaultDisk>(random_());
    env_ = NewFaultEnv(*disk_);
    clients_.clear();
    for (int i = 0; i < kClients; ++i) {
      clients_.push_back(std::make_unique<RevocationClient>(i, random_(), kind));
    }
  }

  absl::Status Start(bool sync = true) {
    world_ = std::make_unique<ListOnDisk>();
    return world_->Start(*env_, clock_, keys_, sync);
  }
  void Stop() { world_.reset(); }
  void LosePower() {
    disk_->PowerOff();
    Stop();
    disk_->PowerOn();
  }

  // Starts and looks; the first problem, "" when there is none. It runs on.
  std::string Check() {
    Stop();
    if (const absl::Status started = Start(); !started.ok()) return started.ToString();
    return Look();
  }
  // Of the list that runs: the first problem. What is there is what all goes on from.
  std::string Look() {
    const ListTime now = world_->list->Now();
    std::string first;
    for (const auto& client : clients_) {
      const std::string problem = client->Check(*world_->list, now);
      if (first.empty()) first = problem;
    }
    return first;
  }

  uint64_t Acknowledged() const {
    uint64_t all = 0;
    for (const auto& client : clients_) all += client->acknowledgements();
    return all;
  }

  static constexpr int kClients = 4;
  std::mt19937_64 random_;
  SimulatedClock clock_;
  const std::shared_ptr<const KeyringSnapshot> keys_ = TestKeys();
  std::unique_ptr<FaultDisk> disk_;
  std::unique_ptr<rocksdb::Env> env_;
  std::unique_ptr<ListOnDisk> world_;
  std::vector<std::unique_ptr<RevocationClient>> clients_;
};

}  // namespace keyturn
