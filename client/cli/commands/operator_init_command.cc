// operator init.
#include <initializer_list>
#include <memory>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "client/cli/commands/commands.h"
#include "client/cli/commands/init_profile.h"
#include "client/cli/exit_codes.h"
#include "client/cli/files.h"
#include "client/wipe.h"
#include "crypto/x509.h"
#include "crypto/x509_make.h"

namespace keyturn::cli {
namespace {

constexpr char kPassphraseOption[] = "--passphrase-file";

absl::Status PrintMade(Shell& shell, const InitFlags& flags, const Settings& settings,
                       v1::InitResponse& made) {
  const std::string& profile = settings["profile"];
  const std::string& address = settings["address"];
  Json value;
  value["vaultId"] = made.vault_id();
  value["profile"] = profile;
  value["address"] = address;
  Pairs pairs = {{"vault", made.vault_id()}, {"profile", profile}, {"address", address}};
  if (!flags.root_token_file.empty()) {
    pairs.emplace_back("root token file", flags.root_token_file);
    value["rootTokenFile"] = flags.root_token_file;
  } else {
    pairs.emplace_back("root token", made.root_token());
    value["rootToken"] = made.root_token();
  }
  value["shares"] = Json::array();
  if (!flags.shares_file.empty()) {
    pairs.emplace_back("shares file", flags.shares_file);
  } else {
    for (int i = 0; i < made.shares_size(); ++i) {
      pairs.emplace_back(absl::StrCat("share ", i + 1), made.shares(i));
      value["shares"].push_back(made.shares(i));
    }
  }
  return shell.out().Object(pairs, value);
}

absl::Status SaveCredentials(const InitFlags& flags, const v1::InitResponse& made) {
  if (!flags.root_token_file.empty()) {
    RETURN_IF_ERROR(WriteFileWhole(flags.root_token_file, made.root_token() + "\n", 0600));
  }
  if (flags.shares_file.empty()) return absl::OkStatus();
  return WriteShareFile(flags.shares_file, made.shares());
}

void SayWhatIsNext(const Shell& shell, const InitFlags& flags, const v1::InitResponse& made) {
  const Terminal& terminal = shell.terminal();
  if (made.shares_size() > 0) {
    terminal.Say(absl::StrCat("Give each share to another person. Any ", flags.seal.threshold,
                              " of ", made.shares_size(),
                              " unseal the vault; without them, and without "
                              "another seal, nobody can."));
  }
  terminal.Say(
      "Shares and root token are shown this once. The root token may do everything: keep "
      "it offline, or revoke it, since this profile's certificate may do the same.");
  const absl::StatusOr<CertificateInfo> certificate =
      ReadCertificate(made.operator_certificate_pem());
  if (certificate.ok()) {
    const std::string renew = absl::StrCat("keyturn operator issue-certificate --spiffe-id ",
                                           certificate->spiffe_id, " --out renewed");
    terminal.Say(absl::StrCat(
        "The certificate ends on ",
        absl::FormatTime("%Y-%m-%d", certificate->not_after, absl::UTCTimeZone()),
        ". Renew it before, or you are shut out: ", WithProfile(renew, shell.ProfileToName()),
        " (docs/OPERATIONS.md says where it goes)."));
  }
  shell.SayNext("keyturn secret put PATH, or keyturn import FILE --path DIRECTORY");
}

// The vault is made; what went wrong afterwards.
absl::Status Partly(std::initializer_list<absl::Status> parts) {
  for (const absl::Status& part : parts) {
    if (part.ok()) continue;
    return WithExitCode(
        absl::Status(part.code(), absl::StrCat("the vault is initialised, but: ", part.message())),
        kExitPartial);
  }
  return absl::OkStatus();
}

absl::Status Init(Shell& shell, InitFlags flags) {
  ASSIGN_OR_RETURN(Settings* const settings, shell.settings());
  RETURN_IF_ERROR(InitProfile::CheckNew(shell, flags, *settings));
  ASSIGN_OR_RETURN(Client* const client, shell.ConnectLocal());
  ASSIGN_OR_RETURN(const v1::StatusResponse status, client->Status({}, shell.Options()));
  if (status.initialized()) {
    // No such profile was made; what is typed next must not name it.
    shell.flags.profile.clear();
    return WithHelp(absl::FailedPreconditionError(
                        absl::StrCat("the vault is initialised already, as ", status.vault_id())),
                    status.sealed() ? "keyturn operator unseal" : "keyturn operator status");
  }
  ASSIGN_OR_RETURN(const std::string ca_pem, ServerCa(*settings));
  ASSIGN_OR_RETURN(const CertificateRequest certificate, MakeCertificateRequest());
  ASSIGN_OR_RETURN(InitProfile profile,
                   InitProfile::Reserve(shell, flags, *settings, certificate.key_pem, ca_pem));
  v1::InitRequest request;
  request.set_operator_csr(certificate.csr_der);
  RETURN_IF_ERROR(AddSeals(shell, flags.seal, kPassphraseOption, request.mutable_seals()));
  absl::StatusOr<v1::InitResponse> answer = client->Init(request, shell.Options());
  WipeSeals(request.mutable_seals());
  ASSIGN_OR_RETURN(v1::InitResponse made, std::move(answer));
  // What cannot be asked for again is printed before anything else can fail.
  const absl::Status kept = SaveCredentials(flags, made);
  if (!kept.ok()) flags.root_token_file = flags.shares_file = "";
  const absl::Status printed = PrintMade(shell, flags, *settings, made);
  const absl::Status saved = profile.Save(made.operator_certificate_pem());
  if (saved.ok()) profile.SayWhereItIs(shell, made.vault_id());
  SayWhatIsNext(shell, flags, made);
  WipeBuffer(made.mutable_root_token());
  for (std::string& share : *made.mutable_shares()) WipeBuffer(&share);
  return Partly({kept, printed, saved});
}

}  // namespace

void AddOperatorInitCommand(Command parent, Shell& shell) {
  const Command init = parent.Add(
      "init", "Initialise a new vault, once, on the server's machine",
      "  keyturn operator init                                  # Shamir shares, any 3 of 5\n"
      "  keyturn operator init --seal shamir --shares 7 --threshold 4\n"
      "  keyturn operator init --seal key-file --seal passphrase");
  const auto flags = std::make_shared<InitFlags>();
  AddSealOptions(init, kPassphraseOption, flags->seal);
  init.AddOption("--root-token-file", flags->root_token_file,
                 "write the root token there (mode 0600) instead of printing it");
  init.AddOption("--shares-file", flags->shares_file,
                 "write the shares there (mode 0600), one a line, instead of printing them");
  init.Footer(
      "The operator's certificate and key go into a new profile; see --profile. It keeps --address "
      "as well. A server with a certificate of your own (tls.certificate) needs --ca-cert.");
  init.On(shell, [&shell, flags] { return Init(shell, *flags); });
}

}  // namespace keyturn::cli
