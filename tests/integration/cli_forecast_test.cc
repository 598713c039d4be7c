// `keyturn rotation plan|calendar|simulate|blocked|watch`, as an operator types it.
#include <csignal>

#include "tests/integration/cli_fixture.h"

namespace keyturn {
namespace {

class ForecastCliTest : public CliTest {
 protected:
  void Make(const std::string& path, const std::string& more = "") {
    Ok(absl::StrCat("secret put ", path, " --value-file - ", more), "first");
  }
  static bool Has(const std::string& text, const std::string& part) {
    return absl::StrContains(text, part);
  }
  static size_t Count(const std::string& text, const std::string& part) {
    size_t count = 0;
    for (size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1))
      ++count;
    return count;
  }
};

TEST_F(ForecastCliTest, WhatComesNextIsToldInOrder) {
  Make("plan/jwt", "--kind jwt_key");
  Make("plan/held", "--kind api_key");
  Make("plan/generic");
  Ok("rotation policy set plan/jwt --period 10d --grace 2d --jitter none");
  Ok("rotation policy set plan/held --period 15d --jitter none");
  const std::string plan = Ok("rotation plan plan/");
  EXPECT_LT(plan.find("version 2 is current"), plan.find("its owner is asked for a value")) << plan;
  EXPECT_TRUE(Has(plan, "its period is over; the one before works until ")) << plan;
  EXPECT_TRUE(Has(plan, "version 1 works no more")) << plan;
  EXPECT_TRUE(Has(plan, "if its value comes")) << plan;
  EXPECT_FALSE(Has(plan, "plan/generic")) << plan;
  const auto status = Json("rotation status plan/jwt -o json");
  const auto items = Json("rotation plan plan/jwt --days 11 -o json")["items"];
  ASSERT_EQ(items.size(), 1u);
  EXPECT_EQ(items[0]["time"], status["dueTime"]);
  EXPECT_EQ(items[0]["kind"], "PROMOTED");
  EXPECT_EQ(items[0]["version"], "2");
  const std::string never = Ok("rotation plan plan/held --value-delay never");
  EXPECT_FALSE(Has(never, "is current")) << never;
  EXPECT_TRUE(Has(never, "its owner is asked")) << never;
  Ok("rotation pause plan/jwt --reason freeze");
  EXPECT_TRUE(Has(Ok("rotation plan plan/jwt"), "paused: nothing starts"));
  EXPECT_EQ(Ok("rotation plan plan/generic"), "");
  Fails("rotation plan plan/ --days 401", 2, "--days");
  Fails("rotation plan plan//x", 2, "path");
  Fails("rotation plan plan/ --value-delay soon", 2, "--value-delay");
}

TEST_F(ForecastCliTest, ACalendarShowsTheBusiestDay) {
  Make("cal/a", "--kind jwt_key");
  Make("cal/b", "--kind jwt_key");
  for (const char* const name : {"cal/a", "cal/b"}) {
    Ok(absl::StrCat("rotation policy set ", name, " --period 20d --jitter none --grace 1d"));
  }
  const std::string calendar = Ok("rotation calendar cal/ --months 2");
  EXPECT_EQ(Count(calendar, " Mon       Tue "), 2u) << calendar;
  EXPECT_TRUE(Has(calendar, "busiest day ")) << calendar;
  EXPECT_TRUE(Has(calendar, ": 2 of ")) << calendar;
  const auto items = Json("rotation calendar cal/ --months 2 -o json")["items"];
  ASSERT_GE(items.size(), 1u);
  EXPECT_EQ(items[0]["rotations"], 2);
  Fails("rotation calendar --months 14", 2, "--months");
}

TEST_F(ForecastCliTest, AYearIsSimulatedByAnotherPolicyToo) {
  Make("sim/a", "--kind jwt_key");
  Make("sim/b", "--kind jwt_key");
  const std::string stored = Ok("rotation simulate sim/");
  EXPECT_EQ(Count(stored, "1 -> 5"), 2u) << stored;
  EXPECT_FALSE(Has(stored, "week of")) << stored;  // no terminal
  const std::string tried =
      Ok("rotation simulate sim/ --period 30d --grace 3d --jitter none --picture");
  EXPECT_EQ(Count(tried, "1 -> 13"), 2u) << tried;
  EXPECT_TRUE(Has(tried, "|## 2")) << tried;
  EXPECT_TRUE(Has(Ok("rotation status sim/a"), "every 90d"));
  const auto items = Json("rotation simulate sim/a --days 100 -o json")["items"];
  ASSERT_EQ(items.size(), 1u);
  EXPECT_EQ(items[0]["events"][0]["kind"], "STARTED");
  Fails("rotation simulate sim/a --period 5s", 2, "--period is 5; allowed are 60 to ");
  Fails("rotation simulate sim/ --period 5s", 2, "sim/a: --period is 5");
  Fails("rotation simulate sim/a --after sim/a", 2, "'sim/a' would wait for itself");
  Fails("rotation simulate sim/a --retire-gate maybe", 2, "none, warn or block");
  std::ofstream(server_->File("tried.json")) << Ok("rotation policy show sim/a");
  EXPECT_EQ(Count(Ok("rotation simulate sim/a --file tried.json"), "1 -> 5"), 1u);
}

TEST_F(ForecastCliTest, WhatIfAPolicyHadLess) {
  Make("less/a", "--kind jwt_key");
  const ProcessResult set =
      server_->Keyturn({"rotation", "policy", "set", "less/a", "--grace", "2d", "--window",
                        "0 2 * * SUN 4h", "--after", "less/b 6h", "--max-age", "60d", "--soft"});
  ASSERT_EQ(set.code, 0) << set.err;
  const auto tried = [&](const std::string& flags) {
    auto items = Json(absl::StrCat("rotation simulate less/ -o json ", flags))["items"];
    EXPECT_EQ(items.size(), 1u) << flags;
    return items[0]["effectivePolicy"];
  };
  auto stored = tried("");
  EXPECT_EQ(stored["windows"].size(), 1u);
  auto less = tried("--window none");
  EXPECT_EQ(less["windows"].size(), 0u);
  EXPECT_EQ(less["after"], stored["after"]);
  less = tried("--after none --strict");
  EXPECT_EQ(less["after"].size(), 0u);
  EXPECT_EQ(less["windows"], stored["windows"]);
  EXPECT_EQ(less["enforcement"], "STRICT");
  less = tried("--max-age none");
  EXPECT_EQ(less["maxCredentialAgeSeconds"], "0");
  EXPECT_EQ(less["graceSeconds"], "172800");
  EXPECT_EQ(tried(""), stored) << "nothing was changed";
  // Alone it is a question as well.
  const auto title = [&](const std::string& flags) {
    Ok(absl::StrCat("rotation simulate less/ --svg less.svg ", flags));
    return Has(*FileSystem::Posix().Read(server_->File("less.svg")), "(what if)");
  };
  EXPECT_FALSE(title(""));
  EXPECT_TRUE(title("--window none"));
  EXPECT_TRUE(title("--max-age none"));
  EXPECT_TRUE(title("--after none"));
}

TEST_F(ForecastCliTest, ThePictureIsAnSvg) {
  Make("svg/a", "--kind jwt_key");
  const ProcessResult result = Run("rotation simulate svg/ --svg year.svg");
  EXPECT_EQ(result.code, 0) << result.err;
  EXPECT_TRUE(Has(result.err, "the picture is in year.svg")) << result.err;
  const ProcessResult parsed =
      RunProcess({"/usr/bin/python3", "-c",
                  "import sys,xml.etree.ElementTree as t;print(t.parse(sys.argv[1]).getroot().tag)",
                  server_->File("year.svg")});
  EXPECT_EQ(parsed.out, "{http://www.w3.org/2000/svg}svg\n") << parsed.err;
  EXPECT_NE(Run("rotation simulate svg/ --svg nowhere/year.svg").code, 0);
}

TEST_F(ForecastCliTest, OnATerminalThePictureIsThere) {
  Make("tty/a", "--kind jwt_key");
  const ProcessResult shown =
      server_->KeyturnOnTerminal({"rotation", "simulate", "tty/", "--days", "90"}, {});
  EXPECT_EQ(shown.code, 0) << shown.out;
  EXPECT_TRUE(Has(shown.out, "week of")) << shown.out;
}

TEST_F(ForecastCliTest, WhatIsBlockedIsListed) {
  Make("stuck/a", "--kind api_key");
  EXPECT_EQ(Ok("rotation blocked stuck/"), "");
  // There is no field of that name to be made anew.
  Ok("rotation policy set stuck/a --source generate --field other");
  Ok("rotation run stuck/a");
  EXPECT_TRUE(Has(Ok("rotation blocked stuck/"), "blocked at generate")) << Ok("rotation blocked");
  const std::string plan = Ok("rotation plan stuck/");
  EXPECT_TRUE(Has(plan, "blocked: the current version has no field 'other'")) << plan;
}

TEST_F(ForecastCliTest, WhoMaySeeSomeSecretsIsToldOfThese) {
  Make("see/open/a", "--kind jwt_key");
  Make("see/private/b", "--kind jwt_key");
  const ProcessResult put =
      server_->Keyturn({"policy", "put", "sees-open", "--grant", "secret:list see/open/*"});
  ASSERT_EQ(put.code, 0) << put.err;
  Ok("token create --name sees --policy sees-open --ttl 1h --output-file sees.token");
  const std::string plan = Ok("rotation plan see/ --days 100 --token-file sees.token");
  EXPECT_TRUE(Has(plan, "see/open/a")) << plan;
  EXPECT_FALSE(Has(plan, "private")) << plan;
  // When another secret rotates would show in when this one waits for it.
  Fails("rotation simulate see/open/a --after see/private/b --token-file sees.token", 5,
        "secret:list");
  Fails("rotation plan see/private/ --token-file sees.token", 5, "secret:list");
}

TEST_F(ForecastCliTest, TheHelpLeadsWithExamples) {
  for (const char* const command : {"plan", "calendar", "simulate", "blocked", "watch", "runs"}) {
    const std::string help = Ok(absl::StrCat("rotation ", command, " --help"));
    EXPECT_TRUE(Has(help, absl::StrCat("keyturn rotation ", command))) << help;
  }
}

TEST_F(ForecastCliTest, AWatchTellsWhatHappensUntilItIsInterrupted) {
  Make("watch/a", "--kind jwt_key");
  for (const bool json : {false, true}) {
    std::vector<std::string> words = {"rotation", "watch", "watch/"};
    if (json) words.insert(words.end(), {"-o", "json"});
    const std::string log = server_->File(absl::StrCat("watch", json));
    const pid_t pid = server_->StartKeyturn(words, log);
    // It begins with what comes: the first change after that is told.
    std::string told;
    for (int i = 0; i < 100 && !Has(told, "grace"); ++i) {
      Ok("rotation run watch/a --force --confirm watch/a");
      told = *FileSystem::Posix().Read(log);
    }
    EXPECT_TRUE(Has(told, json ? R"("state":"current")" : "  current\n")) << told;
    EXPECT_TRUE(Has(told, "watch/a")) << told;
    // What happens by time alone is told when its time comes.
    if (!json) {
      Ok("rotation extend watch/a --until 2s --reason over");
      for (int i = 0; i < 1000 && !Has(told, "retired"); ++i) {
        Ok("version");
        told = *FileSystem::Posix().Read(log);
      }
      EXPECT_TRUE(Has(told, "  retired\n")) << told;
    }
    kill(pid, SIGINT);
    EXPECT_EQ(WaitFor(pid), 0);
    told = *FileSystem::Posix().Read(log);
    EXPECT_TRUE(Has(told, "next: keyturn rotation watch watch/ --from-revision ")) << told;
    for (const absl::string_view line : absl::StrSplit(told, '\n', absl::SkipEmpty())) {
      if (!json || absl::StartsWith(line, "next: ")) continue;
      EXPECT_FALSE(nlohmann::json::parse(line, nullptr, false).is_discarded()) << line;
    }
  }
  // What was missed is told from where it ended.
  const std::string log = server_->File("watch-again");
  const pid_t pid = server_->StartKeyturn(
      {"rotation", "watch", "watch/a", "--from-revision", "1", "-o", "json"}, log);
  while (!Has(*FileSystem::Posix().Read(log), "watch/a")) {
    ASSERT_EQ(kill(pid, 0), 0);
    Ok("version");
  }
  kill(pid, SIGTERM);
  EXPECT_EQ(WaitFor(pid), 0);
}

}  // namespace
}  // namespace keyturn
