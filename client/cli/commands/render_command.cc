// render TEMPLATE.
#include <charconv>
#include <memory>
#include <optional>

#include "absl/strings/str_cat.h"
#include "base/limits.h"
#include "base/status_macros.h"
#include "client/cli/commands/commands.h"
#include "client/cli/exit_codes.h"
#include "client/cli/files.h"
#include "client/cli/renderer.h"

namespace keyturn::cli {
namespace {

struct RenderFlags {
  std::string file, output, mode;
};

absl::StatusOr<std::optional<int>> ParseMode(const std::string& text) {
  if (text.empty()) return std::nullopt;
  int mode = 0;
  const char* const end = text.data() + text.size();
  const std::from_chars_result parsed = std::from_chars(text.data(), end, mode, 8);
  if (parsed.ec != std::errc() || parsed.ptr != end || mode < 0 || mode > 0777) {
    return UsageError("--mode must be octal, such as 640");
  }
  return mode;
}

absl::Status Render(Shell& shell, const RenderFlags& flags) {
  ASSIGN_OR_RETURN(const std::optional<int> mode, ParseMode(flags.mode));
  ASSIGN_OR_RETURN(const std::string source, ReadPublicFile(flags.file, limits::kTemplateBytesMax));
  Renderer renderer(shell);
  // All is read before anything is written, so a reference that cannot be read leaves the target as
  // it was.
  RETURN_IF_ERROR(renderer.Render(source));
  if (flags.output.empty()) return shell.out().Raw(renderer.text());
  RETURN_IF_ERROR(WriteFileWhole(flags.output, renderer.text(), mode));
  shell.terminal().Say(
      absl::StrCat("wrote ", flags.output, " with ", renderer.references(), " values"));
  return absl::OkStatus();
}

}  // namespace

void AddRenderCommand(Command app, Shell& shell) {
  const Command render =
      app.Add("render", "Fill a template: {{ keyturn://PATH#FIELD }} becomes the value",
              "  keyturn render config.tmpl --output-file config.yaml\n"
              "  echo 'password: {{ keyturn://app/prod/db#password }}' | keyturn render -");
  const auto flags = std::make_shared<RenderFlags>();
  render.AddOption("template", flags->file, "a file, or - for standard input").Required();
  render.AddOption("--output-file", flags->output,
                   "the file to replace, whole or not at all; default: standard output");
  render.AddOption("--mode", flags->mode,
                   "of that file, octal; default: as it was, 600 for a new one");
  render.On(shell, [&shell, flags] { return Render(shell, *flags); });
}

}  // namespace keyturn::cli
