// Running a program and looking at what it did. Thread-safe.
#pragma once

#include <sys/types.h>

#include <map>
#include <string>
#include <vector>

namespace keyturn {

struct ProcessOptions {
  std::string input;                               // its standard input
  std::map<std::string, std::string> environment;  // over this process's own; "" removes a variable
  std::string directory;                           // "": this one
};

struct ProcessResult {
  int code = -1;  // exit code, or minus the signal that ended it
  std::string out, err;
};

// Runs it to its end. argv[0] is a path or a name in PATH; 127 when it cannot be started.
ProcessResult RunProcess(std::vector<std::string> argv, const ProcessOptions& options = {});

// What is typed once the terminal shows `after`; a newline is added.
struct Typed {
  std::string after, line;
};

// Runs it on a terminal of its own; `out` is all that the terminal showed, `options.input` is not
// used. Killed when it says nothing for a minute.
ProcessResult RunOnTerminal(std::vector<std::string> argv, const ProcessOptions& options,
                            const std::vector<Typed>& typed);

// Starts it with its output in `log_file`; the caller waits for it.
pid_t StartProcess(std::vector<std::string> argv, const ProcessOptions& options,
                   const std::string& log_file);
// As `code` above.
int WaitFor(pid_t pid);

// Waits until `name` exists in `directory` (which does). False when process `pid` ended before.
bool AwaitFile(const std::string& directory, const std::string& name, pid_t pid);

}  // namespace keyturn
