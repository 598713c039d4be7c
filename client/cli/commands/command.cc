#include "client/cli/commands/command.h"

#include <CLI/CLI.hpp>
#include <limits>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace keyturn::cli {
namespace {

// strtoull, which CLI11 uses, makes a huge number of a negative one.
std::string NotNegative(const std::string& text) {
  return absl::StrContains(text, '-') ? "must not be negative" : "";
}

}  // namespace

Option Option::Required() const {
  option_->required();
  return *this;
}

Option Option::Excludes(Option other) const {
  option_->excludes(other.option_);
  return *this;
}

Option Option::Needs(Option other) const {
  option_->needs(other.option_);
  return *this;
}

Option Option::Range(uint64_t least, uint64_t most) const {
  option_->check(CLI::Range(least, most));
  return *this;
}

Option Option::CommaSeparated() const {
  option_->delimiter(',');
  return *this;
}

Option Option::Hidden() const {
  option_->group("");
  return *this;
}

bool Option::given() const { return option_->count() > 0; }

Command Command::Add(const std::string& name, const std::string& about,
                     const std::string& examples) const {
  CLI::App* const command = app_->add_subcommand(name, about);
  if (!examples.empty()) command->description(absl::StrCat(about, "\n\nExamples:\n", examples));
  return Command(command);
}

void Command::Alias(const std::string& name) const { app_->alias(name); }

void Command::Footer(const std::string& text) const { app_->footer(text); }

void Command::NeedSubcommand() const { app_->require_subcommand(1); }

Option Command::AddOption(const std::string& name, std::string& value,
                          const std::string& about) const {
  return Option(app_->add_option(name, value, about));
}

Option Command::AddOption(const std::string& name, std::vector<std::string>& value,
                          const std::string& about) const {
  return Option(app_->add_option(name, value, about));
}

Option Command::AddOption(const std::string& name, int& value, const std::string& about) const {
  return Option(app_->add_option(name, value, about));
}

Option Command::AddOption(const std::string& name, uint32_t& value,
                          const std::string& about) const {
  return Option(app_->add_option(name, value, about)->check(NotNegative));
}

Option Command::AddOption(const std::string& name, uint64_t& value,
                          const std::string& about) const {
  return Option(app_->add_option(name, value, about)->check(NotNegative));
}

Option Command::AddOption(const std::string& name, std::vector<uint64_t>& value,
                          const std::string& about) const {
  return Option(app_->add_option(name, value, about)->check(NotNegative));
}

Option Command::AddFlag(const std::string& name, bool& value, const std::string& about) const {
  return Option(app_->add_flag(name, value, about));
}

void Command::AddValueFlags(ValueInput* input) const {
  const Option file = AddOption("--value-file", input->file,
                                "read the value from this file, or from standard input for -");
  AddOption("--value-fd", input->fd, "read the value from this open descriptor")
      .Range(0, std::numeric_limits<int>::max())
      .Excludes(file);
  AddFlag("--keep-newline", input->keep_newline,
          "keep a newline at the end of the file as part of the value");
}

void Command::On(Shell& shell, std::function<absl::Status()> action) const {
  app_->callback([&shell, name = app_->get_name(), action = std::move(action)] {
    shell.Choose(name, action);
  });
}

}  // namespace keyturn::cli
