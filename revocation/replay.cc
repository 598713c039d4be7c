#include "revocation/replay.h"

#include <algorithm>
#include <deque>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/limits.h"
#include "base/status_macros.h"
#include "revocation/change.h"
#include "revocation/snapshot_reader.h"
#include "storage/schema.h"

namespace keyturn {
namespace {

struct SealedRecord {
  uint32_t hour = 0;
  Revision revision;
  std::string sealed;
};

absl::Status RecordDamage(const SealedRecord& record, absl::string_view what) {
  return LogDamage(absl::StrCat("the record of hour ", record.hour, " and revision ",
                                record.revision.value(), " ", what));
}

absl::StatusOr<schema::RevlogItem> ParseKey(absl::string_view key) {
  const std::optional<schema::RevlogItem> item = schema::ParseRevlogKey(key);
  if (item.has_value()) return *item;
  return LogDamage("a key is malformed");
}

// The records of one hour by ascending revision, some bytes at a time.
class HourReader {
 public:
  // From `after` on, exclusively. Passes over records of groups up to `counted` when the hour has
  // `passed`.
  HourReader(const Snapshot& snapshot, uint32_t hour, Revision after, bool passed, uint64_t counted,
             size_t bytes)
      : snapshot_(snapshot),
        passed_(passed),
        counted_(counted),
        bytes_(bytes),
        next_(schema::RevlogKey(hour, Revision(after.value() + 1))),
        end_(hour == kHourForever ? "" : schema::RevlogKey(hour + 1, Revision(0))) {}

  // Until there is one, or the end.
  absl::Status Fill() {
    do {
      RETURN_IF_ERROR(FillSome());
    } while (held_.empty() && more_);
    return absl::OkStatus();
  }

  // What there is, nullptr at the end. REQUIRES: Fill was called.
  const SealedRecord* front() const { return held_.empty() ? nullptr : &held_.front(); }
  absl::StatusOr<SealedRecord> Pop() {
    SealedRecord record = std::move(held_.front());
    held_.pop_front();
    if (held_.empty() && more_) RETURN_IF_ERROR(Fill());
    return record;
  }
  // So far, with those passed over.
  const HeldRecords& read() const { return read_; }

 private:
  absl::Status FillSome() {
    size_t bytes = 0;
    absl::Status status;
    more_ = false;
    const auto take = [&](absl::string_view key, absl::string_view value) {
      if (bytes >= bytes_) {
        more_ = true;
        return false;
      }
      bytes += value.size();
      status = Take(key, value);
      return status.ok();
    };
    RETURN_IF_ERROR(snapshot_.Scan(Family::kRevlog, next_, end_, take));
    return status;
  }

  absl::Status Take(absl::string_view key, absl::string_view value) {
    ASSIGN_OR_RETURN(const schema::RevlogItem item, ParseKey(key));
    ++read_.records;
    read_.bytes += value.size();
    next_ = absl::StrCat(key, absl::string_view("\0", 1));
    if (passed_) {
      const std::optional<uint64_t> group = LogSealer::GroupOf(value);
      if (group && *group <= counted_) return absl::OkStatus();
    }
    held_.push_back({.hour = item.hour, .revision = item.revision, .sealed = std::string(value)});
    return absl::OkStatus();
  }

  const Snapshot& snapshot_;
  const bool passed_;
  const uint64_t counted_;
  const size_t bytes_;
  std::string next_;
  const std::string end_;
  std::deque<SealedRecord> held_;
  bool more_ = false;
  HeldRecords read_;
};

class LogReplay {
 public:
  // `state`: as it was written.
  LogReplay(const Snapshot& snapshot, const LogSealer& sealer, LogState state, int64_t now_ms,
            ApplyFn apply)
      : snapshot_(snapshot),
        sealer_(sealer),
        hour_now_(HourNow(now_ms)),
        apply_(apply),
        state_(std::move(state)),
        last_counted_(state_.snapshot.group),
        last_group_(state_.counted) {}

