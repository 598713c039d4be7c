// docs/OPERATIONS.md lists the keys of the configuration with their defaults, and the metrics with
// their types: those that the code has, no more and no fewer.
#include <map>
#include <regex>
#include <set>
#include <tuple>

#include "absl/strings/match.h"
#include "absl/strings/str_split.h"
#include "auth/permissions.h"
#include "tests/server/server_fixture.h"

namespace keyturn {
namespace {

std::string Document(const std::string& path) {
  const char* const source = std::getenv("KEYTURN_SOURCE");
  return ReadFile(absl::StrCat(source == nullptr ? "." : source, "/", path));
}

// First cell -> second cell, of the rows of a section.
std::map<std::string, std::string> Rows(absl::string_view section) {
  std::map<std::string, std::string> rows;
  bool in_section = false;
  for (const absl::string_view line : absl::StrSplit(Document("docs/OPERATIONS.md"), '\n')) {
    if (absl::StartsWith(line, "## ")) in_section = line.substr(3) == section;
    if (!in_section || !absl::StartsWith(line, "| `")) continue;
    const std::vector<std::string> cells = absl::StrSplit(line, " | ");
    const std::string name = cells[0].substr(3, cells[0].size() - 4);
    EXPECT_TRUE(rows.emplace(name, cells[1]).second) << name << " is listed twice";
  }
  return rows;
}

auto Values(const Config& c) {
  return std::tie(
      c.data_directory, c.key_file, c.anchor_file, c.auto_unseal, c.grpc_address, c.https_address,
      c.metrics_address, c.resp_address, c.resp_tls_address, c.resp_socket, c.resp_allow_plaintext,
      c.resp_require_client_certificate, c.resp_notify_keyspace_events, c.resp_threads,
      c.revocation_scan, c.revocation_prefix, c.revocation_guards_own, c.tls_certificate, c.tls_key,
      c.tls_client_ca, c.webhooks, c.webhooks_ca_file, c.webhooks_allow_addresses,
      c.audit_directory, c.audit_sync_reads, c.arena_bytes, c.require_memory_lock, c.worker_threads,
      c.source_calls_per_second, c.identity_calls_per_second, c.log_level);
}

TEST(OperationsDocument, ListsTheKeysOfTheConfiguration) {
  std::set<std::string> keys;
  const std::string source = Document("server/config.cc");
  const size_t begin = source.find("Settings(Config* config) {");
  const std::string body = source.substr(begin, source.find("\n}\n", begin) - begin);
  const std::regex key(
      "(?:AbsolutePath|Blocks|EventLetters|Flag|Prefix|Tables|Text|Whole|Word)\\(\\s*\"([a-z._]+)"
      "\"");
  for (std::sregex_iterator it(body.begin(), body.end(), key), end; it != end; ++it) {
    keys.insert((*it)[1]);
  }
  ASSERT_GT(keys.size(), 10u);
  std::set<std::string> documented;
  for (const auto& [name, value] : Rows("Configuration")) documented.insert(name);
  EXPECT_EQ(documented, keys);
}

TEST(OperationsDocument, ListsThePermissions) {
  std::set<std::string> documented;
  for (const auto& [name, value] : Rows("Who may do what")) documented.insert(name);
  const std::set<std::string> all(Permissions().begin(), Permissions().end());
  EXPECT_EQ(documented, all);
}

TEST(OperationsDocument, GivesTheDefaultsOfTheConfiguration) {
  std::string top, sections;
  for (const auto& [name, value] : Rows("Configuration")) {
    if (value == "none") continue;
    const std::string bare = value.substr(1, value.size() - 2);  // without backticks
    const std::pair<std::string, std::string> parts = absl::StrSplit(name, '.');
    if (parts.second.empty()) {
      absl::StrAppend(&top, name, " = ", bare, "\n");
    } else {
      // TOML's dotted keys need no section header.
      absl::StrAppend(&sections, name, " = ", bare, "\n");
    }
  }
  ASSERT_OK_AND_ASSIGN(const Config config, ParseConfig(top + sections));
  EXPECT_EQ(Values(config), Values(Config()));
}

class MetricsDocumentTest : public ServerFixture {};

TEST_F(MetricsDocumentTest, ListsTheMetricsOfAServer) {
  StartDev();
  std::map<std::string, std::string> served;
  const std::string page = Fetch("/metrics");
  for (const absl::string_view line : absl::StrSplit(page, '\n')) {
    const std::vector<std::string> words = absl::StrSplit(line, ' ');
    if (words.size() == 4 && words[1] == "TYPE") served[words[2]] = words[3];
  }
  // These appear with the first call.
  served.emplace("keyturn_calls_total", "counter");
  served.emplace("keyturn_target_calls_total", "counter");
  served.emplace("keyturn_target_call_seconds", "histogram");
  EXPECT_GT(served.size(), 10u);
  EXPECT_EQ(Rows("Watch it"), served);
}

}  // namespace
}  // namespace keyturn
