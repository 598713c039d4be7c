#include "bench/measure.h"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <sstream>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"

namespace keyturn::bench {
namespace {

// As keyturnd has it, in every program here and so in the bare echo: gRPC locks by abseil too.
[[maybe_unused]] const bool kNoDeadlockDetection = [] {
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
  return true;
}();

std::string ProcFile(pid_t pid, const std::string& name) {
  return absl::StrCat("/proc/", pid == 0 ? "self" : std::to_string(pid), "/", name);
}

}  // namespace

int64_t NowNanos() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

// proc(5): fields 14 and 15 of stat, behind the name in parentheses.
double CpuSeconds(pid_t pid) {
  std::ifstream file(ProcFile(pid, "stat"));
  std::string text;
  std::getline(file, text);
  const size_t name_end = text.rfind(')');
  if (name_end == std::string::npos) Die(absl::StrCat("no process ", pid));
  std::istringstream fields(text.substr(name_end + 1));
  std::string skipped;
  for (int i = 3; i < 14; ++i) fields >> skipped;
  int64_t user = 0;
  int64_t system = 0;
  fields >> user >> system;
  return static_cast<double>(user + system) / static_cast<double>(sysconf(_SC_CLK_TCK));
}

int64_t MemoryKb(pid_t pid, const std::string& field) {
  std::ifstream file(ProcFile(pid, "status"));
  std::string name;
  while (file >> name) {
    if (name == field + ":") {
      int64_t kb = -1;
      file >> kb;
      return kb;
    }
    file.ignore(4096, '\n');
  }
  return -1;
}

int64_t Percentile(std::vector<int64_t>* nanos, double q) {
  if (nanos->empty()) return 0;
  const auto at = nanos->begin() + static_cast<long>(q * static_cast<double>(nanos->size() - 1));
  std::nth_element(nanos->begin(), at, nanos->end());
  return *at;
}

void Die(const std::string& message) {
  std::fprintf(stderr, "bench: %s\n", message.c_str());
  std::exit(1);
}

}  // namespace keyturn::bench
