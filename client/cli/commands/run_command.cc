// run -- COMMAND.
#include <unistd.h>

#include <csignal>
#include <functional>
#include <memory>
#include <optional>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/limits.h"
#include "base/status_macros.h"
#include "client/cli/change_watch.h"
#include "client/cli/commands/commands.h"
#include "client/cli/duration.h"
#include "client/cli/exit_codes.h"
#include "client/cli/offline_values.h"
#include "client/cli/process.h"
#include "client/cli/run_sources.h"

namespace keyturn::cli {
namespace {

struct RunFlags {
  RunSources sources;
  std::string on_change = "none", offline;
  bool has_offline = false, pristine = false, pass_token = false, mask = false;
};

absl::Status ParseOnChange(const std::string& text, SuperviseOptions* options) {
  using OnChange = SuperviseOptions::OnChange;
  absl::string_view name = text;
  if (text == "none") return absl::OkStatus();
  if (text == "restart") {
    options->on_change = OnChange::kRestart;
    return absl::OkStatus();
  }
  constexpr std::pair<absl::string_view, int> kSignals[] = {
      {"HUP", SIGHUP}, {"USR1", SIGUSR1}, {"USR2", SIGUSR2}, {"TERM", SIGTERM}, {"INT", SIGINT}};
  if (absl::ConsumePrefix(&name, "signal:")) {
    absl::ConsumePrefix(&name, "SIG");
    for (const auto& [known, signal] : kSignals) {
      if (name != known) continue;
      options->on_change = OnChange::kSignal;
      options->change_signal = signal;
      return absl::OkStatus();
    }
  }
  return UsageError(absl::StrCat("--on-change '", text,
                                 "' must be none, restart, or signal: with HUP, USR1, USR2, TERM "
                                 "or INT, such as signal:HUP"));
}

// Reads the values and, with --offline only, keeps them and goes back to those that were kept.
class ValueReader {
 public:
  static absl::StatusOr<ValueReader> Make(Shell& shell, const RunFlags& flags) {
    ValueReader reader(shell, flags.sources);
    if (!flags.has_offline) return reader;
    ASSIGN_OR_RETURN(const int64_t seconds, ParseSeconds("--offline", flags.offline));
    if (seconds > limits::kOfflineSecondsMax) {
      return UsageError(absl::StrCat("--offline '", flags.offline, "' is too long: at most ",
                                     limits::kOfflineSecondsMax, " seconds (",
                                     limits::kOfflineSecondsMax / limits::kDaySeconds, "d)"));
    }
    reader.age_max_ = absl::Seconds(seconds);
    ASSIGN_OR_RETURN(const std::string asked, DescribeSources(flags.sources));
    ASSIGN_OR_RETURN(reader.kept_, OfflineValues::Open(shell, asked));
    return reader;
  }
  bool may_go_back() const { return kept_.has_value(); }

  // For a program that has none yet. `gone_back` is called before kept values are returned.
  absl::StatusOr<std::vector<Variable>> First(const std::function<void()>& gone_back) {
    absl::StatusOr<std::vector<Variable>> values = Read();
    if (values.ok() || !kept_.has_value() || !IsUnreachable(values.status())) return values;
    const absl::Time now = shell_.clock().Now();
    absl::StatusOr<OfflineValues::Kept> kept = kept_->Load(now, age_max_);
    if (!kept.ok()) {
      return WithMessage(
          values.status(),
          absl::StrCat(values.status().message(), "; and --offline: ", kept.status().message()));
    }
    const absl::Duration age = absl::Trunc(now - kept->read_at, absl::Seconds(1));
    shell_.terminal().Say(absl::StrCat(
        "keyturn: warning: the server cannot be reached (", values.status().message(), "); ",
        shell_.rest[0], " gets the values that were read at ", TimeText(kept->read_at), ", ",
        absl::ToInt64Seconds(age), " seconds ago (--offline)"));
    gone_back();
    return std::move(kept->variables);
  }

  // For one that has some, which are as good as those that are kept.
  absl::StatusOr<std::vector<Variable>> Read() {
    const absl::Time began = shell_.clock().Now();
    absl::StatusOr<std::vector<Variable>> values = ReadSources(shell_, sources_);
    if (!kept_.has_value()) return values;
    // What the server refuses today is not given out under yesterday's answer.
    if (IsRefusal(values.status())) kept_->Forget();
    if (!values.ok()) return values;
    const absl::Status saved = kept_->Save(*values, began);
    if (!saved.ok()) {
      shell_.terminal().Say(absl::StrCat(
          "keyturn: warning: the values are not kept for --offline: ", saved.message()));
    }
    return values;
  }

 private:
  ValueReader(Shell& shell, const RunSources& sources) : shell_(shell), sources_(sources) {}

