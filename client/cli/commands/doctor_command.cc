// doctor: checks of this machine, the settings and the server, each with what to do about it.
#include <sys/prctl.h>
#include <sys/stat.h>

#include <algorithm>
#include <memory>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/limits.h"
#include "base/reason.h"
#include "base/status_macros.h"
#include "base/version.h"
#include "client/cli/audit_check.h"
#include "client/cli/commands/commands.h"
#include "client/cli/diagnose.h"
#include "client/cli/environment_variable.h"
#include "client/cli/exit_codes.h"
#include "client/cli/files.h"
#include "client/cli/findings.h"
#include "crypto/arena.h"
#include "crypto/x509.h"

namespace keyturn::cli {
namespace {

std::string Name(Severity severity) {
  if (severity == Severity::kOk) return "ok";
  return severity == Severity::kWarn ? "warn" : "FAIL";
}

class Doctor {
 public:
  explicit Doctor(Shell& shell) : shell_(shell) {}

  void Run() {
    FindSettings();
    CheckMemory();
    if (settings_ == nullptr) return;
    CheckFileModes();
    CheckCertificates();
    CheckClientKey();
    CheckServer();
  }
  const std::vector<Finding>& findings() const { return findings_; }

 private:
  void Add(std::string id, Severity severity, std::string evidence, const std::string& fix = "") {
    findings_.push_back(
        {std::move(id), severity, std::move(evidence), WithProfile(fix, shell_.ProfileToName())});
  }

  // A missing info file is a finding like others: profile and flags are looked at without it.
  void FindSettings() {
    absl::StatusOr<Settings*> found = shell_.settings();
    if (!found.ok()) {
      Add("settings", Severity::kFail, std::string(found.status().message()),
          HelpOf(found.status()).value_or("keyturn config explain"));
      const absl::StatusOr<Profiles> profiles = Profiles::Load();
      if (!profiles.ok()) return;
      const std::string variable = EnvironmentVariable("KEYTURN_PROFILE");
      // A profile that is named keeps the command from the info file of the environment.
      shell_.flags.info_file.clear();
      if (shell_.flags.profile.empty()) {
        shell_.flags.profile = variable.empty() ? profiles->current() : variable;
      }
      found = shell_.settings();
    }
    if (found.ok()) settings_ = *found;
  }

  void CheckMemory() {
    const absl::StatusOr<SecretBytes> any = SecretBytes::Allocate(32);
    if (any.ok() && GetArenaStats().locked) {
      Add("memory-lock", Severity::kOk, "values are kept in locked memory");
    } else {
      Add("memory-lock", Severity::kWarn, "values in this command's memory may be swapped out",
          "raise the limit: ulimit -l unlimited");
    }
    const bool dumps = prctl(PR_GET_DUMPABLE) != 0;
    Add("core-dumps", dumps ? Severity::kWarn : Severity::kOk,
        dumps ? "this command may leave a core dump" : "this command leaves no core dumps");
  }

  void CheckFileModes() {
    for (const char* const name : {"client_key", "token_file"}) {
      const std::string& file = (*settings_)[name];
      struct stat info;
      if (file.empty() || stat(file.c_str(), &info) != 0) continue;
      const bool open = (info.st_mode & 077) != 0;
      Add(absl::StrCat(name, "-mode"), open ? Severity::kFail : Severity::kOk,
          absl::StrCat(file, open ? " may be read by others" : " is for its owner only"),
          open ? absl::StrCat("chmod 600 ", file) : "");
    }
  }

  void CheckCertificates() {
    for (const char* const name : {"ca_cert", "client_cert"}) {
      const std::string& file = (*settings_)[name];
      if (file.empty()) continue;
      const absl::StatusOr<std::string> pem = ReadPublicFile(file, limits::kSmallFileBytesMax);
      const absl::StatusOr<CertificateInfo> certificate =
          pem.ok() ? ReadCertificate(*pem) : pem.status();
      if (!certificate.ok()) {
        Add(name, Severity::kFail, absl::StrCat(file, ": ", certificate.status().message()),
            "name another file, see keyturn config explain");
        continue;
      }
      CheckDates(name, file, *certificate);
    }
  }

  void CheckDates(const std::string& name, const std::string& file,
                  const CertificateInfo& certificate) {
    const absl::Duration left = certificate.not_after - shell_.clock().Now();
    const std::string end = TimeText(certificate.not_after);
    const bool ca = name == "ca_cert";
    const std::string next_ca = "get the file of the server's next CA; see docs/OPERATIONS.md";
    if (left <= absl::ZeroDuration()) {
      Add(name, Severity::kFail, absl::StrCat(file, " has expired, at ", end),
          ca ? next_ca : HowToComeBack(certificate.spiffe_id));
    } else if (left < absl::Hours(14 * 24)) {
      Add(name, Severity::kWarn, absl::StrCat(file, " is valid until ", end, " only"),
          ca ? next_ca : HowToRenew(certificate.spiffe_id, *settings_));
    } else {
      Add(name, Severity::kOk, absl::StrCat(file, " is valid until ", end));
    }
  }

