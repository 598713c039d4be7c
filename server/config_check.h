// What --check-config looks at beyond the configuration's text: the certificates it names, and the
// files of its targets.
// Thread-safe.
#pragma once

#include "absl/status/status.h"
#include "base/clock.h"
#include "server/config.h"

namespace keyturn {

// OK when tls.certificate, tls.key and tls.client_ca are files that a server can start with and
// whose certificates are in date, and each target's program, key and CA are there. An error names
// the key and the file.
absl::Status CheckConfigFiles(const Config& config, Clock& clock);

}  // namespace keyturn