  Shell& shell_;
  const RunSources& sources_;
  std::optional<OfflineValues> kept_;
  absl::Duration age_max_;
};

absl::Status RunChild(Shell& shell, const RunFlags& flags, SuperviseOptions options,
                      ValueReader& reader) {
  ChangeWatch watch(shell);
  if (options.on_change != SuperviseOptions::OnChange::kNothing) {
    ASSIGN_OR_RETURN(const std::vector<std::string> paths, WatchedPaths(flags.sources));
    RETURN_IF_ERROR(watch.Start(paths, reader.may_go_back()));
    options.change_fd = watch.fd();
  }
  bool started = false;
  const FetchVariables fetch = [&] {
    if (started) return reader.Read();
    started = true;
    return reader.First([&watch] { watch.SetBehind(); });
  };
  ASSIGN_OR_RETURN(const int code,
                   Supervise(shell.rest, flags.pristine, flags.pass_token, fetch, options));
  if (code == 0) return absl::OkStatus();
  // The child has said what there is to say.
  return WithExitCode(absl::UnknownError(""), code);
}

absl::Status Run(Shell& shell, const RunFlags& flags) {
  if (shell.rest.empty()) return UsageError("say what to run: keyturn run --path DIR -- COMMAND");
  if (flags.sources.empty()) {
    return UsageError(
        "say which secrets to give to it: --path DIR, --env NAME=PATH#FIELD, --env-file FILE, "
        "--mount NAME=PATH#FIELD or --mount-template NAME=TEMPLATE");
  }
  SuperviseOptions options;
  options.mask = flags.mask;
  RETURN_IF_ERROR(ParseOnChange(flags.on_change, &options));
  if (options.on_change == SuperviseOptions::OnChange::kSignal && !flags.sources.mounts.empty()) {
    return UsageError(
        "--mount does not go with --on-change signal, as the file would keep the old value; use "
        "--on-change restart");
  }
  const bool supervise =
      flags.mask || getpid() == 1 || options.on_change != SuperviseOptions::OnChange::kNothing;
  if (supervise) BlockSupervisedSignals();
  ASSIGN_OR_RETURN(ValueReader reader, ValueReader::Make(shell, flags));
  if (supervise) return RunChild(shell, flags, options, reader);
  ASSIGN_OR_RETURN(const std::vector<Variable> variables, reader.First([] {}));
  ASSIGN_OR_RETURN(EnvironmentBlock environment,
                   EnvironmentBlock::Make(variables, flags.pristine, flags.pass_token));
  return Exec(shell.rest, environment);
}

}  // namespace

void AddRunCommand(Command app, Shell& shell) {
  const Command run =
      app.Add("run", "Run a program with secrets in its environment, or in files in memory",
              "  keyturn run --path app/prod -- ./server --port 8080\n"
              "  keyturn run --env DB_PASSWORD=app/prod/db#password -- psql\n"
              "  keyturn run --path app/prod --on-change restart -- ./server\n"
              "  keyturn run --mount KEY_FILE=app/prod/tls#key -- sh -c 'exec "
              "./server --key \"$KEY_FILE\"'\n"
              "  keyturn run --env-file app.env -- ./server       # lines such "
              "as API_KEY=keyturn://app/key");
  const auto flags = std::make_shared<RunFlags>();
  run.AddOption("--path", flags->sources.directories,
                "all secrets below this directory; metadata env=NAME names the variable");
  run.AddOption("--env", flags->sources.variables, "NAME=PATH#FIELD, one variable");
  run.AddOption("--env-file", flags->sources.env_files,
                "a dotenv file; keyturn:// values are replaced");
  run.AddOption(
      "--mount", flags->sources.mounts,
      "NAME=PATH#FIELD: the value as a file in memory, whose path is in the variable NAME");
  run.AddOption("--mount-template", flags->sources.templates,
                "NAME=TEMPLATE: the same with a filled template (see keyturn render)");
  run.AddFlag("--pristine", flags->pristine,
              "inherit only PATH, HOME, USER, SHELL, LANG, TERM, "
              "TZ and TMPDIR");
  run.AddFlag("--pass-token", flags->pass_token,
              "leave KEYTURN_TOKEN and KEYTURN_TOKEN_FILE in the environment");
  run.AddFlag("--mask", flags->mask,
              "replace the values by *** in what the program prints; not those under 4 characters");
  run.AddOption("--on-change", flags->on_change,
                "when a secret changes: none (default), restart, or signal:HUP and the like");
  const Option offline = run.AddOption(
      "--offline", flags->offline,
      "when the server cannot be reached, use the values of the last run if they are no "
      "older than this (45s, 12h, at most 7d); each run keeps them, encrypted");
  run.Footer(
      "The program takes the place of keyturn, unless --mask or --on-change is given or "
      "keyturn is\nprocess 1. Exit codes: the program's own, 128+n when signal n ended it, "
      "125 when keyturn\nfailed, 126 when the program cannot be run, 127 when there is none.\n\n"
      "--path takes secret:list and secret:read. Secrets there that are deleted, destroyed or "
      "expired are\nleft out with a warning that names them; one named by --env or --mount must be "
      "there.\n\n"
      "A file of --mount can be read as often as the program likes, by itself and by programs that "
      "inherit\nits descriptors; nobody can write to it, and it ends with them.");
  run.On(shell, [&shell, flags, offline] {
    flags->has_offline = offline.given();
    absl::Status status = Run(shell, *flags);
    // Codes of the program, and of its start, are attached; all else is keyturn's own failure.
    const int code = ExitCodeOf(status);
    const bool attached =
        status.message().empty() || code == kExitNoCommand || code == kExitNotRunnable;
    return status.ok() || attached ? status : WithExitCode(std::move(status), kExitRunFailed);
  });
}

}  // namespace keyturn::cli
