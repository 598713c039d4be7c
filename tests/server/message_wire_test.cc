// Messages in one slice or many, and what is said of bytes that are none.
#include "server/message_wire.h"

#include <grpcpp/support/slice.h>
#include <gtest/gtest.h>

#include <vector>

#include "absl/strings/str_cat.h"
#include "base/reason.h"
#include "keyturn/v1/policy_service.pb.h"
#include "keyturn/v1/secret_service.pb.h"
#include "tests/support/status.h"

namespace keyturn {
namespace {

grpc::ByteBuffer InPieces(const std::string& bytes, size_t piece) {
  std::vector<grpc::Slice> slices;
  for (size_t at = 0; at < bytes.size(); at += piece) slices.emplace_back(bytes.substr(at, piece));
  return {slices.data(), slices.size()};
}

std::string Piece(int field, const std::string& body) {
  return absl::StrCat(std::string(1, static_cast<char>(field << 3 | 2)),
                      std::string(1, static_cast<char>(body.size())), body);
}

TEST(ParseMessage, ReadsWhatSerializeMessageWroteHoweverItIsCut) {
  v1::GetRequest request;
  request.set_path("app/key");
  request.add_fields(std::string(3000, 'f'));
  grpc::ByteBuffer written;
  ASSERT_OK(SerializeMessage(request, &written));
  v1::GetRequest read;
  ASSERT_OK(ParseMessage(written, &read));
  EXPECT_EQ(read.SerializeAsString(), request.SerializeAsString());
  for (const size_t piece : {1, 7, 1000}) {
    SCOPED_TRACE(piece);
    ASSERT_OK(ParseMessage(InPieces(request.SerializeAsString(), piece), &read));
    EXPECT_EQ(read.SerializeAsString(), request.SerializeAsString());
  }
}

TEST(SerializeMessage, TakesTheBufferOfTheMessageBefore) {
  grpc::ByteBuffer buffer;
  for (const std::string& path : {std::string(5000, 'x'), std::string("y")}) {
    v1::GetRequest message, read;
    message.set_path(path);
    ASSERT_OK(SerializeMessage(message, &buffer));
    ASSERT_OK(ParseMessage(buffer, &read));
    EXPECT_EQ(read.path(), path);
  }
}

TEST(ParseMessage, AnEmptyMessageIsOneAndNoMessageIsNone) {
  v1::GetRequest read;
  EXPECT_OK(ParseMessage(InPieces("", 1), &read));
  EXPECT_EQ(ParseMessage(grpc::ByteBuffer(), &read),
            MalformedRequest("a valid keyturn.v1.GetRequest"));
}

TEST(ParseMessage, NamesTheStringThatIsNotUtf8) {
  const auto said = [](const std::string& bytes) {
    v1::PutPolicyRequest read;
    const absl::Status status = ParseMessage(InPieces(bytes, 2), &read);
    EXPECT_EQ(ReasonOf(status), "MALFORMED_REQUEST");
    return std::string(status.message());
  };
  const std::string malformed = "the request is not a valid keyturn.v1.PutPolicyRequest";
  const std::string name = Piece(1, "\xff"), good = Piece(1, "good");
  EXPECT_EQ(said(Piece(1, name)), malformed + ": keyturn.v1.Policy.name is not UTF-8");
  EXPECT_EQ(said(Piece(1, good) + Piece(1, name)),
            malformed + ": keyturn.v1.Policy.name is not UTF-8");
  // What is no message at all comes first, or alone.
  EXPECT_EQ(said(std::string(1, '\0') + Piece(1, name)), malformed);
  EXPECT_EQ(said(Piece(1, good) + "\x0b"), malformed);  // a group without an end
}

}  // namespace
}  // namespace keyturn