  void CheckClientKey() {
    const std::string& certificate = (*settings_)["client_cert"];
    const std::string& key = (*settings_)["client_key"];
    if (certificate.empty() && key.empty()) return;
    if (certificate.empty() || key.empty()) {
      Add("client_key", Severity::kFail,
          certificate.empty() ? absl::StrCat("there is no certificate for the key ", key)
                              : absl::StrCat("there is no key for the certificate ", certificate),
          "give both, --client-cert FILE and --client-key FILE");
      return;
    }
    const absl::Status pair = CheckKeyFile(certificate, key);
    Add("client_key", pair.ok() ? Severity::kOk : Severity::kFail,
        pair.ok() ? absl::StrCat(key, " is the key of ", certificate) : std::string(pair.message()),
        pair.ok() ? "" : "name both files of one pair, see keyturn config explain");
  }

  void CheckServer() {
    const absl::StatusOr<Client*> client = shell_.Connect();
    if (!client.ok()) {  // the settings do not make up a connection
      Add("connection", Severity::kFail, std::string(client.status().message()),
          HelpOf(client.status()).value_or("see keyturn config explain"));
      CheckSealLocally();
      return;
    }
    absl::StatusOr<v1::StatusResponse> status = (*client)->Status({}, shell_.Options());
    if (!status.ok()) {
      const Diagnosis why = ExplainConnection(status.status(), *settings_);
      Add("connection", Severity::kFail, why.evidence, why.fix);
      CheckSealLocally();
      return;
    }
    Add("connection", Severity::kOk, absl::StrCat("reached ", (*settings_)["address"]));
    CheckSeal(*status);
    if (status->initialized() && !status->sealed()) CheckIdentity(**client);
  }

  // On the server's machine, its socket tells what the network does not; if it is the same server:
  // named in one place with the address, or by the caller.
  void CheckSealLocally() {
    const std::string& socket = settings_->SourceOf("operator_socket");
    const std::string& address = settings_->SourceOf("address");
    if (socket != address && address != "default" && socket != "flag --socket") return;
    const absl::StatusOr<Client*> local = shell_.ConnectLocal();
    if (!local.ok()) return;
    const absl::StatusOr<v1::StatusResponse> status = (*local)->Status({}, shell_.Options());
    if (status.ok()) CheckSeal(*status);
  }

  void CheckSeal(const v1::StatusResponse& status) {
    if (!status.initialized()) {
      Add("seal", Severity::kFail, "the vault is not initialised", "keyturn operator init");
    } else if (status.sealed()) {
      Add("seal", Severity::kFail, "the vault is sealed", "keyturn operator unseal");
    } else {
      Add("seal", Severity::kOk, "the vault is unsealed");
    }
    if (status.dev()) {
      Add("dev-mode", Severity::kWarn, "the server runs in dev mode: no real secrets",
          "./dev start runs a persistent one");
    }
    if (!status.version().empty() && status.version() != kVersion) {
      Add("version", Severity::kWarn,
          absl::StrCat("server ", status.version(), ", command ", kVersion),
          "install the same version of both");
    }
  }

  void CheckIdentity(Client& client) {
    const absl::StatusOr<v1::WhoAmIResponse> me = client.WhoAmI({}, shell_.Options());
    if (!me.ok()) {
      Add("identity", Severity::kFail, std::string(me.status().message()), "keyturn login");
      return;
    }
    Add("identity", Severity::kOk, absl::StrCat(me->principal(), " by ", me->method()));
    if (me->method() == "root-token") {
      Add("root-token", Severity::kWarn, "calls are made with the root token",
          "use a certificate or a token of your own, and keep the root token offline");
    }
    CheckRotations(client);
    CheckWebhooks(client);
    CheckAsAdministrator(client);
  }

  // Of those that the caller may list; who may list none is not told about it.
  void CheckRotations(Client& client) {
    const absl::Time end = shell_.clock().Now() + absl::Seconds(30);
    v1::ListRotationsRequest request;
    RotationTally tally;
    do {
      const absl::StatusOr<v1::ListRotationsResponse> page =
          client.ListRotations(request, shell_.Options());
      if (!page.ok() && request.page_token().empty()) return;
      if (!page.ok()) break;
      for (const v1::RotationStatus& status : page->rotations()) {
        tally.Add(status, shell_.clock().Now());
      }
      request.set_page_token(page->next_page_token());
    } while (!request.page_token().empty() && shell_.clock().Now() < end);
    for (const Finding& found : tally.Findings(/*whole=*/request.page_token().empty())) {
      Add(found.id, found.severity, found.evidence, found.fix);
    }
  }

