// Writes inputs for the fuzz targets to begin with, made by the encoders themselves:
//   fuzz_seeds build/fuzz/new
// Certificates have new keys each time, all else is always the same.
#include <cstdio>
#include <filesystem>
#include <fstream>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "audit/chain.h"
#include "auth/token_codec.h"
#include "base/coding.h"
#include "client/cli/offline_codec.h"
#include "crypto/jws.h"
#include "crypto/jwt_claims.h"
#include "crypto/x509_make.h"
#include "crypto/x509_types.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "keyring/anchor.h"
#include "keyring/committed_seal.h"
#include "keyring/keyring_codec.h"
#include "keyring/seal_file.h"
#include "keyring/seal_slot.h"
#include "keyring/share_text.h"
#include "keyturn/v1/policy_service.pb.h"
#include "revocation/resp_writer.h"
#include "rotation/api_key/codec.h"
#include "storage/schema.h"
#include "tests/fuzz/fuzz.h"
#include "vault/fields.h"
#include "vault/page_token.h"

namespace keyturn::fuzz {
namespace {

class Seeds {
 public:
  explicit Seeds(std::string root) : root_(std::move(root)) {}

  void Add(const std::string& target, absl::string_view bytes) {
    const std::string folder = absl::StrCat(root_, "/", target);
    std::filesystem::create_directories(folder);
    std::ofstream(absl::StrCat(folder, "/seed-", ++count_)) << bytes;
  }

