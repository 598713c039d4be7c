// A server whose every seal and key is known to the test, and calls to it that are filled with
// canaries: which methods succeeded, and which of their texts carried one.
#pragma once

#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_split.h"
#include "tests/server/canaries.h"
#include "tests/server/raw_call.h"

namespace keyturn {

namespace pb = google::protobuf;

// The names of all texts of a message and of those in it.
inline void TextFields(const pb::Descriptor& type, std::set<std::string>* names, int depth = 0) {
  if (depth > 6 || absl::StartsWith(type.full_name(), "google.")) return;
  for (int i = 0; i < type.field_count(); ++i) {
    const pb::FieldDescriptor& field = *type.field(i);
    if (field.cpp_type() == pb::FieldDescriptor::CPPTYPE_STRING) names->insert(FieldName(field));
    if (field.message_type() != nullptr) TextFields(*field.message_type(), names, depth + 1);
  }
}

// `fn` for each text that the message has.
using TextFn = std::function<void(const pb::FieldDescriptor&, const std::string&)>;
inline void ForEachText(const pb::Message& message, const TextFn& fn) {
  const auto& reflection = *message.GetReflection();
  std::vector<const pb::FieldDescriptor*> fields;
  reflection.ListFields(message, &fields);
  for (const pb::FieldDescriptor* const field : fields) {
    const int count = field->is_repeated() ? reflection.FieldSize(message, field) : 1;
    for (int i = 0; i < count; ++i) {
      if (field->cpp_type() == pb::FieldDescriptor::CPPTYPE_STRING) {
        fn(*field, field->is_repeated() ? reflection.GetRepeatedString(message, field, i)
                                        : reflection.GetString(message, field));
      } else if (field->cpp_type() == pb::FieldDescriptor::CPPTYPE_MESSAGE) {
        ForEachText(field->is_repeated() ? reflection.GetRepeatedMessage(message, field, i)
                                         : reflection.GetMessage(message, field),
                    fn);
      }
    }
  }
}

class CanaryLife : public testing::Test {
 protected:
  void SetUp() override {
#if defined(__SANITIZE_THREAD__)
    // It fills maps of messages: with this their layout is another than that in Debian's library.
    GTEST_SKIP() << "libprotobuf was built without the thread sanitizer";
#endif
    v1::InitRequest init;
    init.add_seals()->mutable_key_file();
    passphrase_ = Plant("PassphraseSeal.passphrase", true);
    init.add_seals()->mutable_passphrase()->set_passphrase(passphrase_);
    v1::ShamirSeal* const shamir = init.add_seals()->mutable_shamir();
    shamir->set_shares(3);
    shamir->set_threshold(2);
    server_ = std::make_unique<ServerProcess>("[log]\nlevel = \"debug\"\n", init);
    ASSERT_TRUE(server_->running());
    ASSERT_EQ(server_->made().shares_size(), 3);
    Succeeded("/keyturn.v1.SystemService/Init", init);
    canaries_.KeepCredential("the root token", server_->root_token());
    for (const std::string& share : server_->made().shares()) {
      canaries_.KeepCredential("a share", share);
    }
    canaries_.Keep("the unseal key", "key file", ReadFile(server_->key_file()), true, "/key");
    for (const auto& [path, content] : FilesOf(*server_, "/data/tls/", true)) {
      // A line out of the middle: the first ones of all such keys are alike.
      const std::vector<std::string> lines = absl::StrSplit(content, '\n');
      if (absl::StrContains(content, "PRIVATE KEY")) {
        canaries_.Keep(path, "private key", lines.at(2), true, path);
      }
    }
    channel_ = server_
                   ->As(server_->made().operator_certificate_pem(), server_->operator_key_pem(),
                        canaries_.Plant("user agent", "user agent", false))
                   .channel;
  }

  std::string Plant(const std::string& field, bool sensitive) {
    return canaries_.Plant("life", field, sensitive);
  }

  // Notes the method, and which texts of `request` have a canary.
  void Succeeded(const std::string& method, const pb::Message& request) {
    succeeded_.insert(method);
    ForEachText(request, [this](const pb::FieldDescriptor& field, const std::string& text) {
      if (canaries_.AnyIn(text)) carried_.insert(FieldName(field));
    });
  }

  // Of "SecretService/Put", with canaries in its headers.
  grpc::Status Call(const std::string& name, const pb::Message& request, const std::string& token,
                    std::string* answer, grpc::ChannelInterface* channel = nullptr) {
    const std::vector<std::string> words = absl::StrSplit(name, '/');
    const MethodInfo& method = methods_.Get(words[0], words[1]);
    Ctx context(token, 60);
    context->AddMetadata("x-" + canaries_.Plant(name, "header key", true),
                         canaries_.Plant(name, "header value", true));
    context->AddMetadata("x-correlation-id", canaries_.Plant(name, "correlation id", false));
    grpc::Status status =
        CallRaw(method, channel == nullptr ? channel_.get() : channel, context, request, answer);
    if (status.ok()) Succeeded(method.name, request);
    absl::StrAppend(&errors_, status.error_message(), "\n", status.error_details(), "\n");
    for (const auto& [key, value] : context->GetServerTrailingMetadata()) {
      errors_.append(key.data(), key.size()).append(" ").append(value.data(), value.size());
    }
    return status;
  }
  // The answer, of a stream the last one. The call must succeed.
  template <typename Response>
  Response Do(const std::string& name, const pb::Message& request, const std::string& token = "",
              grpc::ChannelInterface* channel = nullptr) {
    std::string bytes;
    EXPECT_EQ(Text(Call(name, request, token, &bytes, channel)), "OK") << name;
    Response response;
    EXPECT_TRUE(response.ParseFromString(bytes)) << name;
    return response;
  }
  void Refused(const std::string& name, const pb::Message& request, const std::string& token = "") {
    std::string ignored;
    EXPECT_FALSE(Call(name, request, token, &ignored).ok()) << name;
  }

  Canaries canaries_;
  std::unique_ptr<ServerProcess> server_;
  const MethodTable methods_ = *MethodTable::Create(MethodTable::Services());
  std::shared_ptr<grpc::Channel> channel_;  // the operator's
  std::string passphrase_;                  // of the vault's seal
  std::string errors_;
  std::set<std::string> succeeded_, carried_;  // methods; fields
};

}  // namespace keyturn
