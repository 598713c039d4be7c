// render TEMPLATE.
#include <algorithm>
#include <charconv>
#include <map>
#include <memory>
#include <optional>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "base/limits.h"
#include "base/status_macros.h"
#include "client/cli/commands/commands.h"
#include "client/cli/exit_codes.h"
#include "client/cli/fetch.h"
#include "client/cli/files.h"
#include "client/wipe.h"

namespace keyturn::cli {
namespace {

struct RenderFlags {
  std::string file, output, mode;
};

// Replaces each {{ keyturn://PATH#FIELD }}. All is read before anything is written, so a reference
// that cannot be read leaves the target as it was.
class Renderer {
 public:
  explicit Renderer(Shell& shell) : shell_(shell) {}
  ~Renderer() {
    WipeBuffer(&text_);
    for (auto& [reference, value] : values_) WipeBuffer(&value);
  }

  absl::Status Render(absl::string_view source) {
    text_.reserve(source.size() + limits::kSecretValueBytesMax);
    while (!source.empty()) {
      const size_t open = source.find("{{");
      absl::StrAppend(&text_, source.substr(0, open));
      line_ += Lines(source.substr(0, open));
      if (open == absl::string_view::npos) break;
      source.remove_prefix(open);
      const size_t close = source.find("}}");
      const absl::string_view inside = absl::StripAsciiWhitespace(source.substr(2, close - 2));
      // Other programs' templates use the same braces.
      if (close == absl::string_view::npos || !IsReference(inside)) {
        text_.append("{{");
        source.remove_prefix(2);
        continue;
      }
      RETURN_IF_ERROR(Append(inside));
      line_ += Lines(source.substr(0, close));
      source.remove_prefix(close + 2);
    }
    return absl::OkStatus();
  }
  absl::string_view text() const { return text_; }
  size_t references() const { return values_.size(); }

 private:
  static int Lines(absl::string_view text) {
    return static_cast<int>(std::count(text.begin(), text.end(), '\n'));
  }

  absl::Status Append(absl::string_view text) {
    const auto known = values_.find(std::string(text));
    if (known != values_.end()) {
      text_.append(known->second);
      return absl::OkStatus();
    }
    ASSIGN_OR_RETURN(const Reference reference, ParseReference(text));
    absl::StatusOr<v1::GetResponse> secret = Fetch(shell_, reference);
    if (!secret.ok()) {
      absl::Status status(secret.status().code(), absl::StrCat("line ", line_, ": ", text, ": ",
                                                               secret.status().message()));
      secret.status().ForEachPayload([&](absl::string_view url, const absl::Cord& payload) {
        status.SetPayload(url, payload);
      });
      return status;
    }
    const ScopedWipe<v1::GetResponse> wipe(&*secret);
    ASSIGN_OR_RETURN(const v1::Field* const field, OnlyField(*secret));
    text_.append(field->value());
    values_[std::string(text)] = field->value();
    return absl::OkStatus();
  }

  Shell& shell_;
  std::map<std::string, std::string> values_;  // by reference, each read once
  std::string text_;
  int line_ = 1;
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
