// operator verify|issue-certificate.
#include <filesystem>
#include <memory>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "client/cli/commands/commands.h"
#include "client/cli/duration.h"
#include "client/cli/exit_codes.h"
#include "client/cli/files.h"
#include "client/cli/next_step.h"
#include "client/cli/progress.h"
#include "crypto/x509_make.h"

namespace keyturn::cli {
namespace {

absl::Status Verify(Shell& shell) {
  ASSIGN_OR_RETURN(Client* const client, shell.Connect());
  v1::VerifyResponse last;
  Progress progress("records checked", shell.terminal(), shell.clock());
  RETURN_IF_ERROR(client->VerifyRecords(
      {},
      [&](v1::VerifyResponse& step) {
        progress.Update(step.records_checked(), step.records_total());
        last = step;
        return true;
      },
      shell.Options(/*stream=*/true)));
  progress.Finish();
  if (!last.done()) return absl::UnavailableError("the check ended before its last record");
  Pairs pairs = {{"records checked", absl::StrCat(last.records_checked())},
                 {"problems", absl::StrCat(last.problems_size())}};
  for (const std::string& problem : last.problems()) pairs.emplace_back("problem", problem);
  RETURN_IF_ERROR(shell.out().Object(pairs, ToJson(last)));
  if (last.problems().empty()) return absl::OkStatus();
  return WithHelp(WithExitCode(absl::DataLossError(
                                   absl::StrCat(last.problems_size(), " problems in the store")),
                               kExitCheckFailed),
                  "\"DATA_LOSS for one secret\" in docs/OPERATIONS.md says what can be done");
}

struct IssueFlags {
  std::string spiffe_id, out, ttl;
};

absl::Status Issue(Shell& shell, const IssueFlags& flags) {
  const std::string certificate_file = flags.out + ".pem", key_file = flags.out + ".key";
  for (const std::string& file : {certificate_file, key_file}) {
    if (std::filesystem::exists(file)) {
      return absl::AlreadyExistsError(absl::StrCat(file, " exists already; nothing was done"));
    }
  }
  v1::IssueCertificateRequest request;
  if (!flags.ttl.empty()) {
    ASSIGN_OR_RETURN(const int64_t seconds, ParseSeconds("--ttl", flags.ttl));
    request.set_ttl_seconds(seconds);
  }
  ASSIGN_OR_RETURN(const CertificateRequest made, MakeCertificateRequest());
  request.set_csr(made.csr_der);
  request.set_spiffe_id(flags.spiffe_id);
  ASSIGN_OR_RETURN(Client* const client, shell.Connect());
  ASSIGN_OR_RETURN(const v1::IssueCertificateResponse issued,
                   client->IssueCertificate(request, shell.Options()));
  RETURN_IF_ERROR(WriteFileWhole(key_file, made.key_pem.ExposeForCrypto(), 0600));
  RETURN_IF_ERROR(WriteFileWhole(certificate_file, issued.certificate_pem(), 0644));
  RETURN_IF_ERROR(shell.out().Object({{"certificate", certificate_file},
                                      {"key", key_file},
                                      {"SPIFFE id", flags.spiffe_id},
                                      {"expires", TimeText(issued.expire_time())}},
                                     Json{{"certificateFile", certificate_file},
                                          {"keyFile", key_file},
                                          {"spiffeId", flags.spiffe_id},
                                          {"expireTime", TimeText(issued.expire_time())}}));
  shell.SayNext(absl::StrCat("keyturn role put NAME --policy POLICY --spiffe-id ",
                             ShellWord(flags.spiffe_id),
                             ", unless a role has it; the certificate may do nothing before"));
  return absl::OkStatus();
}

}  // namespace

void AddOperatorCommands(Command app, Shell& shell) {
  const Command parent = app.Add("operator", "Initialise, unseal, seal and check the vault");
  parent.NeedSubcommand();
  AddOperatorInitCommand(parent, shell);
  AddOperatorSealCommands(parent, shell);
  AddOperatorKeyCommands(parent, shell);
  AddOperatorRekeyCommands(parent, shell);
  AddOperatorPurgeCommands(parent, shell);
  AddOperatorUpgradeCommands(parent, shell);

  const Command verify =
      parent.Add("verify", "Read every record and check that none was changed, moved or removed");
  verify.Footer("Exit code 8 when there are problems.");
  verify.On(shell, [&shell] { return Verify(shell); });

  const Command issue = parent.Add(
      "issue-certificate", "Make a key and a client certificate for a service or a person",
      "  keyturn operator issue-certificate --spiffe-id spiffe://example.com/billing --out "
      "billing\n"
      "  keyturn role put billing --policy billing --spiffe-id spiffe://example.com/billing");
  const auto flags = std::make_shared<IssueFlags>();
  issue.AddOption("--spiffe-id", flags->spiffe_id, "whom it names, spiffe://DOMAIN/PATH")
      .Required();
  issue.AddOption("--out", flags->out, "write OUT.pem and OUT.key").Required();
  issue.AddOption("--ttl", flags->ttl, "how long it is valid; default 90d");
  issue.On(shell, [&shell, flags] { return Issue(shell, *flags); });
}

}  // namespace keyturn::cli
