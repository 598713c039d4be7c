#include "revocation/log.h"

#include <algorithm>
#include <iterator>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/coding.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/reason.h"
#include "base/status_macros.h"
#include "crypto/mac.h"
#include "revocation/change.h"
#include "storage/schema.h"

namespace keyturn {
namespace {

size_t BytesOf(const LoggedTransaction& transaction) {
  return transaction.encoded.size() + LogGroup::BytesOf(0) * transaction.changes.size();
}

// The entry of this writer, nullptr when there is none and no room for one.
WriterChanges* EntryOf(const LoggedTransaction& transaction, std::vector<WriterChanges>* writers) {
  for (WriterChanges& entry : *writers) {
    if (entry.writer == transaction.writer) return &entry;
  }
  if (writers->size() == limits::kRevocationGroupWritersMax) return nullptr;
  writers->push_back({.writer = transaction.writer});
  return &writers->back();
}

std::string HashOf(const std::vector<LogGroup::Record>& records) {
  std::string all;
  for (const LogGroup::Record& record : records) all += record.body;
  return HexEncode(Sha256(all));
}

}  // namespace

RevocationLog::RevocationLog(Store& store, GroupCommitter& committer, Clock& clock, Owner& owner)
    : store_(store), committer_(committer), clock_(clock), owner_(owner) {}

RevocationLog::~RevocationLog() { Stop(); }

absl::Status RevocationLog::Start(LogSealer sealer, LogState state, uint64_t snapshot_bytes) {
  {
    const absl::MutexLock lock(&disk_mu_);
    sealer_ = std::move(sealer);
    SetState(std::move(state));
    snapshot_bytes_ = snapshot_bytes;
  }
  if (broken()) return absl::OkStatus();
  try {
    thread_ = std::thread([this] { Loop(); });
  } catch (const std::system_error& refused) {
    return absl::UnavailableError(
        absl::StrCat("no thread for the revocation log: ", refused.code().message()));
  }
  return absl::OkStatus();
}

void RevocationLog::Stop() {
  {
    const absl::MutexLock lock(&mu_);
    stopping_ = true;
  }
  if (thread_.joinable()) thread_.join();
  {
    const absl::MutexLock lock(&mu_);
    stopping_ = false;
  }
  const absl::MutexLock lock(&disk_mu_);
  sealer_.reset();
  attempt_.reset();
}

absl::Status RevocationLog::CheckTaking() const {
  const absl::MutexLock lock(&mu_);
  if (!broken_.ok()) {
    return absl::UnavailableError(absl::StrCat(
        "the revocation log could not be written, so no change is taken: ", broken_.message()));
  }
  if (waiting_bytes_ < limits::kRevocationWaitingBytesMax) return absl::OkStatus();
  return WithRetryAfter(
      absl::ResourceExhaustedError(absl::StrCat(limits::kRevocationWaitingBytesMax,
                                                " bytes of revocations wait to be written; try "
                                                "again")),
      absl::Milliseconds(limits::kBusyRetryMilliseconds));
}

uint64_t RevocationLog::Append(LoggedTransaction transaction,
                               std::vector<Keyspace::Former>* to_undo) {
  const absl::MutexLock lock(&mu_);
  transaction.number = ++last_number_;
  if (!broken_.ok()) {
    *to_undo = std::move(transaction.undo);
    return last_number_;
  }
  waiting_bytes_ += BytesOf(transaction);
  queue_.push_back(std::move(transaction));
  return last_number_;
}

void RevocationLog::WaitUntilTold(uint64_t number) {
  const auto told = [this, number] { return IsDurable(number) || failed(); };
  const absl::MutexLock lock(&mu_);
  mu_.Await(absl::Condition(&told));
}

void RevocationLog::WaitUntilTried(uint64_t number) {
  const auto tried = [this, number]() ABSL_NO_THREAD_SAFETY_ANALYSIS {
    return IsDurable(number) || !broken_.ok();
  };
  const absl::MutexLock lock(&mu_);
  mu_.Await(absl::Condition(&tried));
}

uint64_t RevocationLog::newest() const {
  const absl::MutexLock lock(&mu_);
  return last_number_;
}

bool RevocationLog::broken() const {
  const absl::MutexLock lock(&mu_);
  return !broken_.ok();
}

uint64_t RevocationLog::waiting_bytes() const {
  const absl::MutexLock lock(&mu_);
  return waiting_bytes_;
}

void RevocationLog::Loop() {
  while (true) {
    std::deque<LoggedTransaction> taken = Take();
    if (taken.empty()) return;
    if (const absl::Status status = Write(&taken); !status.ok()) {
      Fail(status, std::move(taken));
      return;
    }
  }
}

std::deque<LoggedTransaction> RevocationLog::Take() {
  const absl::MutexLock lock(&mu_);
  mu_.Await(absl::Condition(
      +[](RevocationLog* log) ABSL_EXCLUSIVE_LOCKS_REQUIRED(log->mu_) {
        return !log->queue_.empty() || log->stopping_;
      },
      this));
  return std::exchange(queue_, {});
}

// Leaves in `taken` what is not durable.
absl::Status RevocationLog::Write(std::deque<LoggedTransaction>* taken) {
  size_t from = 0;
  while (!taken->empty()) {
    const Cut cut = CutGroup(*taken, from);
    RETURN_IF_ERROR(Commit(cut));
    ++groups_;
    for (size_t i = 0; i < cut.whole; ++i) {
      TellDurable(taken->front());
      taken->pop_front();
    }
    from = cut.part;
    if (cut.whole > 0) owner_.OnTold();
  }
  return absl::OkStatus();
}

RevocationLog::Cut RevocationLog::CutGroup(const std::deque<LoggedTransaction>& taken,
                                           size_t from) {
  Cut cut;
  for (const LoggedTransaction& transaction : taken) {
    const size_t with = cut.group.bytes() + BytesOf(transaction);
    if (!cut.group.empty() && with > limits::kRevocationGroupBytesMax) return cut;
    WriterChanges* const entry = EntryOf(transaction, &cut.writers);
    if (entry == nullptr) return cut;
    size_t at = 0;
    for (size_t i = 0; i < transaction.changes.size(); ++i) {
      const LoggedTransaction::Change& change = transaction.changes[i];
      const absl::string_view encoded =
          absl::string_view(transaction.encoded).substr(at, change.bytes);
      at += change.bytes;
      if (i < from) continue;
      // Only a transaction that is larger than a group by itself ends in the middle.
      if (!cut.group.empty() &&
          cut.group.bytes() + LogGroup::BytesOf(change.bytes) > limits::kRevocationGroupBytesMax) {
        cut.part = i;
        return cut;
      }
      cut.group.Add(change.hour, encoded);
      entry->puts += change.puts;
      entry->erases += change.erases;
      entry->clears += change.clears;
    }
    from = 0;
    ++cut.whole;
  }
  return cut;
}

absl::Status RevocationLog::Commit(const Cut& cut) {
  absl::Status status = TryCommit(cut);
  // Nothing is written then, and what the queue of the store holds up will go on.
  while (absl::IsResourceExhausted(status)) {
    Pause();
    status = TryCommit(cut);
  }
  return status;
}

absl::Status RevocationLog::TryCommit(const Cut& cut) {
  const absl::MutexLock lock(&disk_mu_);
  const uint64_t number = state_.counted + 1;
  std::vector<LogGroup::Record> records = cut.group.Part(state_.hours_from);
  for (LogGroup::Record& record : records) {
    ASSIGN_OR_RETURN(record.body, sealer_->Seal(record.hour, number, record.body));
  }
  const auto put = [&records](const View&, Batch& batch) {
    for (const LogGroup::Record& record : records) {
      batch.Put(Family::kRevlog, schema::RevlogKey(record.hour, batch.revision()), record.body);
    }
    return absl::OkStatus();
  };
  RETURN_IF_ERROR(committer_.Commit(cut.writers, HashOf(records), put).status());
  state_.counted = number;
  for (const LogGroup::Record& record : records) Count(record.hour, record.body.size());
  return absl::OkStatus();
}

void RevocationLog::Pause() {
  const bool never = false;
  const absl::MutexLock lock(&mu_);
  clock_.AwaitWithDeadline(&mu_, absl::Condition(&never),
                           clock_.Now() + absl::Milliseconds(limits::kBusyRetryMilliseconds));
}

void RevocationLog::TellDurable(const LoggedTransaction& transaction) {
  owner_.OnDurable(transaction);
  const absl::MutexLock lock(&mu_);
  waiting_bytes_ -= BytesOf(transaction);
  durable_ = transaction.number;
}

void RevocationLog::Fail(const absl::Status& why, std::deque<LoggedTransaction> taken) {
  LogError("the revocation log could not be written; no change is taken any more",
           {{"error", std::string(why.message())}});
  std::vector<LoggedTransaction> failed(std::make_move_iterator(taken.begin()),
                                        std::make_move_iterator(taken.end()));
  {
    const absl::MutexLock lock(&mu_);
    broken_ = why;
    std::move(queue_.begin(), queue_.end(), std::back_inserter(failed));
    queue_.clear();
  }
  owner_.OnFailed(std::move(failed));
  {
    const absl::MutexLock lock(&mu_);
    waiting_bytes_ = 0;
    failed_ = true;
  }
  owner_.OnTold();
}

}  // namespace keyturn
