// keyturnd.
#include <cstdio>
#include <string>

#include "absl/synchronization/mutex.h"
#include "crypto/openssl_exit.h"
#include "server/command_line.h"
#include "server/hardening.h"
#include "server/run.h"

int main(int argc, char** argv) {
  keyturn::KeepOpenSslToTheEnd();
  // Debian builds abseil with the detection on: one global lock, and some percent of every call.
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
  int exit_code = 0;
  const std::optional<keyturn::CommandLine> line =
      keyturn::ParseCommandLine(argc, argv, &exit_code);
  if (!line.has_value()) return exit_code;
  const absl::Status settings = keyturn::ReexecWithSettings(argv);
  if (!settings.ok()) {
    std::fprintf(stderr, "keyturnd: %s\n", std::string(settings.message()).c_str());
    return 1;
  }
  keyturn::SetGrpcSettings();
  return keyturn::RunServer(*line);
}
