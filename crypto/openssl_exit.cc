#include "crypto/openssl_exit.h"

#include <openssl/crypto.h>

namespace keyturn {

void KeepOpenSslToTheEnd() { OPENSSL_init_crypto(OPENSSL_INIT_NO_ATEXIT, nullptr); }

}  // namespace keyturn
