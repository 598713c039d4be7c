// Replies captured from redis-server 7.0.15 (Debian), byte for byte: what does not differ from them
// here is what docs/REDIS.md does not list.

#include <gtest/gtest.h>

#include "tests/revocation/resp_peer.h"

namespace keyturn {
namespace {

struct BothRow {
  const char* request;
  const char* resp2;
  const char* resp3;  // nullptr: the same
};

// Two connections that share the list; the first asks in RESP2, then the second in RESP3.
constexpr BothRow kBothRows[] = {
    {"FLUSHALL", "+OK\r\n", nullptr},
    {"HELLO",
     "*14\r\n$6\r\nserver\r\n$5\r\nredis\r\n$7\r\nversion\r\n$6\r\n7.0.15\r\n$5\r\nproto\r\n:2\r\n$"
     "2\r\nid\r\n:3\r\n$4\r\nmode\r\n$10\r\nstandalone\r\n$4\r\nrole\r\n$6\r\nmaster\r\n$"
     "7\r\nmodules\r\n*0\r\n",
     "%7\r\n$6\r\nserver\r\n$5\r\nredis\r\n$7\r\nversion\r\n$6\r\n7.0.15\r\n$5\r\nproto\r\n:3\r\n$"
     "2\r\nid\r\n:4\r\n$4\r\nmode\r\n$10\r\nstandalone\r\n$4\r\nrole\r\n$6\r\nmaster\r\n$"
     "7\r\nmodules\r\n*0\r\n"},
    {"SET k 1 EX 100", "+OK\r\n", nullptr},
    {"SET k 1 EX 0", "-ERR invalid expire time in 'set' command\r\n", nullptr},
    {"SET k 1 EX -1", "-ERR invalid expire time in 'set' command\r\n", nullptr},
    {"SET k 1 EX abc", "-ERR value is not an integer or out of range\r\n", nullptr},
    {"SET k 1 EX 9223372036854775807", "-ERR invalid expire time in 'set' command\r\n", nullptr},
    {"SET k 1 NX", "$-1\r\n", "_\r\n"},
    {"SET k 1 XX KEEPTTL", "+OK\r\n", nullptr},
    {"SET nokey 1 XX", "$-1\r\n", "_\r\n"},
    {"SET k 2 GET", "$1\r\n1\r\n", "$1\r\n2\r\n"},
    {"SET nk 2 GET", "$-1\r\n", "$1\r\n2\r\n"},
    {"SET k 1 NX GET", "$1\r\n2\r\n", nullptr},
    {"SET k 1 NX XX", "-ERR syntax error\r\n", nullptr},
    {"SET k 1 EX 10 PX 10", "-ERR syntax error\r\n", nullptr},
    {"SET k", "-ERR wrong number of arguments for 'set' command\r\n", nullptr},
    {"SET k 1 EXAT 1", "+OK\r\n", nullptr},
    {"EXISTS k", ":0\r\n", nullptr},
    {"SET k 1 PXAT 99999999999999", "+OK\r\n", nullptr},
    {"SETEX k 100 v", "+OK\r\n", nullptr},
    {"SETEX k 0 v", "-ERR invalid expire time in 'setex' command\r\n", nullptr},
    {"PSETEX k 100000 v", "+OK\r\n", nullptr},
    {"SETNX k v", ":0\r\n", nullptr},
    {"GET k", "$1\r\nv\r\n", nullptr},
    {"GET none", "$-1\r\n", "_\r\n"},
    {"GETDEL none", "$-1\r\n", "_\r\n"},
    {"GETEX k EX 50", "$1\r\nv\r\n", nullptr},
    {"MGET k none k", "*3\r\n$1\r\nv\r\n$-1\r\n$1\r\nv\r\n", "*3\r\n$1\r\nv\r\n_\r\n$1\r\nv\r\n"},
    {"EXISTS k k none", ":2\r\n", nullptr},
    {"EXISTS", "-ERR wrong number of arguments for 'exists' command\r\n", nullptr},
    {"TTL k", ":48\r\n", nullptr},
    {"PTTL none", ":-2\r\n", nullptr},
    {"EXPIRETIME none", ":-2\r\n", nullptr},
    {"PERSIST k", ":1\r\n", ":0\r\n"},
    {"PERSIST k", ":0\r\n", nullptr},
    {"TTL k", ":-1\r\n", nullptr},
    {"EXPIRE k 100 NX", ":1\r\n", ":0\r\n"},
    {"EXPIRE k 100 NX", ":0\r\n", nullptr},
    {"EXPIRE k 50 GT", ":0\r\n", nullptr},
    {"EXPIRE none 10", ":0\r\n", nullptr},
    {"EXPIRE k -1", ":1\r\n", ":0\r\n"},
    {"EXISTS k", ":0\r\n", nullptr},
    {"DEL k none", ":0\r\n", nullptr},
    {"UNLINK none", ":0\r\n", nullptr},
    {"TYPE none", "+none\r\n", nullptr},
    {"DBSIZE", ":1\r\n", nullptr},
    {"SADD s a b", ":2\r\n", ":0\r\n"},
    {"SISMEMBER s a", ":1\r\n", nullptr},
    {"SMISMEMBER s a z", "*2\r\n:1\r\n:0\r\n", nullptr},
    {"SISMEMBER none a", ":0\r\n", nullptr},
    {"SREM s z", ":0\r\n", nullptr},
    {"SCARD s", ":2\r\n", nullptr},
    {"GET s", "-WRONGTYPE Operation against a key holding the wrong kind of value\r\n", nullptr},
    {"TYPE s", "+set\r\n", nullptr},
    {"SCAN 0 MATCH s* COUNT 10", "*2\r\n$1\r\n0\r\n*1\r\n$1\r\ns\r\n", nullptr},
    {"KEYS *", "*2\r\n$2\r\nnk\r\n$1\r\ns\r\n", nullptr},
    {"CLIENT ID", ":3\r\n", ":4\r\n"},
    {"CLIENT GETNAME", "$-1\r\n", "_\r\n"},
    {"CLIENT SETNAME ab", "+OK\r\n", nullptr},
    {"CLIENT SETNAME a b", "-ERR wrong number of arguments for 'client|setname' command\r\n",
     nullptr},
    {"CLIENT SETINFO LIB-NAME x", "+OK\r\n", nullptr},
    {"CLIENT SETINFO lib-ver 1.0", "+OK\r\n", nullptr},
    {"CLIENT NO-EVICT on", "+OK\r\n", nullptr},
    {"CLIENT NO-TOUCH on", "+OK\r\n", nullptr},
    {"CLIENT MAINT_NOTIFICATIONS ON",
     "-ERR unknown subcommand 'MAINT_NOTIFICATIONS'. Try CLIENT HELP.\r\n", nullptr},
    {"CLIENT TRACKINGINFO",
     "*6\r\n$5\r\nflags\r\n*1\r\n$3\r\noff\r\n$8\r\nredirect\r\n:-1\r\n$8\r\nprefixes\r\n*0\r\n",
     "%3\r\n$5\r\nflags\r\n~1\r\n$3\r\noff\r\n$8\r\nredirect\r\n:-1\r\n$8\r\nprefixes\r\n*0\r\n"},
    {"CLIENT TRACKING on", "+OK\r\n", nullptr},
    {"CLIENT TRACKING off", "+OK\r\n", nullptr},
    {"CONFIG GET timeout", "*2\r\n$7\r\ntimeout\r\n$1\r\n0\r\n",
     "%1\r\n$7\r\ntimeout\r\n$1\r\n0\r\n"},
    {"CONFIG GET save", "*2\r\n$4\r\nsave\r\n$0\r\n\r\n", "%1\r\n$4\r\nsave\r\n$0\r\n\r\n"},
    {"CONFIG GET nosuch", "*0\r\n", "%0\r\n"},
    {"CONFIG GET databases", "*2\r\n$9\r\ndatabases\r\n$2\r\n16\r\n",
     "%1\r\n$9\r\ndatabases\r\n$2\r\n16\r\n"},
    {"SELECT 0", "+OK\r\n", nullptr},
    {"SELECT 16", "-ERR DB index is out of range\r\n", nullptr},
    {"SELECT a", "-ERR value is not an integer or out of range\r\n", nullptr},
    {"ECHO hi", "$2\r\nhi\r\n", nullptr},
    {"PING", "+PONG\r\n", nullptr},
    {"PING hi", "$2\r\nhi\r\n", nullptr},
    {"CLUSTER INFO", "-ERR This instance has cluster support disabled\r\n", nullptr},
    {"CLUSTER SLOTS", "-ERR This instance has cluster support disabled\r\n", nullptr},
    {"CLUSTER NODES", "-ERR This instance has cluster support disabled\r\n", nullptr},
    {"READONLY", "-ERR This instance has cluster support disabled\r\n", nullptr},
    {"SENTINEL MASTERS",
     "-ERR unknown command 'SENTINEL', with args beginning with: 'MASTERS' \r\n", nullptr},
    {"ROLE", "*3\r\n$6\r\nmaster\r\n:0\r\n*0\r\n", nullptr},
    {"WAIT 0 0", ":0\r\n", nullptr},
    {"WAITAOF 0 0 0", "-ERR unknown command 'WAITAOF', with args beginning with: '0' '0' '0' \r\n",
     nullptr},
    {"FOO bar", "-ERR unknown command 'FOO', with args beginning with: 'bar' \r\n", nullptr},
    {"get k extra", "-ERR wrong number of arguments for 'get' command\r\n", nullptr},
    {"AUTH x", "+OK\r\n", nullptr},
    {"AUTH default x", "+OK\r\n", nullptr},
    {"AUTH u p", "-WRONGPASS invalid username-password pair or user is disabled.\r\n", nullptr},
    {"HELLO 4", "-NOPROTO unsupported protocol version\r\n", nullptr},
    {"HELLO 3 AUTH u p", "-WRONGPASS invalid username-password pair or user is disabled.\r\n",
     nullptr},
    {"HELLO 2 FOO", "-ERR Syntax error in HELLO option 'FOO'\r\n", nullptr},
    {"MULTI", "+OK\r\n", nullptr},
    {"SET x 1", "+QUEUED\r\n", nullptr},
    {"EXEC", "*1\r\n+OK\r\n", nullptr},
    {"RESET", "+RESET\r\n", nullptr},
    {"QUIT", "+OK\r\n", nullptr},
};

TEST(RespCaptured, RepliesAreThoseOfRedisInBothProtocols) {
  RespWorld world;
  world.host.passwords = {{"default", "x"}};
  RespPeer two(world, "cwa", 3), three(world, "cwa", 4);
  three.Ask("HELLO 3");
  for (const BothRow& row : kBothRows) {
    // Two seconds passed there before this was asked.
    if (row.request == std::string("TTL k")) world.clock.AdvanceTime(absl::Seconds(2));
    const std::string request = RespRequest(row.request);
    EXPECT_EQ(two.AskRaw(request), row.resp2) << row.request;
    EXPECT_EQ(three.AskRaw(request), row.resp3 != nullptr ? row.resp3 : row.resp2) << row.request;
  }
  EXPECT_TRUE(two.session().closing());
  EXPECT_TRUE(three.session().closing());
}

struct CapturedRow {
  const char* request;  // words: \1 is a blank within one, \2 an empty one, \3 a NUL
  const char* reply;
};

// One connection, one after the other.
constexpr CapturedRow kCapturedRows[] = {
    {"FOO", "-ERR unknown command 'FOO', with args beginning with: \r\n"},
    {"FOO bar", "-ERR unknown command 'FOO', with args beginning with: 'bar' \r\n"},
    {"foo a\003b c", "-ERR unknown command 'foo', with args beginning with: 'a' 'c' \r\n"},
    {"fo\003o x", "-ERR unknown command 'fo', with args beginning with: 'x' \r\n"},
    {"FO\r\nO a\nb", "-ERR unknown command 'FO  O', with args beginning with: 'a b' \r\n"},
    {"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
     "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
     "AAAAAAAAAAAAAA x",
     "-ERR unknown command "
     "'AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
     "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA', with args beginning with: 'x' \r\n"},
    {"FOO "
     "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
     "xxxxxxx "
     "yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy"
     "yyyyyyy z",
     "-ERR unknown command 'FOO', with args beginning with: "
     "'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
     "xxxxxxxx' 'yyyyyyyyyyyyyyyyyyyyyyyyy' \r\n"},
    {"FOO "
     "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
     "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
     "xxxxxxxxxxxxxx y",
     "-ERR unknown command 'FOO', with args beginning with: "
     "'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
     "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx' \r\n"},
    {"FOO ab ab ab ab ab ab ab ab ab ab ab ab ab ab ab ab ab ab ab ab ab ab ab ab ab ab ab ab ab "
     "ab ab ab ab ab ab ab ab ab ab ab",
     "-ERR unknown command 'FOO', with args beginning with: 'ab' 'ab' 'ab' 'ab' 'ab' 'ab' 'ab' "
     "'ab' 'ab' 'ab' 'ab' 'ab' 'ab' 'ab' 'ab' 'ab' 'ab' 'ab' 'ab' 'ab' 'ab' 'ab' 'ab' 'ab' 'ab' "
     "'ab' \r\n"},
    {"\002", "-ERR unknown command '', with args beginning with: \r\n"},
    {"\002 \002", "-ERR unknown command '', with args beginning with: '' \r\n"},
    {"GET\003 a", "-ERR unknown command 'GET', with args beginning with: 'a' \r\n"},
    {"GET\001", "-ERR unknown command 'GET ', with args beginning with: \r\n"},
    {"\001GET", "-ERR unknown command ' GET', with args beginning with: \r\n"},
    {"gEt k x", "-ERR wrong number of arguments for 'get' command\r\n"},
    {"SET k", "-ERR wrong number of arguments for 'set' command\r\n"},
    {"EXISTS", "-ERR wrong number of arguments for 'exists' command\r\n"},
    {"PING a b", "-ERR wrong number of arguments for 'ping' command\r\n"},
    {"ECHO", "-ERR wrong number of arguments for 'echo' command\r\n"},
    {"TIME x", "-ERR wrong number of arguments for 'time' command\r\n"},
    {"CLIENT", "-ERR wrong number of arguments for 'client' command\r\n"},
    {"client foo", "-ERR unknown subcommand 'foo'. Try CLIENT HELP.\r\n"},
    {"CLIENT a\003b", "-ERR unknown subcommand 'a'. Try CLIENT HELP.\r\n"},
    {"CLIENT "
     "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
     "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
     "-ERR unknown subcommand "
     "'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
     "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx'. Try CLIENT HELP.\r\n"},
    {"CLIENT a\r\nb c", "-ERR unknown subcommand 'a  b'. Try CLIENT HELP.\r\n"},
    {"CLIENT ID x", "-ERR wrong number of arguments for 'client|id' command\r\n"},
    {"client setname", "-ERR wrong number of arguments for 'client|setname' command\r\n"},
    {"CLIENT SETNAME a b", "-ERR wrong number of arguments for 'client|setname' command\r\n"},
    {"CLIENT REPLY", "-ERR wrong number of arguments for 'client|reply' command\r\n"},
    {"CLIENT KILL", "-ERR wrong number of arguments for 'client|kill' command\r\n"},
    {"CLIENT ID\003", "-ERR unknown subcommand 'ID'. Try CLIENT HELP.\r\n"},
    {"CONFIG", "-ERR wrong number of arguments for 'config' command\r\n"},
    {"CONFIG GET", "-ERR wrong number of arguments for 'config|get' command\r\n"},
    {"CONFIG nope", "-ERR unknown subcommand 'nope'. Try CONFIG HELP.\r\n"},
    {"COMMAND nope", "-ERR unknown subcommand 'nope'. Try COMMAND HELP.\r\n"},
    {"COMMAND COUNT x", "-ERR wrong number of arguments for 'command|count' command\r\n"},
    {"OBJECT", "-ERR wrong number of arguments for 'object' command\r\n"},
    {"OBJECT ENCODING", "-ERR wrong number of arguments for 'object|encoding' command\r\n"},
    {"OBJECT nope k", "-ERR unknown subcommand 'nope'. Try OBJECT HELP.\r\n"},
    {"MEMORY USAGE", "-ERR wrong number of arguments for 'memory|usage' command\r\n"},
    {"MEMORY nope", "-ERR unknown subcommand 'nope'. Try MEMORY HELP.\r\n"},
    {"FUNCTION nope", "-ERR unknown subcommand 'nope'. Try FUNCTION HELP.\r\n"},
    {"FUNCTION FLUSH", "+OK\r\n"},
    {"FUNCTION FLUSH x", "-ERR FUNCTION FLUSH only supports SYNC|ASYNC option\r\n"},
    {"FUNCTION FLUSH async", "+OK\r\n"},
    {"CLUSTER", "-ERR wrong number of arguments for 'cluster' command\r\n"},
    {"CLUSTER nope", "-ERR unknown subcommand 'nope'. Try CLUSTER HELP.\r\n"},
    {"CLUSTER KEYSLOT", "-ERR wrong number of arguments for 'cluster|keyslot' command\r\n"},
    {"READWRITE", "-ERR This instance has cluster support disabled\r\n"},
    {"ASKING", "-ERR This instance has cluster support disabled\r\n"},
    {"SET k v FOO", "-ERR syntax error\r\n"},
    {"SET k v EX", "-ERR syntax error\r\n"},
    {"SET k v NX XX", "-ERR syntax error\r\n"},
    {"SET k v XX NX", "-ERR syntax error\r\n"},
    {"SET k v NX NX", "+OK\r\n"},
    {"SET k v KEEPTTL EX 1", "-ERR syntax error\r\n"},
    {"SET k v EX 1 KEEPTTL", "-ERR syntax error\r\n"},
    {"SET k v EX 1 EX 100", "+OK\r\n"},
    {"SET k v EX 1 PX 100", "-ERR syntax error\r\n"},
    {"SET k v PERSIST", "-ERR syntax error\r\n"},
    {"SET k v ex\003q 100", "+OK\r\n"},
    {"SET k v EXAT 0", "-ERR invalid expire time in 'set' command\r\n"},
    {"SET k v PX 9223372036854775807", "-ERR invalid expire time in 'set' command\r\n"},
    {"SET k v PXAT 9223372036854775807", "+OK\r\n"},
    {"SET k v EXAT 9223372036854775", "+OK\r\n"},
    {"SET k v EXAT 9223372036854776", "-ERR invalid expire time in 'set' command\r\n"},
    {"SET k v EX 9223372036854775", "-ERR invalid expire time in 'set' command\r\n"},
    {"SET k v EX +1", "-ERR value is not an integer or out of range\r\n"},
    {"SET k v EX \0011", "-ERR value is not an integer or out of range\r\n"},
    {"SET k v EX 01", "-ERR value is not an integer or out of range\r\n"},
    {"SET k v EX -0", "-ERR value is not an integer or out of range\r\n"},
    {"SET k v EX \002", "-ERR value is not an integer or out of range\r\n"},
    {"SET k v EX 9223372036854775808", "-ERR value is not an integer or out of range\r\n"},
    {"SETEX k x v", "-ERR value is not an integer or out of range\r\n"},
    {"SETEX k -1 v", "-ERR invalid expire time in 'setex' command\r\n"},
    {"PSETEX k 0 v", "-ERR invalid expire time in 'psetex' command\r\n"},
    {"SETEX k 9223372036854775807 v", "-ERR invalid expire time in 'setex' command\r\n"},
    {"GETEX k KEEPTTL", "-ERR syntax error\r\n"},
    {"GETEX k NX", "-ERR syntax error\r\n"},
    {"GETEX k PERSIST EX 1", "-ERR syntax error\r\n"},
    {"GETEX none EX 0", "$-1\r\n"},
    {"GETEX k EX 0", "-ERR invalid expire time in 'getex' command\r\n"},
    {"GETEX k PERSIST", "$1\r\nv\r\n"},
    {"TTL k", ":-1\r\n"},
    {"GETEX k EXAT 1", "$1\r\nv\r\n"},
    {"EXISTS k", ":0\r\n"},
    {"SET k v", "+OK\r\n"},
    {"EXPIRE k 1x", "-ERR value is not an integer or out of range\r\n"},
    {"EXPIRE k 100 FOO", "-ERR Unsupported option FOO\r\n"},
    {"EXPIRE k 100 FOO\r\n", "-ERR Unsupported option FOO\r\n"},
    {"EXPIRE k 100 fo\ro\n", "-ERR Unsupported option fo o\r\n"},
    {"EXPIRE k 100 NX XX",
     "-ERR NX and XX, GT or LT options at the same time are not compatible\r\n"},
    {"EXPIRE k 100 NX GT",
     "-ERR NX and XX, GT or LT options at the same time are not compatible\r\n"},
    {"EXPIRE k 100 GT LT", "-ERR GT and LT options at the same time are not compatible\r\n"},
    {"EXPIRE k 9223372036854775807", "-ERR invalid expire time in 'expire' command\r\n"},
    {"EXPIRE k -9223372036854775808", "-ERR invalid expire time in 'expire' command\r\n"},
    {"EXPIRE k -9223372036854775", ":1\r\n"},
    {"SET k v", "+OK\r\n"},
    {"PEXPIRE k 9223372036854775807", "-ERR invalid expire time in 'pexpire' command\r\n"},
    {"PEXPIREAT k 9223372036854775807 LT", ":1\r\n"},
    {"PEXPIREAT k 9223372036854775000 GT", ":0\r\n"},
    {"EXPIRE k x FOO", "-ERR Unsupported option FOO\r\n"},
    {"EXPIRE k 100 XX", ":1\r\n"},
    {"EXPIRE k 100 LT", ":0\r\n"},
    {"EXPIREAT k 99999999999 GT", ":1\r\n"},
    {"PEXPIRETIME k", ":99999999999000\r\n"},
    {"EXPIRETIME k", ":99999999999\r\n"},
    {"PEXPIREAT k 1500", ":1\r\n"},
    {"EXISTS k", ":0\r\n"},
    {"SADD s a b a", ":2\r\n"},
    {"SADD s a", ":0\r\n"},
    {"SET k v", "+OK\r\n"},
    {"SADD k a", "-WRONGTYPE Operation against a key holding the wrong kind of value\r\n"},
    {"SREM k a", "-WRONGTYPE Operation against a key holding the wrong kind of value\r\n"},
    {"SISMEMBER k a", "-WRONGTYPE Operation against a key holding the wrong kind of value\r\n"},
    {"SMISMEMBER k a", "-WRONGTYPE Operation against a key holding the wrong kind of value\r\n"},
    {"SCARD k", "-WRONGTYPE Operation against a key holding the wrong kind of value\r\n"},
    {"SCARD none", ":0\r\n"},
    {"SREM none a", ":0\r\n"},
    {"GET s", "-WRONGTYPE Operation against a key holding the wrong kind of value\r\n"},
    {"STRLEN s", "-WRONGTYPE Operation against a key holding the wrong kind of value\r\n"},
    {"STRLEN k", ":1\r\n"},
    {"STRLEN none", ":0\r\n"},
    {"GETDEL s", "-WRONGTYPE Operation against a key holding the wrong kind of value\r\n"},
    {"GETEX s", "-WRONGTYPE Operation against a key holding the wrong kind of value\r\n"},
    {"GETSET s x", "-WRONGTYPE Operation against a key holding the wrong kind of value\r\n"},
    {"SET s x GET", "-WRONGTYPE Operation against a key holding the wrong kind of value\r\n"},
    {"SETNX s x", ":0\r\n"},
    {"SMISMEMBER none a b", "*2\r\n:0\r\n:0\r\n"},
    {"TYPE s", "+set\r\n"},
    {"MGET s k", "*2\r\n$-1\r\n$1\r\nv\r\n"},
    {"SREM s a b", ":2\r\n"},
    {"EXISTS s", ":0\r\n"},
    {"MSET a", "-ERR wrong number of arguments for 'mset' command\r\n"},
    {"MSET a 1 b", "-ERR wrong number of arguments for 'mset' command\r\n"},
    {"MSET a 1 b 2", "+OK\r\n"},
    {"MSETNX c 1 b 2", ":0\r\n"},
    {"EXISTS c", ":0\r\n"},
    {"MSETNX c 1 c", "-ERR wrong number of arguments for 'msetnx' command\r\n"},
    {"MSETNX c 1 d 2", ":1\r\n"},
    {"MGET a b c d", "*4\r\n$1\r\n1\r\n$1\r\n2\r\n$1\r\n1\r\n$1\r\n2\r\n"},
    {"TOUCH a a zz", ":2\r\n"},
    {"DEL a a zz", ":1\r\n"},
    {"GETSET zz 1", "$-1\r\n"},
    {"GETSET zz 2", "$1\r\n1\r\n"},
    {"GETDEL zz", "$1\r\n2\r\n"},
    {"PERSIST none", ":0\r\n"},
    {"SET n 123", "+OK\r\n"},
    {"OBJECT ENCODING n", "$3\r\nint\r\n"},
    {"OBJECT REFCOUNT n", ":2147483647\r\n"},
    {"SET n 0123", "+OK\r\n"},
    {"OBJECT ENCODING n", "$6\r\nembstr\r\n"},
    {"OBJECT REFCOUNT n", ":1\r\n"},
    {"SET n xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", "+OK\r\n"},
    {"OBJECT ENCODING n", "$6\r\nembstr\r\n"},
    {"SET n xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", "+OK\r\n"},
    {"OBJECT ENCODING n", "$3\r\nraw\r\n"},
    {"OBJECT FREQ n",
     "-ERR An LFU maxmemory policy is not selected, access frequency not tracked. Please note that "
     "when switching between policies at runtime LRU and LFU data will take some time to "
     "adjust.\r\n"},
    {"OBJECT FREQ none", "$-1\r\n"},
    {"OBJECT ENCODING none", "$-1\r\n"},
    {"OBJECT IDLETIME n", ":0\r\n"},
    {"MEMORY USAGE none", "$-1\r\n"},
    {"MEMORY USAGE n FOO", "-ERR syntax error\r\n"},
    {"MEMORY USAGE n SAMPLES -1", "-ERR syntax error\r\n"},
    {"MEMORY USAGE n SAMPLES x", "-ERR value is not an integer or out of range\r\n"},
    {"MEMORY USAGE n SAMPLES", "-ERR syntax error\r\n"},
    {"SCAN", "-ERR wrong number of arguments for 'scan' command\r\n"},
    {"SCAN x", "-ERR invalid cursor\r\n"},
    {"SCAN \0011", "-ERR invalid cursor\r\n"},
    {"SCAN 18446744073709551616", "-ERR invalid cursor\r\n"},
    {"SCAN 0 COUNT", "-ERR syntax error\r\n"},
    {"SCAN 0 COUNT 0", "-ERR syntax error\r\n"},
    {"SCAN 0 COUNT x", "-ERR value is not an integer or out of range\r\n"},
    {"SCAN 0 FOO 1", "-ERR syntax error\r\n"},
    {"SCAN 0 TYPE list", "*2\r\n$1\r\n0\r\n*0\r\n"},
    {"SCAN \002 MATCH n", "*2\r\n$1\r\n0\r\n*1\r\n$1\r\nn\r\n"},
    {"SCAN +0 TYPE STRING MATCH [^a-m] COUNT 100", "*2\r\n$1\r\n0\r\n*1\r\n$1\r\nn\r\n"},
    {"FLUSHALL x", "-ERR syntax error\r\n"},
    {"FLUSHALL sync x", "-ERR syntax error\r\n"},
    {"FLUSHDB ASYNC", "+OK\r\n"},
    {"DBSIZE", ":0\r\n"},
    {"RANDOMKEY", "$-1\r\n"},
    {"KEYS *", "*0\r\n"},
    {"SELECT -1", "-ERR DB index is out of range\r\n"},
    {"SELECT 15", "+OK\r\n"},
    {"SELECT 99999999999",
     "-ERR value is out of range, value must between -2147483648 and 2147483647\r\n"},
    {"WAIT x 0", "-ERR value is not an integer or out of range\r\n"},
    {"WAIT 0 x", "-ERR timeout is not an integer or out of range\r\n"},
    {"WAIT 0 -1", "-ERR timeout is negative\r\n"},
    {"QUIT\003", "-ERR unknown command 'QUIT', with args beginning with: \r\n"},
    {"CLIENT LIST TYPE foo", "-ERR Unknown client type 'foo'\r\n"},
    {"CLIENT LIST FOO", "-ERR syntax error\r\n"},
    {"CLIENT LIST ID x", "-ERR Invalid client ID\r\n"},
    {"CLIENT KILL ID 0", "-ERR client-id should be greater than 0\r\n"},
    {"CLIENT KILL ID x", "-ERR client-id should be greater than 0\r\n"},
    {"CLIENT KILL TYPE foo", "-ERR Unknown client type 'foo'\r\n"},
    {"CLIENT KILL FOO x", "-ERR syntax error\r\n"},
    {"CLIENT KILL SKIPME maybe", "-ERR syntax error\r\n"},
    {"CLIENT KILL ADDR", "-ERR No such client\r\n"},
    {"CLIENT KILL 1.2.3.4:5", "-ERR No such client\r\n"},
    {"CLIENT KILL ID 99999", ":0\r\n"},
    {"CLIENT KILL ID", "-ERR No such client\r\n"},
    {"CLIENT KILL ID 1 ADDR", "-ERR syntax error\r\n"},
    {"CLIENT SETNAME a\001b",
     "-ERR Client names cannot contain spaces, newlines or special characters.\r\n"},
    {"CLIENT SETNAME ok", "+OK\r\n"},
    {"CLIENT GETNAME", "$2\r\nok\r\n"},
    {"CLIENT SETNAME \002", "+OK\r\n"},
    {"CLIENT GETNAME", "$-1\r\n"},
    {"CLIENT REPLY x", "-ERR syntax error\r\n"},
    {"CLIENT NO-EVICT x", "-ERR syntax error\r\n"},
    {"CLIENT GETREDIR", ":-1\r\n"},
    {"CLIENT UNPAUSE", "+OK\r\n"},
    {"CONFIG SET a", "-ERR wrong number of arguments for 'config|set' command\r\n"},
    {"CONFIG SET nope 1", "-ERR Unknown option or number of arguments for CONFIG SET - 'nope'\r\n"},
    {"CONFIG SET a 1 b", "-ERR syntax error\r\n"},
    {"CONFIG GET TIMEOUT", "*2\r\n$7\r\nTIMEOUT\r\n$1\r\n0\r\n"},
    {"CONFIG GET [T-s]imeout", "*0\r\n"},
    {"CONFIG GET databases database?", "*2\r\n$9\r\ndatabases\r\n$2\r\n16\r\n"},
    {"CONFIG REWRITE", "-ERR The server is running without a config file\r\n"},
    {"CONFIG SET timeout 0", "+OK\r\n"},
    {"COMMAND GETKEYS GET", "-ERR wrong number of arguments for 'command|getkeys' command\r\n"},
    {"COMMAND GETKEYS MSET a 1 b 2", "*2\r\n$1\r\na\r\n$1\r\nb\r\n"},
    {"COMMAND GETKEYSANDFLAGS SET k v", "*1\r\n*2\r\n$1\r\nk\r\n*2\r\n+OW\r\n+update\r\n"},
    {"COMMAND GETKEYSANDFLAGS SET k v get",
     "*1\r\n*2\r\n$1\r\nk\r\n*3\r\n+RW\r\n+access\r\n+update\r\n"},
    {"COMMAND LIST FILTERBY PATTERN cl*help",
     "*2\r\n$11\r\nclient|help\r\n$12\r\ncluster|help\r\n"},
    {"CLUSTER HELP", "-ERR This instance has cluster support disabled\r\n"},
    {"COMMAND GETKEYS nope 1", "-ERR Invalid command specified\r\n"},
    {"COMMAND GETKEYS PING 1", "-ERR The command has no key arguments\r\n"},
    {"COMMAND GETKEYS SET a", "-ERR Invalid number of arguments specified for command\r\n"},
    {"COMMAND GETKEYS OBJECT ENCODING kk", "*1\r\n$2\r\nkk\r\n"},
    {"COMMAND GETKEYSANDFLAGS DEL a b",
     "*2\r\n*2\r\n$1\r\na\r\n*2\r\n+RM\r\n+delete\r\n*2\r\n$1\r\nb\r\n*2\r\n+RM\r\n+delete\r\n"},
    {"COMMAND INFO get nope client|id",
     "*3\r\n*10\r\n$3\r\nget\r\n:2\r\n*2\r\n+readonly\r\n+fast\r\n:1\r\n:1\r\n:1\r\n*3\r\n+@"
     "read\r\n+@string\r\n+@fast\r\n*0\r\n*1\r\n*6\r\n$5\r\nflags\r\n*2\r\n+RO\r\n+access\r\n$"
     "12\r\nbegin_search\r\n*4\r\n$4\r\ntype\r\n$5\r\nindex\r\n$4\r\nspec\r\n*2\r\n$5\r\nindex\r\n:"
     "1\r\n$9\r\nfind_keys\r\n*4\r\n$4\r\ntype\r\n$5\r\nrange\r\n$4\r\nspec\r\n*6\r\n$"
     "7\r\nlastkey\r\n:0\r\n$7\r\nkeystep\r\n:1\r\n$5\r\nlimit\r\n:0\r\n*0\r\n$-1\r\n*10\r\n$"
     "9\r\nclient|id\r\n:2\r\n*3\r\n+noscript\r\n+loading\r\n+stale\r\n:0\r\n:0\r\n:0\r\n*2\r\n+@"
     "slow\r\n+@connection\r\n*0\r\n*0\r\n*0\r\n"},
    {"COMMAND LIST FILTERBY PATTERN exis*", "*1\r\n$6\r\nexists\r\n"},
    {"COMMAND LIST FILTERBY FOO exis*", "-ERR syntax error\r\n"},
    {"COMMAND LIST x", "-ERR syntax error\r\n"},
    {"COMMAND DOCS nope", "*0\r\n"},
    {"HELLO x", "-ERR Protocol version is not an integer or out of range\r\n"},
    {"HELLO 1", "-NOPROTO unsupported protocol version\r\n"},
    {"HELLO 4", "-NOPROTO unsupported protocol version\r\n"},
    {"HELLO 2 FOO", "-ERR Syntax error in HELLO option 'FOO'\r\n"},
    {"HELLO 2 AUTH x", "-ERR Syntax error in HELLO option 'AUTH'\r\n"},
    {"HELLO 2 SETNAME", "-ERR Syntax error in HELLO option 'SETNAME'\r\n"},
    {"HELLO 2 SETNAME a\001b",
     "-ERR Client names cannot contain spaces, newlines or special characters.\r\n"},
    {"AUTH", "-ERR wrong number of arguments for 'auth' command\r\n"},
    {"AUTH a b c", "-ERR syntax error\r\n"},
    {"EXEC", "-ERR EXEC without MULTI\r\n"},
    {"DISCARD", "-ERR DISCARD without MULTI\r\n"},
    {"EXEC x",
     "-EXECABORT Transaction discarded because of: wrong number of arguments for 'exec' "
     "command\r\n"},
    {"MULTI", "+OK\r\n"},
    {"MULTI", "-ERR MULTI calls can not be nested\r\n"},
    {"WATCH a", "-ERR WATCH inside MULTI is not allowed\r\n"},
    {"DISCARD", "+OK\r\n"},
    {"WATCH", "-ERR wrong number of arguments for 'watch' command\r\n"},
    {"MULTI", "+OK\r\n"},
    {"FOO", "-ERR unknown command 'FOO', with args beginning with: \r\n"},
    {"SET a 1", "+QUEUED\r\n"},
    {"EXEC", "-EXECABORT Transaction discarded because of previous errors.\r\n"},
    {"MULTI", "+OK\r\n"},
    {"GET", "-ERR wrong number of arguments for 'get' command\r\n"},
    {"EXEC", "-EXECABORT Transaction discarded because of previous errors.\r\n"},
    {"MULTI", "+OK\r\n"},
    {"EXEC x",
     "-EXECABORT Transaction discarded because of: wrong number of arguments for 'exec' "
     "command\r\n"},
    {"EXEC", "-ERR EXEC without MULTI\r\n"},
    {"MULTI", "+OK\r\n"},
    {"SET a 1 EX x", "+QUEUED\r\n"},
    {"GET a", "+QUEUED\r\n"},
    {"SET a 2", "+QUEUED\r\n"},
    {"DISCARD", "+OK\r\n"},
    {"MULTI", "+OK\r\n"},
    {"SET a 1 FOO", "+QUEUED\r\n"},
    {"SET a 5", "+QUEUED\r\n"},
    {"GET a", "+QUEUED\r\n"},
    {"EXEC", "*3\r\n-ERR syntax error\r\n+OK\r\n$1\r\n5\r\n"},
    {"WATCH a", "+OK\r\n"},
    {"UNWATCH", "+OK\r\n"},
    {"MULTI", "+OK\r\n"},
    {"EXEC", "*0\r\n"},
    {"RESET", "+RESET\r\n"},
};

std::string CapturedRequest(absl::string_view row) {
  std::vector<std::string> words;
  for (const absl::string_view word : absl::StrSplit(row, ' ')) {
    std::string& bytes = words.emplace_back(word == "\2" ? "" : word);
    for (char& c : bytes) c = c == '\1' ? ' ' : c == '\3' ? '\0' : c;
  }
  return RespArray(words);
}

TEST(RespCaptured, EdgesOfCommandsAreThoseOfRedis) {
  RespWorld world;
  RespPeer peer(world);
  for (const CapturedRow& row : kCapturedRows) {
    EXPECT_EQ(peer.AskRaw(CapturedRequest(row.request)), row.reply) << row.request;
  }
}

// Also when it comes byte by byte, and all at once.
TEST(RespCaptured, RepliesDoNotDependOnHowRequestsArrive) {
  for (const size_t piece : {size_t{1}, size_t{7}, SIZE_MAX}) {
    RespWorld world;
    RespPeer peer(world);
    std::string requests, replies;
    for (const CapturedRow& row : kCapturedRows) {
      requests += CapturedRequest(row.request);
      replies += row.reply;
    }
    EXPECT_EQ(peer.AskRaw(requests, piece), replies) << piece;
  }
}

}  // namespace
}  // namespace keyturn
