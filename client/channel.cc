#include "client/channel.h"

#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>
#include <grpcpp/security/tls_certificate_provider.h>
#include <grpcpp/security/tls_credentials_options.h>
#include <grpcpp/support/channel_arguments.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <sstream>
#include <system_error>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/limits.h"
#include "base/status_macros.h"
#include "client/wipe.h"

namespace keyturn {
namespace {

constexpr char kUserAgent[] = "keyturn-client";

absl::StatusOr<std::string> ReadPem(const std::string& path, absl::string_view what) {
  std::ifstream in(path, std::ios::binary);
  if (!in) {
    return absl::NotFoundError(absl::StrCat("cannot read ", what, " ", path, ": ",
                                            std::generic_category().message(errno)));
  }
  std::ostringstream text;
  text << in.rdbuf();
  if (!absl::StrContains(text.str(), "-----BEGIN ")) {
    return absl::InvalidArgumentError(absl::StrCat(what, " ", path, " is not a PEM file"));
  }
  return text.str();
}

// A name, a literal IPv4 address, or a literal IPv6 address in brackets.
bool IsHost(absl::string_view host) {
  absl::string_view punctuation = "-_.";
  if (absl::ConsumePrefix(&host, "[")) {
    if (!absl::ConsumeSuffix(&host, "]") || !absl::StrContains(host, ":")) return false;
    punctuation = ":.%";
  }
  return !host.empty() && std::all_of(host.begin(), host.end(), [&](char c) {
    return absl::ascii_isalnum(static_cast<unsigned char>(c)) ||
           absl::StrContains(punctuation, absl::string_view(&c, 1));
  });
}

bool IsAddress(absl::string_view address) {
  if (absl::ConsumePrefix(&address, "unix:")) return !address.empty();
  const size_t colon = address.rfind(':');
  if (colon == absl::string_view::npos || !IsHost(address.substr(0, colon))) return false;
  const absl::string_view port = address.substr(colon + 1);
  int number = 0;
  return std::all_of(port.begin(), port.end(), absl::ascii_isdigit) &&
         absl::SimpleAtoi(port, &number) && number >= 1 && number <= 65535;
}

absl::Status CheckOptions(const ClientOptions& options) {
  if (options.address.empty()) {
    return absl::InvalidArgumentError("no server address: give host:port or unix:PATH");
  }
  if (!IsAddress(options.address)) {
    return absl::InvalidArgumentError(
        absl::StrCat("address ", options.address, " must be host:port or unix:PATH"));
  }
  if (absl::StartsWith(options.address, "unix:")) return absl::OkStatus();
  if (options.ca_file.empty() == options.ca_pem.empty()) {
    return absl::InvalidArgumentError("give the server's CA, as one of ca_file and ca_pem");
  }
  if (options.client_cert_file.empty() != options.client_key_file.empty()) {
    return absl::InvalidArgumentError("a client certificate and its key go together: give both");
  }
  return absl::OkStatus();
}

using grpc::experimental::CertificateProviderInterface;

absl::StatusOr<std::shared_ptr<CertificateProviderInterface>> Provider(
    const ClientOptions& options) {
  std::string ca = options.ca_pem;
  if (!options.ca_file.empty()) {
    ASSIGN_OR_RETURN(ca, ReadPem(options.ca_file, "CA file"));
  }
  std::vector<grpc::experimental::IdentityKeyCertPair> pairs;
  if (!options.client_cert_file.empty()) {
    ASSIGN_OR_RETURN(std::string chain, ReadPem(options.client_cert_file, "client certificate"));
    ASSIGN_OR_RETURN(std::string key, ReadPem(options.client_key_file, "client key"));
    pairs.push_back({std::move(key), std::move(chain)});
  }
  std::shared_ptr<CertificateProviderInterface> provider;
  if (options.reload_interval > absl::ZeroDuration() && !options.ca_file.empty()) {
    const int64_t seconds = std::max<int64_t>(1, absl::ToInt64Seconds(options.reload_interval));
    provider = std::make_shared<grpc::experimental::FileWatcherCertificateProvider>(
        options.client_key_file, options.client_cert_file, options.ca_file,
        static_cast<unsigned>(seconds));
  } else {
    provider = std::make_shared<grpc::experimental::StaticDataCertificateProvider>(ca, pairs);
  }
  for (auto& pair : pairs) WipeBuffer(&pair.private_key);
  return provider;
}

absl::StatusOr<std::shared_ptr<grpc::ChannelCredentials>> Credentials(
    const ClientOptions& options) {
  if (absl::StartsWith(options.address, "unix:")) return grpc::InsecureChannelCredentials();
  ASSIGN_OR_RETURN(std::shared_ptr<CertificateProviderInterface> provider, Provider(options));
  grpc::experimental::TlsChannelCredentialsOptions tls;
  tls.set_certificate_provider(std::move(provider));
  tls.watch_root_certs();
  if (!options.client_cert_file.empty()) tls.watch_identity_key_cert_pairs();
  return grpc::experimental::TlsCredentials(tls);
}

grpc::ChannelArguments Arguments(const ClientOptions& options) {
  grpc::ChannelArguments args;
  args.SetUserAgentPrefix(
      options.user_agent.empty() ? kUserAgent : absl::StrCat(options.user_agent, " ", kUserAgent));
  args.SetMaxReceiveMessageSize(limits::kReplyBytesMax);
  args.SetMaxSendMessageSize(limits::kRequestBytesMax);
  // Not under the server's minimum of 60 s between pings, or it hangs up.
  args.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, 60'000);
  args.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 10'000);
  args.SetInt(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 0);
  args.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 100);
  args.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, 1'000);
  args.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 5'000);
  args.SetInt(GRPC_ARG_SERVICE_CONFIG_DISABLE_RESOLUTION, 1);
  args.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  args.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  if (!options.server_name.empty()) args.SetSslTargetNameOverride(options.server_name);
  return args;
}

}  // namespace

absl::StatusOr<std::shared_ptr<grpc::ChannelInterface>> MakeChannel(const ClientOptions& options) {
  RETURN_IF_ERROR(CheckOptions(options));
  ASSIGN_OR_RETURN(std::shared_ptr<grpc::ChannelCredentials> credentials, Credentials(options));
  return std::shared_ptr<grpc::ChannelInterface>(
      grpc::CreateCustomChannel(options.address, credentials, Arguments(options)));
}

}  // namespace keyturn
