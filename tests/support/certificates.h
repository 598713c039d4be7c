// A CA of the test's own, and what it signs, as files in a directory. Not thread-safe.
#pragma once

#include <string>

#include "absl/time/time.h"
#include "crypto/x509_make.h"

namespace keyturn {

class TestCa {
 public:
  // `directory` exists, and gets NAME.pem and NAME.key (0600) of each certificate.
  explicit TestCa(std::string directory);

  // The CA's own file.
  std::string file() const { return directory_ + "/ca.pem"; }
  // For 127.0.0.1.
  void Server(const std::string& name);
  // Valid until `left` from now, and since 90 days before that.
  void Client(const std::string& name, const std::string& spiffe_id, absl::Duration left);

 private:
  void Write(const std::string& name, const std::string& certificate_pem, const SecretBytes& key);

  const std::string directory_;
  CertificateAndKey ca_;
};

}  // namespace keyturn
