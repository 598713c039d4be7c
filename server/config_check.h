// What --check-config looks at beyond the configuration's text: the certificates it names.
// Thread-safe.
#pragma once

#include "absl/status/status.h"
#include "base/clock.h"
#include "server/config.h"

namespace keyturn {

// OK when tls.certificate, tls.key and tls.client_ca are files that a server can start with and
// whose certificates are in date. An error names the key and the file.
absl::Status CheckConfigFiles(const Config& config, Clock& clock);

}  // namespace keyturn
