#include "client/cli/commands/help.h"

#include <algorithm>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace keyturn::cli {
namespace {

// What stands for the value of a flag. A reader learns more from the kind of thing than from its
// type in C++.
std::string ValueOf(const CLI::Option& option) {
  const std::string name = option.get_lnames().empty() ? "" : option.get_lnames().front();
  if (name == "profile") return "NAME";
  if (absl::EndsWith(name, "file") || absl::EndsWith(name, "cert") || name == "client-key" ||
      name == "out" || name == "socket") {
    return "FILE";
  }
  if (absl::EndsWith(name, "ttl") || name == "timeout" || name == "period" ||
      name == "recovery-window") {
    return "DURATION";
  }
  if (name == "after" || name == "before" || name == "not-after") return "TIME";
  const std::string type = option.get_type_name();
  return absl::StartsWith(type, "UINT") || absl::StartsWith(type, "INT") ? "N" : "VALUE";
}

class HelpFormatter : public CLI::Formatter {
 public:
  // One line for each.
  std::string make_subcommand(const CLI::App* command) const override {
    const std::string about = command->get_description();
    std::string name = command->get_display_name(true);
    const size_t width = std::max<size_t>(name.size() + 2, 26);
    name.resize(width, ' ');
    return absl::StrCat("  ", name, about.substr(0, about.find('\n')), "\n");
  }

  std::string make_usage(const CLI::App* app, std::string name) const override {
    std::string usage = CLI::Formatter::make_usage(app, std::move(name));
    // Commands that look at stray words, to say why they are not taken, do not take them.
    if (const size_t at = usage.find(" [...]"); at != std::string::npos) usage.erase(at, 6);
    // What is behind "--" is taken off before the flags are looked at.
    if (app->get_name() == "run") {
      while (absl::EndsWith(usage, "\n")) usage.pop_back();
      absl::StrAppend(&usage, " -- COMMAND [ARGUMENT ...]\n");
    }
    return absl::StrCat("\n", usage);
  }

  std::string make_option_opts(const CLI::Option* option) const override {
    const bool flag = option->get_type_size() == 0 || option->get_type_name().empty();
    if (flag || option->get_positional()) return "";
    return absl::StrCat(" ", ValueOf(*option), option->get_required() ? " (required)" : "",
                        option->get_items_expected_max() > 1 ? " ..." : "");
  }

  std::string make_footer(const CLI::App* app) const override {
    const std::string own = CLI::Formatter::make_footer(app);
    if (app->get_parent() == nullptr) return own;
    return absl::StrCat(own, own.empty() || absl::EndsWith(own, "\n") ? "" : "\n",
                        "Flags that every command takes (server, profile, -o): keyturn --help\n");
  }
};

}  // namespace

std::shared_ptr<CLI::FormatterBase> MakeHelpFormatter() {
  return std::make_shared<HelpFormatter>();
}

}  // namespace keyturn::cli
