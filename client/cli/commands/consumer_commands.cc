// consumer list|acknowledge|forget.
#include <memory>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "client/cli/commands/commands.h"
#include "client/cli/commands/rotation_status.h"

namespace keyturn::cli {
namespace {

struct ConsumerFlags {
  std::string path, name, reason;
  uint64_t version = 0;
  bool lagging = false;
};

absl::Status List(Shell& shell, const ConsumerFlags& flags) {
  ASSIGN_OR_RETURN(Client* const client, shell.Connect());
  const absl::Time now = shell.clock().Now();
  v1::ListConsumersRequest request;
  request.set_path(flags.path);
  request.set_lagging(flags.lagging);
  Table table({"SECRET", "CONSUMER", "STATE", "VERSION", "SEEN", "USES"});
  Json items = Json::array();
  do {
    ASSIGN_OR_RETURN(const v1::ListConsumersResponse page,
                     client->ListConsumers(request, shell.Options()));
    for (const v1::Consumer& consumer : page.consumers()) {
      table.Add({consumer.path(), NameText(consumer.name()),
                 WordOf(v1::Consumer::State_Name(consumer.state()), ""),
                 absl::StrCat(consumer.version()), SeenText(consumer, now),
                 consumer.uses() == 0 ? "" : absl::StrCat(consumer.uses())});
      items.push_back(ToJson(consumer));
    }
    request.set_page_token(page.next_page_token());
  } while (!request.page_token().empty());
  return shell.out().List(table, std::move(items),
                          flags.lagging ? "nobody is on an old version" : "nobody uses it");
}

absl::Status Acknowledge(Shell& shell, const ConsumerFlags& flags) {
  ASSIGN_OR_RETURN(Client* const client, shell.Connect());
  v1::AcknowledgeRequest request;
  request.set_path(flags.path);
  request.set_version(flags.version);
  ASSIGN_OR_RETURN(const v1::AcknowledgeResponse response,
                   client->Acknowledge(request, shell.Options()));
  return shell.out().Object({{"secret", flags.path},
                             {"in use", absl::StrCat(flags.version)},
                             {"current", absl::StrCat(response.current_version())}},
                            ToJson(response));
}

absl::Status Forget(Shell& shell, const ConsumerFlags& flags) {
  ASSIGN_OR_RETURN(Client* const client, shell.Connect());
  v1::ForgetConsumerRequest request;
  request.set_path(flags.path);
  request.set_name(flags.name);
  request.set_reason(flags.reason);
  RETURN_IF_ERROR(client->ForgetConsumer(request, shell.Options()).status());
  return shell.out().Object({{"forgotten", NameText(flags.name)}}, Json{{"forgotten", flags.name}});
}

}  // namespace

void AddConsumerCommands(Command app, Shell& shell) {
  const Command consumer = app.Add("consumer", "Who uses which version of a secret");
  consumer.NeedSubcommand();
  const auto flags = std::make_shared<ConsumerFlags>();
  ConsumerFlags* const f = flags.get();
  const Command list = consumer.Add("list", "Of a secret and of all below a directory",
                                    "  keyturn consumer list app/db-password\n"
                                    "  keyturn consumer list --lagging");
  list.AddOption("path", f->path, "default: everything");
  list.AddFlag("--lagging", f->lagging, "only who still uses a version that was replaced");
  list.On(shell, [&shell, flags] { return List(shell, *flags); });
  const Command acknowledge =
      consumer.Add("acknowledge", "Say that you use a version, and no other, from now on",
                   "  keyturn consumer acknowledge app/db-password --version 4");
  acknowledge.AddOption("path", f->path).Required();
  acknowledge.AddOption("--version", f->version, "that you have swapped to").Required();
  acknowledge.On(shell, [&shell, flags] { return Acknowledge(shell, *flags); });
  const Command forget = consumer.Add(
      "forget", "A consumer is known to be gone",
      "  keyturn consumer forget app/db-password spiffe://prod/cron --reason 'shut down'");
  forget.AddOption("path", f->path).Required();
  forget.AddOption("name", f->name, "as it is listed").Required();
  forget.AddOption("--reason", f->reason, "why; it is kept in the audit log").Required();
  forget.On(shell, [&shell, flags] { return Forget(shell, *flags); });
}

}  // namespace keyturn::cli
