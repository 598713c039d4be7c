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
#include "client/cli/exit_codes.h"
#include "client/cli/files.h"
#include "crypto/arena.h"
#include "crypto/x509.h"

namespace keyturn::cli {
namespace {

enum class Severity { kOk, kWarn, kFail };

struct Finding {
  std::string id;
  Severity severity = Severity::kOk;
  std::string evidence, fix;
};

std::string Name(Severity severity) {
  if (severity == Severity::kOk) return "ok";
  return severity == Severity::kWarn ? "warn" : "FAIL";
}

class Doctor {
 public:
  explicit Doctor(Shell& shell) : shell_(shell) {}

  absl::Status Run() {
    ASSIGN_OR_RETURN(settings_, shell_.settings());
    CheckMemory();
    CheckFileModes();
    CheckCertificates();
    CheckServer();
    return absl::OkStatus();
  }
  const std::vector<Finding>& findings() const { return findings_; }

 private:
  void Add(std::string id, Severity severity, std::string evidence, std::string fix = "") {
    findings_.push_back({std::move(id), severity, std::move(evidence), std::move(fix)});
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
      const absl::Duration left = certificate->not_after - shell_.clock().Now();
      const Severity severity = left <= absl::ZeroDuration()  ? Severity::kFail
                                : left < absl::Hours(14 * 24) ? Severity::kWarn
                                                              : Severity::kOk;
      Add(name, severity, absl::StrCat(file, " is valid until ", TimeText(certificate->not_after)),
          severity == Severity::kOk ? ""
          : absl::string_view(name) == "ca_cert"
              ? "get the file of the server's next CA; see docs/OPERATIONS.md"
              : "issue a new one: keyturn operator issue-certificate");
    }
  }

  void CheckServer() {
    const absl::StatusOr<Client*> client = shell_.Connect();
    absl::StatusOr<v1::StatusResponse> status =
        client.ok() ? (*client)->Status({}, shell_.Options()) : client.status();
    if (!status.ok()) {
      const std::optional<std::string> help = HelpOf(status.status());
      Add("connection", Severity::kFail,
          absl::StrCat((*settings_)["address"], ": ", status.status().message()),
          help.has_value() ? *help : "is keyturnd running there? see keyturn config explain");
      CheckSealLocally();
      return;
    }
    Add("connection", Severity::kOk, absl::StrCat("reached ", (*settings_)["address"]));
    CheckSeal(*status);
    if (status->initialized() && !status->sealed()) CheckIdentity(**client);
  }

  // On the server's machine, its socket tells what the network does not.
  void CheckSealLocally() {
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
    CheckAsAdministrator(client);
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
  RETURN_IF_ERROR(doctor.Run());
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
  return WithExitCode(absl::FailedPreconditionError("a check failed"), kExitCheckFailed);
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
