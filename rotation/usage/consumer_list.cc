#include "rotation/usage/consumer_list.h"

#include "absl/strings/str_cat.h"
#include "base/limits.h"
#include "base/status_macros.h"
#include "vault/page_token.h"
#include "vault/path.h"
#include "vault/tree.h"
#include "vault/visible_walk.h"

namespace keyturn {
namespace {

class Listing {
 public:
  Listing(const KeyringSnapshot& keys, const Snapshot& snapshot, bool lagging,
          ConsumersFn consumers_of)
      : keys_(keys), snapshot_(snapshot), lagging_(lagging), consumers_of_(consumers_of) {}

  absl::Status Add(const std::string& path, const Uuid& secret) {
    ASSIGN_OR_RETURN(const std::optional<SecretMetadata> metadata,
                     ReadMetadata(keys_, snapshot_, secret));
    if (!metadata.has_value()) return absl::OkStatus();
    for (v1::Consumer& consumer : consumers_of_(secret, *metadata)) {
      if (lagging_ && consumer.state() != v1::Consumer::LAGGING) continue;
      consumer.set_path(path);
      *response_.add_consumers() = std::move(consumer);
    }
    return absl::OkStatus();
  }

  v1::ListConsumersResponse& response() { return response_; }

 private:
  const KeyringSnapshot& keys_;
  const Snapshot& snapshot_;
  const bool lagging_;
  const ConsumersFn consumers_of_;
  v1::ListConsumersResponse response_;
};

}  // namespace

absl::StatusOr<v1::ListConsumersResponse> ListConsumers(const KeyringSnapshot& keys,
                                                        const Snapshot& snapshot,
                                                        const v1::ListConsumersRequest& request,
                                                        VisibleFn visible,
                                                        ConsumersFn consumers_of) {
  ASSIGN_OR_RETURN(const SecretPath path, SecretPath::ParseDirectory(request.path()));
  ASSIGN_OR_RETURN(size_t page_size, PageSize(request.page_size()));
  page_size = std::min(page_size, limits::kConsumersPageMax);
  const std::string binding = absl::StrCat("consumers", request.lagging() ? "+" : "-", path.text());
  ASSIGN_OR_RETURN(WalkPosition position, DecodePageToken(keys, binding, request.page_token()));
  Listing listing(keys, snapshot, request.lagging(), consumers_of);
  if (!path.is_root() && request.page_token().empty() && visible(path.text(), false)) {
    ASSIGN_OR_RETURN(const std::optional<Located> located, FindSecret(keys, snapshot, path));
    if (located.has_value()) RETURN_IF_ERROR(listing.Add(path.text(), located->secret));
  }
  v1::ListConsumersResponse& response = listing.response();
  const auto add = [&](const std::string& full, const Uuid& secret) -> absl::StatusOr<bool> {
    if (static_cast<size_t>(response.consumers_size()) >= page_size) return false;
    RETURN_IF_ERROR(listing.Add(full, secret));
    return true;
  };
  ASSIGN_OR_RETURN(const bool ended, WalkVisible(keys, snapshot, path, visible, &position, add));
  if (!ended) {
    ASSIGN_OR_RETURN(*response.mutable_next_page_token(), EncodePageToken(keys, binding, position));
  }
  return std::move(response);
}

}  // namespace keyturn
