// A held key that a server rotates at its provider, by a program of the server's configuration.
#include <filesystem>

#include "tests/integration/cli_fixture.h"

namespace keyturn {
namespace {

class TargetCliTest : public testing::Test {
 protected:
  static std::string Config(const std::string& directory) {
    const char* const source = std::getenv("KEYTURN_SOURCE");
    return absl::StrCat("[[rotation.targets]]\nname = \"stripe\"\npaths = [\"prod/stripe/*\"]\n",
                        "command = [\"", source == nullptr ? "." : source,
                        "/tests/rotation/target/provider.py\", \"", directory, "\"]\n");
  }
  TargetCliTest() : server_(/*init=*/true, Config(provider_.path())) {}

  ProcessResult Run(const std::string& line, const std::string& input = "") {
    return server_.Keyturn(Words(line), input);
  }
  std::string Ok(const std::string& line, const std::string& input = "") {
    const ProcessResult result = Run(line, input);
    EXPECT_EQ(result.code, 0) << line << "\n" << result.out << result.err;
    return result.out;
  }
  std::string Read(const std::string& file) { return FileSystem::Posix().Read(file).value_or(""); }
  // The status, once it has this in it.
  std::string Await(const std::string& part) {
    std::string status;
    for (int i = 0; i < 500 && !absl::StrContains(status, part); ++i) {
      status = Ok("rotation status prod/stripe/key -o json");
    }
    EXPECT_TRUE(absl::StrContains(status, part)) << status;
    return status;
  }
  // Of all that the server wrote outside of the store: log and audit log.
  bool IsWritten(const std::string& text) {
    if (absl::StrContains(Read(server_.File("log")), text)) return true;
    for (const auto& file : std::filesystem::directory_iterator(server_.File("data/audit"))) {
      if (absl::StrContains(Read(file.path()), text)) return true;
    }
    return false;
  }

  TempDir provider_;
  RunningServer server_;
};

TEST_F(TargetCliTest, AKeyIsRotatedAtItsProviderAndBack) {
  Ok("secret put prod/stripe/key --kind api_key --value-file -", "first-value");
  Ok("secret put prod/other --kind api_key --value-file -", "other");
  ProcessResult refused = Run("rotation policy set prod/other --source generate --target stripe");
  EXPECT_EQ(refused.code, 2);
  EXPECT_TRUE(absl::StrContains(refused.err, "--target: stripe is not for prod/other"))
      << refused.err;
  refused = Run("rotation policy set prod/stripe/key --source generate --target strip");
  EXPECT_TRUE(absl::StrContains(refused.err, "there is no 'strip'; allowed are stripe"))
      << refused.err;

  const std::string set =
      Ok("rotation policy set prod/stripe/key --source generate --target stripe");
  EXPECT_TRUE(absl::StrContains(set, "set at stripe")) << set;
  std::ofstream(provider_.File("state")) << R"({"works": ["first-value"], "ends": {}})";
  Ok("rotation run prod/stripe/key");
  Await("VERSION_STATE_GRACE");
  const std::string second = Ok("secret read prod/stripe/key");
  EXPECT_TRUE(absl::StrContains(Read(provider_.File("state")), second));

  Ok("rotation rollback prod/stripe/key --reason broken");
  for (int i = 0; i < 500 && Ok("secret read prod/stripe/key") != "first-value"; ++i) {
  }
  EXPECT_EQ(Ok("secret read prod/stripe/key"), "first-value");
  EXPECT_TRUE(absl::StrContains(Read(provider_.File("calls")), "disarm 1"));

  // The program says each value on its standard error.
  EXPECT_TRUE(IsWritten("the value is [redacted]"));
  EXPECT_FALSE(IsWritten("first-value"));
  EXPECT_FALSE(IsWritten(second));
  Ok("audit verify");
}

TEST_F(TargetCliTest, WhatIfTheValuesWereSetNowhere) {
  Ok("secret put prod/stripe/key --kind api_key --value-file -", "first-value");
  Ok("rotation policy set prod/stripe/key --source generate --target stripe");
  const auto tried = [&](const std::string& flags) {
    const std::string line = "rotation simulate prod/stripe/key -o json --svg if.svg " + flags;
    auto simulated = nlohmann::json::parse(Ok(line), nullptr, false);
    const bool what_if = absl::StrContains(Read(server_.File("if.svg")), "(what if)");
    return absl::StrCat(simulated["items"][0]["effectivePolicy"]["target"].get<std::string>(),
                        what_if ? ", what if" : "");
  };
  EXPECT_EQ(tried(""), "stripe");
  EXPECT_EQ(tried("--target none"), ", what if");
  EXPECT_EQ(tried("--target none --period 30d"), ", what if");
  EXPECT_EQ(tried("--period 30d"), "stripe, what if");
}

TEST_F(TargetCliTest, ARefusalIsShownToWhoLooks) {
  Ok("secret put prod/stripe/key --kind api_key --value-file -", "first-value");
  Ok("rotation policy set prod/stripe/key --source generate --target stripe");
  std::ofstream(provider_.File("next")) << R"({"result":"auth","message":"our key has expired"})";
  Ok("rotation run prod/stripe/key");
  const std::string status = Await("BLOCKED");
  EXPECT_TRUE(absl::StrContains(status, "target stripe: our key has expired")) << status;
  EXPECT_EQ(Ok("secret read prod/stripe/key"), "first-value");
}

TEST_F(TargetCliTest, WhatATargetDoesNotEndIsShownAndNotLost) {
  const std::string path = "prod/stripe/key";
  Ok("secret put prod/stripe/key --kind api_key --value-file -", "first-value");
  Ok("rotation policy set prod/stripe/key --source generate --target stripe");
  std::ofstream(provider_.File("state")) << R"({"works": ["first-value"], "ends": {}})";
  Ok("rotation run prod/stripe/key");
  Await("VERSION_STATE_GRACE");
  for (int i = 0; i < 500 && !absl::StrContains(Ok("rotation runs prod/stripe/key"), "done"); ++i) {
  }
  EXPECT_TRUE(absl::StrContains(Ok("rotation status prod/stripe/key"), "TARGET"));
  EXPECT_EQ(Ok("rotation blocked"), "");

  std::ofstream(provider_.File("next")) << R"({"result":"auth","message":"our key has expired"})";
  Ok("rotation retire prod/stripe/key --version 1 --reason over --confirm " + path);
  Await("retireError");
  const std::string shown =
      "version 1 is to end at stripe: target stripe: our key has expired, again in ";
  for (const char* const line :
       {"rotation status prod/stripe/key", "rotation list --blocked", "rotation blocked"}) {
    EXPECT_TRUE(absl::StrContains(Ok(line), shown)) << line << Ok(line);
  }
  for (const char* const verb : {"destroy", "erase"}) {
    const std::string line =
        absl::StrCat("secret ", verb, " prod/stripe/key --versions 1 --confirm ", path);
    const ProcessResult refused = Run(line);
    EXPECT_NE(refused.code, 0);
    EXPECT_TRUE(absl::StrContains(refused.err, "version 1 still works at target stripe"))
        << refused.err;
    EXPECT_TRUE(absl::StrContains(refused.err, "with --leave-at-target it is destroyed"))
        << refused.err;
  }
  Ok("secret destroy prod/stripe/key --versions 1 --leave-at-target --confirm " + path);
  EXPECT_EQ(Ok("rotation blocked"), "");
  EXPECT_TRUE(absl::StrContains(Read(provider_.File("state")), "first-value"));
}

}  // namespace
}  // namespace keyturn
