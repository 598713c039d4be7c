// What `run` is asked for: whether two questions are the same, and what can be watched.
#include "client/cli/run_sources.h"

#include <sys/stat.h>

#include "client/cli/exit_codes.h"
#include "tests/client/cli/cli_home.h"

namespace keyturn::cli {
namespace {

using RunSourcesTest = CliHome;

TEST_F(RunSourcesTest, AreDescribedAlikeOnlyWhenTheyAreTheSame) {
  const std::string env = Write("app.env", "A=1\n"), tmpl = Write("app.tmpl", "{{ x }}");
  const std::vector<RunSources> all = {
      {},
      {{"a"}, {}, {}, {}, {}},
      {{"b"}, {}, {}, {}, {}},
      {{"a", "b"}, {}, {}, {}, {}},
      {{"b", "a"}, {}, {}, {}, {}},
      {{}, {}, {"A=a"}, {}, {}},
      {{}, {}, {}, {"A=a"}, {}},
      {{}, {env}, {}, {}, {}},
      {{}, {}, {}, {}, {"A=" + tmpl}},
  };
  std::vector<std::string> described;
  for (const RunSources& sources : all) {
    ASSERT_OK_AND_ASSIGN(const std::string text, DescribeSources(sources));
    EXPECT_EQ(DescribeSources(sources).value(), text);
    EXPECT_EQ(std::count(described.begin(), described.end(), text), 0);
    described.push_back(text);
  }
  // A file that was edited is another question.
  Write("app.env", "A=2\n");
  EXPECT_NE(DescribeSources(all[7]).value(), described[7]);
  Write("app.tmpl", "{{ y }}");
  EXPECT_NE(DescribeSources(all[8]).value(), described[8]);
}

TEST_F(RunSourcesTest, ThatCannotBeReadTwiceAreNotDescribed) {
  ASSERT_EQ(mkfifo(dir_.File("fifo").c_str(), 0600), 0);
  EXPECT_EQ(DescribeSources({{}, {dir_.File("fifo")}, {}, {}, {}}).status().message(),
            dir_.File("fifo") + " must be a regular file with --offline: it is read twice");
  EXPECT_EQ(ExitCodeOf(DescribeSources({{}, {}, {}, {}, {"A=-"}}).status()), kExitUsage);
  EXPECT_EQ(DescribeSources({{}, {"/nowhere"}, {}, {}, {}}).status().code(),
            absl::StatusCode::kNotFound);
}

TEST_F(RunSourcesTest, AreWatchedByDirectoryAndSecret) {
  using Paths = std::vector<std::string>;
  EXPECT_EQ(WatchedPaths({{"a", "b/"}, {}, {"X=c/d#e"}, {"Y=keyturn://f/g#h@2"}, {}}).value(),
            (Paths{"a/", "b/", "c/d", "f/g"}));
  const std::string refused =
      "--on-change works with --path, --env and --mount, at most 16 of them, and not with "
      "--env-file or --mount-template";
  EXPECT_EQ(WatchedPaths({{}, {"app.env"}, {}, {}, {}}).status().message(), refused);
  EXPECT_EQ(WatchedPaths({{}, {}, {}, {}, {"X=app.tmpl"}}).status().message(), refused);
  EXPECT_EQ(WatchedPaths({Paths(17, "a"), {}, {}, {}, {}}).status().message(), refused);
}

TEST_F(RunSourcesTest, OfAWrongFormNameTheFlagAndTheFormThatIsAllowed) {
  const auto message = [this](const RunSources& sources) {
    const absl::Status status = ReadSources(*shell_, sources).status();
    EXPECT_EQ(ExitCodeOf(status), kExitUsage);
    return std::string(status.message());
  };
  for (const char* const flag : {"app/key#value", "=app/key", "A-B=app/key", ""}) {
    EXPECT_EQ(message({{}, {}, {}, {flag}, {}}),
              "--mount must be NAME=PATH#FIELD, where the variable NAME will hold the path of a "
              "file with the value, with a valid variable name")
        << flag;
    EXPECT_EQ(message({{}, {}, {flag}, {}, {}}),
              "--env must be NAME=PATH#FIELD, with a valid variable name");
  }
  EXPECT_EQ(message({{}, {}, {}, {}, {"app.tmpl"}}),
            "--mount-template must be NAME=TEMPLATE, where the variable NAME will hold the path of "
            "a file with the filled template, with a valid variable name");
  EXPECT_EQ(message({{}, {}, {}, {"A="}, {}}), "'' names no secret; write PATH or PATH#FIELD");
}

}  // namespace
}  // namespace keyturn::cli
