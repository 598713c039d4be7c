#include "client/cli/output.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <clocale>
#include <cstdio>

#include "client/cli/exit_codes.h"
#include "keyturn/v1/types.pb.h"
#include "tests/support/status.h"

namespace keyturn::cli {
namespace {

// What comes out on standard output and standard error; the status before them if it is not OK.
std::string Printed(const std::function<absl::Status()>& print) {
  testing::internal::CaptureStdout();
  testing::internal::CaptureStderr();
  const absl::Status status = print();
  const std::string out = testing::internal::GetCapturedStdout();
  const std::string err = testing::internal::GetCapturedStderr();
  return absl::StrCat(status.ok() ? "" : status.ToString(), out,
                      err.empty() ? "" : "stderr: ", err);
}

TEST(ParseFormat, KnowsItsFiveNames) {
  for (const std::string name : {"table", "json", "raw", "env", "dotenv"}) {
    ASSERT_OK_AND_ASSIGN(const Format format, ParseFormat(name));
    EXPECT_EQ(FormatName(format), name);
  }
  for (const std::string bad : {"", "JSON", "yaml"}) {
    const absl::Status refused = ParseFormat(bad).status();
    EXPECT_EQ(refused.message(), absl::StrCat("unknown output format '", bad,
                                              "'; allowed are table, json, raw, env and dotenv"));
    EXPECT_EQ(ExitCodeOf(refused), kExitUsage);
  }
}

TEST(Output, SaysWhichFormatsACommandHas) {
  EXPECT_OK(Output(Format::kRaw).Require({Format::kJson, Format::kRaw}));
  EXPECT_EQ(Output(Format::kEnv).Require({Format::kTable, Format::kJson}).message(),
            "this command has no output format env; allowed here: table, json");
  EXPECT_CODE(Output(Format::kRaw).Object({}, Json()), kInvalidArgument);
  EXPECT_CODE(Output(Format::kRaw).List(Table({"A"}), Json(), ""), kInvalidArgument);
}

TEST(Output, RawBytesAreAsTheyAre) {
  const std::string bytes("a\0\xff\n b", 6);
  EXPECT_EQ(Printed([&] { return Output(Format::kRaw).Raw(bytes); }), bytes);
}

TEST(Output, AFullDiskIsAnError) {
  const pid_t child = fork();
  if (child == 0) {
    if (std::freopen("/dev/full", "w", stdout) == nullptr) _exit(9);
    const absl::Status status = Output(Format::kRaw).Raw("value");
    const bool said =
        status.message() == "cannot write to standard output: No space left on device";
    _exit(said ? 100 + ExitCodeOf(status) : 8);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(WEXITSTATUS(status), 100 + kExitError);
}

TEST(Output, AnObjectIsItsNonEmptyPairsOrJson) {
  const Pairs pairs = {{"path", "app/db"}, {"a name that is long", ""}, {"version", "3"}};
  const Json json = {{"path", "app/db"}, {"version", 3}};
  EXPECT_EQ(Printed([&] { return Output(Format::kTable).Object(pairs, json); }),
            "path     app/db\nversion  3\n");
  EXPECT_EQ(Printed([&] { return Output(Format::kJson).Object(pairs, json); }),
            "{\n  \"path\": \"app/db\",\n  \"version\": 3\n}\n");
}

TEST(Output, AListIsATableOrItemsWithThePageThatFollows) {
  Table table({"NAME", "VERSION"});
  table.Add({"db", "3"});
  const Json items = {{{"name", "db"}}};
  EXPECT_EQ(Printed([&] { return Output(Format::kTable).List(table, items, "nothing"); }),
            "NAME  VERSION\ndb    3\n");
  EXPECT_EQ(Printed([&] { return Output(Format::kJson).List(table, items, "nothing", "next"); }),
            "{\n  \"items\": [\n    {\n      \"name\": \"db\"\n    }\n  ],\n"
            "  \"nextPageToken\": \"next\"\n}\n");
}

// A script that reads the output of an empty list gets nothing, or an empty list.
TEST(Output, AnEmptyListSaysSoOnStandardErrorOnly) {
  const Table none({"NAME"});
  EXPECT_EQ(Printed([&] { return Output(Format::kTable).List(none, Json(), "no secrets"); }),
            "stderr: no secrets\n");
  EXPECT_EQ(Printed([&] { return Output(Format::kTable).List(none, Json(), ""); }), "");
  EXPECT_EQ(Printed([&] { return Output(Format::kJson).List(none, Json(), "no secrets"); }),
            "{\n  \"items\": [],\n  \"nextPageToken\": \"\"\n}\n");
}

TEST(Output, BytesThatAreNotUtf8DoNotBreakTheJson) {
  EXPECT_EQ(Printed([] {
              return Output(Format::kJson)
                  .PrintJson(
                      "a\xff"
                      "b");
            }),
            "\"a\xef\xbf\xbd"
            "b\"\n");
}

TEST(ToJson, WritesFieldsThatHaveTheirDefault) {
  v1::VersionInfo version;
  version.mutable_create_time()->set_seconds(1'800'000'000);
  const Json json = ToJson(version);
  EXPECT_EQ(json["version"], "0");
  EXPECT_EQ(json["compromised"], false);
  EXPECT_EQ(json["createTime"], "2027-01-15T08:00:00Z");
  EXPECT_FALSE(json.contains("deleteTime"));
}

TEST(TimeText, IsInUtcAndEmptyForNever) {
  google::protobuf::Timestamp time;
  EXPECT_EQ(TimeText(time), "");
  time.set_nanos(999'000'000);
  EXPECT_EQ(TimeText(time), "1970-01-01T00:00:00Z");
  EXPECT_EQ(TimeOf(time), absl::UnixEpoch() + absl::Milliseconds(999));
}

TEST(Table, ColumnsAreAsWideAsWhatTheyHold) {
  Table table({"NAME", "OWNER"});
  EXPECT_EQ(table.ToString(), "");
  table.Add({"a", ""});
  table.Add({std::string(120, 'n'), "anna"});
  EXPECT_EQ(table.rows(), 2u);
  EXPECT_EQ(table.ToString(), absl::StrCat("NAME", std::string(118, ' '), "OWNER\n",  //
                                           "a", std::string(121, ' '), "-\n",         //
                                           std::string(120, 'n'), "  anna\n"));
}

TEST(Table, AWidthIsCountedInCharacters) {
  const std::string before = std::setlocale(LC_CTYPE, nullptr);
  if (std::setlocale(LC_CTYPE, "C.UTF-8") == nullptr) GTEST_SKIP() << "no locale C.UTF-8";
  Table table({"NAME", "OWNER"});
  table.Add({"\xc3\xa4\xc3\xb6\xc3\xbc", "anna"});
  table.Add({"four", "otto"});
  EXPECT_EQ(table.ToString(), "NAME  OWNER\n\xc3\xa4\xc3\xb6\xc3\xbc   anna\nfour  otto\n");
  std::setlocale(LC_CTYPE, before.c_str());
}

// Names come from whoever may write: they must not move the cursor or colour the terminal.
TEST(Table, ControlCharactersDoNotReachTheTerminal) {
  Table table({"NAME"});
  table.Add({"a\x1b[31mb\nc"});
  const std::string text = table.ToString();
  EXPECT_EQ(text.find('\x1b'), std::string::npos) << text;
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 2) << text;
}

}  // namespace
}  // namespace keyturn::cli
