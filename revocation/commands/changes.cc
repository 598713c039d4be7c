#include "revocation/commands/changes.h"

#include <utility>

#include "base/status_macros.h"

namespace keyturn {

absl::Status RespChanges::Begin(const std::shared_ptr<const RevocationWriter>& writer,
                                const ListTime& time) {
  if (open()) return absl::OkStatus();
  ASSIGN_OR_RETURN(transaction_, list_.Begin(writer, time));
  transaction_->SetOrigin(origin_);
  return absl::OkStatus();
}

uint64_t RespChanges::Commit() {
  if (!open()) return 0;
  const uint64_t change = transaction_->Commit();
  transaction_.reset();
  return change;
}

bool RespChanges::Exists(absl::string_view key, const ListTime& time) const {
  return open() ? transaction_->Find(key).has_value() : list_.Exists(key, time);
}

std::optional<KeyInfo> RespChanges::Find(absl::string_view key, const ListTime& time) const {
  return open() ? transaction_->Find(key) : list_.Find(key, time);
}

absl::Status RespChanges::FindMembers(absl::string_view key,
                                      absl::Span<const absl::string_view> members,
                                      const ListTime& time, absl::Span<bool> results) const {
  return open() ? transaction_->FindMembers(key, members, results)
                : list_.FindMembers(key, members, time, results);
}

absl::Status RespChanges::Put(absl::string_view key, absl::string_view value, int64_t expires_ms) {
  RETURN_IF_ERROR(transaction_->Put(key, value, expires_ms));
  changed_ = true;
  return absl::OkStatus();
}

absl::Status RespChanges::PutValue(absl::string_view key, absl::string_view value) {
  RETURN_IF_ERROR(transaction_->PutValue(key, value));
  changed_ = true;
  return absl::OkStatus();
}

bool RespChanges::Erase(absl::string_view key) {
  const bool erased = transaction_->Erase(key);
  changed_ |= erased;
  return erased;
}

absl::Status RespChanges::Retime(absl::string_view key, int64_t expires_ms) {
  RETURN_IF_ERROR(transaction_->Retime(key, expires_ms));
  changed_ = true;
  return absl::OkStatus();
}

absl::StatusOr<size_t> RespChanges::AddMembers(absl::string_view key,
                                               absl::Span<const absl::string_view> members) {
  ASSIGN_OR_RETURN(const size_t added, transaction_->AddMembers(key, members));
  changed_ |= added > 0;
  return added;
}

absl::StatusOr<size_t> RespChanges::RemoveMembers(absl::string_view key,
                                                  absl::Span<const absl::string_view> members) {
  ASSIGN_OR_RETURN(const size_t removed, transaction_->RemoveMembers(key, members));
  changed_ |= removed > 0;
  return removed;
}

void RespChanges::Clear() {
  transaction_->Clear();
  changed_ = true;
}

}  // namespace keyturn
