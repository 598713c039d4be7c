// Who changes the revocation list, and how groups of changes are written: for the server, which
// audits them.
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "storage/store.h"

namespace keyturn {

// As the audit log names them. Public values, never a token.
struct RevocationWriter {
  std::string principal;
  std::string auth_method;
  std::string source;  // address and port, or "unix"
  std::string client;  // what the client calls itself, "" when it does not
  std::string method;  // "resp", or the gRPC method
  // Of a call that is one change, so that its entry is the call's; "" for Redis clients.
  std::string event, resource, correlation_id, reason;
};

// What one of them changed in one group.
struct WriterChanges {
  std::shared_ptr<const RevocationWriter> writer;
  uint64_t puts = 0;    // keys put or retimed, members added
  uint64_t erases = 0;  // keys erased, members removed
  uint64_t clears = 0;
};

class GroupCommitter {
 public:
  virtual ~GroupCommitter() = default;
  // Runs `fn` as Updater::Update does, with an audit entry for each writer in the same batch.
  // `record_hash`: hex SHA-256 of the sealed record, for the entries. Errors as Updater::Update.
  virtual absl::StatusOr<Revision> Commit(absl::Span<const WriterChanges> writers,
                                          absl::string_view record_hash, UpdateFn fn) = 0;
};

}  // namespace keyturn
