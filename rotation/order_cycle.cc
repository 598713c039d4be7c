#include "rotation/order_cycle.h"

#include <algorithm>
#include <optional>
#include <set>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/limits.h"
#include "base/status_macros.h"
#include "vault/path.h"
#include "vault/records.h"
#include "vault/tree.h"

namespace keyturn {
namespace {

// The secret itself, one that its policy names, and one that the policy of that one names: who may
// list a secret may see its policy, but not those of whom it waits for.
constexpr size_t kNamed = 3;

struct Waited {
  std::string path;
  size_t by = 0;  // the place of who waits for it
};

// Of nobody, or one that cannot be read: the engine waits for neither.
absl::StatusOr<v1::RotationPolicy> PolicyAt(const KeyringSnapshot& keys, const View& view,
                                            const std::string& text) {
  const absl::StatusOr<SecretPath> path = SecretPath::Parse(text);
  if (!path.ok()) return v1::RotationPolicy();
  ASSIGN_OR_RETURN(const std::optional<Located> located, FindSecret(keys, view, *path));
  if (!located.has_value()) return v1::RotationPolicy();
  const absl::StatusOr<std::optional<SecretMetadata>> metadata =
      ReadMetadata(keys, view, located->secret);
  if (absl::IsDataLoss(metadata.status())) return v1::RotationPolicy();
  RETURN_IF_ERROR(metadata.status());
  if (!metadata->has_value()) return v1::RotationPolicy();
  return (*metadata)->rotation().policy();
}

// The last of them waits for the first again.
absl::Status Circle(const std::vector<Waited>& waited, size_t last) {
  std::vector<std::string> paths;
  for (size_t at = last; at != 0; at = waited[at].by) paths.push_back(waited[at].path);
  paths.push_back(waited[0].path);
  std::reverse(paths.begin(), paths.end());
  const std::string& first = paths[0];
  std::string text = absl::StrCat("policy.after: '", first, "' would wait for itself: ");
  for (size_t i = 0; i < std::min(paths.size(), kNamed); ++i) {
    absl::StrAppend(&text, paths[i], " after ");
  }
  if (paths.size() > kNamed) {
    const size_t more = paths.size() - kNamed;
    absl::StrAppend(&text, more, more == 1 ? " other after " : " others after ");
  }
  return absl::InvalidArgumentError(absl::StrCat(text, first));
}

bool Names(const v1::RotationPolicy& policy, const std::string& path) {
  return std::any_of(policy.after().begin(), policy.after().end(),
                     [&path](const v1::RotationOrder& order) { return order.path() == path; });
}

}  // namespace

absl::Status CheckNoOrderCycle(const KeyringSnapshot& keys, const View& view,
                               const std::string& path, const v1::RotationPolicy& stored,
                               const v1::RotationPolicy& policy) {
  std::vector<Waited> waited = {{path, 0}};
  std::set<std::string> seen;
  for (size_t i = 0; i < waited.size(); ++i) {
    v1::RotationPolicy its = policy;
    if (i > 0) {
      ASSIGN_OR_RETURN(its, PolicyAt(keys, view, waited[i].path));
    }
    for (const v1::RotationOrder& order : its.after()) {
      if (i == 0 && Names(stored, order.path())) continue;
      if (order.path() == path) return Circle(waited, i);
      if (!seen.insert(order.path()).second) continue;
      if (waited.size() > limits::kRotationOrdersFollowedMax) {
        return absl::InvalidArgumentError(
            absl::StrCat("policy.after: '", path, "' would wait for more than ",
                         limits::kRotationOrdersFollowedMax,
                         " secrets, with all that those wait for; at most that many are allowed"));
      }
      waited.push_back({order.path(), i});
    }
  }
  return absl::OkStatus();
}

}  // namespace keyturn
