#include "server/config.h"

#include <fstream>

#include "absl/strings/match.h"
#include "tests/support/status.h"
#include "tests/support/temp_dir.h"

namespace keyturn {
namespace {

TEST(Config, DefaultsNeedNoFile) {
  ASSERT_OK_AND_ASSIGN(const Config config, ParseConfig(""));
  EXPECT_EQ(config.data_directory, "/var/lib/keyturn");
  EXPECT_EQ(config.grpc_address, "127.0.0.1:7400");
  EXPECT_EQ(config.https_address, "127.0.0.1:7401");
  EXPECT_EQ(config.metrics_address, "127.0.0.1:7403");
  EXPECT_EQ(config.resp_address, "127.0.0.1:7402");
  EXPECT_TRUE(config.require_memory_lock);
  EXPECT_FALSE(config.dev);
}

TEST(Config, AddressesOfWebhooksAreBlocks) {
  for (const char* const bad : {"'10.0.0.0/8'", "['10.0.0.1/8']", "['x']", "[1]", "[['::1']]"}) {
    const absl::Status status =
        ParseConfig(absl::StrCat("[webhooks]\nallow_addresses = ", bad)).status();
    EXPECT_EQ(status.message(),
              "webhooks.allow_addresses must be a list of at most 32 CIDR blocks, such as "
              "\"10.1.0.0/16\"")
        << bad;
  }
}

TEST(Config, ReadsEveryKey) {
  ASSERT_OK_AND_ASSIGN(const Config config, ParseConfig(R"(
data_directory = "/srv/keyturn"
key_file = "/etc/keyturn/key"
anchor_file = "/mnt/anchor"
auto_unseal = true
[listen]
grpc = "[::1]:0"
https = "0.0.0.0:443"
metrics = "0.0.0.0:9000"
resp = "10.1.2.3:6379"
resp_tls = "0.0.0.0:6380"
resp_socket = "/run/resp.sock"
[tls]
certificate = "/a"
key = "/b"
client_ca = "/c"
[audit]
directory = "/d"
reads = "fsync"
[limits]
arena_bytes = 8388608
require_memory_lock = false
worker_threads = 200
source_calls_per_second = 0
identity_calls_per_second = 12
[resp]
allow_plaintext = true
require_client_certificate = true
threads = 3
notify_keyspace_events = "KEA"
[revocation]
scan = true
prefix = "bl:"
guards_own = false
[webhooks]
enabled = false
ca_file = "/e"
allow_addresses = ["10.1.0.0/16", "::1"]
[log]
level = "debug"
)"));
  EXPECT_FALSE(config.webhooks);
  EXPECT_EQ(config.webhooks_ca_file, "/e");
  EXPECT_EQ(config.webhooks_allow_addresses, (std::vector<std::string>{"10.1.0.0/16", "::1"}));
  EXPECT_EQ(config.data_directory, "/srv/keyturn");
  EXPECT_EQ(config.key_file, "/etc/keyturn/key");
  EXPECT_EQ(config.anchor_file, "/mnt/anchor");
  EXPECT_TRUE(config.auto_unseal);
  EXPECT_EQ(config.grpc_address, "[::1]:0");
  EXPECT_EQ(config.https_address, "0.0.0.0:443");
  EXPECT_EQ(config.metrics_address, "0.0.0.0:9000");
  EXPECT_EQ(config.resp_address, "10.1.2.3:6379");
  EXPECT_EQ(config.resp_tls_address, "0.0.0.0:6380");
  EXPECT_EQ(config.resp_socket, "/run/resp.sock");
  EXPECT_TRUE(config.resp_allow_plaintext);
  EXPECT_TRUE(config.resp_require_client_certificate);
  EXPECT_EQ(config.resp_threads, 3);
  EXPECT_EQ(config.resp_notify_keyspace_events, "KEA");
  EXPECT_TRUE(config.revocation_scan);
  EXPECT_EQ(config.revocation_prefix, "bl:");
  EXPECT_FALSE(config.revocation_guards_own);
  EXPECT_EQ(config.tls_certificate, "/a");
  EXPECT_EQ(config.tls_key, "/b");
  EXPECT_EQ(config.tls_client_ca, "/c");
  EXPECT_EQ(config.audit_directory, "/d");
  EXPECT_TRUE(config.audit_sync_reads);
  EXPECT_EQ(config.arena_bytes, 8388608u);
  EXPECT_FALSE(config.require_memory_lock);
  EXPECT_EQ(config.worker_threads, 200);
  EXPECT_EQ(config.source_calls_per_second, 0);
  EXPECT_EQ(config.identity_calls_per_second, 12);
  EXPECT_EQ(config.log_level, LogLevel::kDebug);
}

struct BadConfig {
  const char* text;
  const char* message;
};

class BadConfigTest : public testing::TestWithParam<BadConfig> {};

TEST_P(BadConfigTest, IsRefusedWithTheKeyAndWhatIsAllowed) {
  const absl::Status status = ParseConfig(GetParam().text).status();
  EXPECT_CODE(status, kInvalidArgument);
  EXPECT_EQ(std::string(status.message()), GetParam().message);
}

constexpr char kAddress[] =
    " must be \"address:port\" with a literal IP address (IPv6 in brackets) and a port from 0 to "
    "65535";

INSTANTIATE_TEST_SUITE_P(
    All, BadConfigTest,
    testing::Values(
        BadConfig{"data_dir = \"/x\"", "unknown key data_dir; the nearest one is data_directory"},
        BadConfig{"data_directry = \"/x\"",
                  "unknown key data_directry; the nearest one is data_directory"},
        BadConfig{"[listen]\ngrcp = \"x\"",
                  "unknown key listen.grcp; the nearest one is listen.grpc"},
        BadConfig{"[limits.deep]\nx = 1",
                  "unknown key limits.deep; the nearest one is listen.resp"},
        BadConfig{"data_directory = 3", "data_directory must be an absolute path"},
        BadConfig{"data_directory = \"var\"", "data_directory must be an absolute path"},
        BadConfig{"auto_unseal = \"yes\"", "auto_unseal must be true or false"},
        BadConfig{"auto_unseal = true", "auto_unseal needs key_file, the key it unseals with"},
        BadConfig{"[audit]\nreads = \"never\"", "audit.reads must be \"batch\" or \"fsync\""},
        BadConfig{"[revocation]\nprefix = 3",
                  "revocation.prefix must be a string of at most 64 bytes"},
        BadConfig{"[log]\nlevel = 3",
                  "log.level must be \"debug\", \"info\", \"warning\" or \"error\""},
        BadConfig{"[tls]\nkey = \"/k\"", "tls.certificate and tls.key must be given together"},
        BadConfig{"[limits]\nworker_threads = 7",
                  "limits.worker_threads must be a whole number from 8 to 1024"},
        BadConfig{"[limits]\nworker_threads = 16.5",
                  "limits.worker_threads must be a whole number from 8 to 1024"},
        BadConfig{"[listen]\nresp = \"0.0.0.0:7402\"",
                  "listen.resp is without TLS, so that tokens would cross the network in clear: it "
                  "must be a loopback address, or use listen.resp_tls = \"0.0.0.0:7402\" and "
                  "listen.resp = \"\"; resp.allow_plaintext = true overrides this"},
        BadConfig{"[listen]\nresp_tls = \"x\"",
                  "listen.resp_tls must be \"address:port\" with a literal IP address (IPv6 in "
                  "brackets) and a port from 0 to 65535"},
        BadConfig{"[resp]\nnotify_keyspace_events = \"Km\"",
                  "resp.notify_keyspace_events must be letters of \"KEg$lshzxetdnA\""},
        BadConfig{"[resp]\nthreads = 65", "resp.threads must be a whole number from 0 to 64"},
        BadConfig{"[limits]\narena_bytes = 100000", "limits.arena_bytes must be a power of two"},
        BadConfig{"x = ", "line 1: Error while parsing key-value pair: encountered end-of-file"}));

TEST(Config, RefusesBadAddresses) {
  for (const char* address : {"", "7400", "localhost:7400", "127.0.0.1", "127.0.0.1:65536",
                              "127.0.0.1:-1", "127.0.0.1:+1", "127.0.0.1: 1", "127.0.0.1:1 ",
                              "127.0.0.1:x", "::1:7400", "[127.0.0.1]:7400"}) {
    const absl::Status status =
        ParseConfig(absl::StrCat("[listen]\ngrpc = \"", address, "\"")).status();
    EXPECT_CODE(status, kInvalidArgument);
    EXPECT_EQ(status.message(), absl::StrCat("listen.grpc", kAddress)) << address;
  }
}

TEST(Config, ReadsTargets) {
  ASSERT_OK_AND_ASSIGN(const Config config, ParseConfig(R"(
[[rotation.targets]]
name = "stripe"
paths = ["prod/stripe/*", "test/+/key"]
command = ["/usr/local/lib/keyturn/stripe", "--live"]
environment = { ACCOUNT = "acct=1", REGION = "" }
timeout_seconds = 300
[[rotation.targets]]
name = "billing"
paths = ["*"]
url = "https://billing.example/rotate"
signing_key_file = "/etc/keyturn/billing.key"
ca_file = "/etc/keyturn/billing.pem"
allow_addresses = ["10.1.0.0/16", "fd00::/8"]
)"));
  ASSERT_EQ(config.targets.size(), 2u);
  const TargetSpec& stripe = config.targets[0];
  EXPECT_EQ(stripe.name, "stripe");
  EXPECT_EQ(stripe.paths, (std::vector<std::string>{"prod/stripe/*", "test/+/key"}));
  EXPECT_EQ(stripe.command, (std::vector<std::string>{"/usr/local/lib/keyturn/stripe", "--live"}));
  EXPECT_EQ(stripe.environment, (std::vector<std::string>{"ACCOUNT=acct=1", "REGION="}));
  EXPECT_EQ(stripe.timeout, absl::Minutes(5));
  const TargetSpec& billing = config.targets[1];
  EXPECT_EQ(billing.url, "https://billing.example/rotate");
  EXPECT_EQ(billing.signing_key_file, "/etc/keyturn/billing.key");
  EXPECT_EQ(billing.ca_file, "/etc/keyturn/billing.pem");
  EXPECT_EQ(billing.allow_addresses, (std::vector<std::string>{"10.1.0.0/16", "fd00::/8"}));
  EXPECT_EQ(billing.timeout, absl::Seconds(30));
}

TEST(Config, RefusesBadTargets) {
  const std::string good = "name = 'x'\npaths = ['a']\ncommand = ['/b']\n";
  ASSERT_OK(ParseConfig("[[rotation.targets]]\n" + good));
  const std::pair<std::string, const char*> cases[] = {
      {"", "[0]: name must be 1 to 64 characters of a-z 0-9 - _"},
      {"name = 'Stripe'", "[0] (Stripe): name must be 1 to 64 characters of a-z 0-9 - _"},
      {"name = 3", "[0].name must be a string"},
      {"nam = 'x'", "unknown key rotation.targets[0].nam; the nearest one is name"},
      {"name = 'x'\ncommand = ['/b']",
       "[0] (x): paths must be a list of 1 to 32 patterns of the secrets that may use it, such as "
       "\"prod/stripe/*\""},
      {"name = 'x'\npaths = 'a'", "[0].paths must be a list of strings"},
      {"name = 'x'\npaths = [1]", "[0].paths must be a list of strings"},
      {"name = 'x'\npaths = ['a']", "[0] (x): either command or url must be given"},
      {good + "url = 'https://a'", "[0] (x): either command or url must be given"},
      {"name = 'x'\npaths = ['a']\ncommand = ['rotate']",
       "[0] (x): command must be a list of at most 64 strings, the absolute path of a program "
       "first"},
      {good + "timeout_seconds = 0", "[0].timeout_seconds must be a whole number from 1 to 300"},
      {good + "timeout_seconds = '1'", "[0].timeout_seconds must be a whole number from 1 to 300"},
      {good + "environment = ['A=1']", "[0].environment must be a table of strings"},
      {good + "environment = { A = 1 }", "[0].environment must be a table of strings"},
      {good + "environment = { 'A=B' = '1' }",
       "[0].environment must be a table of strings by names without '='"},
      {good + "ca_file = '/c'",
       "[0] (x): signing_key_file, ca_file and allow_addresses are of a target with a url"},
      {good + "signing_key_file = 'k'", "[0].signing_key_file must be an absolute path"},
      {"name = 'x'\npaths = ['a']\nurl = 'http://a'",
       "[0] (x): url must be a URL that begins with https://, without user information and blanks"},
      {"name = 'x'\npaths = ['a']\nurl = 'https://a'",
       "[0] (x): a target with a url needs signing_key_file"},
      {"name = 'x'\npaths = ['a']\nurl = 'https://a'\nsigning_key_file = '/k'\nenvironment = {A = "
       "'1'}",
       "[0] (x): environment is of a target with a command"},
      {good + "[[rotation.targets]]\n" + good, ": x is there twice"},
  };
  for (const auto& [text, said] : cases) {
    const absl::Status status = ParseConfig("[[rotation.targets]]\n" + text).status();
    EXPECT_CODE(status, kInvalidArgument);
    const std::string whole =
        absl::StartsWith(said, "unknown") ? said : absl::StrCat("rotation.targets", said);
    EXPECT_EQ(status.message(), whole);
  }
  EXPECT_EQ(ParseConfig("[rotation]\ntargets = 'x'").status().message(),
            "rotation.targets must be at most 32 tables, [[rotation.targets]] each");
  EXPECT_EQ(ParseConfig("[rotation]\ntargets = ['x']").status().message(),
            "rotation.targets[0] must be a table");
  // What the room of policies says of patterns and of blocks.
  EXPECT_CODE(ParseConfig("[[rotation.targets]]\nname='x'\npaths=['a*b']\ncommand=['/b']"),
              kInvalidArgument);
  EXPECT_CODE(ParseConfig("[[rotation.targets]]\nname='x'\npaths=['a']\nurl='https://a'\n"
                          "signing_key_file='/k'\nallow_addresses=['10.0.0.1/8']"),
              kInvalidArgument);
}

TEST(Config, ErrorsNameTheFile) {
  const TempDir dir;
  std::ofstream(dir.File("c.toml")) << "auto_unseal = 1\n";
  EXPECT_EQ(ReadConfig(dir.File("c.toml")).status().message(),
            dir.File("c.toml") + ": auto_unseal must be true or false");
  EXPECT_CODE(ReadConfig(dir.File("absent")), kNotFound);
}

}  // namespace
}  // namespace keyturn
