// The revocation list as the commands of one connection ask and change it: through one transaction
// when one is open, which consecutive changes share, else directly. Not thread-safe.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "revocation/list.h"

namespace keyturn {

class RespChanges {
 public:
  // `list` outlives this. `origin`: as RevocationList::Transaction::SetOrigin.
  RespChanges(RevocationList& list, uint64_t origin) : list_(list), origin_(origin) {}

  // Nothing when it is open. Errors as RevocationList::Begin.
  absl::Status Begin(const std::shared_ptr<const RevocationWriter>& writer, const ListTime& time);
  bool open() const { return transaction_ != nullptr; }
  // The number of the change that ends; 0 when nothing was open, or changed.
  uint64_t Commit();
  // Whether anything was changed since this was asked last.
  bool TakeChanged() { return std::exchange(changed_, false); }

  bool Exists(absl::string_view key, const ListTime& time) const;
  std::optional<KeyInfo> Find(absl::string_view key, const ListTime& time) const;
  absl::Status FindMembers(absl::string_view key, absl::Span<const absl::string_view> members,
                           const ListTime& time, absl::Span<bool> results) const;

  // As in RevocationList::Transaction. REQUIRES: open().
  absl::Status Put(absl::string_view key, absl::string_view value, int64_t expires_ms);
  absl::Status PutValue(absl::string_view key, absl::string_view value);
  bool Erase(absl::string_view key);
  absl::Status Retime(absl::string_view key, int64_t expires_ms);
  absl::StatusOr<size_t> AddMembers(absl::string_view key,
                                    absl::Span<const absl::string_view> members);
  absl::StatusOr<size_t> RemoveMembers(absl::string_view key,
                                       absl::Span<const absl::string_view> members);
  void Clear();

 private:
  RevocationList& list_;
  const uint64_t origin_;
  std::unique_ptr<RevocationList::Transaction> transaction_;
  bool changed_ = false;
};

}  // namespace keyturn
