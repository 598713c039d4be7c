// secret list|search|watch.
#include <memory>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/limits.h"
#include "base/status_macros.h"
#include "client/cli/commands/commands.h"
#include "client/cli/exit_codes.h"
#include "client/cli/fetch.h"
#include "client/cli/metadata_flag.h"
#include "client/cli/secret_json.h"

namespace keyturn::cli {
namespace {

struct ListFlags {
  std::string directory, page_token;
  bool recursive = false;
  int page_size = 0;
  uint64_t from_revision = 0;
  std::vector<std::string> metadata;
};

// One page, and where the next one begins; in JSON that is a member of it.
absl::Status PrintPage(Shell& shell, const Table& table, Json items, absl::string_view nothing,
                       const std::string& next_page_token) {
  RETURN_IF_ERROR(shell.out().List(table, std::move(items), nothing, next_page_token));
  if (!next_page_token.empty() && !shell.out().json()) {
    shell.terminal().Say(absl::StrCat("there is more: --page-token ", next_page_token));
  }
  return absl::OkStatus();
}

absl::Status List(Shell& shell, const ListFlags& flags) {
  v1::ListRequest request;
  request.set_path(flags.directory);
  request.set_recursive(flags.recursive);
  request.set_page_size(flags.page_size);
  request.set_page_token(flags.page_token);
  v1::ListResponse page;
  if (flags.page_size > 0 || !flags.page_token.empty()) {
    ASSIGN_OR_RETURN(Client* const client, shell.Connect());
    ASSIGN_OR_RETURN(page, client->List(request, shell.Options()));
  } else {
    ASSIGN_OR_RETURN(const auto entries, ListAll(shell, flags.directory, flags.recursive));
    *page.mutable_entries() = {entries.begin(), entries.end()};
  }
  Table table({"NAME"});
  Json items = Json::array();
  for (const v1::ListResponse::Entry& entry : page.entries()) {
    table.Add({entry.name()});
    items.push_back(ToJson(entry));
  }
  return PrintPage(shell, table, std::move(items),
                   absl::StrCat("nothing that you may see is below '", flags.directory, "'"),
                   page.next_page_token());
}

absl::Status Search(Shell& shell, const ListFlags& flags) {
  if (flags.metadata.empty()) {
    return UsageError("say what to look for: --metadata KEY=VALUE, or KEY= for any value");
  }
  ASSIGN_OR_RETURN(Client* const client, shell.Connect());
  v1::SearchRequest request;
  request.set_path(flags.directory);
  request.set_page_size(flags.page_size);
  request.set_page_token(flags.page_token);
  RETURN_IF_ERROR(ParseMetadata(flags.metadata, request.mutable_custom_metadata()));
  const bool one_page = flags.page_size > 0 || !flags.page_token.empty();
  Table table({"PATH", "KIND", "VERSION", "METADATA"});
  Json items = Json::array();
  do {
    ASSIGN_OR_RETURN(const v1::SearchResponse page, client->Search(request, shell.Options()));
    for (const v1::SecretInfo& info : page.secrets()) {
      table.Add({info.path(), KindName(info.kind()), absl::StrCat(info.current_version()),
                 absl::StrJoin(info.custom_metadata(), " ", absl::PairFormatter("="))});
      items.push_back(ToJson(info));
    }
    request.set_page_token(page.next_page_token());
  } while (!one_page && !request.page_token().empty());
  return PrintPage(shell, table, std::move(items), "nothing matches", request.page_token());
}

absl::Status Watch(Shell& shell, const ListFlags& flags) {
  RETURN_IF_ERROR(shell.out().Require({Format::kTable, Format::kJson}));
  ASSIGN_OR_RETURN(Client* const client, shell.Connect());
  v1::WatchRequest request;
  request.set_path(flags.directory);
  request.set_from_revision(flags.from_revision);
  absl::Status printed;
  uint64_t reached = flags.from_revision;
  const absl::Status ended = client->Watch(
      request,
      [&](v1::WatchResponse& event) {
        reached = event.revision();
        if (event.type() == v1::WatchResponse::PROGRESS) return true;
        // One JSON object a line, so that each can be read as it comes.
        printed = shell.out().Raw(
            shell.out().json()
                ? ToJson(event).dump() + "\n"
                : absl::StrCat(
                      TimeText(event.time()), "  ",
                      absl::AsciiStrToLower(v1::WatchResponse::Type_Name(event.type())), "  ",
                      event.path(), event.new_path().empty() ? "" : " -> ", event.new_path(),
                      event.version() == 0 ? "" : absl::StrCat("  version ", event.version()),
                      "\n"));
        return printed.ok();
      },
      shell.Options(/*stream=*/true));
  RETURN_IF_ERROR(printed);
  if (ended.ok() || reached == flags.from_revision) return ended;
  return WithHelp(
      ended, absl::StrCat("keyturn secret watch ", flags.directory, " --from-revision ", reached));
}

void AddPaging(Command command, ListFlags* flags) {
  command.AddOption("--page-size", flags->page_size, "one page of at most so many; default: all")
      .Range(1, limits::kListPageMax);
  command.AddOption("--page-token", flags->page_token, "where the previous page ended");
}

}  // namespace

void AddSecretListCommands(Command secret, Shell& shell) {
  const auto flags = std::make_shared<ListFlags>();
  const Command list = secret.Add("list", "List what is below a directory",
                                  "  keyturn secret list\n"
                                  "  keyturn secret list app/prod --recursive");
  list.Alias("ls");
  list.AddOption("directory", flags->directory, "default: the root");
  list.AddFlag("-r,--recursive", flags->recursive, "everything below");
  AddPaging(list, flags.get());
  list.On(shell, [&shell, flags] { return List(shell, *flags); });

  const Command search = secret.Add("search", "Find secrets by their custom metadata",
                                    "  keyturn secret search --metadata team=payments\n"
                                    "  keyturn secret search app --metadata owner=");
  search.AddOption("directory", flags->directory, "default: the root");
  search.AddOption("--metadata", flags->metadata, "KEY=VALUE, or KEY= for any value; all match");
  AddPaging(search, flags.get());
  search.On(shell, [&shell, flags] { return Search(shell, *flags); });

  const Command watch = secret.Add("watch", "Print changes as they happen, until ctrl-C",
                                   "  keyturn secret watch app/prod/\n"
                                   "  keyturn secret watch app/prod/ --from-revision 4711 -o json");
  watch.AddOption("path", flags->directory, "a secret, or a directory with '/' at the end");
  watch.AddOption("--from-revision", flags->from_revision, "the changes after this; default: now");
  watch.On(shell, [&shell, flags] { return Watch(shell, *flags); });
}

}  // namespace keyturn::cli
