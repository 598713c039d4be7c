// A secret planted in every field of every method, and in the headers of calls, with who may make
// the call and who may not. Afterwards: what was planted in a sensitive field is in no log line,
// error, metric, audit entry or file; what was planted elsewhere is in no log line, metric or file
// but the audit log, and there only if docs/AUDIT.md has a place for it.
#include "absl/strings/match.h"
#include "absl/strings/str_join.h"
#include "keyturn/v1/options.pb.h"
#include "tests/server/canaries.h"
#include "tests/server/raw_call.h"
#include "tests/server/server_process.h"

namespace keyturn {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

class CanaryTest : public testing::Test {
 protected:
  void SetUp() override {
#if defined(__SANITIZE_THREAD__)
    // It fills maps by reflection: with this their layout is another than that in Debian's library.
    GTEST_SKIP() << "libprotobuf was built without the thread sanitizer";
#endif
    ASSERT_TRUE(server_.running());
    methods_ = std::make_unique<MethodTable>(*MethodTable::Create(MethodTable::Services()));
  }

  std::string Plant(const std::string& where, const std::string& field, bool sensitive) {
    return canaries_.Plant(where, field, sensitive);
  }

  // A canary in every text of the message; of a oneof the `choice`-th member.
  void Fill(Message* message, const std::string& where, int choice, int depth = 0) {
    const Descriptor* const type = message->GetDescriptor();
    for (int i = 0; i < type->field_count(); ++i) {
      const FieldDescriptor* const field = type->field(i);
      const auto* const oneof = field->real_containing_oneof();
      if (oneof != nullptr && choice % oneof->field_count() != field->index_in_oneof()) continue;
      FillField(message, field, absl::StrCat(where, ".", field->name()), choice, depth);
    }
  }
  void FillField(Message* message, const FieldDescriptor* field, const std::string& where,
                 int choice, int depth) {
    const auto* const reflection = message->GetReflection();
    const bool sensitive = field->options().GetExtension(v1::sensitive);
    if (field->is_map()) {
      Message* const entry = reflection->AddMessage(message, field);
      const auto* const map = field->message_type();
      for (const auto* const part : {map->map_key(), map->map_value()}) {
        if (part->cpp_type() != FieldDescriptor::CPPTYPE_STRING) continue;
        entry->GetReflection()->SetString(
            entry, part,
            Plant(absl::StrCat(where, ".", part->name()), FieldName(*field), sensitive));
      }
      return;
    }
    switch (field->cpp_type()) {
      case FieldDescriptor::CPPTYPE_STRING: {
        const std::string text = Plant(where, FieldName(*field), sensitive);
        field->is_repeated() ? reflection->AddString(message, field, text)
                             : reflection->SetString(message, field, text);
        break;
      }
      case FieldDescriptor::CPPTYPE_MESSAGE: {
        if (depth > 4 || absl::StartsWith(field->message_type()->full_name(), "google.")) break;
        Fill(field->is_repeated() ? reflection->AddMessage(message, field)
                                  : reflection->MutableMessage(message, field),
             where, choice, depth + 1);
        break;
      }
      case FieldDescriptor::CPPTYPE_BOOL:
        if (!field->is_repeated()) reflection->SetBool(message, field, choice % 2 == 1);
        break;
      default:
        break;
    }
  }

  // Calls `method` with a planted request, planted headers and `token`; keeps what came back as an
  // error.
  void Invoke(const MethodInfo& method, grpc::ChannelInterface* channel, const std::string& token,
              int choice) {
    const std::unique_ptr<Message> request = NewRequest(method);
    Fill(request.get(), method.name.substr(method.name.rfind('/') + 1), choice);
    // Whatever comes behind the check of the nonce gets its canaries as well.
    if (auto* const give = dynamic_cast<v1::GiveRekeyKeyRequest*>(request.get())) {
      v1::RekeyStatusResponse rekey;
      const Stubs op = server_.Operator();
      EXPECT_EQ(Text(op.system->RekeyStatus(Ctx(), {}, &rekey)), "OK");
      give->set_nonce(rekey.rekey().nonce());
    }
    Ctx context(token);
    const std::string header = absl::StrCat("x-", Plant(method.name, "header key", true));
    context->AddMetadata(header, Plant(method.name, "header value", true));
    const grpc::Status status = CallRaw(method, channel, context, *request);
    (status.ok() ? succeeded_ : failed_) += 1;
    absl::StrAppend(&errors_, status.error_message(), "\n", status.error_details(), "\n");
    for (const auto& [key, value] : context->GetServerTrailingMetadata()) {
      errors_.append(key.data(), key.size()).append(" ").append(value.data(), value.size());
    }
  }

