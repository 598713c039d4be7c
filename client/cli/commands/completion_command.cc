// completion bash|zsh|fish: scripts made from the commands themselves.
#include <CLI/CLI.hpp>
#include <memory>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "base/status_macros.h"
#include "client/cli/commands/commands.h"
#include "client/cli/exit_codes.h"

namespace keyturn::cli {
namespace {

// Calls `fn` with the path of each command ("secret put") and the command.
void ForEachCommand(CLI::App* app, const std::string& path,
                    const std::function<void(const std::string&, CLI::App*)>& fn) {
  fn(path, app);
  for (CLI::App* const child : app->get_subcommands(nullptr)) {
    ForEachCommand(
        child, path.empty() ? child->get_name() : absl::StrCat(path, " ", child->get_name()), fn);
  }
}

std::vector<std::string> WordsOf(CLI::App* command) {
  std::vector<std::string> words;
  for (CLI::App* const child : command->get_subcommands(nullptr)) {
    words.push_back(child->get_name());
  }
  for (const CLI::Option* const option : command->get_options()) {
    for (const std::string& name : option->get_lnames()) words.push_back("--" + name);
  }
  return words;
}

std::string Bash(CLI::App* app) {
  std::string out =
      "# keyturn completion for bash: source <(keyturn completion bash)\n"
      "_keyturn() {\n"
      "  local word path=\"\" current=\"${COMP_WORDS[COMP_CWORD]}\"\n"
      "  for word in \"${COMP_WORDS[@]:1:$((COMP_CWORD-1))}\"; do\n"
      "    case \"$word\" in -*) ;; *) case \"$(_keyturn_words \"$path\")\" in *\" $word \"*) "
      "path=\"${path:+$path }$word\" ;; esac ;; esac\n"
      "  done\n"
      "  COMPREPLY=($(compgen -W \"$(_keyturn_words \"$path\")\" -- \"$current\"))\n"
      "  [ ${#COMPREPLY[@]} -gt 0 ] || COMPREPLY=($(compgen -f -- \"$current\"))\n"
      "}\n"
      "_keyturn_words() {\n"
      "  case \"$1\" in\n";
  ForEachCommand(app, "", [&out](const std::string& path, CLI::App* command) {
    absl::StrAppend(&out, "    '", path, "') echo ' ", absl::StrJoin(WordsOf(command), " "),
                    " ' ;;\n");
  });
  return out + "  esac\n}\ncomplete -F _keyturn keyturn\n";
}

std::string Zsh(CLI::App* app) {
  return absl::StrCat(
      "# keyturn completion for zsh: source <(keyturn completion zsh)\n"
      "(( ${+functions[compdef]} )) || { autoload -U +X compinit && compinit; }\n"
      "autoload -U +X bashcompinit && bashcompinit\n",
      Bash(app));
}

std::string FirstLine(const std::string& text) { return text.substr(0, text.find('\n')); }

std::string Quoted(const std::string& text) {
  return absl::StrCat("'", absl::StrReplaceAll(text, {{"'", "\\'"}, {"\\", "\\\\"}}), "'");
}

// What `command` at `path` takes. The flags of the whole are taken everywhere.
std::string FishWords(const std::string& path, CLI::App* command) {
  const std::string when = absl::StrCat("-n '__keyturn_at ", path, "'");
  std::string out;
  for (CLI::App* const child : command->get_subcommands(nullptr)) {
    absl::StrAppend(&out, "complete -c keyturn -f ", when, " -a ", child->get_name(), " -d ",
                    Quoted(FirstLine(child->get_description())), "\n");
  }
  for (const CLI::Option* const option : command->get_options()) {
    for (const std::string& name : option->get_lnames()) {
      absl::StrAppend(&out, "complete -c keyturn ", path.empty() ? "" : when + " ", "-l ", name,
                      " -d ", Quoted(option->get_description()), "\n");
    }
  }
  return out;
}

std::string Fish(CLI::App* app) {
  std::string words, paths;
  ForEachCommand(app, "", [&](const std::string& path, CLI::App* command) {
    if (!path.empty()) absl::StrAppend(&paths, " ", Quoted(path));
    absl::StrAppend(&words, FishWords(path, command));
  });
  return absl::StrCat(
      "# keyturn completion for fish: keyturn completion fish | source\n"
      "set -g __keyturn_commands",
      paths,
      "\n"
      "# Whether what has been typed is this command, whatever its flags and operands are.\n"
      "function __keyturn_at\n"
      "  set -l at ''\n"
      "  for word in (commandline -opc)[2..-1]\n"
      "    set -l deeper (string trim -- \"$at $word\")\n"
      "    contains -- $deeper $__keyturn_commands; and set at $deeper\n"
      "  end\n"
      "  test \"$at\" = \"$argv\"\n"
      "end\n",
      words);
}

}  // namespace

void AddCompletionCommand(Command parent, Shell& shell) {
  CLI::App* const app = parent.app();
  const Command completion = parent.Add("completion", "Print a completion script for a shell",
                                        "  source <(keyturn completion bash)\n"
                                        "  keyturn completion fish | source");
  const auto name = std::make_shared<std::string>();
  completion.AddOption("shell", *name, "bash, zsh or fish").Required();
  completion.On(shell, [&shell, name, app]() -> absl::Status {
    if (*name == "bash") return shell.out().Raw(Bash(app));
    if (*name == "zsh") return shell.out().Raw(Zsh(app));
    if (*name == "fish") return shell.out().Raw(Fish(app));
    return UsageError(absl::StrCat("no completion for '", *name, "'; allowed are bash, zsh, fish"));
  });
}

}  // namespace keyturn::cli
