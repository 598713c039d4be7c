// webhook test|deliveries|replay.
#include <memory>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "client/cli/commands/commands.h"
#include "client/cli/commands/rotation_status.h"
#include "client/cli/duration.h"
#include "client/cli/exit_codes.h"

namespace keyturn::cli {
namespace {

using Delivery = v1::WebhookDelivery;

struct DeliveryFlags {
  std::string id, delivery, state, since;
  bool failed = false;
};

std::string AnswerText(int status, const std::string& error) {
  return status != 0 ? absl::StrCat("HTTP ", status) : error;
}

absl::Status Test(Shell& shell, const DeliveryFlags& flags) {
  v1::TestWebhookRequest request;
  request.set_id(flags.id);
  ASSIGN_OR_RETURN(Client* const client, shell.Connect());
  ASSIGN_OR_RETURN(const v1::TestWebhookResponse tested,
                   client->TestWebhook(request, shell.Options()));
  RETURN_IF_ERROR(shell.out().Object({{"delivered", tested.delivered() ? "yes" : "no"},
                                      {"answer", AnswerText(tested.status(), tested.error())},
                                      {"took", absl::StrCat(tested.latency_ms(), " ms")},
                                      {"webhook-id", tested.message_id()}},
                                     ToJson(tested)));
  if (tested.delivered()) return absl::OkStatus();
  return WithExitCode(absl::UnavailableError(""), kExitCheckFailed);  // the answer says it
}

absl::StatusOr<Delivery::State> StateOf(const std::string& word) {
  if (word.empty()) return Delivery::STATE_UNSPECIFIED;
  Delivery::State state = Delivery::STATE_UNSPECIFIED;
  if (!Delivery::State_Parse(absl::AsciiStrToUpper(word), &state) ||
      state == Delivery::STATE_UNSPECIFIED) {
    return UsageError("--state must be pending, delivered or failed");
  }
  return state;
}

absl::Status Deliveries(Shell& shell, const DeliveryFlags& flags) {
  const absl::Time now = shell.clock().Now();
  v1::ListWebhookDeliveriesRequest request;
  request.set_id(flags.id);
  ASSIGN_OR_RETURN(const Delivery::State state, StateOf(flags.state));
  request.set_state(state);
  ASSIGN_OR_RETURN(Client* const client, shell.Connect());
  Table table({"ID", "TYPE", "TIME", "STATE", "ATTEMPTS", "ANSWER", "TOOK", "NEXT"});
  Json items = Json::array();
  do {
    ASSIGN_OR_RETURN(const v1::ListWebhookDeliveriesResponse page,
                     client->ListWebhookDeliveries(request, shell.Options()));
    for (const Delivery& one : page.deliveries()) {
      const bool pending = one.state() == Delivery::PENDING;
      table.Add({one.id(), one.type(), TimeText(one.event_time()),
                 WordOf(Delivery::State_Name(one.state()), ""), absl::StrCat(one.attempts()),
                 AnswerText(one.last_status(), one.last_error()),
                 one.has_last_attempt_time() ? absl::StrCat(one.latency_ms(), " ms") : "",
                 pending ? FromNow(TimeOf(one.next_attempt_time()), now) : ""});
      items.push_back(ToJson(one));
    }
    request.set_page_token(page.next_page_token());
  } while (!request.page_token().empty());
  return shell.out().List(table, std::move(items), "it was told nothing in the last 7 days");
}

absl::Status Replay(Shell& shell, const DeliveryFlags& flags) {
  if (flags.failed == !flags.delivery.empty()) {
    return UsageError("give the id of one delivery, or --failed with --since");
  }
  v1::ReplayWebhookRequest request;
  request.set_id(flags.id);
  request.set_delivery_id(flags.delivery);
  if (flags.failed) {
    ASSIGN_OR_RETURN(const absl::Time since,
                     ParseMoment("--since", flags.since, shell.clock().Now()));
    request.mutable_failed_since_time()->set_seconds(absl::ToUnixSeconds(since));
  }
  ASSIGN_OR_RETURN(Client* const client, shell.Connect());
  ASSIGN_OR_RETURN(const v1::ReplayWebhookResponse replayed,
                   client->ReplayWebhook(request, shell.Options()));
  return shell.out().Object({{"sent again", absl::StrCat(replayed.replayed())}}, ToJson(replayed));
}

}  // namespace

void AddWebhookDeliveryCommands(Command group, Shell& shell) {
  const auto flags = std::make_shared<DeliveryFlags>();
  DeliveryFlags* const f = flags.get();
  f->since = "7d";
  const Command test = group.Add("test", "Send it a test event, and say what it answers",
                                 "  keyturn webhook test ID    # 0: it took it, 8: it did not");
  test.AddOption("id", f->id).Required();
  test.On(shell, [&shell, flags] { return Test(shell, *flags); });
  const Command deliveries = group.Add("deliveries", "What it was told, and is still to be told",
                                       "  keyturn webhook deliveries ID --state failed");
  deliveries.AddOption("id", f->id).Required();
  deliveries.AddOption("--state", f->state, "pending, delivered or failed; default: all");
  deliveries.On(shell, [&shell, flags] { return Deliveries(shell, *flags); });
  const Command replay = group.Add("replay", "Send events again, under their ids",
                                   "  keyturn webhook replay ID DELIVERY\n"
                                   "  keyturn webhook replay ID --failed --since 2d");
  replay.AddOption("id", f->id).Required();
  replay.AddOption("delivery", f->delivery, "the id of one, as deliveries shows it");
  const Option failed = replay.AddFlag("--failed", f->failed, "all that were given up");
  replay.AddOption("--since", f->since, "of events from then on; default 7d").Needs(failed);
  replay.On(shell, [&shell, flags] { return Replay(shell, *flags); });
}

}  // namespace keyturn::cli
