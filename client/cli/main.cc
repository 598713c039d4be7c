// keyturn.
#include <grpc/support/log.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include <clocale>
#include <csignal>
#include <string>
#include <vector>

#include "absl/synchronization/mutex.h"
#include "client/cli/commands/command_line.h"
#include "client/cli/environment_variable.h"
#include "crypto/openssl_exit.h"

int main(int argc, char** argv) {
  keyturn::KeepOpenSslToTheEnd();
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
  // No core dump and no ptrace by others: values are in this memory for a moment.
  prctl(PR_SET_DUMPABLE, 0);
  const rlimit none = {0, 0};
  setrlimit(RLIMIT_CORE, &none);
  std::signal(SIGPIPE, SIG_IGN);
  // Names are UTF-8 whatever the terminal's locale says, and tables ask it which bytes are letters.
  std::setlocale(LC_CTYPE, "C.UTF-8");  // NOLINT(concurrency-mt-unsafe): there is one thread yet
  // gRPC's own log would come between the lines of this command, unless it was asked for.
  if (keyturn::cli::EnvironmentVariable("GRPC_VERBOSITY").empty()) {
    gpr_set_log_function([](gpr_log_func_args*) {});
  }
  return keyturn::cli::RunCommandLine(std::vector<std::string>(argv + 1, argv + argc));
}
