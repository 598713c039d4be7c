// Listing and searching, page by page, showing only what the caller may see. Thread-safe.
#pragma once

#include "absl/status/statusor.h"
#include "vault/context.h"
#include "vault/vault.h"

namespace keyturn {

class Lister {
 public:
  explicit Lister(const VaultContext& context) : context_(context) {}

  absl::StatusOr<v1::ListResponse> List(const v1::ListRequest& request, VisibleFn visible) const;
  absl::StatusOr<v1::SearchResponse> Search(const v1::SearchRequest& request,
                                            VisibleFn visible) const;

 private:
  const VaultContext& context_;
};

}  // namespace keyturn
