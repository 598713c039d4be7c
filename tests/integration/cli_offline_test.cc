// `keyturn run --offline`: what is used when there is no server, by whom, and when not. A server
// that is paused does not answer in time; one that is stopped is not there.
#include <sys/stat.h>

#include "tests/integration/cli_fixture.h"

namespace keyturn {
namespace {

class CliOffline : public CliTest {
 protected:
  void SetUp() override {
    Ok("secret put off/key --value-file -", "hunter2");
    Ok("secret put off/other --value-file -", "hunter3");
    std::filesystem::remove_all(Kept());
  }
  void TearDown() override { server_->GoOn(); }

  static std::string Kept() { return server_->File("home/.local/state/keyturn/offline"); }
  static std::vector<std::string> KeptFiles(const std::string& profile = "default") {
    std::vector<std::string> files;
    std::error_code error;
    for (const auto& entry : std::filesystem::directory_iterator(Kept() + "/" + profile, error)) {
      files.push_back(entry.path().string());
    }
    return files;
  }

  // `run` with these flags, of a program that shows the variable K.
  static ProcessResult Show(const std::string& flags, RunningServer* server = server_) {
    std::vector<std::string> words = Words("run " + flags);
    for (const char* const word : {"--", "sh", "-c", "echo got $K"}) words.emplace_back(word);
    return server->Keyturn(std::move(words));
  }
  static void Shows(const std::string& flags, const std::string& value) {
    const ProcessResult result = Show(flags);
    EXPECT_EQ(result.code, 0) << result.err;
    EXPECT_EQ(result.out, "got " + value + "\n");
    EXPECT_EQ(result.err, "");
  }
  static void Refuses(const std::string& flags, const std::string& message) {
    const ProcessResult result = Show(flags);
    EXPECT_EQ(result.code, 125) << flags;
    EXPECT_EQ(result.out, "");
    EXPECT_TRUE(absl::StrContains(result.err, message)) << result.err;
    EXPECT_FALSE(absl::StrContains(result.err, "hunter")) << result.err;
  }
};

TEST_F(CliOffline, AServerThatIsGoneIsSaidAndTheLastValuesAreUsed) {
  RunningServer server(/*init=*/true);
  EXPECT_EQ(server.Keyturn({"secret", "put", "off/key", "--value-file", "-"}, "hunter2").code, 0);
  const std::string flags = "--env K=off/key --mount F=off/key --offline 1h";
  const ProcessResult first = Show(flags, &server);
  EXPECT_EQ(first.out, "got hunter2\n");
  EXPECT_EQ(first.err, "");
  server.Stop();
  std::vector<std::string> words = Words("run " + flags);
  for (const char* const word : {"--", "sh", "-c", "echo got $K; cat $F"}) words.emplace_back(word);
  const ProcessResult second = server.Keyturn(words);
  EXPECT_EQ(second.code, 0);
  EXPECT_EQ(second.out, "got hunter2\nhunter2");
  EXPECT_TRUE(absl::StartsWith(second.err, "keyturn: warning: the server cannot be reached ("))
      << second.err;
  EXPECT_TRUE(absl::StrContains(second.err, "); sh gets the values that were read at 20"));
  EXPECT_TRUE(absl::StrContains(second.err, " seconds ago (--offline)\n"));
  EXPECT_FALSE(absl::StrContains(second.err, "hunter"));
  // Without the flag nothing is used.
  const ProcessResult without = Show("--env K=off/key --mount F=off/key", &server);
  EXPECT_EQ(without.code, 125);
  EXPECT_EQ(without.out, "");
}

// It is the emergency brake: whoever pulled it meant these values too.
TEST_F(CliOffline, ASealedVaultIsNotAnAbsentServer) {
  RunningServer server(/*init=*/true);
  EXPECT_EQ(server.Keyturn({"secret", "put", "off/key", "--value-file", "-"}, "hunter2").code, 0);
  EXPECT_EQ(Show("--env K=off/key --offline 1h", &server).out, "got hunter2\n");
  const ProcessResult sealed =
      server.Keyturn({"operator", "seal", "--confirm", "seal", "--info-file", server.info_file()});
  EXPECT_EQ(sealed.code, 0) << sealed.err;
  const ProcessResult refused = Show("--env K=off/key --offline 1h", &server);
  EXPECT_EQ(refused.code, 125);
  EXPECT_EQ(refused.out, "");
  EXPECT_TRUE(absl::StrContains(refused.err, "sealed")) << refused.err;
  EXPECT_FALSE(absl::StrContains(refused.err, "--offline")) << refused.err;
}

TEST_F(CliOffline, NothingIsKeptOrUsedWithoutTheFlag) {
  Shows("--env K=off/key", "hunter2");
  EXPECT_FALSE(std::filesystem::exists(Kept()));
  server_->Pause();
  Refuses("--env K=off/key --timeout 1s --offline 1h",
          "--offline: no values are kept of an earlier run by this caller");
  server_->GoOn();
  Shows("--env K=off/key --offline 1h", "hunter2");
  ASSERT_EQ(KeptFiles().size(), 1u);
  const std::string file = *FileSystem::Posix().Read(KeptFiles()[0]);
  EXPECT_FALSE(absl::StrContains(file, "hunter2"));
  EXPECT_FALSE(absl::StrContains(file, "off/key"));
  struct stat info;
  ASSERT_EQ(stat(KeptFiles()[0].c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777, 0600u);
  ASSERT_EQ(stat((Kept() + "/default").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777, 0700u);
}

TEST_F(CliOffline, AServerThatDoesNotAnswerIsAbsent) {
  Shows("--env K=off/key --offline 1h", "hunter2");
  server_->Pause();
  const ProcessResult result = Show("--env K=off/key --timeout 1s --offline 1h");
  EXPECT_EQ(result.out, "got hunter2\n");
  EXPECT_TRUE(absl::StrContains(result.err, "warning: the server cannot be reached ("));
}

TEST_F(CliOffline, WhatIsTooOldIsRefused) {
  Shows("--env K=off/key --offline 1s", "hunter2");
  server_->Pause();
  // Each attempt takes a while; soon the values are older than a second.
  ProcessResult result;
  for (int i = 0; i < 100 && result.code != 125; ++i) {
    result = Show("--env K=off/key --timeout 100ms --offline 1s");
    EXPECT_TRUE(absl::StrContains(result.err, result.code == 0 ? "warning" : "older than"))
        << result.err;
  }
  EXPECT_EQ(result.code, 125);
  EXPECT_TRUE(absl::StrContains(result.err, "are older than allowed")) << result.err;
  EXPECT_EQ(Show("--env K=off/key --timeout 100ms --offline 1h").out, "got hunter2\n");
}

TEST_F(CliOffline, ADamagedFileIsRefused) {
  Shows("--env K=off/key --offline 1h", "hunter2");
  server_->Pause();
  ASSERT_EQ(KeptFiles().size(), 1u);
  std::string bytes = *FileSystem::Posix().Read(KeptFiles()[0]);
  bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] ^ 4);
  std::ofstream(KeptFiles()[0], std::ios::binary) << bytes;
  Refuses("--env K=off/key --timeout 1s --offline 1h", "do not open: they are damaged");
}

TEST_F(CliOffline, AnotherQuestionIsNotAnswered) {
  Shows("--env K=off/other --offline 1h", "hunter3");
  const std::string of_other = KeptFiles().at(0);
  server_->Pause();
  for (const std::string question :
       {"--env K=off/key", "--mount K=off/other", "--env L=off/other", "--path off",
        "--env K=off/other#value", "--env K=off/other --env L=off/other"}) {
    Refuses(question + " --timeout 1s --offline 1h", "no values are kept");
  }
  server_->GoOn();
  // Nor with the file of one in the place of the other's.
  Shows("--env K=off/key --offline 1h", "hunter2");
  ASSERT_EQ(KeptFiles().size(), 2u);
  const std::string of_key = KeptFiles()[KeptFiles()[0] == of_other ? 1 : 0];
  std::filesystem::copy_file(of_other, of_key, std::filesystem::copy_options::overwrite_existing);
  server_->Pause();
  Refuses("--env K=off/key --timeout 1s --offline 1h", "do not open");
}

TEST_F(CliOffline, AnotherProfileGetsNothing) {
  Shows("--env K=off/key --offline 1h", "hunter2");
  const nlohmann::json config = nlohmann::json::parse(
      *FileSystem::Posix().Read(server_->File("home/.config/keyturn/config.json")));
  const nlohmann::json& own = config["profiles"]["default"];
  Ok("profile add twin --overwrite --address " + own["address"].get<std::string>() + " --ca-cert " +
     own["caCert"].get<std::string>() + " --client-cert " + own["clientCert"].get<std::string>() +
     " --client-key " + own["clientKey"].get<std::string>());
  server_->Pause();
  Refuses("--env K=off/key --profile twin --timeout 1s --offline 1h", "no values are kept");
  std::filesystem::copy(Kept() + "/default", Kept() + "/twin");
  Refuses("--env K=off/key --profile twin --timeout 1s --offline 1h", "no values are kept");
  server_->GoOn();
  Shows("--env K=off/key --profile twin --offline 1h", "hunter2");
  // What is kept goes with the profile.
  EXPECT_FALSE(KeptFiles("twin").empty());
  Ok("profile rm twin --confirm twin");
  EXPECT_TRUE(KeptFiles("twin").empty());
  EXPECT_FALSE(KeptFiles().empty());
}

TEST_F(CliOffline, WhatIsDeniedIsNotUsedAndForgotten) {
  EXPECT_EQ(server_->Keyturn({"policy", "put", "off", "--grant", "secret:read off/*"}).code, 0);
  Ok("token create --name off --policy off --ttl 1h --output-file off.token");
  const std::string flags = "--env K=off/key --token-file off.token --offline 1h";
  Shows(flags, "hunter2");
  server_->Pause();
  EXPECT_EQ(Show(flags + " --timeout 1s").out, "got hunter2\n");
  // Another caller of the same profile has nothing from it.
  Refuses("--env K=off/key --timeout 1s --offline 1h", "no values are kept");
  server_->GoOn();
  EXPECT_EQ(server_->Keyturn({"policy", "put", "off", "--grant", "secret:read none/*"}).code, 0);
  Refuses(flags, "no policy of the caller grants secret:read here");
  EXPECT_TRUE(KeptFiles().empty());
  server_->Pause();
  Refuses(flags + " --timeout 1s", "no values are kept");
}

TEST_F(CliOffline, TheProgramStartsAnewWithTrueValuesWhenTheServerIsBack) {
  const std::string fifo = server_->File("offline-fifo");
  ASSERT_EQ(mkfifo(fifo.c_str(), 0600), 0);
  const auto next = [&] { return NextWritten(fifo); };
  const std::vector<std::string> words = {BinFile("keyturn"),
                                          "run",
                                          "--env",
                                          "K=off/key",
                                          "--on-change",
                                          "restart",
                                          "--offline",
                                          "1h",
                                          "--timeout",
                                          "1s",
                                          "--",
                                          "sh",
                                          "-c",
                                          "echo $K > " + fifo + "; exec tail -f /dev/null"};
  const ProcessOptions options = {"", {{"HOME", server_->File("home")}}, server_->File("")};
  const std::string log = server_->File("offline.log");
  pid_t pid = StartProcess(words, options, log);
  EXPECT_EQ(next(), "hunter2") << *FileSystem::Posix().Read(log);
  kill(pid, SIGTERM);
  EXPECT_EQ(WaitFor(pid), 128 + SIGTERM);
  Ok("secret put off/key --value-file -", "hunter4");
  server_->Pause();
  pid = StartProcess(words, options, log);
  EXPECT_EQ(next(), "hunter2") << *FileSystem::Posix().Read(log);
  server_->GoOn();
  EXPECT_EQ(next(), "hunter4") << *FileSystem::Posix().Read(log);
  kill(pid, SIGTERM);
  EXPECT_EQ(WaitFor(pid), 128 + SIGTERM);
}

TEST_F(CliOffline, WhatIsWrongIsNamed) {
  Refuses("--env K=off/key --offline soon", "--offline 'soon' is not a length of time");
  Refuses("--env K=off/key --offline 0", "--offline '0' is not a length of time");
  Refuses("--env K=off/key --offline=", "--offline");
  Refuses("--env K=off/key --offline 8d",
          "--offline '8d' is too long: at most 604800 seconds (7d)");
  Refuses("--env-file - --offline 1h", "--offline does not go with standard input: name a file");
  EXPECT_TRUE(KeptFiles().empty());
}

}  // namespace
}  // namespace keyturn