  static std::string NewToken(Stubs& op) {
    v1::CreateTokenRequest request;
    request.add_policies("root");
    v1::CreateTokenResponse response;
    EXPECT_EQ(Text(op.tokens->Create(Ctx(), request, &response)), "OK");
    return response.token();
  }

  ServerProcess server_{"[log]\nlevel = \"debug\"\n"};
  std::unique_ptr<MethodTable> methods_;
  Canaries canaries_;
  std::string errors_;
  int succeeded_ = 0, failed_ = 0;
};

TEST_F(CanaryTest, NothingPlantedIsFoundWhereItMustNotBe) {
  if (!server_.running()) return;
  Stubs op = server_.Operator();
  const Stubs local = server_.Local();
  const std::string forged = absl::StrCat("kts.", Plant("a token", "authorization", true));
  const MethodInfo* seal = nullptr;
  for (const MethodInfo& method : methods_->methods()) {
    if (absl::EndsWith(method.name, "/Seal")) {
      seal = &method;
      continue;
    }
    for (int choice = 0; choice < 4; ++choice) {
      Invoke(method, op.channel.get(), "", choice);
      // One that logs out is of its own: what comes after would count as guesses.
      const bool ends_it = absl::EndsWith(method.name, "/Logout");
      Invoke(method, op.channel.get(), ends_it ? NewToken(op) : server_.root_token(), choice);
    }
    Invoke(method, op.channel.get(), forged, 0);
    Invoke(method, local.channel.get(), "", 1);
  }
  ASSERT_NE(seal, nullptr);
  // A value that was read, listed, changed and removed again, so that what stays of it is looked
  // at.
  const std::string value = Plant("a secret's value", "value", true);
  v1::PutRequest put;
  put.set_path("canaries/one");
  v1::Field* const field = put.mutable_data()->add_fields();
  field->set_name(Plant("a field's name", "field name", true));
  field->set_value(value);
  (*put.mutable_custom_metadata())[Plant("metadata", "key", true)] = Plant("metadata", "v", true);
  v1::PutResponse written;
  ASSERT_EQ(Text(op.secrets->Put(Ctx(), put, &written)), "OK");
  v1::GetRequest get;
  get.set_path("canaries/one");
  v1::GetResponse read;
  ASSERT_EQ(Text(op.secrets->Get(Ctx(), get, &read)), "OK");
  ASSERT_EQ(read.data().fields(0).value(), value);
  const std::string metrics = FetchPage(server_.metrics_address(), "/metrics");
  ASSERT_TRUE(absl::StrContains(metrics, "keyturn_")) << "no metrics were read";
  Invoke(*seal, op.channel.get(), "", 0);
  server_.Stop();

  Remains remains = RemainsOf(server_);
  remains.metrics = metrics;
  remains.errors = errors_;
  EXPECT_EQ(absl::StrJoin(canaries_.Leaks(remains), "\n"), "");
  std::printf("%zu planted, %d calls succeeded, %d were refused; in the audit log by design:",
              canaries_.size(), succeeded_, failed_);
  const std::map<std::string, int> audited = canaries_.CountAudited(remains);
  for (const auto& [name, count] : audited) std::printf(" %s %d", name.c_str(), count);
  std::printf("\n");
  EXPECT_GT(succeeded_, 50);
  EXPECT_GT(failed_, 50);
  // Each exemption is needed, or the search finds nothing at all.
  for (const std::string& field : AuditedFields()) EXPECT_EQ(audited.count(field), 1u) << field;
}

}  // namespace
}  // namespace keyturn
