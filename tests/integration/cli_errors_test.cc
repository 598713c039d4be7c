// What people get wrong, and what they are told: exit codes, hints, nothing secret repeated.
#include "tests/integration/cli_fixture.h"

namespace keyturn {
namespace {

using CliErrors = CliTest;

TEST_F(CliErrors, SuggestTheNearestWord) {
  Fails("secrt list", 2, "keyturn: 'secrt' is not known to keyturn\nnext: did you mean secret?\n");
  Fails("secret gte a", 2,
        "keyturn: 'gte' is not known to keyturn secret\nnext: did you mean get?\n");
  Fails("secret get a --revel", 2,
        "'--revel' is not known to keyturn secret get\nnext: did you "
        "mean --reveal?\n");
  Fails("secret", 2, "keyturn secret needs a subcommand\nnext: keyturn secret --help\n");
  Fails("secret get", 2, "path is required\nnext: keyturn secret get --help\n");
  Fails("secret get a/\xff", 2, "an argument is not UTF-8");
  EXPECT_EQ(Run("help secret put").out, Run("secret put --help").out);
  Fails("secret list -o yaml", 2,
        "unknown output format 'yaml'; allowed are table, json, raw, env and dotenv");
  Fails("policy list -o env", 2,
        "this command has no output format env; allowed here: table, json");
}

TEST_F(CliErrors, AskingForTheVersionIsNoSuccessOfACommand) {
  EXPECT_TRUE(absl::StartsWith(Ok("--version"), "keyturn "));
  const std::string unknown =
      "keyturn: '--version' is not known to keyturn secret rename\n"
      "next: keyturn secret rename --help\n";
  Fails("secret rename e/from e/to --version", 2, unknown);
  Fails("secret rename e/from e/to --version 1", 2, unknown);
  Fails("--version secret rename e/from e/to", 2, unknown);
  Fails("run --version --path e -- true", 125, "'--version' is not known to keyturn run");
  Fails("rotation run", 2, "path is required");
  Fails("rotation run a --foo", 2, "'--foo' is not known to keyturn rotation run");
}

TEST_F(CliErrors, AVersionToEndIsGivenByEitherName) {
  Ok("secret put e/ended --value-file -", "first");
  Ok("secret put e/ended --value-file -", "second");
  Ok("secret delete e/ended --version 1");
  EXPECT_EQ(Ok("secret read e/ended --version 2"), "second");
  Fails("secret read e/ended --version 1", 6, "version 1 is deleted");
  Ok("secret undelete e/ended --version 1");
  EXPECT_EQ(Ok("secret read e/ended --version 1"), "first");
  Ok("secret destroy e/ended --version 1 --confirm e/ended");
  Fails("secret read e/ended --version 1", 3, "version 1 is destroyed");
}

TEST_F(CliErrors, NeverTakeOrRepeatAValueFromTheCommandLine) {
  const ProcessResult put = Run("secret put e/x value=hunter2");
  EXPECT_EQ(put.code, 2);
  EXPECT_FALSE(absl::StrContains(put.err, "hunter2")) << put.err;
  EXPECT_TRUE(absl::StrContains(put.err, "values are not taken from the command line")) << put.err;
  for (const std::string line :
       {"secret put e/x --value hunter2", "secret put e/x --value=hunter2", "login hunter2",
        "login --token hunter2", "secret read e/x hunter2", "operator unseal hunter2"}) {
    const ProcessResult result = Run(line);
    EXPECT_EQ(result.code, 2) << line;
    EXPECT_FALSE(absl::StrContains(result.err, "hunter2")) << line << "\n" << result.err;
  }
  Fails("secret put e/x", 2, "give --value-file FILE (- for standard input) or --value-fd N");
}

TEST_F(CliErrors, ATokenWhereAnIdBelongsIsNotSentAndNotKept) {
  Ok("token create --name pasted --policy root --ttl 1h --output-file pasted.token");
  const std::string token = *FileSystem::Posix().Read(server_->File("pasted.token"));
  const std::string bare(absl::StripSuffix(token, "\n"));
  const ProcessResult revoke = Run("token revoke " + bare);
  EXPECT_EQ(revoke.code, 2);
  EXPECT_TRUE(absl::StrContains(revoke.err, "that is a token, not its id")) << revoke.err;
  EXPECT_FALSE(absl::StrContains(revoke.err, bare));
  // Other commands send it as a name; the audit log does not hold it.
  Fails("policy get " + bare, 3, "");
  Fails("secret read " + bare, 3, "");
  EXPECT_FALSE(absl::StrContains(Ok("audit tail -n 100"), bare));
  Ok("logout --token-file pasted.token");
  Fails("whoami --token-file pasted.token", 4, "");
  Fails("token create --name x --policy root --output-file pasted.token", 6,
        "pasted.token exists already; no token was made");
}

TEST_F(CliErrors, MisspeltPermissionsGiveAndTakeNothing) {
  for (const char* const flag : {"--grant", "--deny"}) {
    const ProcessResult put = server_->Keyturn(
        {"policy", "put", "misspelt", "--grant", "secret:read a/*", flag, "secret:raed a/root"});
    EXPECT_EQ(put.code, 2);
    EXPECT_TRUE(absl::StrContains(
        put.err, "there is no permission 'secret:raed'; did you mean secret:read?"))
        << put.err;
    // A path that was forgotten would be every path.
    for (const char* const forgotten :
         {"secret:read,secret:list", "jwt:sign", "apikey:*", "admin:audit,jwt:verify"}) {
      const ProcessResult all = server_->Keyturn(
          {"policy", "put", "misspelt", "--grant", "admin:audit", flag, forgotten});
      EXPECT_EQ(all.code, 2) << forgotten;
      EXPECT_TRUE(absl::StrContains(all.err, "must be PERMISSION[,PERMISSION...] PATH")) << all.err;
    }
    const ProcessResult nowhere =
        server_->Keyturn({"policy", "put", "misspelt", flag, "admin:token app/*"});
    EXPECT_EQ(nowhere.code, 2);
    EXPECT_TRUE(absl::StrContains(nowhere.err, "admin:token is not about a path")) << nowhere.err;
  }
  Fails("policy get misspelt", 3, "");
  Fails("can-i secret:raed a", 2, "did you mean secret:read?");
  Fails("can-i secret:read a --policy misspelt", 3, "there is no policy named \"misspelt\"");
}

TEST_F(CliErrors, NumbersAreNotBentIntoShape) {
  Fails("secret put e/n --value-file - --if-version -1", 2, "must not be negative", "x");
  Fails("secret destroy e/n --versions 1,-2 --confirm e/n", 2, "must not be negative");
  Fails("role put r --policy root --spiffe-id spiffe://a/b --token-ttl 15m --token-max-ttl 5m", 2,
        "--token-ttl must not be more than --token-max-ttl");
  Fails("role put r --policy root", 2,
        "a role needs at least one of --spiffe-id and --fingerprint");
  Fails("login --ttl 400d", 2, "--ttl must be 0 to 2764800 seconds (32d)");
  Fails("password-policy put weak --length 3 --alphabet hex", 2,
        "the value would have 12 bits of randomness; at least 128 are required");
  Fails("password-policy put odd --length 40 --alphabet hex --require 1:!", 2,
        "characters must be of the alphabet");
  Ok("password-policy put weak --length 3 --alphabet hex --force");
  Ok("password-policy delete weak --confirm weak");
}

TEST_F(CliErrors, SayWhatToTypeNext) {
  Ok("secret put next/a --value-file -", "1");
  Ok("secret put next/b --field user --value-file -", "1");
  Fails("secret read next/none", 3, "next: keyturn secret list next/\n");
  Fails("secret read next/b#zz", 3,
        "next: keyturn secret get next/b shows its fields, values hidden\n");
  Fails("secret read next/a --version 9", 3, "next: keyturn secret history next/a shows");
  Fails("secret rename next/a next/b", 6,
        "next: choose another name; keyturn secret show next/b shows what is there\n");
  for (const std::string path : {"next/x/b", "next/y/b"}) {
    Ok("secret put " + path + " --value-file -", "1");
  }
  Fails("secret rename --directory next/x next/y", 6,
        "next: choose another name; keyturn secret list next/y --recursive shows what is there\n");
  Fails("secret put next/a --value-file - --if-version 7", 6,
        "next: keyturn secret show next/a says which is newest\n", "2");
  Fails("secret put next/a --kind jwt_key --value-file -", 6,
        "next: leave out --kind; keyturn secret show next/a says which it is\n", "2");
  Ok("secret metadata next/a --require-if-version");
  Fails("secret put next/a --value-file -", 6,
        "next: add --if-version N; keyturn secret show next/a", "2");
  Ok("secret delete next/a");
  Fails("secret read next/a", 6, "next: keyturn secret undelete next/a brings it back");
  Fails("policy get none", 3, "next: keyturn policy list shows what there is\n");
  Fails("run --env X=next/none -- true", 125, "next: keyturn secret list next/\n");
  Fails("secret generate next/weak --length 3 --alphabet hex", 2, "(--force waives it)\nnext: ");
  Ok("secret generate next/weak --length 3 --alphabet hex --force");
}

TEST_F(CliErrors, AreJsonForPrograms) {
  const ProcessResult result = Run("secret get e/none -o json");
  EXPECT_EQ(result.code, 3);
  const nlohmann::json error = nlohmann::json::parse(result.err)["error"];
  EXPECT_EQ(error["code"], "NOT_FOUND");
  EXPECT_EQ(error["reason"], "NOT_FOUND");
  EXPECT_EQ(error["message"], "no secret at e/none");
  EXPECT_EQ(error["help"], "keyturn secret list e/");
  EXPECT_FALSE(error["request_id"].get<std::string>().empty());
}

TEST_F(CliErrors, NameTheFileOrSettingThatIsWrong) {
  Fails("whoami --ca-cert /nowhere/ca.pem", 1, "/nowhere/ca.pem");
  Fails("whoami --token-file /nowhere/token", 1,
        "cannot read /nowhere/token: No such file or directory");
  Fails("whoami --info-file /nowhere/info", 7,
        "cannot read /nowhere/info: No such file or directory; keyturnd writes it once it listens\n"
        "next: start keyturnd");
  Fails("whoami --profile ../x", 2, "profile name '../x' must be");
  Fails("whoami --timeout soon", 2, "--timeout 'soon' is not a length of time");
  Fails("whoami --request-id " + std::string(65, 'x'), 2, "--request-id has at most 64 bytes");
  const ProcessResult no_ca = server_->Keyturn({"whoami"}, "", {{"HOME", "/nowhere"}});
  EXPECT_EQ(no_ca.code, 2);
  EXPECT_TRUE(absl::StrContains(no_ca.err, "nothing says which CA vouches for the server"))
      << no_ca.err;
  Fails("operator status --socket /nowhere/s", 7, "no server answers at the operator socket");
  std::ofstream(server_->File("empty")) << "\n";
  Fails("whoami --token-file empty", 2, "the token file empty is empty");
}

TEST_F(CliErrors, RefuseWhatIsTooLarge) {
  Fails("secret put e/big --value-file -", 2, "standard input is too large: at most 524288 bytes",
        std::string(600'000, 'x'));
  Fails("secret show e/big", 3, "");
}

TEST_F(CliErrors, SayWhatOfAnImportIsStoredWhenItStops) {
  EXPECT_EQ(server_
                ->Keyturn({"policy", "put", "half", "--grant", "secret:read,secret:list part/*",
                           "--grant", "secret:write part/a"})
                .code,
            0);
  Ok("token create --name half --policy half --ttl 1h --output-file half.token");
  const ProcessResult half = Run("import - --path part --token-file half.token", "A=1\nB=2\n");
  EXPECT_EQ(half.code, 9);
  EXPECT_EQ(half.out, "PATH    KIND     VERSION\npart/a  generic  1\n");
  EXPECT_TRUE(absl::StrContains(half.err,
                                "imported 1 of 2; stopped at part/b: no policy of the caller "
                                "grants secret:write here"))
      << half.err;
  EXPECT_EQ(Ok("secret read part/a"), "1");
  Fails("secret read part/b", 3, "");
}

TEST_F(CliErrors, InitOnceAndOnlyWithSomewhereToPutTheKey) {
  Fails("operator init --info-file " + server_->info_file(), 6,
        "there is a profile 'default' already");
  Fails("operator init --profile second --info-file " + server_->info_file(), 6,
        "the vault is initialised already");
  Fails("operator init --profile second --seal magic --info-file " + server_->info_file(), 6, "");
  Fails("operator init --profile second --root-token-file keyturn.toml --info-file " +
            server_->info_file(),
        6, "keyturn.toml exists already; nothing was done");
}

// A person unseals a vault by shares.
TEST(CliShares, InitUnsealAndSeal) {
  RunningServer server(/*init=*/false);
  const std::string info = server.info_file();
  const auto run = [&](const std::string& line, const std::string& input = "") {
    return server.Keyturn(Words(line), input);
  };
  const ProcessResult fresh = run("operator status --fail-on sealed --info-file " + info);
  EXPECT_EQ(fresh.code, 8);
  EXPECT_TRUE(
      absl::StrContains(fresh.err, "the vault is not initialised\nnext: keyturn operator init"))
      << fresh.err;
  const ProcessResult init = run(
      "operator init --shares 3 --threshold 2 --shares-file shares -o json --info-file " + info);
  ASSERT_EQ(init.code, 0) << init.err;
  EXPECT_FALSE(absl::StrContains(init.out, "kt-share-"));
  EXPECT_EQ(run("operator status --fail-on sealed").code, 0);
  EXPECT_EQ(run("operator seal").code, 2);
  EXPECT_EQ(run("operator seal --confirm seal").code, 0);
  const ProcessResult sealed = run("secret read a/b");
  EXPECT_EQ(sealed.code, 7) << sealed.err;
  EXPECT_TRUE(absl::StrContains(sealed.err, "next: ")) << sealed.err;

  const std::vector<std::string> shares =
      absl::StrSplit(*FileSystem::Posix().Read(server.File("shares")), '\n', absl::SkipEmpty());
  ASSERT_EQ(shares.size(), 3u);
  const std::string unseal = "operator unseal --share-file - --info-file " + info;
  const ProcessResult one = run(unseal, shares[0]);
  EXPECT_EQ(one.code, 0) << one.err;
  EXPECT_TRUE(absl::StrContains(one.out, "shares given  1 of 2")) << one.out;
  std::string mistyped = shares[1];
  mistyped[20] = mistyped[20] == 'A' ? 'B' : 'A';
  EXPECT_EQ(run(unseal, mistyped).code, 2);
  EXPECT_EQ(run(unseal, shares[2] + "\n").code, 0);
  EXPECT_EQ(run("operator status --fail-on sealed").code, 0);
}

}  // namespace
}  // namespace keyturn
