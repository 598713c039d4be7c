// Many lives in children, several at once, and what they say. Not thread-safe.
#pragma once

#include <gtest/gtest.h>

#include <memory>

#include "absl/strings/numbers.h"
#include "absl/strings/strip.h"
#include "base/log.h"
#include "tests/failpoints/world.h"

namespace keyturn {

using Problems = std::vector<std::string>;

// What the lines of a child say.
struct Said {
  explicit Said(const Child::Result& result) : code(result.code) {
    for (absl::string_view line : result.lines) {
      if (absl::ConsumePrefix(&line, "begun ")) {
        EXPECT_TRUE(absl::SimpleAtoi(line, &reached.begun));
      } else if (absl::ConsumePrefix(&line, "times ")) {
        const std::pair<std::string, std::string> parts = absl::StrSplit(line, ' ');
        EXPECT_TRUE(absl::SimpleAtoi(parts.second, &reached.times[parts.first]));
      } else {
        absl::ConsumePrefix(&line, "problem ");
        problems.emplace_back(line);
      }
    }
  }

  Reached reached;
  std::vector<std::string> problems;
  int code;
};

// Shares the work `job(i, report)` for i below `count` among as many children as there are
// processors to a build. Each job says how many lives it had; returns the sum. Every problem said
// is a failure.
inline int InShards(size_t count, const std::function<int(size_t i, const Report&)>& job) {
  constexpr size_t kShards = 2;
  std::vector<std::unique_ptr<Child>> shards;
  for (size_t shard = 0; shard < kShards; ++shard) {
    shards.push_back(std::make_unique<Child>([&](const Report& report) {
      int done = 0;
      for (size_t i = shard; i < count; i += kShards) done += job(i, report);
      report.Say(absl::StrCat("done ", done));
    }));
  }
  int done = 0;
  for (const auto& shard : shards) {
    const Child::Result result = shard->Wait();
    EXPECT_EQ(result.code, 0);
    for (absl::string_view line : result.lines) {
      int lives = 0;
      if (absl::ConsumePrefix(&line, "done ") && absl::SimpleAtoi(line, &lives)) {
        done += lives;
      } else {
        ADD_FAILURE() << line;
      }
    }
  }
  return done;
}

}  // namespace keyturn
