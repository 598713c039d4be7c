#include "server/secret_wire.h"

#include "base/limits.h"
#include "base/reason.h"
#include "crypto/arena.h"
#include "tests/support/status.h"

namespace keyturn {
namespace {

grpc::ByteBuffer Buffer(const std::string& bytes, size_t piece = std::string::npos) {
  std::vector<grpc::Slice> slices;
  for (size_t at = 0; at < bytes.size(); at += std::min(piece, bytes.size())) {
    slices.emplace_back(bytes.substr(at, piece));
  }
  return ToBuffer(slices);
}

std::string Bytes(const grpc::ByteBuffer& buffer) {
  std::vector<grpc::Slice> slices;
  EXPECT_TRUE(buffer.Dump(&slices).ok());
  std::string out;
  for (const grpc::Slice& slice : slices) {
    out.append(reinterpret_cast<const char*>(slice.begin()), slice.size());
  }
  return out;
}

v1::PutRequest SomePut() {
  v1::PutRequest put;
  put.set_path("app/key");
  put.set_replace(true);
  put.set_if_version(7);
  put.set_has_if_version(true);
  (*put.mutable_custom_metadata())["env"] = "prod";
  v1::Field* const field = put.mutable_data()->add_fields();
  field->set_name("value");
  field->set_value("canary");
  return put;
}

TEST(ParsePut, TakesTheDataOutAndKeepsTheRest) {
  for (const size_t piece : {std::string::npos, size_t{1}, size_t{7}}) {
    ParsedPut parsed;
    const grpc::ByteBuffer buffer = Buffer(SomePut().SerializeAsString(), piece);
    ASSERT_OK(ParsePut(buffer, &parsed));
    EXPECT_EQ(std::string(parsed.data), SomePut().data().SerializeAsString());
    v1::PutRequest rest = SomePut();
    rest.clear_data();
    EXPECT_EQ(parsed.request.SerializeAsString(), rest.SerializeAsString());
    EXPECT_EQ(parsed.copy.empty(), piece == std::string::npos);
  }
}

TEST(ParsePut, EveryCutIsRefusedOrHarmless) {
  const std::string whole = SomePut().SerializeAsString();
  for (size_t size = 0; size < whole.size(); ++size) {
    ParsedPut parsed;
    const grpc::ByteBuffer buffer = Buffer(whole.substr(0, size));
    const absl::Status status = ParsePut(buffer, &parsed);
    v1::PutRequest reference;
    EXPECT_EQ(status.ok(), reference.ParseFromString(whole.substr(0, size))) << size;
  }
}

TEST(ParsePut, TwoDataFieldsAreRefused) {
  const std::string once = SomePut().SerializeAsString();
  ParsedPut parsed;
  const grpc::ByteBuffer buffer = Buffer(once + once);
  EXPECT_CODE(ParsePut(buffer, &parsed), kInvalidArgument);
}

TEST(ParsePut, DataOfAnotherWireTypeIsRefused) {
  ParsedPut parsed;
  const grpc::ByteBuffer buffer = Buffer(std::string("\x78\x01", 2));  // field 15, varint
  EXPECT_CODE(ParsePut(buffer, &parsed), kInvalidArgument);
}

HeldRead SomeRead(const std::string& value) {
  HeldRead held;
  ReadResult& read = held.read;
  read.info.set_path("app/key");
  read.info.mutable_version()->set_version(3);
  v1::SecretData data;
  data.add_fields()->set_name("value");
  data.mutable_fields(0)->set_value(value);
  read.data = *SecretBytes::CopyOf(data.SerializeAsString());
  return held;
}

TEST(GetResponse, IsWhatAnyStubReads) {
  std::vector<grpc::Slice> slices;
  AppendGetResponse(SomeRead("canary"), &slices);
  v1::GetResponse response;
  ASSERT_TRUE(response.ParseFromString(Bytes(ToBuffer(slices))));
  EXPECT_EQ(response.path(), "app/key");
  EXPECT_EQ(response.version().version(), 3u);
  EXPECT_EQ(response.data().fields(0).value(), "canary");
}

TEST(GetResponse, GivesItsMemoryBackWithTheSlice) {
  const size_t before = GetArenaStats().in_use;
  {
    std::vector<grpc::Slice> slices;
    AppendGetResponse(SomeRead(std::string(1000, 'x')), &slices);
    const grpc::ByteBuffer buffer = ToBuffer(slices);
    EXPECT_GT(GetArenaStats().in_use, before);
  }
  EXPECT_EQ(GetArenaStats().in_use, before);
}

TEST(GetResponse, HoldsItsShareUntilTheSliceIsGone) {
  ReplyQuota quota(4096, 2048);
  const auto hold = [&quota](const std::string& caller) {
    return Hold(quota, caller, std::move(SomeRead(std::string(1000, 'x')).read));
  };
  std::vector<grpc::Slice> slices;
  auto held = hold("a");
  ASSERT_OK(held);
  EXPECT_EQ(quota.held(), 1024u);  // a whole block of the arena
  AppendGetResponse(*std::move(held), &slices);
  EXPECT_EQ(quota.held(), 1024u);
  {
    const grpc::ByteBuffer buffer = ToBuffer(slices);
    slices.clear();
    EXPECT_EQ(quota.held(), 1024u);
    ASSERT_OK(hold("a"));
  }
  EXPECT_EQ(quota.held(), 0u);
}

TEST(BatchGetResponse, HoldsDataAndErrorsInOrder) {
  std::vector<BatchItem> items;
  items.push_back({"a", SomeRead("one")});
  items.push_back({"b", WithReason(absl::NotFoundError("nothing there"), "NO_SECRET")});
  items.push_back({"c", SomeRead("three")});
  v1::BatchGetResponse response;
  ASSERT_TRUE(response.ParseFromString(Bytes(ToBuffer(BatchGetResponse(std::move(items))))));
  ASSERT_EQ(response.items_size(), 3);
  EXPECT_EQ(response.items(0).path(), "a");
  EXPECT_EQ(response.items(0).secret().data().fields(0).value(), "one");
  EXPECT_EQ(response.items(1).code(), 5);
  EXPECT_EQ(response.items(1).message(), "nothing there");
  EXPECT_EQ(response.items(1).reason(), "NO_SECRET");
  EXPECT_EQ(response.items(2).secret().data().fields(0).value(), "three");
}

TEST(BatchGetResponse, StaysWithinTheReplysBound) {
  std::vector<BatchItem> items;
  // Fewer than would fill the arena, yet too many for the reply once one is very large.
  for (int i = 0; i < 3; ++i) items.push_back({"big", SomeRead(std::string(400 * 1024, 'x'))});
  HeldRead huge = SomeRead("x");
  huge.read.info.set_path(std::string(limits::kReplyBytesMax - 1024 * 1024, 'p'));
  items.push_back({"huge", std::move(huge)});
  const std::string bytes = Bytes(ToBuffer(BatchGetResponse(std::move(items))));
  EXPECT_LE(bytes.size(), limits::kReplyBytesMax);
  v1::BatchGetResponse response;
  ASSERT_TRUE(response.ParseFromString(bytes));
  ASSERT_EQ(response.items_size(), 4);
  EXPECT_TRUE(response.items(2).has_secret());
  EXPECT_EQ(response.items(3).code(), 8);
  EXPECT_EQ(response.items(3).reason(), "REPLY_FULL");
}

}  // namespace
}  // namespace keyturn
