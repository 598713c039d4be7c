// apikey import.
#include <algorithm>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/limits.h"
#include "base/status_macros.h"
#include "client/cli/api_key_file.h"
#include "client/cli/commands/commands.h"
#include "client/cli/duration.h"
#include "client/cli/exit_codes.h"
#include "client/cli/progress.h"

namespace keyturn::cli {
namespace {

struct ImportKeysFlags {
  std::string file, ttl;
  ApiKeyDefaults defaults;
};

// Too large for the memory of secrets, and public but for keys that are easily guessed.
absl::StatusOr<std::string> ReadHashes(const std::string& path) {
  std::ifstream file(path == "-" ? "/dev/stdin" : path, std::ios::binary);
  if (!file.is_open()) return absl::NotFoundError(absl::StrCat("cannot read ", path));
  std::string text(limits::kApiKeyImportFileBytesMax + 1, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<size_t>(file.gcount()));
  if (text.size() <= limits::kApiKeyImportFileBytesMax) return text;
  return UsageError(
      absl::StrCat(path, " has more than ", limits::kApiKeyImportFileBytesMax, " bytes; split it"));
}

struct Imported {
  uint64_t keys = 0, were_there = 0;
  std::vector<size_t> ended;  // lines
  uint64_t done() const { return keys + were_there + ended.size(); }
};

// Of one request: each line counts once.
void CountLines(const std::vector<ApiKeyLine>& sent, const v1::ImportApiKeysResponse& response,
                Imported* imported) {
  const uint64_t before = imported->done();
  imported->keys += response.imported();
  for (const uint32_t entry : response.ended()) {
    if (entry < sent.size()) imported->ended.push_back(sent[entry].line);
  }
  imported->were_there += sent.size() - (imported->done() - before);
}

// Requests of a bounded size, each of them durable as a whole before the next is sent.
absl::Status SendAll(Shell& shell, Client& client, const std::vector<ApiKeyLine>& lines,
                     int64_t ttl_seconds, Imported* imported) {
  Progress progress("keys imported", shell.terminal(), shell.clock());
  for (size_t at = 0; at < lines.size(); at += limits::kApiKeyImportMax) {
    const size_t end = std::min(lines.size(), at + limits::kApiKeyImportMax);
    const std::vector<ApiKeyLine> sent(lines.begin() + static_cast<std::ptrdiff_t>(at),
                                       lines.begin() + static_cast<std::ptrdiff_t>(end));
    v1::ImportApiKeysRequest request;
    request.set_ttl_seconds(ttl_seconds);
    for (const ApiKeyLine& line : sent) *request.add_entries() = line.entry;
    const absl::StatusOr<v1::ImportApiKeysResponse> response =
        client.ImportApiKeys(request, shell.Options());
    if (!response.ok()) {
      const absl::Status& status = response.status();
      const std::string message = InLines(status.message(), sent);
      const std::string where =
          message == status.message()
              ? absl::StrCat("lines ", sent.front().line, " to ", sent.back().line, ": ", message)
              : message;
      return WithMessage(status, where);
    }
    CountLines(sent, *response, imported);
    progress.Update(end, lines.size());
  }
  return absl::OkStatus();
}

absl::Status Import(Shell& shell, const ImportKeysFlags& flags) {
  ASSIGN_OR_RETURN(const std::string text, ReadHashes(flags.file));
  ASSIGN_OR_RETURN(const std::vector<ApiKeyLine> lines, ParseApiKeyFile(text, flags.defaults));
  if (lines.empty()) return UsageError(absl::StrCat(flags.file, " has no hashes"));
  int64_t ttl_seconds = 0;
  if (!flags.ttl.empty()) {
    ASSIGN_OR_RETURN(ttl_seconds, ParseSeconds("--ttl", flags.ttl));
  }
  ASSIGN_OR_RETURN(Client* const client, shell.Connect());
  Imported imported;
  const absl::Status status = SendAll(shell, *client, lines, ttl_seconds, &imported);
  if (!status.ok()) {
    if (imported.done() == 0) return status;
    return WithHelp(
        WithExitCode(WithMessage(status, absl::StrCat(imported.keys, " keys were imported, then: ",
                                                      status.message())),
                     kExitPartial),
        "mend the file and run it again: keys that are there already stay as they are");
  }
  return shell.out().Object(
      {{"imported", absl::StrCat(imported.keys)},
       {"there already", imported.were_there == 0 ? "" : absl::StrCat(imported.were_there)},
       {"ended before", imported.ended.empty() ? ""
                                               : absl::StrCat(imported.ended.size(), ", left out: ",
                                                              LineNumbers(imported.ended))}},
      {{"imported", imported.keys},
       {"existing", imported.were_there},
       {"endedLines", imported.ended}});
}

}  // namespace

void AddApiKeyImportCommand(Command group, Shell& shell) {
  const auto flags = std::make_shared<ImportKeysFlags>();
  ImportKeysFlags* const f = flags.get();
  const Command take =
      group.Add("import", "Take over keys that were made elsewhere, by their SHA-256",
                "  keyturn apikey import --sha256-file hashes.txt --path alcs/partners/acme\n"
                "  keyturn apikey import --sha256-file keys.jsonl --scope orders:read --ttl 30d");
  take.AddOption("--sha256-file", f->file,
                 "a key a line: HASH [PATH [DESCRIPTION]], or JSON with sha256, path, description "
                 "and scopes")
      .Required();
  take.AddOption("--path", f->defaults.path, "of lines that have none");
  take.AddOption("--scope", f->defaults.scopes, "of lines that have none");
  take.AddOption("--ttl", f->ttl, "until they must have been rolled; default and most: 90d");
  take.On(shell, [&shell, flags] { return Import(shell, *flags); });
}

}  // namespace keyturn::cli