  absl::StatusOr<LogState> Run() {
    RETURN_IF_ERROR(OpenHours());
    while (!order_.empty()) {
      ASSIGN_OR_RETURN(const std::vector<SealedRecord> records, NextGroup());
      RETURN_IF_ERROR(TakeGroup(records));
    }
    return Finish();
  }

 private:
  bool Passed(uint32_t hour) const { return hour <= hour_now_; }

  absl::Status OpenHours() {
    std::vector<uint32_t> hours;
    absl::Status status;
    for (uint32_t from = state_.hours_from; from != 0;) {
      const std::string begin = schema::RevlogKey(from, Revision(0));
      from = 0;
      const auto first = [&](absl::string_view key, absl::string_view) {
        const absl::StatusOr<schema::RevlogItem> item = ParseKey(key);
        status = item.status();
        if (!status.ok()) return false;
        hours.push_back(item->hour);
        from = item->hour + 1;  // 0 behind the last
        return false;
      };
      RETURN_IF_ERROR(snapshot_.Scan(Family::kRevlog, begin, "", first));
      RETURN_IF_ERROR(status);
    }
    const size_t bytes = limits::kRevocationReplayBytesMax / std::max<size_t>(1, hours.size());
    for (const uint32_t hour : hours) {
      auto reader = std::make_unique<HourReader>(snapshot_, hour, state_.snapshot.revision,
                                                 Passed(hour), state_.counted, bytes);
      RETURN_IF_ERROR(reader->Fill());
      if (reader->front() != nullptr) order_.insert({reader->front()->revision, hour});
      readers_[hour] = std::move(reader);
    }
    return absl::OkStatus();
  }

  // The records of the next revision, by ascending hours.
  absl::StatusOr<std::vector<SealedRecord>> NextGroup() {
    const Revision revision = order_.begin()->first;
    std::vector<SealedRecord> records;
    while (!order_.empty() && order_.begin()->first == revision) {
      const uint32_t hour = order_.begin()->second;
      order_.erase(order_.begin());
      HourReader& reader = *readers_[hour];
      ASSIGN_OR_RETURN(SealedRecord record, reader.Pop());
      records.push_back(std::move(record));
      if (reader.front() != nullptr) order_.insert({reader.front()->revision, hour});
    }
    return records;
  }

  absl::Status TakeGroup(const std::vector<SealedRecord>& records) {
    const uint64_t group = LogSealer::GroupOf(records[0].sealed).value_or(0);
    if (groups_.size() < records.size()) groups_.resize(records.size());
    for (size_t i = 0; i < records.size(); ++i) {
      RETURN_IF_ERROR(Open(records[i], group, &groups_[i]));
    }
    RETURN_IF_ERROR(CheckOrder(records, group));
    changes_.clear();
    for (size_t i = 0; i < records.size(); ++i) {
      if (!Passed(records[i].hour)) AddChanges(groups_[i]);
    }
    if (records.size() > 1) std::sort(changes_.begin(), changes_.end());
    for (const auto& [sequence, change] : changes_) {
      RETURN_IF_ERROR(apply_(ReadChange(*change)));
    }
    return absl::OkStatus();
  }

  absl::Status Open(const SealedRecord& record, uint64_t group,
                    record::v1::RevocationGroup* message) {
    const absl::StatusOr<SecretBytes> body = sealer_.Open(record.hour, record.sealed);
    if (absl::IsDataLoss(body.status())) return RecordDamage(record, "does not open");
    if (!body.ok()) return body.status();
    if (LogSealer::GroupOf(record.sealed) != group)
      return RecordDamage(record, "stands in the place of another");
    const absl::string_view bytes = body->ExposeForCrypto();
    const bool parsed = message->ParseFromArray(bytes.data(), static_cast<int>(bytes.size()));
    const int sequences = message->hours_size() > 1 ? message->changes_size() : 0;
    if (!parsed || message->sequence_size() != sequences) {
      return RecordDamage(record, "is malformed");
    }
    return absl::OkStatus();
  }

