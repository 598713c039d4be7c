#include "vault/visible_walk.h"

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "vault/tree.h"

namespace keyturn {

absl::StatusOr<bool> WalkVisible(const KeyringSnapshot& keys, const Snapshot& snapshot,
                                 const SecretPath& directory, VisibleFn visible,
                                 WalkPosition* position, SecretFn fn) {
  ASSIGN_OR_RETURN(const std::optional<Uuid> top,
                   FindDirectory(keys, snapshot, directory.segments()));
  if (!top.has_value()) return true;
  const std::string prefix = directory.is_root() ? "" : absl::StrCat(directory.text(), "/");
  return Walk(keys, snapshot, *top, position,
              [&](const Entry& entry, const std::string& relative) -> absl::StatusOr<WalkStep> {
                const std::string full = prefix + relative;
                if (entry.directory) {
                  const absl::string_view path = absl::string_view(full).substr(0, full.size() - 1);
                  return visible(path, true) ? WalkStep::kInto : WalkStep::kOver;
                }
                if (!visible(full, false)) return WalkStep::kOver;
                ASSIGN_OR_RETURN(const bool goes_on, fn(full, entry.uuid));
                return goes_on ? WalkStep::kOver : WalkStep::kStop;
              });
}

}  // namespace keyturn
