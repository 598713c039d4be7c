#include <algorithm>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_split.h"
#include "revocation/commands/call.h"
#include "revocation/commands/command.h"
#include "revocation/commands/glob.h"
#include "revocation/commands/words.h"

namespace keyturn {
namespace {

using C = RespCommand;

std::vector<absl::string_view> WordsOf(absl::string_view words) {
  return absl::StrSplit(words, ' ', absl::SkipEmpty());
}

void AnswerStatuses(RespWriter& writer, absl::string_view words) {
  const std::vector<absl::string_view> all = WordsOf(words);
  writer.Set(all.size());
  for (const absl::string_view word : all) writer.Simple(word);
}

// Source: server.c, addReplyCommandKeySpecs. All our keys stand in one range.
void AnswerKeys(RespWriter& writer, const RespCommand::Keys& keys) {
  writer.Set(keys.step == 0 ? 0 : 1);
  if (keys.step == 0) return;
  writer.Map(keys.notes.empty() ? 3 : 4);
  if (!keys.notes.empty()) {
    writer.Bulk("notes");
    writer.Bulk(keys.notes);
  }
  writer.Bulk("flags");
  AnswerStatuses(writer, keys.words);
  writer.Bulk("begin_search");
  writer.Map(2);
  writer.Bulk("type");
  writer.Bulk("index");
  writer.Bulk("spec");
  writer.Map(1);
  writer.Bulk("index");
  writer.Integer(keys.first);
  writer.Bulk("find_keys");
  writer.Map(2);
  writer.Bulk("type");
  writer.Bulk("range");
  writer.Bulk("spec");
  writer.Map(3);
  writer.Bulk("lastkey");
  writer.Integer(keys.last < 0 ? keys.last : keys.last - keys.first);
  writer.Bulk("keystep");
  writer.Integer(keys.step);
  writer.Bulk("limit");
  writer.Integer(0);
}

void AnswerInfo(RespWriter& writer, const RespCommand* command) {
  if (command == nullptr) {
    writer.Null();
    return;
  }
  writer.Array(10);
  writer.Bulk(command->name);
  writer.Integer(command->arity);
  AnswerStatuses(writer, command->words);
  writer.Integer(command->keys.first);
  writer.Integer(command->keys.last);
  writer.Integer(command->keys.step);
  AnswerStatuses(writer, command->categories);
  const std::vector<absl::string_view> tips = WordsOf(command->tips);
  writer.Array(tips.size());
  for (const absl::string_view tip : tips) writer.Bulk(tip);
  AnswerKeys(writer, command->keys);
  writer.Array(command->subcommands.size());
  for (const RespCommand& sub : command->subcommands) AnswerInfo(writer, &sub);
}

void AnswerDocs(RespWriter& writer, const RespCommand& command) {
  writer.Bulk(command.name);
  writer.Map(command.subcommands.empty() ? 3 : 4);
  writer.Bulk("summary");
  writer.Bulk(command.summary);
  writer.Bulk("since");
  writer.Bulk(command.since);
  writer.Bulk("group");
  writer.Bulk(command.group);
  if (command.subcommands.empty()) return;
  writer.Bulk("subcommands");
  writer.Map(command.subcommands.size());
  for (const RespCommand& sub : command.subcommands) AnswerDocs(writer, sub);
}

const std::vector<const RespCommand*>& All() { return RespCommandTable::Get().all(); }

void AnswerAllInfo(RespCall& call) {
  call.writer.Array(All().size());
  for (const RespCommand* const command : All()) AnswerInfo(call.writer, command);
}

void RunCommand(RespCall& call) { AnswerAllInfo(call); }

void RunCount(RespCall& call) { call.writer.Integer(static_cast<int64_t>(All().size())); }

void RunInfo(RespCall& call) {
  if (call.size() == 2) {
    AnswerAllInfo(call);
    return;
  }
  call.writer.Array(call.size() - 2);
  for (const absl::string_view name : call.arguments.subspan(2)) {
    if (call.TooMuch()) return;
    AnswerInfo(call.writer, RespCommandTable::Get().FindFull(name));
  }
}

void RunDocs(RespCall& call) {
  std::vector<const RespCommand*> shown;
  if (call.size() == 2) shown = All();
  for (const absl::string_view name : call.arguments.subspan(2)) {
    const RespCommand* const command = RespCommandTable::Get().FindFull(name);
    if (command != nullptr) shown.push_back(command);
  }
  call.writer.Map(shown.size());
  for (const RespCommand* const command : shown) {
    if (call.TooMuch()) return;
    AnswerDocs(call.writer, *command);
  }
}

bool InCategory(const RespCommand& command, absl::string_view category) {
  const std::vector<absl::string_view> all = WordsOf(command.categories);
  return std::any_of(all.begin(), all.end(),
                     [&](absl::string_view word) { return IsWord(category, word.substr(1)); });
}

// Sub-commands count as well. Source: server.c, commandListCommand.
void RunList(RespCall& call) {
  std::vector<const RespCommand*> shown;
  if (call.size() == 2) {
    for (const RespCommand* const command : All()) {
      shown.push_back(command);
      for (const RespCommand& sub : command->subcommands) shown.push_back(&sub);
    }
  } else if (call.size() == 5 && IsWord(call[2], "filterby")) {
    const bool by_category = IsWord(call[3], "aclcat"), by_pattern = IsWord(call[3], "pattern");
    if (!by_category && !by_pattern && !IsWord(call[3], "module")) {
      call.writer.Error(kRespSyntaxError);
      return;
    }
    const GlobPattern pattern(by_pattern ? call[4] : "", GlobPattern::Case::kIgnored);
    const auto add = [&](const RespCommand& command) {
      if ((by_category && InCategory(command, call[4])) ||
          (by_pattern && pattern.Matches(command.name))) {
        shown.push_back(&command);
      }
    };
    for (const RespCommand* const command : All()) {
      add(*command);
      for (const RespCommand& sub : command->subcommands) add(sub);
    }
  } else {
    call.writer.Error(kRespSyntaxError);
    return;
  }
  call.writer.Array(shown.size());
  for (const RespCommand* const command : shown) call.writer.Bulk(command->name);
}

// What SET does to its key depends on GET. Source: db.c, setGetKeys.
absl::string_view KeyWords(const RespCommand& command,
                           absl::Span<const absl::string_view> request) {
  if (!absl::EndsWith(command.keys.words, "variable_flags")) return command.keys.words;
  const bool gets =
      request.size() > 3 && std::any_of(request.begin() + 3, request.end(),
                                        [](auto word) { return IsWord(word, "get"); });
  return gets ? "RW access update" : "OW update";
}

void AnswerKeysOf(RespCall& call, bool with_flags) {
  const auto request = call.arguments.subspan(2);
  const RespCommand* const command = RespCommandTable::Get().Find(request);
  const auto size = static_cast<int>(request.size());
  if (command == nullptr) {
    call.writer.Error("ERR Invalid command specified");
    return;
  }
  const RespCommand::Keys& keys = command->keys;
  if (keys.step == 0) {
    call.writer.Error("ERR The command has no key arguments");
    return;
  }
  if (!command->Takes(size)) {
    call.writer.Error("ERR Invalid number of arguments specified for command");
    return;
  }
  const int last = keys.last < 0 ? size + keys.last : keys.last;
  call.writer.Array(static_cast<size_t>((last - keys.first) / keys.step) + 1);
  for (int i = keys.first; i <= last; i += keys.step) {
    if (with_flags) call.writer.Array(2);
    call.writer.Bulk(request[static_cast<size_t>(i)]);
    if (with_flags) AnswerStatuses(call.writer, KeyWords(*command, request));
  }
}

void RunGetkeys(RespCall& call) { AnswerKeysOf(call, false); }
void RunGetkeysandflags(RespCall& call) { AnswerKeysOf(call, true); }

void RunCommandHelp(RespCall& call) {
  AnswerHelp(
      call, {"(no subcommand)", "    Return details about all Redis commands.", "COUNT",
             "    Return the total number of commands in this Redis server.", "LIST",
             "    Return a list of all commands in this Redis server.", "INFO [<command-name> ...]",
             "    Return details about multiple Redis commands.",
             "    If no command names are given, documentation details for all",
             "    commands are returned.", "DOCS [<command-name> ...]",
             "    Return documentation details about multiple Redis commands.",
             "    If no command names are given, documentation details for all",
             "    commands are returned.", "GETKEYS <full-command>",
             "    Return the keys from a full Redis command.", "GETKEYSANDFLAGS <full-command>",
             "    Return the keys and the access flags from a full Redis command."});
}

constexpr RespCommand kCommandCommands[] = {
    {"command|count", 2, RunCount, 0, "loading stale", "@slow @connection", "2.8.13", "server",
     "Get total number of Redis commands"},
    {"command|docs",
     -2,
     RunDocs,
     0,
     "loading stale",
     "@slow @connection",
     "7.0.0",
     "server",
     "Get array of specific Redis command documentation",
     {},
     "nondeterministic_output_order"},
    {"command|getkeys", -4, RunGetkeys, 0, "loading stale", "@slow @connection", "2.8.13", "server",
     "Extract keys given a full Redis command"},
    {"command|getkeysandflags", -4, RunGetkeysandflags, 0, "loading stale", "@slow @connection",
     "7.0.0", "server", "Extract keys and access flags given a full Redis command"},
    {"command|help", 2, RunCommandHelp, 0, "loading stale", "@slow @connection", "5.0.0", "server",
     "Show helpful text about the different subcommands"},
    {"command|info",
     -2,
     RunInfo,
     0,
     "loading stale",
     "@slow @connection",
     "2.8.13",
     "server",
     "Get array of specific Redis command details, or all when no argument is given.",
     {},
     "nondeterministic_output_order"},
    {"command|list",
     -2,
     RunList,
     0,
     "loading stale",
     "@slow @connection",
     "7.0.0",
     "server",
     "Get an array of Redis command names",
     {},
     "nondeterministic_output_order"},
};

constexpr RespCommand kCommands[] = {
    {"command",
     -1,
     RunCommand,
     0,
     "loading stale",
     "@slow @connection",
     "2.8.13",
     "server",
     "Get array of Redis command details",
     {},
     "nondeterministic_output_order",
     kCommandCommands},
};

}  // namespace

absl::Span<const RespCommand> CommandCommands() { return kCommands; }

}  // namespace keyturn