 private:
  const std::string root_;
  int count_ = 0;
};

std::string Prefixed(absl::string_view bytes) {
  std::string out;
  AppendLengthPrefixed(bytes, &out);
  return out;
}

// As TakeText reads it.
std::string Short(absl::string_view text) {
  return absl::StrCat(std::string(1, static_cast<char>(text.size())), text);
}

void Texts(Seeds* seeds) {
  for (const char* text : {"00ff", "AAEC_w", "c2VjcmV0", "kt"}) seeds->Add("coding", text);
  for (const char* text :
       {"app/db", "a/b/c/d", "team-1/api_key.v2", "\xc3\xa4/\xe6\x97\xa5", "a/", "."}) {
    seeds->Add("path", text);
    seeds->Add("utf8", text);
  }
  seeds->Add("grants", "app/db/password\napp/*\n-app/db/*\napp/+/password");
  seeds->Add("grants", "app/db\n*\n-app/+\napp/d*\n-secret/+/x/*");
  for (const char* text :
       {"10.0.0.0/8 10.1.2.3", "2001:db8::/32 2001:db8::1", "192.0.2.7 192.0.2.7",
        "0.0.0.0/0 ::ffff:1.2.3.4", "ipv4:192.0.2.1:4711", "ipv6:%5B::1%5D:1"}) {
    seeds->Add("cidr", text);
  }
  seeds->Add("config", R"(data_directory = "/srv/keyturn"
key_file = "/etc/key"
auto_unseal = true
[listen]
grpc = "[::1]:0"
[tls]
certificate = "/a"
key = "/b"
[webhooks]
enabled = false
allow_addresses = ["10.1.0.0/16"]
[audit]
reads = "fsync"
[limits]
arena_bytes = 8388608
worker_threads = 200
[log]
level = "debug"
)");
  seeds->Add("config", R"([[rotation.targets]]
name = "stripe"
paths = ["prod/stripe/*", "+/key"]
command = ["/usr/bin/rotate", "--live"]
environment = { ACCOUNT = "1" }
timeout_seconds = 20
[[rotation.targets]]
name = "billing"
paths = ["a"]
url = "https://billing.example/rotate"
signing_key_file = "/k"
allow_addresses = ["10.0.0.0/8"]
)");
  for (const char* text : {"127.0.0.1:7400", "[::1]:0", "x.y = '''a'''\n[[a]]\nb = 1979-05-27"}) {
    seeds->Add("config", text);
  }
  seeds->Add("dotenv", "# c\nexport A=plain # c\nB='as is'\nC=\"x\\n\\\"y\\$\"\nD=\n");
  seeds->Add("json", R"({"A":"x","b":{"c":[1,2.50,-1e5,null,true,{}],"d":"\u00e4"},"e":[]})");
  for (const char* text :
       {"90d", "1h30m", "45s", "2w", "3600", "2026-12-31", "2026-12-31T08:30:00Z", "2100-01-01"}) {
    seeds->Add("duration", text);
  }
  for (const char* text : {"* * * * *", "*/15 0-6,22 1,15 JAN-MAR/2 FRI-SUN", "0 3 1-7 * */7",
                           "0 0 29 2 *", "0 0 29 feb */5", "0 0 */31,1-7 * MON", "0 0 30 2 *"}) {
    seeds->Add("cron", absl::StrCat(BigEndian64(uint64_t{1'065'000'000}), text));
  }
  for (const char* text : {"keyturn://app/db#password@3", "app/db#user@previous", "app/db"}) {
    seeds->Add("reference", text);
  }
  for (const char* text : {"Bearer abc kts.AbC-_12", "postgres://app:pw@db/x?y=z",
                           "eyJhbGc.eyJz.c2ln", "kt-share-AAAA and ktb.x"}) {
    seeds->Add("redact", text);
  }
}

void Records(Seeds* seeds) {
  for (const AeadSuite suite : {AeadSuite::kAes256Gcm, AeadSuite::kXChaCha20Poly1305}) {
    seeds->Add("record",
               Must(SealRecord(FixedKeys(suite), {Purpose::kSetting, "a place", 3}, "data"),
                    "it is sealed"));
    const std::string head = {static_cast<char>(static_cast<int>(suite) - 1), 5};
    seeds->Add("record_damage", absl::StrCat(head, BigEndian64(9), Short("place"), Short("data"),
                                             std::string("\1\0\0\5\1", 5)));
    seeds->Add("version", absl::StrCat(head.substr(0, 1), BigEndian64(1), std::string(1, 1),
                                       BigEndian64(99), Short("data\x80"), std::string(12, '\1')));
  }
  const FieldView fields[] = {{"password", 1, "hunter2"}, {"port", 2, "5432"}, {"raw", 3, "\xff"}};
  seeds->Add("fields", Must(EncodeFields(fields), "they encode").ExposeForCrypto());
  seeds->Add("schema", schema::DueKey(FixedVault(), absl::FromUnixSeconds(1'800'000'000), 1));
  seeds->Add("schema", schema::RevisionKey(Revision(77)));
  seeds->Add("schema", schema::RevlogKey(493'056, Revision(77)));
  seeds->Add("schema", FixedVault().ToString());
  seeds->Add("wire", std::string("\x0a\x03"
                                 "abc\x10\x96\x01\x19"
                                 "12345678\x25"
                                 "1234",
                                 22));
  WalkPosition position;
  position.levels = {{"app/", false}, {"db", true}};
  seeds->Add("page_token", Must(EncodePageToken(FixedKeys(), "list/app", position), "it encodes"));
  seeds->Add("page_token", absl::StrCat(std::string(1, 0), std::string(1, 0), Prefixed("app/"),
                                        std::string(1, 1), Prefixed("db")));

  record::v1::IndexEntry entry;
  entry.set_name("db");
  entry.set_uuid(std::string(FixedVault().bytes()));
  seeds->Add("vault_records", std::string(1, 0) + entry.SerializeAsString());
  record::v1::SecretMetadata metadata;
  metadata.set_uuid(entry.uuid());
  metadata.set_newest_version(2);
  (*metadata.mutable_custom_metadata())["env"] = "DB";
  metadata.add_versions()->set_version(2);
  seeds->Add("vault_records", std::string(1, 1) + metadata.SerializeAsString());
  record::v1::ChangeRecord change;
  change.set_type(1);
  change.set_path("app/db");
  change.set_time_ms(1'800'000'000'000);
  seeds->Add("vault_records", std::string(1, 2) + change.SerializeAsString());
}

void Keys(Seeds* seeds) {
  record::v1::Keyring keyring;
  for (uint32_t term = 1; term <= 3; ++term) {
    record::v1::Kek& kek = *keyring.add_keks();
    kek.set_term(term);
    kek.set_suite(1 + term % 2);
    kek.set_state(term == 1   ? record::v1::Kek::RETIRED
                  : term == 2 ? record::v1::Kek::DECRYPT_ONLY
                              : record::v1::Kek::ACTIVE);
    if (term > 1) kek.set_key(std::string(32, 'k'));
  }
  for (std::string* key :
       {keyring.mutable_index_key(), keyring.mutable_record_hash_key(), keyring.mutable_token_key(),
        keyring.mutable_audit_mac_key(), keyring.mutable_audit_signing_seed(),
        keyring.mutable_api_key_pepper(), keyring.mutable_revocation_hash_key()}) {
    *key = std::string(32, 'x');
  }
  seeds->Add("keyring", keyring.SerializeAsString());
  const std::unique_ptr<FileSystem> files = NewFiles();
  StoreKeyring(keyring.SerializeAsString(), *files);
  seeds->Add("keyring", *files->Read("/d/keyring.ktn"));

  SealSpec spec;
  spec.type = SealSpec::Type::kShamir;
  spec.shares = 3;
  spec.threshold = 2;
  const NewSlot slot =
      Must(MakeSlot(spec, KeyringOptions(), FixedVault(), FixedRootKey(), 1), "a slot is made");
  record::v1::SealFile file;
  file.set_format(kSealFormat);
  file.set_vault_id(std::string(FixedVault().bytes()));
  *file.add_slots() = slot.slot;
  *file.add_next_slots() = slot.slot;
  file.mutable_slots(0)->mutable_argon2()->set_salt(std::string(16, 's'));
  file.mutable_slots(0)->mutable_argon2()->set_iterations(1);
  file.mutable_slots(0)->mutable_argon2()->set_memory_bytes(8192);
  seeds->Add("seal_file", file.SerializeAsString());
  seeds->Add("share", slot.shares.front().ExposeForCrypto());
  seeds->Add("share",
             absl::StrCat(std::string("\2\1", 2), Short("value"), std::string("\1\0\0\5\1", 5)));
  seeds->Add("shamir", absl::StrCat(std::string("\2\4\1\0abcd\2\0efgh", 14), std::string("\2\3", 2),
                                    Short("secret"), std::string(4, '\1')));
  Require(SaveAnchor(*files, "/d/anchor.ktn", FixedKeys(), Revision(9)).ok(), "it is saved");
  seeds->Add("anchor", *files->Read("/d/anchor.ktn"));
  seeds->Add("anchor", absl::StrCat(BigEndian64(9), std::string("\1\0\0\5\1", 5)));
  seeds->Add("key_file", std::string(33, '\0'));
  seeds->Add("key_file", std::string("\40") + std::string(32, 'k'));
}

void Tokens(Seeds* seeds) {
  seeds->Add("api_key",
             Must(api_key::NewText(api_key::NewId()), "a key is made").ExposeForCrypto());
  seeds->Add("token", Must(MakeStored(), "a token is made").text.ExposeForCrypto());
  record::v1::StatelessToken token;
  token.set_id("ktb-00000000000000000000000000000000");
  token.set_principal("role:app");
  token.add_policies("app");
  token.set_expire_ms(1'800'000'000'000);
  seeds->Add("token", Must(EncodeStateless(FixedKeys(), token), "it encodes").ExposeForCrypto());
  seeds->Add("token", std::string(1, 0) + token.SerializeAsString());
  seeds->Add("token",
             absl::StrCat(std::string(1, 1), Short("plain"), std::string("\1\0\0\5\1", 5)));
  seeds->Add("token", token.id());
  record::v1::StoredToken stored;
  stored.set_id("kts-00000000000000000000000000000000");
  stored.set_max_uses(3);
  stored.set_expire_ms(-1);
  seeds->Add("token", std::string(1, 2) + stored.SerializeAsString());
}

// Header, payload and the key of jws_fuzz; and what it makes of a choice.
void Jwts(Seeds* seeds) {
  const SecretBytes key =
      Must(SecretBytes::CopyOf("a secret of tests, which is long enough for HS256"), "room");
  const std::unique_ptr<const JwsSigner> signer =
      Must(JwsSigner::New(JoseAlgorithm::kHs256, "k", key), "a signer is made");
  JwtClaims claims;
  claims.iss = "i";
  claims.sub = "s";
  claims.aud = {"a"};
  claims.jti = "j";
  claims.iat = absl::FromUnixSeconds(999);
  claims.nbf = absl::FromUnixSeconds(1'000);
  claims.exp = absl::FromUnixSeconds(1'800);
  claims.permissions = {"secret:read", "secret:write"};
  claims.other_json = R"({"cnf":{"x5t#S256":"b"},"n":[1,-2,0.5,null,true,"\u00e4"]})";
  const std::string payload = Must(WriteClaims(claims), "they are written");
  seeds->Add("jws", payload);
  seeds->Add("jws", R"({"aud":["a","b"],"exp":1e9})");
  seeds->Add("jws", R"({"a":{"b":1,"b":2},"exp":1760000000000})");
  seeds->Add("jws", Must(signer->Sign(payload), "it is signed"));
  for (const char* const header :
       {R"({"alg":"HS256","kid":"k","typ":"JWT"})", R"({"alg":"ES256","kid":"k"})",
        R"({"alg":"none","kid":"k","typ":"application/at+jwt"})",
        R"({"typ":"JWT","alg":"HS256","kid":"k","jwk":{"k":"AA"},"crit":["exp"]})"}) {
    seeds->Add("jws", absl::StrCat(std::string(1, 0), Short(header), payload));
  }
  seeds->Add("jws", absl::StrCat(std::string(1, 1), Short("{}"), std::string("\1\0\0\5\1", 5)));
  seeds->Add("jws", absl::StrCat(std::string(1, 2), Short("i"), Short("j"), Short("a"),
                                 BigEndian64(1'000), R"({"b":[{}]})"));
}

void Messages(Seeds* seeds) {
  v1::Policy policy;
  policy.set_name("app");
  v1::Grant& grant = *policy.add_grants();
  grant.set_path("app/*");
  grant.add_permissions("secret:read");
  grant.add_bound_cidrs("10.0.0.0/8");
  grant.mutable_not_after()->set_seconds(1'800'000'000);
  seeds->Add("policy", std::string(1, 0) + policy.SerializeAsString());
  v1::Role role;
  role.set_name("app");
  role.add_policies("app");
  role.add_bound_spiffe_ids("spiffe://prod/app/*");
  role.add_bound_fingerprints(std::string(64, 'a'));
  seeds->Add("policy", std::string(1, 1) + role.SerializeAsString());
  v1::PasswordPolicy passwords;
  passwords.set_name("strong");
  passwords.set_length(24);
  passwords.set_alphabet("printable");
  passwords.add_rules()->set_characters("0123456789");
  passwords.mutable_rules(0)->set_at_least(2);
  seeds->Add("policy", std::string(1, 2) + passwords.SerializeAsString());
  v1::GenerateSpec spec;
  spec.set_length(40);
  spec.set_alphabet("hex");
  seeds->Add("policy", std::string(1, 3) + spec.SerializeAsString());

  v1::PutPolicyRequest put_policy;
  *put_policy.mutable_policy() = policy;
  seeds->Add("request", std::string("\1\3", 2) + put_policy.SerializeAsString());
  v1::GetRequest get;
  get.set_path("app/db");
  get.mutable_version()->set_number(3);
  get.add_fields("password");
  seeds->Add("request", std::string("\0\1", 2) + get.SerializeAsString());
  v1::PutRequest put;
  put.set_path("app/db");
  put.set_if_version(2);
  v1::Field& field = *put.mutable_data()->add_fields();
  field.set_name("password");
  field.set_value("hunter2");
  (*put.mutable_custom_metadata())["env"] = "DB";
  seeds->Add("request", std::string("\2\5", 2) + put.SerializeAsString());
  seeds->Add("fields", put.data().SerializeAsString());

  google::rpc::Status status;
  google::rpc::ErrorInfo info;
  info.set_reason("SEALED");
  (*info.mutable_metadata())["help"] = "unseal";
  google::rpc::RetryInfo retry;
  retry.mutable_retry_delay()->set_seconds(3);
  google::rpc::RequestInfo request;
  request.set_request_id("id-1");
  status.add_details()->PackFrom(info);
  status.add_details()->PackFrom(retry);
  status.add_details()->PackFrom(request);
  seeds->Add("error_detail", absl::StrCat(std::string(1, 9), Short("id"), Short("sealed"),
                                          status.SerializeAsString()));

  std::vector<cli::Variable> variables(2);
  variables[0].name = "DB_PASSWORD";
  variables[0].from = "app/db#password";
  variables[0].value = Must(SecretBytes::CopyOf("hunter2"), "the arena has room");
  variables[1].is_file = true;
  variables[1].parts.push_back(Must(SecretBytes::CopyOf("part"), "the arena has room"));
  seeds->Add(
      "kept_values",
      Must(cli::EncodeValues(variables, absl::UnixEpoch()), "they encode").ExposeForCrypto());
}

void Audit(Seeds* seeds) {
  AuditEvent event;
  event.time = absl::FromUnixSeconds(1'800'000'000);
  event.event = "secret_read";
  event.resource = "app/db";
  event.user_agent = "a\tb\xff";
  event.details = {{"token_id", "kts-00"}};
  seeds->Add("audit_event", EncodeEvent(event));
  ChainState state = ChainState::Start();
  std::string chain = HeaderFrame(&state);
  chain += EntryFrame(EncodeEvent(event), Revision(1), &state);
  chain += CheckpointFrame(std::string(64, 's'), &state);
  chain += HeaderFrame(&state);
  seeds->Add("audit_frame", chain);
  const std::string entry = absl::StrCat(Short("app/db"), std::string(1, 1), std::string(1, 1));
  seeds->Add("audit_frame",
             absl::StrCat(std::string(1, 2), entry, entry, std::string("\1\0\0\5\1", 5)));
  const std::string logged = absl::StrCat(std::string(1, 2), Short("app/db"));
  seeds->Add("audit_log",
             absl::StrCat(std::string("\7\0", 2), logged, std::string(1, 1), logged,
                          std::string(1, 8), logged, std::string("\1\1\0\0\5\1\1", 7)));
  seeds->Add("audit_log",
             absl::StrCat(std::string("\2\0", 2), logged, logged, std::string(9, '\1')));
}

void Requests(Seeds* seeds) {
  std::string arrays;
  RespWriter writer(&arrays);
  for (const std::vector<std::string>& command : std::vector<std::vector<std::string>>{
           {"SET", "revoked:1", "1", "EX", "60"}, {"EXISTS", "revoked:1", ""}, {"PING"}}) {
    writer.Array(command.size());
    for (const std::string& argument : command) writer.Bulk(argument);
  }
  const std::string plain = "get \"a\\x41\\n\" 'b\\'c'\r\n\r\nECHO  \"\"\nPING\n*0\r\n*-1\r\n";
  for (const std::string& text :
       {arrays, plain, absl::StrCat(plain, arrays), std::string("*2\r\n$3\r\nGET\r\n:1\r\n"),
        std::string("*11\r\n$1\r\na"), std::string("*1\r\n$16385\r\n"), std::string("a 'b\n")}) {
    seeds->Add("resp_request", absl::StrCat(std::string("\1\7", 2), text));
    seeds->Add("resp_request", absl::StrCat(std::string("\0\3", 2), text));
  }
}

// Conversations, as resp_session takes them: who the clients are, how large pieces are, and turns.
void Conversations(Seeds* seeds) {
  constexpr char kNamesKept = 1, kPieces = 7;
  constexpr char kBoth = 1 << 1 | 1 << 4;  // may do everything
  constexpr char kStrangers = 0, kWriters = 2 << 1 | 2 << 4, kReader = 3 << 1 | 1 << 4;
  // Turns with "|" between them: "0" and "1" say whose it is, "2" to "?" also what happens before.
  // Requests with ";".
  const auto add = [&](char who, absl::string_view talk) {
    std::vector<std::string> inlined, arrays;
    for (const absl::string_view turn : absl::StrSplit(talk, '|')) {
      std::string lines(turn.substr(0, 1)), bulks = lines;
      RespWriter writer(&bulks);
      for (const absl::string_view request : absl::StrSplit(turn.substr(1), ';')) {
        absl::StrAppend(&lines, request, "\r\n");
        const std::vector<std::string> words = absl::StrSplit(request, ' ', absl::SkipEmpty());
        writer.Array(words.size());
        for (const std::string& word : words) writer.Bulk(word);
      }
      inlined.push_back(std::move(lines));
      arrays.push_back(std::move(bulks));
    }
    const std::string head = {who, kPieces};
    seeds->Add("resp_session", absl::StrCat(head, absl::StrJoin(inlined, "\xff")));
    seeds->Add("resp_session", absl::StrCat(head, absl::StrJoin(arrays, "\xff")));
  };
  for (const char* const talk :
       {"0GET a;AUTH c no;AUTH cwa pw;SET a 1 EX 60;GET a;RESET;GET a",
        "0HELLO;HELLO 9;HELLO 3;HELLO 3 AUTH cwa pw SETNAME me;GET a;HELLO 2;PING",
        "0AUTH pw;QUIT;GET a|0PING", "0AUTH w pw;SET a 1;GET a|1AUTH a pw;CLIENT LIST;GET a",
        "0AUTH cwa pw;EXISTS a b c d e f g h i j;RESET;EXISTS a b c d e f g h i j;PING",
        "0FOO;POST / HTTP/1.1|0PING"}) {
    add(kStrangers, talk);
  }
  for (const char* const talk :
       {"0SET a 1 EX 60;SET a 2 NX;SET a 3 XX GET;SET a 4 PX 60000 KEEPTTL;SET a 4 KEEPTTL;TTL a",
        "0SET a 1;GETEX a EX 9;PTTL a;GETEX a PERSIST;TTL a;GETDEL a;GET a;SETEX b 9 x;SETNX b y",
        "0SET a 1;EXPIRE a 9 NX;EXPIRE a 5 GT;EXPIRE a 5 LT;PEXPIREAT a 1;EXISTS a;EXPIRETIME a",
        "0SADD s a b a;SMISMEMBER s a c;SREM s a;SCARD s;SMEMBERS s;GET s;SREM s b;TYPE "
        "s;SISMEMBER s b",
        "0MULTI;SET a 1;INCR a;GET a;EXEC|0MULTI;SET a 1;MULTI;GET a;EXEC;GET a;EXEC",
        "0WATCH a;MULTI;GET a|1SET a 1|0EXEC;WATCH a;MULTI;GET a;EXEC;MULTI;DISCARD;UNWATCH",
        "0MULTI;SUBSCRIBE a b;PUBLISH a x;EXEC;UNSUBSCRIBE|1MULTI;FOO;EXEC",
        "0SUBSCRIBE a b;PSUBSCRIBE a*;GET x;PING;PING y|1PUBLISH a hi;PUBSUB NUMSUB a b;PUBSUB "
        "CHANNELS *;PUBSUB NUMPAT|0UNSUBSCRIBE;PUNSUBSCRIBE a*;UNSUBSCRIBE;GET x",
        "0HELLO 3;SUBSCRIBE a;SSUBSCRIBE a;PUBLISH a x;SPUBLISH a y;SUNSUBSCRIBE|0RESET;GET a",
        "0CONFIG SET notify-keyspace-events KEA;PSUBSCRIBE __key*|1SET a 1 EX 1;SADD s x;SREM s "
        "x;DEL a;SET b 1 PX 500;EXPIRE b -1;SET c 1 EX 1|2PING|1FLUSHALL",
        "0HELLO 3;CLIENT TRACKING ON;GET a;SET a 1;GET a|1SET a 2;FLUSHALL|0CLIENT TRACKINGINFO;"
        "CLIENT TRACKING OFF",
        "0HELLO 3;CLIENT TRACKING ON OPTIN NOLOOP;CLIENT CACHING YES;GET a;GET b|1SET a 1;SET b 1",
        "0HELLO 3;CLIENT TRACKING ON OPTOUT;CLIENT CACHING NO;MGET a b;GET c|1DEL a;SET c 1;SET a "
        "1",
        "0HELLO 3;CLIENT TRACKING ON BCAST PREFIX a PREFIX b|1SET a1 1;SET b1 1;SET a1 2;DEL a1 b1",
        "0CLIENT ID;SUBSCRIBE __redis__:invalidate|1CLIENT TRACKING ON REDIRECT 3;GET a;SET a 1;"
        "CLIENT GETREDIR|>PING|1HELLO 3;GET a;SET a 2;CLIENT TRACKINGINFO",
        "0CLIENT REPLY SKIP;SET a 1;GET a;CLIENT REPLY OFF;SET a 2;CLIENT REPLY ON;GET a",
        "0CLIENT SETNAME me;CLIENT GETNAME;CLIENT LIST|1CLIENT KILL ID 3;CLIENT KILL USER "
        "cwa;CLIENT KILL TYPE normal SKIPME no;PING|0PING",
        "0SET a 1|<GET a;PING;INFO|1SUBSCRIBE x|0AUTH pw|<GET a|1PING",
        "0SET a 1;SUBSCRIBE a|1PUBLISH a 1|8GET a|1PUBLISH a 2|:PING|6SET a 1",
        "0INFO;COMMAND COUNT;COMMAND GETKEYS SET a 1;COMMAND DOCS get;CONFIG GET *;MEMORY USAGE "
        "a;OBJECT ENCODING a;TIME;ROLE;DBSIZE;ECHO x;SELECT 1;CLUSTER INFO",
        "0EXISTS a;EXISTS a;SET a 1;EXISTS a;EXISTS a b;TOUCH a;UNLINK a;EXISTS a|4DBSIZE"}) {
    add(kBoth, talk);
  }
  for (const char* const talk :
       {"0SET a 1;SET b 2;SADD c 3;SCAN 0;SCAN 0 MATCH a* COUNT 1;SCAN 0 TYPE set;KEYS *;RANDOMKEY",
        "0SET a 1 PX 900;SET b 1 EX 30;DBSIZE|2KEYS *;DBSIZE|4DBSIZE;SCAN 0 COUNT 100;SCAN x"}) {
    add(static_cast<char>(kBoth | kNamesKept), talk);
  }
  add(kWriters, "0SET a 1;CONFIG GET save;FLUSHALL;CLIENT LIST;EVAL x 0|1GET a;SAVE;FLUSHDB ASYNC");
  add(kReader, "0SET a 1;GET a;DEL a;SUBSCRIBE c|1SET a 1;PUBLISH c x|0PUBLISH c y;MULTI");
  for (const absl::string_view bytes :
       {"0get \"a\\x41\n\" 'b\\'c'\r\n\r\nECHO  \"\"\nPING\n*0\r\n*-1\r\nPING\r\n",
        "0PING 'a\r\nPING\r\n", "0PING\r\n*2\r\n$3\r\nGET\r\n:1\r\nPING\r\n", "0*1\r\n$4\r\nPI",
        "0*1048577\r\n", "0*1\r\n$-1\r\n", "0*1\r\n$524289\r\n",
        "0*3\r\n$3\r\nSET\r\n$1\r\na\r\n$2\r\n\r\n\r\nGET a\r\n"}) {
    for (const char who : {kBoth, kStrangers}) {
      seeds->Add("resp_session", absl::StrCat(std::string({who, kPieces}), bytes));
    }
  }
}

void Certificates(Seeds* seeds) {
  const absl::Time now = absl::FromUnixSeconds(1'800'000'000);
  const Validity validity = {now - absl::Hours(1), now + absl::Hours(24 * 3650)};
  const CertificateAndKey ca = Must(MakeCa("a CA of tests", validity), "a CA is made");
  const CertificateRequest request = Must(MakeCertificateRequest(), "a request is made");
  const std::string client = Must(
      SignClientCertificate(ca, request.csr_der, "spiffe://prod/app", validity), "it is signed");
  const std::vector<std::string> hosts = {"localhost", "127.0.0.1"};
  const CertificateAndKey server = Must(MakeServerCertificate(ca, hosts, validity), "it is made");
  std::string pieces;
  for (const std::string& pem : {client, server.certificate_pem, ca.certificate_pem}) {
    const BioPtr bio = ReadBio(pem);
    const std::string der = Must(ToDer(NextCertificate(bio.get()).get()), "it is written");
    seeds->Add("x509", Prefixed(der));
    pieces += Prefixed(der);
  }
  seeds->Add("x509", pieces);
  seeds->Add("x509", client + ca.certificate_pem);
  seeds->Add("x509", server.certificate_pem + ca.certificate_pem);
  seeds->Add("x509", "spiffe://prod/ns/app");
  seeds->Add("csr", request.csr_der);
}

}  // namespace
}  // namespace keyturn::fuzz

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fputs("usage: fuzz_seeds DIRECTORY\n", stderr);
    return 2;
  }
  keyturn::fuzz::Seeds seeds(argv[1]);
  keyturn::fuzz::Texts(&seeds);
  keyturn::fuzz::Records(&seeds);
  keyturn::fuzz::Keys(&seeds);
  keyturn::fuzz::Tokens(&seeds);
  keyturn::fuzz::Jwts(&seeds);
  keyturn::fuzz::Messages(&seeds);
  keyturn::fuzz::Audit(&seeds);
  keyturn::fuzz::Requests(&seeds);
  keyturn::fuzz::Conversations(&seeds);
  keyturn::fuzz::Certificates(&seeds);
  return 0;
}
