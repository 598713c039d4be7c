// A revocation list in a std::map: exact, in memory, and durable when the test says so.
#pragma once

#include <cstdlib>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "revocation/list.h"

namespace keyturn {

class FakeList : public RevocationList {
 public:
  explicit FakeList(Clock& clock) : clock_(clock) {}

  // What tests set, and look at.
  bool is_loaded = true;
  bool names = true;
  bool durable_at_once = true;
  uint64_t durable = 0;          // changes up to here are, when not at once
  uint64_t failed = UINT64_MAX;  // and from here on have failed
  absl::Status begin_status, put_status;
  int begins = 0;
  mutable std::vector<size_t> asked_together;  // keys of each ExistsMany
  uint64_t last_change = 0;
  int64_t behind_ms = 0;  // now_ms, of wall_ms

  std::function<void(absl::string_view key)> on_put;
  void SetPutListener(std::function<void(absl::string_view key)> listener) override {
    on_put = std::move(listener);
  }

  absl::Status Load(std::shared_ptr<const KeyringSnapshot>) override { return absl::OkStatus(); }
  bool loaded() const override { return is_loaded; }
  ListTime Now() override {
    const int64_t wall = absl::ToUnixMillis(clock_.Now());
    return {wall - behind_ms, wall};
  }

  bool Exists(absl::string_view key, const ListTime& time) const override {
    return Find(key, time).has_value();
  }
  void ExistsMany(absl::Span<const absl::string_view> keys, const ListTime& time,
                  absl::Span<bool> results) const override {
    asked_together.push_back(keys.size());
    for (size_t i = 0; i < keys.size(); ++i) results[i] = Exists(keys[i], time);
  }
  std::optional<KeyInfo> Find(absl::string_view key, const ListTime& time) const override {
    if (open_) std::abort();  // a real list may wait for the open transaction for ever
    return FindAt(key, time);
  }
  absl::Status FindMembers(absl::string_view key, absl::Span<const absl::string_view> members,
                           const ListTime& time, absl::Span<bool> results) const override {
    const std::optional<KeyInfo> found = FindAt(key, time);
    std::fill(results.begin(), results.end(), false);
    if (!found.has_value()) return absl::OkStatus();
    if (found->type != KeyType::kSet) return absl::InvalidArgumentError("no set");
    const auto& all = entries_.at(std::string(key)).members;
    for (size_t i = 0; i < members.size(); ++i) results[i] = all.count(std::string(members[i])) > 0;
    return absl::OkStatus();
  }
  uint64_t Scan(uint64_t cursor, size_t count, const ListTime& time,
                absl::FunctionRef<void(absl::string_view, KeyType)> fn) const override {
    uint64_t at = 0;
    for (const auto& [key, entry] : entries_) {
      if (at++ < cursor) continue;
      if (count-- == 0) return at - 1;
      if (entry.info.expires_ms > time.now_ms) fn(key, entry.info.type);
    }
    return 0;
  }
  bool keeps_names() const override { return names; }

  absl::StatusOr<std::unique_ptr<Transaction>> Begin(std::shared_ptr<const RevocationWriter> writer,
                                                     const ListTime& time) override {
    if (open_) std::abort();  // it would wait for itself
    if (writer == nullptr) std::abort();
    if (!begin_status.ok()) return begin_status;
    ++begins;
    open_ = true;
    return std::make_unique<FakeTransaction>(*this, time);
  }

  Durability DurabilityOf(uint64_t change) const override {
    if (durable_at_once) return Durability::kDurable;
    if (change >= failed) return Durability::kFailed;
    return change <= durable ? Durability::kDurable : Durability::kWaiting;
  }
  absl::Status WaitFor(uint64_t) override { return absl::OkStatus(); }
  void SetDurableListener(std::function<void()>) override {}
  void SetChangeListener(ListChangeListener*) override {}
  absl::Status Sweep() override { return absl::OkStatus(); }
  Stats stats() const override {
    Stats stats;
    stats.keys = entries_.size();
    return stats;
  }

