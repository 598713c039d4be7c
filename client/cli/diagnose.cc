#include "client/cli/diagnose.h"

#include <netdb.h>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/limits.h"
#include "base/status_macros.h"
#include "client/cli/files.h"
#include "client/client.h"
#include "crypto/x509.h"

namespace keyturn::cli {
namespace {

constexpr absl::string_view kOperator = "spiffe://keyturn/operator";

std::string HostOf(absl::string_view address) {
  const size_t colon = address.rfind(':');
  absl::string_view host = colon == absl::string_view::npos ? address : address.substr(0, colon);
  if (absl::ConsumePrefix(&host, "[")) absl::ConsumeSuffix(&host, "]");
  return std::string(host);
}

// Another profile of this address, with which its server answers; "" for none. Nothing is sent to
// a server that the profile's CA does not vouch for.
std::string FittingProfile(const Settings& settings) {
  for (const auto& [name, profile] : settings.profiles().all()) {
    if (name == settings["profile"] || profile.address != settings["address"]) continue;
    ClientOptions options;
    options.address = profile.address;
    options.ca_file = profile.ca_cert;
    options.client_cert_file = profile.client_cert;
    options.client_key_file = profile.client_key;
    options.timeout = absl::Seconds(3);
    const absl::StatusOr<std::unique_ptr<Client>> client = Client::Connect(std::move(options));
    if (client.ok() && (*client)->Status({}).ok()) return name;
  }
  return "";
}

// What to do when these credentials are not this server's, and `otherwise` if no profile's are.
std::string OtherCredentials(const Settings& settings, std::string otherwise) {
  const std::string profile = FittingProfile(settings);
  if (profile.empty()) return otherwise;
  return absl::StrCat("the profile ", profile, " is this server's: keyturn profile use ", profile,
                      ", or --profile ", profile, " with each command");
}

Diagnosis Refused(const Settings& settings) {
  const std::string& certificate = settings["client_cert"];
  if (certificate.empty()) {
    return {"the server hung up: it wants a client certificate, and none is given",
            OtherCredentials(
                settings,
                "give --client-cert FILE and --client-key FILE, or a --profile that has them")};
  }
  return {
      absl::StrCat("the server hung up: it does not take the client certificate ", certificate,
                   ", which must be signed by this vault's CA for clients and be in date"),
      OtherCredentials(
          settings, "ask an operator of this vault for one: keyturn operator issue-certificate")};
}

// A certificate need not name anyone; the next one of this vault does.
std::string OrPlaceholder(const std::string& spiffe_id) {
  return spiffe_id.empty() ? "spiffe://DOMAIN/PATH" : spiffe_id;
}

}  // namespace

absl::Status CheckKeyFile(const std::string& certificate_file, const std::string& key_file) {
  ASSIGN_OR_RETURN(const std::string pem,
                   ReadPublicFile(certificate_file, limits::kSmallFileBytesMax));
  ASSIGN_OR_RETURN(const SecretBytes key, ReadSecretFile(key_file, limits::kSmallFileBytesMax));
  RETURN_IF_ERROR(ReadCertificate(pem).status());
  const absl::Status pair = CheckKeyPair(pem, key);
  if (pair.ok()) return pair;
  if (absl::StrContains(pair.message(), "no unencrypted private key")) {
    return absl::InvalidArgumentError(absl::StrCat(key_file, ": ", pair.message()));
  }
  return absl::InvalidArgumentError(
      absl::StrCat(key_file, " is not the key of ", certificate_file));
}

absl::Status CheckHost(const std::string& address) {
  if (absl::StartsWith(address, "unix:")) return absl::OkStatus();
  const std::string host = HostOf(address);
  addrinfo* found = nullptr;
  const int error = getaddrinfo(host.c_str(), nullptr, nullptr, &found);
  if (error != 0) {
    return absl::NotFoundError(
        absl::StrCat("the name ", host, " has no address: ", gai_strerror(error)));
  }
  freeaddrinfo(found);
  return absl::OkStatus();
}

Diagnosis ExplainConnection(const absl::Status& status, const Settings& settings) {
  const std::string& address = settings["address"];
  const std::string mend =
      absl::StrCat("mend --address HOST:PORT (", settings.SourceOf("address"), ")");
  const absl::Status host = CheckHost(address);
  if (!host.ok()) return {std::string(host.message()), mend};
  const absl::string_view text = status.message();
  if (absl::StrContains(text, "Connection refused")) {
    return {absl::StrCat("nothing listens at ", address),
            absl::StrCat("start keyturnd there, or ", mend)};
  }
  if (absl::StrContains(text, "certificate verify failed")) {
    return {absl::StrCat("the server's certificate is not signed by the CA in ",
                         settings["ca_cert"], ", or is out of date"),
            OtherCredentials(
                settings, absl::StrCat("name the CA that signed it: --ca-cert FILE (",
                                       settings.SourceOf("ca_cert"),
                                       "); a server makes its own as DATA_DIRECTORY/tls/ca.pem"))};
  }
  if (absl::StrContains(text, "Hostname Verification")) {
    return {absl::StrCat("the server's certificate is not for the name ", HostOf(address)),
            absl::StrCat(mend, ", with a name or address that the certificate has")};
  }
  if (absl::StrContains(text, "security handshaker")) {
    return {"the files of CA, client certificate and key cannot be used together",
            "see the other checks"};
  }
  if (absl::StrContains(text, "Socket closed") || absl::StrContains(text, "reset by peer")) {
    return Refused(settings);
  }
  if (absl::IsDeadlineExceeded(status)) {
    return {absl::StrCat(address, " does not answer in time"),
            absl::StrCat(mend, ", look for a firewall between, or wait longer: --timeout 60s")};
  }
  return {absl::StrCat(address, ": ", text),
          "is keyturnd running there? see keyturn config explain"};
}

std::string HowToRenew(const std::string& spiffe_id, const Settings& settings) {
  return absl::StrCat("before that: keyturn operator issue-certificate --spiffe-id ",
                      OrPlaceholder(spiffe_id),
                      " --out renewed, then put renewed.pem and renewed.key in the place of ",
                      settings["client_cert"], " and ", settings["client_key"]);
}

std::string HowToComeBack(const std::string& spiffe_id) {
  if (spiffe_id != kOperator) {
    return absl::StrCat("ask an operator: keyturn operator issue-certificate --spiffe-id ",
                        OrPlaceholder(spiffe_id), " --out renewed");
  }
  return "the server takes it no more, and so no call of yours; \"The operator's certificate has "
         "expired\" in docs/OPERATIONS.md has the way back";
}

}  // namespace keyturn::cli
