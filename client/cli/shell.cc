#include "client/cli/shell.h"

#include <unistd.h>

#include <cstdio>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/limits.h"
#include "base/reason.h"
#include "base/status_macros.h"
#include "client/cli/duration.h"
#include "client/cli/environment_variable.h"
#include "client/cli/exit_codes.h"
#include "client/cli/token_choice.h"

namespace keyturn::cli {

void Shell::Choose(std::string command, std::function<absl::Status()> action) {
  chosen_ = std::move(command);
  action_ = std::move(action);
}

absl::Status Shell::Prepare() {
  ASSIGN_OR_RETURN(const Format format, ParseFormat(flags.output));
  output_.emplace(format);
  terminal_.emplace(Terminal::Options{flags.no_input, flags.no_color});
  if (!flags.timeout.empty()) {
    ASSIGN_OR_RETURN(timeout_, ParseDuration("--timeout", flags.timeout));
  }
  if (flags.request_id.size() > limits::kCorrelationIdBytesMax) {
    return UsageError(
        absl::StrCat("--request-id has at most ", limits::kCorrelationIdBytesMax, " bytes"));
  }
  if (!rest.empty() && !chosen_.empty() && chosen_ != "run") {
    return UsageError("only `keyturn run` takes arguments after --");
  }
  return absl::OkStatus();
}

absl::Status Shell::Run() {
  RETURN_IF_ERROR(Prepare());
  if (!action_) return UsageError("no command was given; `keyturn --help` lists them");
  return action_();
}

absl::StatusOr<Settings*> Shell::settings() {
  if (!settings_.has_value()) {
    ASSIGN_OR_RETURN(settings_, Settings::Resolve(flags));
  }
  return &*settings_;
}

absl::StatusOr<std::string> Shell::Token() {
  ASSIGN_OR_RETURN(Settings* const found, settings());
  std::string why;
  ASSIGN_OR_RETURN(TokenChoice chosen, ChooseToken(*found, clock().Now(), &why));
  if (!why.empty()) Verbose(why);
  return std::move(chosen.token);
}

namespace {

// A certificate that was given goes with a key that was given, not with that of a profile: gRPC
// would say of two that do not fit that it has no handshaker.
absl::Status CheckPair(const Settings& settings) {
  const auto given = [&settings](const char* name) {
    return !settings[name].empty() && !absl::StartsWith(settings.SourceOf(name), "profile ");
  };
  const bool certificate = given("client_cert");
  if (certificate == given("client_key")) return absl::OkStatus();
  return WithHelp(UsageError(absl::StrCat(
                      settings.SourceOf(certificate ? "client_cert" : "client_key"), " names a ",
                      certificate ? "client certificate, and nothing its key"
                                  : "client's key, and nothing the certificate that it is for")),
                  certificate ? "give --client-key FILE too" : "give --client-cert FILE too");
}

}  // namespace

absl::StatusOr<std::unique_ptr<Client>> Shell::ConnectAs(const std::string& token) {
  ASSIGN_OR_RETURN(Settings* const found, settings());
  RETURN_IF_ERROR(found->RequireProfile());
  RETURN_IF_ERROR(CheckPair(*found));
  ClientOptions options;
  options.address = (*found)["address"];
  options.ca_file = (*found)["ca_cert"];
  options.client_cert_file = (*found)["client_cert"];
  options.client_key_file = (*found)["client_key"];
  options.token = token;
  options.reload_interval = absl::ZeroDuration();
  options.user_agent = "keyturn-cli";
  if (!absl::StartsWith(options.address, "unix:") && options.ca_file.empty()) {
    return WithHelp(
        WithExitCode(absl::FailedPreconditionError(absl::StrCat(
                         "nothing says which CA vouches for the server at ", options.address)),
                     kExitUsage),
        "give --ca-cert FILE or set KEYTURN_CACERT, or keep them in a profile: keyturn profile add "
        "NAME --address HOST:PORT --ca-cert FILE");
  }
  absl::StatusOr<std::unique_ptr<Client>> client = Client::Connect(std::move(options));
  // A file of this machine that is not there: no matter for who asks whether a secret exists.
  if (absl::IsNotFound(client.status())) return WithExitCode(client.status(), kExitError);
  return client;
}

absl::StatusOr<Client*> Shell::Connect() {
  if (remote_ == nullptr) {
    ASSIGN_OR_RETURN(const std::string token, Token());
    ASSIGN_OR_RETURN(remote_, ConnectAs(token));
  }
  return remote_.get();
}

absl::StatusOr<Client*> Shell::ConnectLocal() {
  if (local_ != nullptr) return local_.get();
  ASSIGN_OR_RETURN(Settings* const found, settings());
  const std::string& socket = (*found)["operator_socket"];
  if (access(socket.c_str(), R_OK | W_OK) != 0) {
    return WithHelp(
        absl::UnavailableError(absl::StrCat("no server answers at the operator socket ", socket,
                                            " (from ", found->SourceOf("operator_socket"), ")")),
        "run this on the server's machine as the server's user, and name the socket: --socket "
        "DATA_DIRECTORY/operator.sock");
  }
  ClientOptions options;
  options.address = absl::StrCat("unix:", socket);
  options.user_agent = "keyturn-cli";
  ASSIGN_OR_RETURN(local_, Client::Connect(std::move(options)));
  return local_.get();
}

absl::StatusOr<Client*> Shell::ConnectEither() {
  ASSIGN_OR_RETURN(Settings* const found, settings());
  if (found->remote_is_named()) return Connect();
  const bool remote_is_known = !(*found)["ca_cert"].empty();
  return found->local_is_named() || !remote_is_known ? ConnectLocal() : Connect();
}

CallOptions Shell::Options(bool stream) const {
  CallOptions options;
  options.correlation_id = flags.request_id;
  options.timeout = timeout_;
  // A person waits longer than a service does.
  if (!stream && !timeout_.has_value()) options.timeout = absl::Seconds(15);
  return options;
}

std::string Shell::ProfileToName() const {
  if (flags.profile.empty() || !EnvironmentVariable("KEYTURN_PROFILE").empty()) {
    return flags.profile;
  }
  if (settings_.has_value()) {
    return settings_->profiles().current() == flags.profile ? "" : flags.profile;
  }
  const absl::StatusOr<Profiles> profiles = Profiles::Load();
  return profiles.ok() && profiles->current() == flags.profile ? "" : flags.profile;
}

void Shell::SayNext(absl::string_view step) const {
  terminal_->Say(absl::StrCat("next: ", WithProfile(step, ProfileToName())));
}

void Shell::Verbose(absl::string_view message) const {
  if (flags.verbose) std::fprintf(stderr, "%s\n", std::string(message).c_str());
}

}  // namespace keyturn::cli