 private:
  struct Entry {
    KeyInfo info;
    std::set<std::string> members;
  };

  class FakeTransaction : public Transaction {
   public:
    FakeTransaction(FakeList& list, const ListTime& time) : list_(list), time_(time) {}
    ~FakeTransaction() override { Commit(); }

    std::optional<KeyInfo> Find(absl::string_view key) const override {
      return list_.FindAt(key, time_);
    }
    absl::Status FindMembers(absl::string_view key, absl::Span<const absl::string_view> members,
                             absl::Span<bool> results) const override {
      return list_.FindMembers(key, members, time_, results);
    }
    absl::Status Put(absl::string_view key, absl::string_view value, int64_t expires_ms) override {
      if (!list_.put_status.ok()) return list_.put_status;
      changed_ = true;
      list_.entries_.erase(std::string(key));
      if (expires_ms <= time_.now_ms) return absl::OkStatus();
      Entry& entry = list_.entries_[std::string(key)];
      entry.info.value = std::string(value);
      entry.info.expires_ms = expires_ms;
      return absl::OkStatus();
    }
    absl::Status PutValue(absl::string_view key, absl::string_view value) override {
      const std::optional<KeyInfo> found = Find(key);
      return Put(key, value, found.has_value() ? found->expires_ms : kNoExpiry);
    }
    void SetOrigin(uint64_t) override {}
    bool Erase(absl::string_view key) override {
      const bool there = Find(key).has_value();
      changed_ |= there;
      list_.entries_.erase(std::string(key));
      return there;
    }
    absl::Status Retime(absl::string_view key, int64_t expires_ms) override {
      if (!list_.put_status.ok()) return list_.put_status;
      changed_ = true;
      list_.entries_.at(std::string(key)).info.expires_ms = expires_ms;
      if (expires_ms <= time_.now_ms) list_.entries_.erase(std::string(key));
      return absl::OkStatus();
    }
    absl::StatusOr<size_t> AddMembers(absl::string_view key,
                                      absl::Span<const absl::string_view> members) override {
      if (!list_.put_status.ok()) return list_.put_status;
      if (!Find(key).has_value()) list_.entries_.erase(std::string(key));
      Entry& entry = list_.entries_[std::string(key)];
      entry.info.type = KeyType::kSet;
      size_t added = 0;
      for (const absl::string_view member : members) {
        added += entry.members.insert(std::string(member)).second ? 1 : 0;
      }
      entry.info.members = entry.members.size();
      changed_ |= added > 0;
      return added;
    }
    absl::StatusOr<size_t> RemoveMembers(absl::string_view key,
                                         absl::Span<const absl::string_view> members) override {
      Entry& entry = list_.entries_.at(std::string(key));
      size_t removed = 0;
      for (const absl::string_view member : members) {
        removed += entry.members.erase(std::string(member));
      }
      entry.info.members = entry.members.size();
      if (entry.members.empty()) list_.entries_.erase(std::string(key));
      changed_ |= removed > 0;
      return removed;
    }
    uint64_t Clear() override {
      const uint64_t keys = list_.entries_.size();
      changed_ |= keys > 0;
      list_.entries_.clear();
      return keys;
    }
    uint64_t Commit() override {
      if (ended_) return 0;
      ended_ = true;
      list_.open_ = false;
      return changed_ ? ++list_.last_change : 0;
    }

   private:
    FakeList& list_;
    const ListTime time_;
    bool changed_ = false, ended_ = false;
  };

  std::optional<KeyInfo> FindAt(absl::string_view key, const ListTime& time) const {
    const auto found = entries_.find(std::string(key));
    if (found == entries_.end() || found->second.info.expires_ms <= time.now_ms) {
      return std::nullopt;
    }
    return found->second.info;
  }

  Clock& clock_;
  std::map<std::string, Entry> entries_;
  bool open_ = false;
};

}  // namespace keyturn
