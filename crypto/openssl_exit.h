// What OpenSSL does when the program ends.
#pragma once

namespace keyturn {

// Keeps OpenSSL's state until the process is gone, instead of freeing it in an atexit handler
// (OPENSSL_INIT_NO_ATEXIT of OPENSSL_init_crypto(3)). gRPC's threads outlive main, and one that was
// just connecting died in freed locks. To be called first thing in main; later calls do nothing, as
// the first use of OpenSSL decides.
void KeepOpenSslToTheEnd();

}  // namespace keyturn
