// Takes over API keys that were made elsewhere, of which only the SHA-256 is known. The hash itself
// is kept under the pepper as well, so that a stolen database tests nothing. Thread-safe.
#pragma once

#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "keyturn/v1/api_key_service.pb.h"
#include "rotation/api_key/context.h"
#include "rotation/api_key/store.h"

namespace keyturn {

class ApiKeyImporter {
 public:
  // All outlive this.
  ApiKeyImporter(const ApiKeyContext& context, ApiKeyStore& store)
      : context_(context), store_(store) {}

  // All entries in one update, or none; those whose key is there, or has ended, are left as they
  // are. INVALID_ARGUMENT and ALREADY_EXISTS name the entry.
  absl::StatusOr<v1::ImportApiKeysResponse> Import(Updater& updater,
                                                   const v1::ImportApiKeysRequest& request,
                                                   const std::string& owner);

 private:
  // What there is of a hash already: nothing when `id` is "".
  struct Known {
    std::string id;
    bool ended = false;  // for good
  };
  absl::StatusOr<Known> Find(const v1::ImportedApiKey& entry, int number, absl::string_view mac,
                             absl::Time now);

  const ApiKeyContext& context_;
  ApiKeyStore& store_;
  absl::Mutex mu_;  // of two imports of one hash, the second finds the first
};

}  // namespace keyturn