  // Who may not see webhooks is not told about them.
  void CheckWebhooks(Client& client) {
    const absl::StatusOr<v1::ListWebhooksResponse> all = client.ListWebhooks({}, shell_.Options());
    if (!all.ok() || all->webhooks().empty()) return;
    bool sound = true;
    for (const v1::WebhookInfo& info : all->webhooks()) {
      v1::ListWebhookDeliveriesRequest request;
      request.set_id(info.id());
      request.set_state(v1::WebhookDelivery::FAILED);
      const absl::StatusOr<v1::ListWebhookDeliveriesResponse> failed =
          client.ListWebhookDeliveries(request, shell_.Options());
      if (!failed.ok()) return;
      const std::optional<Finding> found =
          WebhookFinding(info, static_cast<size_t>(failed->deliveries_size()),
                         /*or_more=*/!failed->next_page_token().empty());
      if (!found.has_value()) continue;
      sound = false;
      Add(found->id, found->severity, found->evidence, found->fix);
    }
    if (!sound) return;
    Add("webhooks", Severity::kOk,
        absl::StrCat("nothing was given up of what ", all->webhooks_size(),
                     all->webhooks_size() == 1 ? " webhook is" : " webhooks are", " told"));
  }

  // What only an administrator may see; others are not told about it.
  void CheckAsAdministrator(Client& client) {
    const absl::StatusOr<v1::ListPoliciesResponse> all = client.ListPolicies({}, shell_.Options());
    if (!all.ok()) return;
    for (const v1::Policy& policy : all->policies()) {
      if (policy.name() == "root") continue;
      for (const v1::Grant& grant : policy.grants()) {
        const bool wide = grant.path() == "*" && !grant.deny() &&
                          std::any_of(grant.permissions().begin(), grant.permissions().end(),
                                      [](const std::string& permission) {
                                        return absl::StartsWith(permission, "secret:") &&
                                               permission != "secret:list";
                                      });
        if (!wide) continue;
        Add("wide-policy", Severity::kWarn,
            absl::StrCat("policy ", policy.name(), " grants secrets on every path"),
            absl::StrCat("narrow it: keyturn policy get ", policy.name()));
      }
    }
    CallOptions options = shell_.Options();
    options.timeout = absl::Seconds(30);
    const absl::StatusOr<v1::VerifyAuditResponse> audit = VerifyAudit(shell_, client, options);
    if (absl::IsDeadlineExceeded(audit.status())) {
      Add("audit-chain", Severity::kWarn, "the audit log is too long to check in 30 s",
          "keyturn audit verify");
    }
    if (!audit.ok()) return;
    Add("audit-chain", audit->problems().empty() ? Severity::kOk : Severity::kFail,
        absl::StrCat(audit->entries(), " audit entries, ", audit->problems_size(), " problems"),
        audit->problems().empty() ? "" : "keyturn audit verify");
  }

  Shell& shell_;
  Settings* settings_ = nullptr;
  std::vector<Finding> findings_;
};

absl::Status Run(Shell& shell, const std::string& fail_on) {
  if (fail_on != "fail" && fail_on != "warn") {
    return UsageError(absl::StrCat("--fail-on '", fail_on, "' must be fail or warn"));
  }
  Doctor doctor(shell);
  doctor.Run();
  Table table({"", "CHECK", "FOUND", "FIX"});
  Json items = Json::array();
  Severity worst = Severity::kOk;
  for (const Finding& finding : doctor.findings()) {
    worst = std::max(worst, finding.severity);
    table.Add({Name(finding.severity), finding.id, finding.evidence, finding.fix});
    items.push_back(
        {{"id", finding.id},
         {"severity", finding.severity == Severity::kFail ? "fail" : Name(finding.severity)},
         {"evidence", finding.evidence},
         {"fix", finding.fix}});
  }
  RETURN_IF_ERROR(shell.out().List(table, std::move(items), ""));
  if (worst < (fail_on == "warn" ? Severity::kWarn : Severity::kFail)) return absl::OkStatus();
  return WithHelp(WithExitCode(absl::FailedPreconditionError("a check failed"), kExitCheckFailed),
                  "do what stands under FIX");
}

}  // namespace

void AddDoctorCommand(Command app, Shell& shell) {
  const auto fail_on = std::make_shared<std::string>("fail");
  const Command doctor =
      app.Add("doctor", "Check this machine, the settings and the server, and say how to mend them",
              "  keyturn doctor\n  keyturn doctor -o json --fail-on warn");
  doctor.AddOption("--fail-on", *fail_on, "exit with 8 at this severity: fail (default) or warn");
  doctor.On(shell, [&shell, fail_on] { return Run(shell, *fail_on); });
}

}  // namespace keyturn::cli