  // That it is the next group, and whole as far as it must be.
  absl::Status CheckOrder(const std::vector<SealedRecord>& records, uint64_t group) {
    const auto& hours = groups_[0].hours();
    for (size_t i = 0; i < records.size(); ++i) {
      const auto& own = groups_[i].hours();
      if (!std::equal(own.begin(), own.end(), hours.begin(), hours.end()) ||
          !std::binary_search(own.begin(), own.end(), records[i].hour)) {
        return RecordDamage(records[i], "is not of its group");
      }
    }
    if (group <= state_.counted) {
      if (group <= last_counted_) return RecordDamage(records[0], "is out of order");
      last_counted_ = group;
      if (last_group_ != state_.counted) return RecordDamage(records[0], "is out of order");
      for (const SealedRecord& record : records) ++counted_records_[record.hour];
      return absl::OkStatus();
    }
    if (group != last_group_ + 1) {
      return LogDamage(absl::StrCat("group ", last_group_ + 1, " is missing before group ", group));
    }
    // As many as hours, each of its own, all of the list: they are the same.
    if (records.size() != static_cast<size_t>(hours.size())) {
      return LogDamage(absl::StrCat("a record of group ", group, " is missing"));
    }
    last_group_ = group;
    return absl::OkStatus();
  }

  void AddChanges(const record::v1::RevocationGroup& group) {
    const bool alone = group.sequence_size() == 0;
    for (int i = 0; i < group.changes_size(); ++i) {
      changes_.push_back({alone ? i : group.sequence(i), &group.changes(i)});
    }
  }

  absl::StatusOr<LogState> Finish() {
    for (const auto& [hour, held] : state_.held) {
      if (!Passed(hour)) counted_records_.try_emplace(hour, 0);
    }
    for (const auto& [hour, records] : counted_records_) {
      const auto expected = state_.held.find(hour);
      const uint64_t count = expected == state_.held.end() ? 0 : expected->second.records;
      if (Passed(hour) || records == count) continue;
      return LogDamage(absl::StrCat("of hour ", hour, " there are ", records, " records of ", count,
                                    " that were counted"));
    }
    LogState now = {
        .counted = last_group_, .hours_from = state_.hours_from, .snapshot = state_.snapshot};
    for (const auto& [hour, reader] : readers_) {
      if (reader->read().records > 0) now.held[hour] = reader->read();
    }
    return now;
  }

  const Snapshot& snapshot_;
  const LogSealer& sealer_;
  const uint32_t hour_now_;
  const ApplyFn apply_;

  const LogState state_;
  std::map<uint32_t, std::unique_ptr<HourReader>> readers_;
  std::set<std::pair<Revision, uint32_t>> order_;  // of what each reader has next
  // The last group up to state_.counted that was read. So those of the snapshot do not come again:
  // in place of one behind it, they would be out of order or there twice.
  uint64_t last_counted_;
  uint64_t last_group_;
  std::map<uint32_t, uint64_t> counted_records_;

  // Of one group; kept for their memory.
  std::vector<record::v1::RevocationGroup> groups_;
  std::vector<std::pair<uint32_t, const record::v1::RevocationChange*>> changes_;
};

}  // namespace

absl::StatusOr<ReplayedLog> ReplayLog(const Snapshot& snapshot, const LogSealer& sealer,
                                      int64_t now_ms, FillFn fill, ApplyFn apply) {
  ASSIGN_OR_RETURN(LogState state, ReadState(sealer, snapshot));
  ReplayedLog log;
  ASSIGN_OR_RETURN(log.snapshot_bytes, ReadChunks(snapshot, sealer, state.snapshot, fill, apply));
  ASSIGN_OR_RETURN(log.state, LogReplay(snapshot, sealer, std::move(state), now_ms, apply).Run());
  return log;
}

}  // namespace keyturn
