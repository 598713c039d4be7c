#include "base/log.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <nlohmann/json.hpp>
#include <thread>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/time.h"

namespace keyturn {
namespace {

class LogTest : public testing::Test {
 protected:
  LogTest() {
    EXPECT_EQ(pipe(ends_), 0);
    SetLogFd(ends_[1]);
    SetLogLevel(LogLevel::kInfo);
  }
  ~LogTest() override {
    SetLogFd(STDERR_FILENO);
    SetLogLevel(LogLevel::kError);
    close(ends_[0]);
    if (ends_[1] >= 0) close(ends_[1]);
  }

  std::string Written() {
    SetLogFd(STDERR_FILENO);
    close(std::exchange(ends_[1], -1));
    std::string out;
    char buffer[4096];
    for (ssize_t got = 0; (got = read(ends_[0], buffer, sizeof(buffer))) > 0;) {
      out.append(buffer, static_cast<size_t>(got));
    }
    return out;
  }

  int ends_[2] = {-1, -1};
};

TEST_F(LogTest, ALineIsOneJsonObject) {
  LogWarning("a thing\nhappened", {{"file", "/a \"b\""}, {"bytes", 7}, {"locked", true}});
  const std::string line = Written();
  ASSERT_TRUE(absl::EndsWith(line, "}\n"));
  EXPECT_EQ(std::count(line.begin(), line.end(), '\n'), 1);
  const nlohmann::json json = nlohmann::json::parse(line);
  EXPECT_EQ(json["level"], "warning");
  EXPECT_EQ(json["message"], "a thing\nhappened");
  EXPECT_EQ(json["file"], "/a \"b\"");
  EXPECT_EQ(json["bytes"], 7);
  EXPECT_EQ(json["locked"], true);
  absl::Time time;
  EXPECT_TRUE(absl::ParseTime(absl::RFC3339_full, std::string(json["time"]), &time, nullptr));
}

TEST_F(LogTest, LinesBelowTheLevelAreDropped) {
  Log(LogLevel::kDebug, "one");
  LogInfo("two");
  SetLogLevel(LogLevel::kError);
  LogWarning("three");
  LogError("four");
  const std::string lines = Written();
  EXPECT_FALSE(absl::StrContains(lines, "one"));
  EXPECT_TRUE(absl::StrContains(lines, "two"));
  EXPECT_FALSE(absl::StrContains(lines, "three"));
  EXPECT_TRUE(absl::StrContains(lines, "four"));
}

TEST_F(LogTest, BytesThatAreNotTextDoNotStopIt) {
  LogInfo("bad \xff text", {{"field", "\xc3"}});
  const nlohmann::json json = nlohmann::json::parse(Written());
  EXPECT_TRUE(absl::StartsWith(std::string(json["message"]), "bad "));
}

TEST_F(LogTest, MessageAndFieldsAreRedacted) {
  LogError("got kts.c2VjcmV0", {{"error", "Bearer abcdef"}});
  const std::string line = Written();
  EXPECT_FALSE(absl::StrContains(line, "c2VjcmV0"));
  EXPECT_FALSE(absl::StrContains(line, "abcdef"));
}

TEST_F(LogTest, LinesOfThreadsDoNotMix) {
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([] {
      for (int i = 0; i < 50; ++i) LogInfo(std::string(100, 'x'));
    });
  }
  for (std::thread& thread : threads) thread.join();
  const std::string written = Written();
  size_t lines = 0;
  for (const absl::string_view line : absl::StrSplit(written, '\n', absl::SkipEmpty())) {
    EXPECT_TRUE(nlohmann::json::accept(line.begin(), line.end())) << line;
    ++lines;
  }
  EXPECT_EQ(lines, 200u);
}

TEST(Redact, TakesOutWhatLooksLikeACredential) {
  for (const std::string secret : {"ktb.AbC-_123", "kts.AbC-_123", "kt1_AbC123_xyz_000000",
                                   "eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiJhIn0.c2ln"}) {
    for (const std::string& text :
         {secret, absl::StrCat("x ", secret, " y"), absl::StrCat("\"", secret, "\"")}) {
      const std::string redacted = Redact(text);
      EXPECT_FALSE(absl::StrContains(redacted, secret.substr(4))) << redacted;
      EXPECT_TRUE(absl::StrContains(redacted, "[redacted]")) << redacted;
    }
  }
  EXPECT_EQ(Redact("authorization: bearer  s3cr3t, next"), "authorization: [redacted] next");
  EXPECT_EQ(Redact("Bearer s3cr3t"), "[redacted]");
}

TEST(Redact, TakesUserAndQueryOutOfUrls) {
  EXPECT_EQ(Redact("postgres://app:hunter2@db:5432/x"), "postgres[redacted]db:5432/x");
  const std::string redacted = Redact("GET https://h/p?token=hunter2 failed");
  EXPECT_EQ(redacted, "GET https://h/p[redacted] failed");
}

// A request may be a megabyte of one name, and the threads that redact it have small stacks.
TEST(Redact, TakesTextsOfAnyLength) {
  const std::string a(1 << 20, 'a');
  EXPECT_EQ(Redact("kts." + a), "[redacted]");
  EXPECT_EQ(Redact("kt-share-" + a + " x"), "[redacted] x");
  EXPECT_EQ(Redact("Bearer " + a), "[redacted]");
  EXPECT_EQ(Redact("eyJ" + a + "." + a), "[redacted]");
  EXPECT_EQ(Redact("eyJ" + a), "eyJ" + a);
  EXPECT_EQ(Redact("db://" + a + "@h/?" + a), "db[redacted]h/[redacted]");
  EXPECT_EQ(Redact("Bearer \xff\n" + a), "[redacted]");
}

TEST(Redact, LeavesOrdinaryText) {
  for (const std::string text :
       {"", "cannot open /var/lib/keyturn/seal.ktn: Permission denied", "is this it?",
        "https://example.org/path", "kts", "token ktb- is an id: kts-0123"}) {
    EXPECT_EQ(Redact(text), text);
  }
}

}  // namespace
}  // namespace keyturn
