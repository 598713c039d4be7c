#include "server/peer_certificates.h"

#include "base/limits.h"
#include "crypto/x509.h"

namespace keyturn {

void PeerCertificates::SetCa(std::string pem) {
  absl::MutexLock lock(&mu_);
  ca_pem_ = std::move(pem);
  ++generation_;
  known_.clear();
}

std::shared_ptr<const PeerCertificate> PeerCertificates::Find(absl::string_view pem) {
  std::string ca_pem;
  uint64_t generation = 0;
  {
    absl::ReaderMutexLock lock(&mu_);
    const auto it = known_.find(pem);
    if (it != known_.end()) {
      return it->second->not_after > clock_.Now() ? it->second : nullptr;
    }
    ca_pem = ca_pem_;
    generation = generation_;
  }
  std::shared_ptr<const PeerCertificate> certificate = Parse(pem, ca_pem);
  if (certificate == nullptr) return nullptr;
  absl::MutexLock lock(&mu_);
  if (generation != generation_) return certificate;
  if (known_.size() >= limits::kPeerCertificatesMax) known_.clear();
  known_.emplace(pem, certificate);
  return certificate;
}

std::shared_ptr<const PeerCertificate> PeerCertificates::Parse(absl::string_view pem,
                                                               const std::string& ca_pem) const {
  if (!VerifyClientCertificate(pem, ca_pem, clock_.Now()).ok()) return nullptr;
  const absl::StatusOr<CertificateInfo> info = ReadCertificate(pem);
  if (!info.ok()) return nullptr;
  return std::make_shared<const PeerCertificate>(PeerCertificate{info->sha256, info->spiffe_id,
                                                                 info->common_name, info->not_after,
                                                                 info->serial, info->not_before});
}

}  // namespace keyturn
