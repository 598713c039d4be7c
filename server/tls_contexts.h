// TLS for listeners that drive it themselves: what the next connection uses, made anew when the
// server's files changed. Thread-safe.
#pragma once

#include <memory>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "net/tls_server.h"
#include "server/tls_files.h"

namespace keyturn {

class TlsContexts {
 public:
  // `files` outlives this.
  TlsContexts(const TlsFiles& files, bool require_client_certificate)
      : files_(files), require_client_certificate_(require_client_certificate) {}

  // INVALID_ARGUMENT as TlsServerContext::Create; that cannot be, since TlsFiles checked them.
  absl::StatusOr<std::shared_ptr<const TlsServerContext>> Context();

 private:
  const TlsFiles& files_;
  const bool require_client_certificate_;
  absl::Mutex mu_;
  std::shared_ptr<const TlsMaterial> material_ ABSL_GUARDED_BY(mu_);
  std::shared_ptr<const TlsServerContext> context_ ABSL_GUARDED_BY(mu_);
};

}  // namespace keyturn
