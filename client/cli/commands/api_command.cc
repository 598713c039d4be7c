// api call|list: any method of one answer, with messages as JSON in the protobuf mapping.
#include <google/protobuf/descriptor.h>
#include <google/protobuf/util/json_util.h>

#include <memory>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/strip.h"
#include "base/limits.h"
#include "base/nearest.h"
#include "base/status_macros.h"
#include "client/cli/commands/commands.h"
#include "client/cli/exit_codes.h"
#include "client/cli/files.h"
#include "client/wipe.h"

namespace keyturn::cli {
namespace {

using google::protobuf::Message;
using google::protobuf::MethodDescriptor;

constexpr absl::string_view kPackage = "keyturn.v1.";

// "SecretService/Get".
std::string NameOf(const MethodDescriptor& method) {
  return absl::StrCat(method.service()->name(), "/", method.name());
}

// Those that answer once, in the order of the API.
std::vector<const MethodDescriptor*> Methods() {
  std::vector<const MethodDescriptor*> methods;
  for (const google::protobuf::FileDescriptor* const file :
       {v1::GetRequest::descriptor()->file(), v1::StatusRequest::descriptor()->file(),
        v1::LoginRequest::descriptor()->file(), v1::CreateTokenRequest::descriptor()->file(),
        v1::GetPolicyRequest::descriptor()->file(), v1::TailRequest::descriptor()->file(),
        v1::CheckRequest::descriptor()->file(), v1::RotateRequest::descriptor()->file(),
        v1::CreateApiKeyRequest::descriptor()->file(), v1::SignJwtRequest::descriptor()->file(),
        v1::AcknowledgeRequest::descriptor()->file(),
        v1::CreateWebhookRequest::descriptor()->file()}) {
    for (int s = 0; s < file->service_count(); ++s) {
      for (int m = 0; m < file->service(s)->method_count(); ++m) {
        const MethodDescriptor* const method = file->service(s)->method(m);
        if (!method->server_streaming()) methods.push_back(method);
      }
    }
  }
  return methods;
}

absl::StatusOr<const MethodDescriptor*> FindMethod(const std::string& typed) {
  absl::string_view name = typed;
  absl::ConsumePrefix(&name, "/");
  absl::ConsumePrefix(&name, kPackage);
  std::vector<std::string> names;
  for (const MethodDescriptor* const method : Methods()) {
    if (NameOf(*method) == name) return method;
    names.push_back(NameOf(*method));
  }
  return WithHelp(
      UsageError(absl::StrCat("there is no method '", typed, "' of one answer; the nearest is ",
                              Nearest(name, names))),
      "keyturn api list shows what there is");
}

// Wipes the values of secrets that the message may hold.
struct WipeAndDelete {
  void operator()(Message* message) const {
    if (auto* const put = dynamic_cast<v1::PutRequest*>(message)) WipeValues(put->mutable_data());
    if (auto* const get = dynamic_cast<v1::GetResponse*>(message)) WipeValues(get);
    if (auto* const batch = dynamic_cast<v1::BatchGetResponse*>(message)) WipeValues(batch);
    std::default_delete<Message>()(message);
  }
};
using AnyMessage = std::unique_ptr<Message, WipeAndDelete>;

AnyMessage NewMessage(const google::protobuf::Descriptor& type) {
  return AnyMessage(
      google::protobuf::MessageFactory::generated_factory()->GetPrototype(&type)->New());
}

// What the parser says of bad JSON repeats it, and it may hold a value.
absl::Status ReadRequest(const std::string& file, Message* request) {
  if (file.empty()) return absl::OkStatus();
  ASSIGN_OR_RETURN(const SecretBytes text, ReadSecretFile(file, limits::kRequestBytesMax));
  const absl::string_view json = text.ExposeForWire();
  if (google::protobuf::util::JsonStringToMessage({json.data(), json.size()}, request).ok()) {
    return absl::OkStatus();
  }
  return UsageError(absl::StrCat(file == "-" ? "standard input" : file, " is not a ",
                                 request->GetDescriptor()->name(),
                                 " in the JSON of protobuf; its fields are in proto/keyturn/v1"));
}

absl::Status Call(Shell& shell, const std::string& name, const std::string& file) {
  RETURN_IF_ERROR(shell.out().Require({Format::kTable, Format::kJson}));
  ASSIGN_OR_RETURN(const MethodDescriptor* const method, FindMethod(name));
  const AnyMessage request = NewMessage(*method->input_type());
  const AnyMessage response = NewMessage(*method->output_type());
  RETURN_IF_ERROR(ReadRequest(file, request.get()));
  ASSIGN_OR_RETURN(Client* const client,
                   shell.flags.socket.empty() ? shell.Connect() : shell.ConnectLocal());
  RETURN_IF_ERROR(client->Call(absl::StrCat("/", kPackage, NameOf(*method)), *request,
                               response.get(), shell.Options()));
  google::protobuf::util::JsonPrintOptions options;
  options.add_whitespace = true;
  options.always_print_primitive_fields = true;
  std::string text;
  if (!google::protobuf::util::MessageToJsonString(*response, &text, options).ok()) {
    return absl::InternalError("the answer has no form in JSON");
  }
  const absl::Status printed = shell.out().Raw(text);
  WipeBuffer(&text);
  return printed;
}

absl::Status List(Shell& shell) {
  Table table({"METHOD", "TAKES", "GIVES"});
  Json items = Json::array();
  for (const MethodDescriptor* const method : Methods()) {
    const std::string takes = method->input_type()->name(), gives = method->output_type()->name();
    table.Add({NameOf(*method), takes, gives});
    items.push_back({{"method", NameOf(*method)}, {"request", takes}, {"response", gives}});
  }
  return shell.out().List(table, std::move(items), "");
}

}  // namespace

void AddApiCommand(Command app, Shell& shell) {
  const Command api = app.Add("api", "Call the server's methods as they are");
  api.NeedSubcommand();
  const auto name = std::make_shared<std::string>();
  const auto file = std::make_shared<std::string>();
  const Command call = api.Add(
      "call", "Call a method: JSON in, JSON out, as protobuf maps it",
      "  keyturn api call SystemService/Status\n"
      "  echo '{\"path\": \"app/prod/db\"}' | keyturn api call SecretService/Describe --data -");
  call.AddOption("method", *name, "SERVICE/METHOD").Required();
  call.AddOption("--data", *file, "a file (or -) with the request; default: an empty one");
  call.Footer("Values are base64, as all bytes. With --socket over the operator socket.");
  call.On(shell, [&shell, name, file] { return Call(shell, *name, *file); });
  api.Add("list", "List the methods that answer once").On(shell, [&shell] { return List(shell); });
}

}  // namespace keyturn::cli
