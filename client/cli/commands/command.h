// What the commands are built with: a subcommand, its flags and operands. A thin cover of CLI11,
// whose headers cost every file that includes them some ten seconds of compilation. Handles: copied
// freely, valid as long as the command line. Not thread-safe.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "client/cli/shell.h"
#include "client/cli/value_input.h"

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace keyturn::cli {

class Option {
 public:
  Option() = default;
  explicit Option(CLI::Option* option) : option_(option) {}

  Option Required() const;
  // Not together with `other`.
  Option Excludes(Option other) const;
  // Only together with `other`.
  Option Needs(Option other) const;
  Option Range(uint64_t least, uint64_t most) const;
  // One argument may hold several, separated by commas.
  Option CommaSeparated() const;
  // Accepted, not in the help.
  Option Hidden() const;
  // Whether it was on the command line.
  bool given() const;

 private:
  CLI::Option* option_ = nullptr;
};

class Command {
 public:
  explicit Command(CLI::App* app) : app_(app) {}

  // A subcommand. `about` is one line; `examples` are shown first in its help.
  Command Add(const std::string& name, const std::string& about,
              const std::string& examples = "") const;
  void Alias(const std::string& name) const;
  // The last words of its help.
  void Footer(const std::string& text) const;
  // Does nothing without a subcommand.
  void NeedSubcommand() const;

  // Operands ("path") and flags ("--field") with values. `value` keeps what it has unless one is
  // given, and outlives the command; a vector takes as many as are given.
  Option AddOption(const std::string& name, std::string& value,
                   const std::string& about = "") const;
  Option AddOption(const std::string& name, std::vector<std::string>& value,
                   const std::string& about = "") const;
  Option AddOption(const std::string& name, int& value, const std::string& about = "") const;
  Option AddOption(const std::string& name, uint32_t& value, const std::string& about = "") const;
  Option AddOption(const std::string& name, uint64_t& value, const std::string& about = "") const;
  Option AddOption(const std::string& name, std::vector<uint64_t>& value,
                   const std::string& about = "") const;
  Option AddFlag(const std::string& name, bool& value, const std::string& about = "") const;
  // --value-file, --value-fd and --keep-newline.
  void AddValueFlags(ValueInput* input) const;

  // What it does, once it was chosen. `shell` outlives it.
  void On(Shell& shell, std::function<absl::Status()> action) const;

  CLI::App* app() const { return app_; }

 private:
  CLI::App* app_;
};

}  // namespace keyturn::cli
