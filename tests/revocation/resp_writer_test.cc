#include "revocation/resp_writer.h"

#include <gtest/gtest.h>

#include <functional>
#include <limits>
#include <string>

namespace keyturn {
namespace {

std::string Written(RespVersion version, const std::function<void(RespWriter&)>& write) {
  std::string out = "before ";
  RespWriter writer(&out, version);
  write(writer);
  EXPECT_EQ(out.substr(0, 7), "before ");
  return out.substr(7);
}

void ExpectBoth(const std::function<void(RespWriter&)>& write, const std::string& resp2,
                const std::string& resp3) {
  EXPECT_EQ(Written(RespVersion::k2, write), resp2);
  EXPECT_EQ(Written(RespVersion::k3, write), resp3);
}

void ExpectSame(const std::function<void(RespWriter&)>& write, const std::string& bytes) {
  ExpectBoth(write, bytes, bytes);
}

TEST(RespWriter, WritesWhatBothVersionsShare) {
  ExpectSame([](RespWriter& w) { w.Simple("OK"); }, "+OK\r\n");
  ExpectSame([](RespWriter& w) { w.Error("ERR syntax error"); }, "-ERR syntax error\r\n");
  ExpectSame([](RespWriter& w) { w.Bulk("hi"); }, "$2\r\nhi\r\n");
  ExpectSame([](RespWriter& w) { w.Bulk(""); }, "$0\r\n\r\n");
  ExpectSame([](RespWriter& w) { w.Bulk(absl::string_view("\0\r\n", 3)); },
             std::string("$3\r\n\0\r\n\r\n", 9));
  ExpectSame([](RespWriter& w) { w.BulkInteger(-120); }, "$4\r\n-120\r\n");
  ExpectSame([](RespWriter& w) { w.Array(0); }, "*0\r\n");
  ExpectSame([](RespWriter& w) { w.Array(12); }, "*12\r\n");
}

TEST(RespWriter, WritesIntegersOfAnySize) {
  ExpectSame([](RespWriter& w) { w.Integer(0); }, ":0\r\n");
  ExpectSame([](RespWriter& w) { w.Integer(1); }, ":1\r\n");
  ExpectSame([](RespWriter& w) { w.Integer(-2); }, ":-2\r\n");
  ExpectSame([](RespWriter& w) { w.Integer(std::numeric_limits<int64_t>::max()); },
             ":9223372036854775807\r\n");
  ExpectSame([](RespWriter& w) { w.Integer(std::numeric_limits<int64_t>::min()); },
             ":-9223372036854775808\r\n");
  ExpectSame([](RespWriter& w) { w.BulkInteger(std::numeric_limits<int64_t>::min()); },
             "$20\r\n-9223372036854775808\r\n");
}

TEST(RespWriter, WritesWhatDiffersInEachVersion) {
  ExpectBoth([](RespWriter& w) { w.Null(); }, "$-1\r\n", "_\r\n");
  ExpectBoth([](RespWriter& w) { w.NullArray(); }, "*-1\r\n", "_\r\n");
  ExpectBoth([](RespWriter& w) { w.Map(7); }, "*14\r\n", "%7\r\n");
  ExpectBoth([](RespWriter& w) { w.Set(3); }, "*3\r\n", "~3\r\n");
  ExpectBoth([](RespWriter& w) { w.Push(3); }, "*3\r\n", ">3\r\n");
  ExpectBoth([](RespWriter& w) { w.Verbatim("a\r\nb"); }, "$4\r\na\r\nb\r\n",
             "=8\r\ntxt:a\r\nb\r\n");
}

TEST(RespWriter, ALineHoldsNoOther) {
  ExpectSame([](RespWriter& w) { w.Error("ERR got '\r\n+OK\r'\n"); }, "-ERR got '  +OK ' \r\n");
  ExpectSame([](RespWriter& w) { w.Simple("a\nb"); }, "+a b\r\n");
}

TEST(RespWriter, TheVersionMayChangeBetweenReplies) {
  std::string out;
  RespWriter writer(&out);
  EXPECT_EQ(writer.version(), RespVersion::k2);
  writer.Null();
  writer.set_version(RespVersion::k3);
  writer.Null();
  writer.Bulk("\r\n");
  EXPECT_EQ(writer.version(), RespVersion::k3);
  EXPECT_EQ(out, "$-1\r\n_\r\n$2\r\n\r\n\r\n");
}

// As captured from redis-server 7.0.15.
TEST(RespWriter, WritesHelloAsRedis) {
  const auto hello = [](RespWriter& w) {
    w.Map(7);
    w.Bulk("server");
    w.Bulk("redis");
    w.Bulk("version");
    w.Bulk("7.0.15");
    w.Bulk("proto");
    w.Integer(static_cast<int>(w.version()));
    w.Bulk("id");
    w.Integer(3);
    w.Bulk("mode");
    w.Bulk("standalone");
    w.Bulk("role");
    w.Bulk("master");
    w.Bulk("modules");
    w.Array(0);
  };
  const std::string rest =
      "$6\r\nserver\r\n$5\r\nredis\r\n$7\r\nversion\r\n$6\r\n7.0.15\r\n$5\r\nproto\r\n";
  const std::string end =
      "$2\r\nid\r\n:3\r\n$4\r\nmode\r\n$10\r\nstandalone\r\n$4\r\nrole\r\n$6\r\nmaster\r\n"
      "$7\r\nmodules\r\n*0\r\n";
  ExpectBoth(hello, "*14\r\n" + rest + ":2\r\n" + end, "%7\r\n" + rest + ":3\r\n" + end);
}

}  // namespace
}  // namespace keyturn
