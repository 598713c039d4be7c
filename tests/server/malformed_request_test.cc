// What is no message of its method's type is refused like any call, by every method: the caller is
// identified first, and there are an entry, a correlation id and a count.
#include <grpcpp/generic/generic_stub.h>

#include <optional>

#include "absl/strings/str_cat.h"
#include "tests/server/raw_call.h"

namespace keyturn {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;

std::string Delimited(int field, const std::string& body) {
  return absl::StrCat(std::string(1, static_cast<char>(field << 3 | 2)),
                      std::string(1, static_cast<char>(body.size())), body);
}

// A message with a string that is not UTF-8, and the name of that string; empty when the type has
// none, or none within a byte's tag.
std::pair<std::string, std::string> WithBadText(const Descriptor& type, int depth_left = 3) {
  for (int i = 0; i < type.field_count(); ++i) {
    const FieldDescriptor& field = *type.field(i);
    if (field.number() > 15) continue;
    if (field.type() == FieldDescriptor::TYPE_STRING) {
      return {Delimited(field.number(), "a\xff"), field.full_name()};
    }
    if (field.type() != FieldDescriptor::TYPE_MESSAGE || depth_left == 0) continue;
    const auto [inner, name] = WithBadText(*field.message_type(), depth_left - 1);
    if (!inner.empty()) return {Delimited(field.number(), inner), name};
  }
  return {};
}

class MalformedRequestTest : public ServerFixture {
 protected:
  struct Answer {
    std::string text, reason, correlation_id;
  };

  // Without `body`, the stream is closed before a message was sent.
  Answer Send(const MethodInfo& method, const std::optional<std::string>& body,
              const std::string& token, const std::string& correlation_id) {
    Ctx context(token);
    context->AddMetadata("x-correlation-id", correlation_id);
    grpc::GenericStub stub(stubs_->channel);
    grpc::CompletionQueue queue;
    const auto next = [&queue] {
      void* tag = nullptr;
      bool ok = false;
      return queue.Next(&tag, &ok) && ok;
    };
    const auto call = stub.PrepareCall(context, method.name, &queue);
    call->StartCall(nullptr);
    EXPECT_TRUE(next());
    if (body.has_value()) {
      const grpc::Slice slice(*body);
      call->WriteLast(grpc::ByteBuffer(&slice, 1), grpc::WriteOptions(), nullptr);
    } else {
      call->WritesDone(nullptr);
    }
    next();
    grpc::ByteBuffer reply;
    call->Read(&reply, nullptr);
    EXPECT_FALSE(next()) << method.name;
    grpc::Status status;
    call->Finish(&status, nullptr);
    EXPECT_TRUE(next());
    const auto& trailing = context->GetServerTrailingMetadata();
    const auto id = trailing.find("x-correlation-id");
    return {Text(status), ReasonIn(status),
            id == trailing.end() ? "" : std::string(id->second.data(), id->second.size())};
  }

  // The one entry with this id.
  AuditEvent EntryOf(const std::string& correlation_id) {
    std::vector<AuditEvent> found;
    for (const AuditRecord& record : Entries()) {
      if (record.event.correlation_id == correlation_id) found.push_back(record.event);
    }
    EXPECT_EQ(found.size(), 1u) << correlation_id;
    return found.empty() ? AuditEvent{} : found.front();
  }

  void ExpectRefused(const MethodInfo& method, const std::optional<std::string>& body,
                     const std::string& more) {
    const std::string id = absl::StrCat("malformed-", ++count_);
    const Answer answer = Send(method, body, root_, id);
    EXPECT_EQ(answer.text, absl::StrCat("INVALID_ARGUMENT: the request is not a valid ",
                                        RequestOf(method).full_name(), more))
        << method.name;
    EXPECT_EQ(answer.reason, "MALFORMED_REQUEST") << method.name;
    EXPECT_EQ(answer.correlation_id, id) << method.name;
    const AuditEvent entry = EntryOf(id);
    EXPECT_EQ(entry.event, method.audit_event) << method.name;
    EXPECT_EQ(entry.method, method.name);
    EXPECT_EQ(entry.principal, "root") << method.name;
    EXPECT_EQ(entry.outcome, "INVALID_ARGUMENT") << method.name;
    EXPECT_EQ(entry.reason, "MALFORMED_REQUEST") << method.name;
    EXPECT_EQ(entry.resource, "") << method.name;
  }

  const MethodTable methods_ = *MethodTable::Create(MethodTable::Services());
  int count_ = 0;
};

TEST_F(MalformedRequestTest, IsRefusedByEveryMethodAndLeavesAnEntry) {
  int with_text = 0;
  for (const MethodInfo& method : methods_.methods()) {
    ExpectRefused(method, "\xff\xff\xff", "");                     // a tag without an end
    ExpectRefused(method, std::string("\x0a\x7f") + "short", "");  // a field longer than the rest
    ExpectRefused(method, std::string("\x00", 1), "");             // field 0 is none
    const auto [body, name] = WithBadText(RequestOf(method));
    if (body.empty()) continue;
    ++with_text;
    ExpectRefused(method, body, absl::StrCat(": ", name, " is not UTF-8"));
  }
  EXPECT_GT(with_text, 20);
  ASSERT_EQ(Text(Put("app/key", {{"value", "v"}}, root_)), "OK");
  EXPECT_EQ(Get("app/key", root_), "value=v");
}

TEST_F(MalformedRequestTest, IsNotReadBeforeItsSenderIsKnown) {
  for (const MethodInfo& method : methods_.methods()) {
    const Answer answer = Send(method, "\xff", "kts.nonsense", "stranger");
    EXPECT_EQ(answer.text.substr(0, answer.text.find(':')),
              method.is_public ? "INVALID_ARGUMENT" : "UNAUTHENTICATED")
        << method.name;
    EXPECT_EQ(answer.correlation_id, "stranger") << method.name;
  }
}

TEST_F(MalformedRequestTest, IsCounted) {
  for (const MethodInfo& method : methods_.methods()) Send(method, "\xff", root_, "counted");
  const std::string text = Fetch("/metrics");
  for (const MethodInfo& method : methods_.methods()) {
    const std::string line = absl::StrCat("keyturn_calls_total{code=\"INVALID_ARGUMENT\",method=\"",
                                          method.name, "\"} 1\n");
    EXPECT_NE(text.find(line), std::string::npos) << method.name;
  }
}

TEST_F(MalformedRequestTest, NoMessageIsNotAnEmptyOne) {
  for (const MethodInfo& method : methods_.methods()) {
    EXPECT_NE(Send(method, std::nullopt, root_, "none").text, "OK") << method.name;
  }
  EXPECT_EQ(Text(Put("app/key", {{"value", "v"}}, root_)), "OK");
}

}  // namespace
}  // namespace keyturn
