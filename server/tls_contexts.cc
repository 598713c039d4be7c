#include "server/tls_contexts.h"

#include "base/status_macros.h"

namespace keyturn {

absl::StatusOr<std::shared_ptr<const TlsServerContext>> TlsContexts::Context() {
  const std::shared_ptr<const TlsMaterial> now = files_.material();
  const absl::MutexLock lock(&mu_);
  if (now == material_) return context_;
  ASSIGN_OR_RETURN(context_,
                   TlsServerContext::Create(now->certificate, now->key.ExposeForCrypto(),
                                            now->client_cas, require_client_certificate_));
  material_ = now;
  return context_;
}

}  // namespace keyturn
