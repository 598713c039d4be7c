// What documents point to is there: relative links, and paths of files in backticks.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <regex>
#include <set>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "storage/file_system.h"

namespace keyturn {
namespace {

namespace fs = std::filesystem;

fs::path Root() {
  const char* const source = std::getenv("KEYTURN_SOURCE");
  return source == nullptr ? "." : source;
}

std::vector<fs::path> Documents() {
  std::vector<fs::path> out;
  for (const char* const directory : {"", "docs", "deploy", "bench"}) {
    for (const auto& file : fs::directory_iterator(Root() / directory)) {
      if (file.path().extension() == ".md") out.push_back(file.path());
    }
  }
  return out;
}

std::set<std::string> All(const std::string& text, const std::regex& pattern) {
  std::set<std::string> out;
  for (std::sregex_iterator it(text.begin(), text.end(), pattern), end; it != end; ++it) {
    out.insert((*it)[1]);
  }
  return out;
}

TEST(Documents, LinksLeadSomewhere) {
  const std::regex link(R"(\]\(([^)#\s]+)(?:#[^)]*)?\))");
  size_t links = 0;
  for (const fs::path& document : Documents()) {
    for (const std::string& target : All(*FileSystem::Posix().Read(document.string()), link)) {
      if (absl::StrContains(target, "://")) continue;
      ++links;
      EXPECT_TRUE(fs::exists(document.parent_path() / target))
          << document << " links to " << target << ", which is not there";
    }
  }
  EXPECT_GT(links, 10u);
}

TEST(Documents, PathsNameFilesOfTheTree) {
  const std::regex path(
      R"(`([a-z0-9_]+(?:/[A-Za-z0-9_.-]+)+\.(?:cc|h|proto|py|sh|toml|service|md)))"
      R"((?:`| ))");
  size_t paths = 0;
  for (const fs::path& document : Documents()) {
    for (const std::string& target : All(*FileSystem::Posix().Read(document.string()), path)) {
      ++paths;
      EXPECT_TRUE(fs::exists(Root() / target) || fs::exists(document.parent_path() / target))
          << document << " names " << target << ", which is not there";
    }
  }
  EXPECT_GT(paths, 40u);
}

}  // namespace
}  // namespace keyturn
