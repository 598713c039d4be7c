// What `keyturn` does, command by command: what it prints, and how it ends.
#include "base/clock.h"
#include "tests/integration/cli_fixture.h"

namespace keyturn {
namespace {

using Cli = CliTest;

TEST_F(Cli, WritesReadsAndShowsSecrets) {
  Ok("secret put w/one --value-file - --metadata team=a", "hunter2\n");
  EXPECT_EQ(Ok("secret read w/one"), "hunter2");
  Ok("secret put w/one --value-file - --keep-newline", "hunter3\n");
  EXPECT_EQ(Ok("secret read w/one"), "hunter3\n");
  EXPECT_EQ(Ok("secret read w/one --version previous"), "hunter2");
  EXPECT_EQ(Ok("secret read w/one#value@1"), "hunter2");
  // For people, values are hidden unless they ask.
  EXPECT_FALSE(absl::StrContains(Ok("secret get w/one"), "hunter"));
  EXPECT_TRUE(absl::StrContains(Ok("secret get w/one --reveal"), "hunter3"));
  EXPECT_EQ(Ok("secret get w/one -o raw"), "hunter3\n");
  EXPECT_EQ(Ok("secret get w/one -o dotenv"), "ONE=\"hunter3\\n\"\n");
  const nlohmann::json got = Json("secret get w/one -o json");
  EXPECT_EQ(got["data"]["value"], "hunter3\n");
  EXPECT_EQ(got["version"], "2");
  EXPECT_EQ(got["kind"], "KIND_GENERIC");
  EXPECT_EQ(got["customMetadata"]["team"], "a");
  const nlohmann::json shown = Json("secret show w/one -o json");
  EXPECT_EQ(shown["newestVersion"], "2");
  EXPECT_EQ(Json("secret history w/one -o json")["items"].size(), 2u);
  EXPECT_EQ(Json("secret diff w/one -o json")["items"][0]["change"], "changed");
}

TEST_F(Cli, MergesFieldsUnlessToldToReplace) {
  Ok("secret put m/db --data -", R"({"user": "app", "password": "hunter2", "port": 5432})");
  Ok("secret put m/db --field password --value-file -", "hunter3");
  nlohmann::json data = Json("secret get m/db -o json")["data"];
  EXPECT_EQ(data, nlohmann::json({{"user", "app"}, {"password", "hunter3"}, {"port", 5432}}));
  Ok("secret put m/db --data - --replace", R"({"user": "other"})");
  data = Json("secret get m/db -o json")["data"];
  EXPECT_EQ(data, nlohmann::json({{"user", "other"}}));
  Fails("secret read m/db@1", 3,
        "no secret at m/db@1\nnext: for a version: keyturn secret read m/db --version 1; in a "
        "reference: m/db#FIELD@1");
  EXPECT_EQ(Ok("secret read m/db#password@2"), "hunter3");
  Fails("secret read m/db --version 1", 2, "m/db has 3 fields: name one as m/db#FIELD");
}

TEST_F(Cli, ComparesBeforeItSets) {
  Ok("secret put c/one --value-file - --if-version 0", "a");
  Fails("secret put c/one --value-file - --if-version 0", 6, "version", "b");
  Ok("secret put c/one --value-file - --if-version 1", "b");
  EXPECT_EQ(Ok("secret read c/one"), "b");
}

TEST_F(Cli, GeneratesValues) {
  Ok("secret generate g/key --bytes 32 --format hex");
  EXPECT_EQ(Ok("secret read g/key").size(), 64u);
  EXPECT_TRUE(absl::StrContains(
      Ok("password-policy set db --length 24 --alphabet alphanumeric --require 2:0123456789"),
      "required         2:0123456789\n"));
  Ok("secret generate g/db#password --policy db");
  EXPECT_EQ(Ok("secret read g/db").size(), 24u);
  Ok("secret put g/key --generate --length 40 --alphabet alphanumeric");
  EXPECT_EQ(Ok("secret read g/key").size(), 40u);
  Fails("secret generate g/weak --bytes 8", 2, "at least 128 are required");
  Ok("secret generate g/weak --bytes 8 --force");
  Fails("secret generate g/api --kind api_key --bytes 16", 2, "32");
  Fails("secret generate g/api --kind api_key --length 32 --alphabet ab --force", 2,
        "this one would have 32");
  Ok("secret generate g/api --kind api_key --bytes 32");
  Fails("secret generate g/api --bytes 16", 2, "an API key has at least 32 random bytes");
  Fails("secret put g/api --generate --bytes 16", 2, "an API key has at least 32 random bytes");
  Ok("secret generate g/jwt --kind jwt_key");
  Fails("secret generate g/jwt --policy db", 2, "a JWT signing key for HS256 has at least 64");
  Fails("secret generate g/x --format base58", 2,
        "unknown format 'base58'; allowed are base64url, base64, hex and raw");
  Fails("secret put g/x --generate --value-file -", 2, "--generate goes without --value-file");
  for (const char* const flag :
       {"--policy db", "--bytes 32", "--length 32", "--alphabet hex", "--format hex", "--force"}) {
    Fails(absl::StrCat("secret put g/x --value-file - ", flag), 2, "requires --generate", "v");
  }
  Ok("password-policy delete db --confirm db");
}

TEST_F(Cli, ListsSearchesAndMoves) {
  Ok("secret put l/a/x --value-file - --metadata owner=eve", "1");
  Ok("secret put l/b --value-file -", "2");
  EXPECT_EQ(Ok("secret list l"), "NAME\na/\nb\n");
  EXPECT_EQ(Ok("secret list l -r"), "NAME\na/x\nb\n");
  const nlohmann::json page = Json("secret list l -r --page-size 1 -o json");
  EXPECT_EQ(page["items"].size(), 1u);
  const std::string token = page["nextPageToken"];
  EXPECT_EQ(Json("secret list l -r --page-token " + token + " -o json")["items"][0]["name"], "b");
  // People see where the rest begins, as programs do.
  const ProcessResult first = Run("secret list l -r --page-size 1");
  EXPECT_EQ(first.out, "NAME\na/x\n");
  ASSERT_TRUE(absl::StartsWith(first.err, "there is more: --page-token ")) << first.err;
  const ProcessResult rest = Run("secret list l -r --page-token " +
                                 Words(std::string(absl::StripSuffix(first.err, "\n"))).back());
  EXPECT_EQ(rest.out, "NAME\nb\n");
  EXPECT_EQ(rest.err, "");
  EXPECT_EQ(Json("secret search l --metadata owner=eve -o json")["items"][0]["path"], "l/a/x");
  // One value for each flag: what follows is the directory.
  EXPECT_EQ(Json("secret search --metadata owner=eve l -o json")["items"].size(), 1u);
  Ok("secret rename --directory l/a l/c");
  EXPECT_EQ(Ok("secret list l -r"), "NAME\nb\nc/x\n");
  EXPECT_EQ(Run("secret list nothing/here").err,
            "nothing that you may see is below 'nothing/here'\n");
}

TEST_F(Cli, DeletesWithAWayBackAndDestroysWithout) {
  Ok("secret put d/one --value-file -", "1");
  EXPECT_TRUE(absl::StrContains(Ok("secret delete d/one --dry-run"), "would"));
  EXPECT_EQ(Ok("secret read d/one"), "1");
  Ok("secret delete d/one");
  Fails("secret read d/one", 6, "version 1 is deleted");
  EXPECT_TRUE(absl::StrContains(Ok("secret show d/one"), "1 (deleted)"));
  Ok("secret undelete d/one");
  EXPECT_EQ(Ok("secret read d/one"), "1");
  Fails("secret destroy d/one --all", 2, "confirm with --confirm 'd/one'");
  Fails("secret destroy d/one --all --confirm d/two", 2, "--confirm must be exactly 'd/one'");
  Fails("secret destroy d/one", 2, "say what to destroy: --versions N,M or --all");
  EXPECT_EQ(Ok("secret read d/one"), "1");
  Ok("secret destroy d/one --all --confirm d/one");
  Fails("secret show d/one", 3, "no secret at d/one");
}

TEST_F(Cli, ImportsAllOrSaysWhatStands) {
  const std::string file = "A_KEY=one\nB_KEY='two words'\n";
  EXPECT_TRUE(absl::StrContains(Ok("import - --path i/x --dry-run", file), "i/x/a-key"));
  Fails("secret show i/x/a-key", 3, "");
  Ok("import - --path i/x", file);
  EXPECT_EQ(Ok("secret read i/x/b-key"), "two words");
  Fails("import - --path i/x", 6, "nothing was imported, as there are already: i/x/a-key", file);
  Ok("import - --path i/x --overwrite", "A_KEY=three\n");
  EXPECT_EQ(Ok("export i/x"), "A_KEY=\"three\"\nB_KEY=\"two words\"\n");
  EXPECT_EQ(Ok("export i/x -o env"), "export A_KEY='three'\nexport B_KEY='two words'\n");
  EXPECT_EQ(Json("export i/x -o json")["B_KEY"], "two words");
  Ok("import - --path i/j --format json", R"({"TOKEN": "t", "db": {"user": "u", "port": 1}})");
  EXPECT_EQ(Ok("secret read i/j/db#port"), "1");
  Fails("import - --path i/y", 2, "line 2: expected NAME=VALUE", "A=1\nhunter2\n");
  Fails("secret list i/y", 0, "nothing");
  Fails("import - --path /", 2, "--path must name a directory", "A=1");
  Fails("import - --path i/z", 2, "two entries of - would be i/z/a-b", "A_B=1\na_b=2\n");
  Fails("import - --path i/z", 2, "has no entries", "# nothing\n");
}

TEST_F(Cli, RendersTemplatesWholeOrNotAtAll) {
  Ok("secret put r/db --data -", R"({"user": "app", "password": "hunter2"})");
  EXPECT_EQ(
      Ok("render -", "u={{ keyturn://r/db#user }} p={{keyturn://r/db#password}} {{ .other }}\n"),
      "u=app p=hunter2 {{ .other }}\n");
  std::ofstream(server_->File("target")) << "before";
  Fails("render - --output-file target", 3, "line 2: keyturn://r/none#x: no secret at r/none",
        "{{ keyturn://r/db#user }}\n{{ keyturn://r/none#x }}");
  EXPECT_EQ(*FileSystem::Posix().Read(server_->File("target")), "before");
  Ok("render - --output-file target", "{{ keyturn://r/db#user }}");
  EXPECT_EQ(*FileSystem::Posix().Read(server_->File("target")), "app");
  // One flag, one meaning: --output is the format of all commands.
  Fails("render - --output target", 2, "unknown output format 'target'", "x");
  std::filesystem::create_symlink("/dev/null", server_->File("device"));
  Fails("render - --output-file device", 2, "device is not a regular file", "x");
}

TEST_F(Cli, NumbersComeBackAsTheyWent) {
  const std::string id = "12345678901234567890123";
  Ok("secret put n/json --data -", "{\"id\": " + id + ", \"list\": [ 1.10, 1E5 ]}");
  EXPECT_EQ(Ok("secret read n/json#id"), id);
  EXPECT_EQ(Ok("secret read n/json#list"), "[1.10,1E5]");
  const std::string got = Ok("secret get n/json -o json");
  EXPECT_TRUE(absl::StrContains(got, "\"id\": " + id + ",")) << got;
  Ok("import - --path n/i --format json", "{\"big\": {\"id\": " + id + "}}");
  EXPECT_EQ(Ok("secret read n/i/big#id"), id);
  Fails("secret put n/json --data -", 2, "'a' is there twice", R"({"a": "hunter2", "a": 1})");
  Fails("import - --path n/i --format json", 2, "'A' is there twice", R"({"A": "x", "A": "y"})");
}

TEST_F(Cli, ManagesPoliciesRolesAndTokens) {
  const ProcessResult put =
      server_->Keyturn({"policy", "put", "reader", "--grant", "secret:read,secret:list p/*",
                        "--deny", "secret:read p/root"});
  EXPECT_EQ(put.code, 0) << put.err;
  EXPECT_EQ(Json("policy get reader -o json")["grants"].size(), 2u);
  std::ofstream(server_->File("reader.json")) << Ok("policy get reader -o json");
  Ok("policy put reader2 --file reader.json");
  EXPECT_EQ(Json("policy get reader2 -o json")["grants"][0]["path"], "p/*");
  const ProcessResult limited =
      server_->Keyturn({"policy", "put", "visitor", "--grant", "secret:read p/*", "--deny",
                        "secret:read p/root", "--not-after", "2100-01-01", "--cidr", "10.0.0.0/8"});
  EXPECT_EQ(limited.code, 0) << limited.err;
  const nlohmann::json grants = Json("policy get visitor -o json")["grants"];
  EXPECT_EQ(grants[0]["notAfter"], "2100-01-01T00:00:00Z");
  EXPECT_EQ(grants[0]["boundCidrs"][0], "10.0.0.0/8");
  EXPECT_EQ(grants[1]["deny"], true);
  EXPECT_FALSE(grants[1].contains("notAfter"));
  Fails("policy put visitor --file reader.json --cidr 10.0.0.0/8", 2,
        "--not-after and --cidr limit what --grant gives, and there is none");
  Fails("policy put visitor --grant admin:audit --cidr 10.0.0.1/8", 2, "CIDR");
  Fails("policy put bad --grant admin:audit,x", 2, "there is no permission 'x'");
  Fails("policy put bad", 2, "a policy needs a grant");

  Ok("secret put p/a --value-file -", "1");
  Ok("secret put p/root --value-file -", "2");
  Ok("token create --name ci --policy reader --ttl 1h --output-file ci.token");
  EXPECT_EQ(Ok("secret read p/a --token-file ci.token"), "1");
  Fails("secret read p/root --token-file ci.token", 5, "");
  Fails("secret put p/a --value-file - --token-file ci.token", 5, "secret:write", "x");
  EXPECT_EQ(Run("can-i secret:read p/root --token-file ci.token").code, 8);
  EXPECT_EQ(Run("can-i secret:read p/a --token-file ci.token").code, 0);
  const nlohmann::json tokens = Json("token list -o json")["items"];
  std::string id;
  for (const nlohmann::json& token : tokens) {
    if (token["displayName"] == "ci") id = token["id"];
  }
  EXPECT_TRUE(absl::StrContains(Ok("token check " + id), "no"));
  Ok("token revoke " + id);
  Fails("secret read p/a --token-file ci.token", 4, "next: log in again: keyturn login");
  EXPECT_EQ(Run("token check " + id).code, 8);

  Fails("revoke", 2, "there is nothing to revoke");
  Fails("revoke --subject ci --reason rain", 2, "--reason must be one of logout, ");
  Fails("revoke --token kts.abc", 2, "that is a token, not its id");
  Fails("revoke --token subject:x", 2, "jti must not be \"all\" or begin with subject:");
  Ok("token create --name ci --policy reader --ttl 1h --output-file ci2.token");
  EXPECT_EQ(Ok("secret read p/a --token-file ci2.token"), "1");
  Ok("revoke --subject token:ci --reason breach");
  Fails("secret read p/a --token-file ci2.token", 4, "");
  Ok("token create --name ci --policy reader --ttl 1h --output-file ci3.token");
  EXPECT_EQ(Ok("secret read p/a --token-file ci3.token"), "1") << "made since";
  Ok("revoke --kid 2026-11 --token jti-1 --reason breach --expires 24h");
  EXPECT_EQ(Run("token check jti-2 --kid 2026-11").code, 8);
  EXPECT_EQ(Run("token check jti-1").code, 8);
  EXPECT_EQ(Run("token check jti-2").code, 0);
  Fails("revocation import --from http://x", 2, "--from must be redis://");
  Ok("revoke --subject alice --reason password-change");
  EXPECT_EQ(Run("token check jti-2 --subject alice").code, 8) << "an old one";
  EXPECT_EQ(Run("token check jti-2 --subject alice --issued 1h").code, 8);
  EXPECT_EQ(Run("token check jti-2 --subject alice --issued 2100-01-01").code, 0);

  Ok("operator issue-certificate --spiffe-id spiffe://example.com/svc --out svc --ttl 1d");
  Fails("operator issue-certificate --spiffe-id spiffe://example.com/svc --out svc", 6,
        "svc.pem exists already; nothing was done");
  Ok("role put svc --policy reader --spiffe-id spiffe://example.com/svc --token-ttl 10m");
  const std::string as_service = " --client-cert svc.pem --client-key svc.key";
  EXPECT_EQ(Ok("secret read p/a" + as_service), "1");
  EXPECT_EQ(Json("whoami -o json" + as_service)["principal"], "spiffe://example.com/svc");
  Ok("role delete svc --confirm svc");
  Fails("secret read p/a" + as_service, 4, "");
}

TEST_F(Cli, LogsInAndOutPerProfile) {
  Ok("login --ttl 10m");
  const std::string state = server_->File("home/.local/state/keyturn/tokens/default.json");
  EXPECT_EQ(std::filesystem::status(state).permissions(),
            std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
  EXPECT_FALSE(Json("whoami -o json")["tokenId"].get<std::string>().empty());
  // A token is never sent to another server.
  EXPECT_TRUE(absl::StrContains(Run("whoami -v --timeout 1s --address 127.0.0.1:1").err,
                                "the stored token is for another server; it is not sent"));
  Ok("logout");
  EXPECT_FALSE(std::filesystem::exists(state));
  EXPECT_EQ(Json("whoami -o json")["tokenId"], "");
  const nlohmann::json login = Json("login --no-store -o json");
  EXPECT_EQ(login["principal"], "spiffe://keyturn/operator");
  const std::string given = login["token"];
  EXPECT_EQ(Run("whoami", "", {{"KEYTURN_TOKEN", given}}).code, 0);
  EXPECT_EQ(Run("logout", "", {{"KEYTURN_TOKEN", given}}).err,
            "revoked the token of KEYTURN_TOKEN\n");
  EXPECT_EQ(Run("whoami", "", {{"KEYTURN_TOKEN", given}}).code, 4);
  const std::string token = Ok("login --no-store");
  EXPECT_FALSE(std::filesystem::exists(state));
  EXPECT_EQ(server_
                ->Keyturn({"whoami"}, "",
                          {{"KEYTURN_TOKEN", std::string(absl::StripSuffix(token, "\n"))}})
                .code,
            0);
  // Others may not read what is kept.
  std::filesystem::permissions(server_->File("home/.config/keyturn/config.json"),
                               std::filesystem::perms::others_read,
                               std::filesystem::perm_options::add);
  Fails("whoami", 6, "may be read by others, so it is not used\nnext: chmod 600 ");
  std::filesystem::permissions(server_->File("home/.config/keyturn/config.json"),
                               std::filesystem::perms::others_read,
                               std::filesystem::perm_options::remove);
}

TEST_F(Cli, ExplainsItsSettings) {
  EXPECT_TRUE(absl::StrContains(Ok("config explain"), "profile default"));
  EXPECT_TRUE(absl::StrContains(Run("config explain", "", {{"KEYTURN_ADDR", "10.0.0.1:7400"}}).out,
                                "KEYTURN_ADDR"));
  EXPECT_TRUE(absl::StrContains(Ok("config explain --address 10.0.0.2:1"), "flag --address"));
  const std::string ca = server_->Info()["ca_file"];
  Ok("profile add other --address 127.0.0.1:1 --ca-cert " + ca);
  Fails("profile add other --address 127.0.0.1:1 --ca-cert " + ca, 6, "--overwrite replaces it");
  Ok("profile use other");
  Fails("whoami --timeout 500ms", 7, "keyturn doctor");
  Ok("profile use default");
  Ok("profile rm other --confirm other");
  Fails("profile use nope", 3, "no profile 'nope'; there are: default");
}

TEST_F(Cli, PrintsNamesAsTheyAre) {
  Ok("secret put u/sch\xc3\xb6n --value-file -", "1");
  EXPECT_TRUE(absl::StrContains(Ok("secret list u"), "sch\xc3\xb6n\n"));
}

TEST_F(Cli, VerifiesAndSearchesTheAuditLog) {
  Ok("secret put a/x --value-file - --request-id my-own-id", "1");
  const nlohmann::json found = Json("audit search --id my-own-id -o json")["items"];
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0]["event"], "secret_written");
  EXPECT_EQ(found[0]["resource"], "a/x");
  EXPECT_TRUE(absl::StrContains(Ok("audit tail --last 5"),
                                "secret_written  ok  spiffe://keyturn/"
                                "operator  a/x@1"));
  const nlohmann::json verified = Json("audit verify -o json");
  EXPECT_EQ(verified["problems"].size(), 0u);
  const std::string data = server_->Info()["data_directory"];
  const nlohmann::json offline = Json("audit verify --offline " + data + "/audit --public-key " +
                                      verified["publicKey"].get<std::string>() + " -o json");
  EXPECT_GE(std::stoul(offline["entries"].get<std::string>()),
            std::stoul(verified["entries"].get<std::string>()));
  Fails("audit verify --offline /nowhere", 3, "there is no directory /nowhere");
  // What was noted is in the log, and an empty variable of a script is not "nothing to check".
  const std::string noted = verified["note"];
  EXPECT_EQ(noted, absl::StrCat(verified["entries"].get<std::string>(), ":",
                                verified["headHash"].get<std::string>()));
  const std::string command = "audit verify --offline " + data + "/audit";
  EXPECT_TRUE(absl::StrContains(Ok(command + " --noted " + noted), "problems      0"));
  for (const auto& [flag, form] : std::map<std::string, std::string>{
           {"--noted", "ENTRIES:HEAD"}, {"--public-key", "64 hexadecimal digits"}}) {
    const ProcessResult empty =
        server_->Keyturn({"audit", "verify", "--offline", data + "/audit", flag, ""});
    EXPECT_EQ(empty.code, 2) << flag;
    EXPECT_TRUE(absl::StrContains(empty.err, absl::StrCat(flag, " must be ", form))) << empty.err;
  }
  const ProcessResult fork = Run(command + " --noted 1:" + std::string(64, '0') + " -o json");
  EXPECT_EQ(fork.code, 8) << fork.out;
  EXPECT_FALSE(nlohmann::json::parse(fork.out).contains("note")) << fork.out;
  EXPECT_EQ(Json("operator verify -o json")["problems"].size(), 0u);
}

TEST_F(Cli, SaysItsVersion) {
  const nlohmann::json versions = Json("version -o json");
  EXPECT_EQ(versions["version"], versions["serverVersion"]);
  EXPECT_TRUE(absl::StrContains(Ok("--version"), versions["version"].get<std::string>()));
}

// Of a vault that others use too: terms are counted from what is there.
TEST_F(Cli, TurnsTheKeyEncryptionKey) {
  Ok("secret put k/one --value-file -", "hunter2");
  const uint64_t before = Json("operator status -o json")["kekTerm"];
  EXPECT_EQ(Ok("operator rotate-kek --suite xchacha20-poly1305"),
            absl::StrCat("key term  ", before + 1, "\n"));
  EXPECT_EQ(Json("operator rotate-kek --compromised -o json")["term"], before + 2);
  const absl::Time deadline = Clock::Real().Now() + absl::Seconds(30);
  nlohmann::json status;
  do {
    status = Json("operator rewrap status -o json");
  } while (status["keks"][before]["state"] != "RETIRED" && Clock::Real().Now() < deadline);
  const nlohmann::json& active = status["keks"].back();
  EXPECT_EQ(active["term"], before + 2);
  EXPECT_EQ(active["state"], "ACTIVE");
  EXPECT_EQ(active["suite"], "xchacha20-poly1305");
  EXPECT_TRUE(status["keks"][before]["compromised"]);
  EXPECT_EQ(status["recordsFailed"], "0");
  const std::string text = Ok("operator rewrap status --fail-on unfinished");
  EXPECT_TRUE(absl::StrContains(text, absl::StrCat("key term ", before + 2))) << text;
  EXPECT_TRUE(absl::StrContains(text, "retired, compromised, xchacha20-poly1305")) << text;
  EXPECT_TRUE(absl::StrContains(text, absl::StrCat("to term ", before + 2, ", ended "))) << text;
  EXPECT_EQ(Ok("secret read k/one"), "hunter2");
  Fails("operator rotate-kek --suite rot13", 2,
        "suite: 'rot13' must be aes-256-gcm or xchacha20-poly1305");
  Fails("operator rewrap status --fail-on x", 2, "--fail-on 'x' must be unfinished");
  // What the server does by itself is told without an empty address.
  const std::string entries = Ok("audit search --event kek_retired");
  EXPECT_TRUE(absl::StrContains(entries, "kek_retired  ok  keyturn\n")) << entries;
}

}  // namespace
}  // namespace keyturn
