// docs/AUDIT.md lists the events that the code emits: no more, no fewer, each with its methods.
#include <filesystem>
#include <map>
#include <regex>
#include <set>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "server/audit_words.h"
#include "server/method_table.h"
#include "tests/server/server_fixture.h"

namespace keyturn {
namespace {

std::string Source() {
  const char* const source = std::getenv("KEYTURN_SOURCE");
  return source == nullptr ? "." : source;
}

std::string Document(const std::string& path) {
  return FileSystem::Posix().Read(absl::StrCat(Source(), "/", path)).value_or("");
}

// Event -> cells of its row, in sections whose title begins so.
std::map<std::string, std::vector<std::string>> Rows(absl::string_view section) {
  std::map<std::string, std::vector<std::string>> rows;
  bool in_section = false;
  for (const absl::string_view line : absl::StrSplit(Document("docs/AUDIT.md"), '\n')) {
    if (absl::StartsWith(line, "## ")) in_section = absl::StartsWith(line.substr(3), section);
    if (!in_section || !absl::StartsWith(line, "| `")) continue;
    std::vector<std::string> cells = absl::StrSplit(line, " | ");
    std::string event = cells.front();
    event.erase(0, 3);
    event.pop_back();
    EXPECT_TRUE(rows.emplace(event, std::move(cells)).second) << event << " is listed twice";
  }
  return rows;
}

std::set<std::string> Names(const std::map<std::string, std::vector<std::string>>& rows) {
  std::set<std::string> names;
  for (const auto& [name, cells] : rows) names.insert(name);
  return names;
}

// Matches of the first group in a text.
std::set<std::string> All(const std::string& text, const std::string& pattern) {
  std::set<std::string> out;
  const std::regex regex(pattern);
  for (std::sregex_iterator it(text.begin(), text.end(), regex), end; it != end; ++it) {
    out.insert((*it)[1]);
  }
  return out;
}

// Every source of the rooms that may write entries.
std::string Sources() {
  std::string text;
  for (const char* const room :
       {"audit", "auth", "keyring", "server", "rotation", "storage", "vault"}) {
    for (const auto& file :
         std::filesystem::recursive_directory_iterator(absl::StrCat(Source(), "/", room))) {
      if (!file.is_regular_file()) continue;
      absl::StrAppend(&text, *FileSystem::Posix().Read(file.path().string()));
    }
  }
  return text;
}

// What a search may ask for is what can be found.
TEST(AuditDocument, ListsWhatASearchTakes) {
  ASSERT_OK_AND_ASSIGN(const MethodTable table, MethodTable::Create(MethodTable::Services()));
  std::set<std::string> documented;
  for (const char* const section :
       {"Events of calls", "Events of refused", "Events of Redis", "Events of the server"}) {
    documented.merge(Names(Rows(section)));
  }
  const std::vector<std::string> taken = AuditEvents(table);
  EXPECT_EQ(std::set<std::string>(taken.begin(), taken.end()), documented);
}

TEST(AuditDocument, ListsTheEventsOfMethods) {
  ASSERT_OK_AND_ASSIGN(const MethodTable table, MethodTable::Create(MethodTable::Services()));
  std::map<std::string, std::set<std::string>> emitted;
  for (const MethodInfo& method : table.methods()) {
    emitted[method.audit_event].insert(method.name.substr(std::string("/keyturn.v1.").size()));
  }
  const auto rows = Rows("Events of calls");
  for (const auto& [event, methods] : emitted) {
    const auto row = rows.find(event);
    ASSERT_TRUE(row != rows.end()) << "docs/AUDIT.md lacks the event " << event;
    const std::set<std::string> documented = absl::StrSplit(row->second[1], ", ");
    EXPECT_EQ(documented, methods) << "docs/AUDIT.md, " << event;
  }
  for (const auto& [event, cells] : rows) {
    EXPECT_TRUE(emitted.contains(event))
        << "docs/AUDIT.md lists " << event << ", which no method has";
  }
}

TEST(AuditDocument, ListsTheEventsOfRefusals) {
  const std::string call = Document("server/call.cc");
  const size_t begin = call.find("Call::EventOf(const absl::Status& outcome) const {");
  ASSERT_NE(begin, std::string::npos);
  const std::string body = call.substr(begin, call.find("\n}\n", begin) - begin);
  EXPECT_EQ(Names(Rows("Events of refused")), All(body, "\"([a-z_]+)\""));
}

TEST(AuditDocument, ListsTheEventsOfRedisClients) {
  const std::string access = Document("server/resp_access.cc");
  const size_t begin = access.find("absl::string_view EventOf(const absl::Status& outcome) {");
  ASSERT_NE(begin, std::string::npos);
  const std::string body = access.substr(begin, access.find("\n}\n", begin) - begin);
  std::set<std::string> events = All(body, "return \"([a-z_]+)\"");
  events.merge(All(Document("server/revocation_audit.cc"), "event\\.event = \"([a-z_]+)\""));
  EXPECT_EQ(Names(Rows("Events of Redis")), events);
}

TEST(AuditDocument, ListsTheEventsOfTheServer) {
  const std::string text = Sources();
  // Some are events of calls as well; what is named elsewhere may be of a call alone.
  std::set<std::string> own = All(text, "(?:ServerEvent|ServerUpdater updater)\\(\\s*\"([^\"]*)\"");
  EXPECT_FALSE(own.empty());
  std::set<std::string> emitted;
  // Events are named in the ways that this test knows and in no other.
  const std::set<std::string> known = {"method_.audit_event", "std::string(EventOf(outcome))",
                                       "std::string(event)",  "request.event()",
                                       "writer.event",        "call.method().audit_event"};
  for (const std::string& value : All(text, "(?:\\.|->)event = ([^;]+);")) {
    if (absl::StartsWith(value, "\"")) {
      emitted.insert(value.substr(1, value.size() - 2));
    } else {
      EXPECT_TRUE(known.contains(value))
          << "an event is named by " << value << ": teach this test where the name comes from";
    }
  }
  // The engine names its events where it makes the change.
  own.merge(All(Document("rotation/worker.cc") + Document("rotation/worker_retire.cc") +
                    Document("rotation/worker_grace.cc") + Document("rotation/worker_staged.cc") +
                    Document("rotation/worker_target.cc") + Document("rotation/jwt/refresh.cc") +
                    Document("rotation/held_grace.cc") + Document("rotation/rotation.cc") +
                    Document("rotation/clock_keeper.cc"),
                "\"(rotation_[a-z_]+|clock_[a-z_]+|version_destroyed|jwt_refresh_reused)\""));
  own.merge(All(Document("rotation/api_key/store.cc"), "\"(apikey_[a-z_]+)\""));
  own.merge(All(Document("rotation/webhook/dispatcher.cc"), "\"(webhook_[a-z_]+)\""));
  own.merge(All(Document("rotation/webhook/notice.cc"), "return \"(rotation_[a-z_]+)\""));
  own.merge(All(Document("rotation/webhook/key_notices.cc"), "kEvent = \"([a-z_]+)\""));
  std::set<std::string> of_others = Names(Rows("Events of calls"));
  of_others.merge(Names(Rows("Events of Redis")));
  for (const std::string& event : emitted) {
    if (!of_others.contains(event)) own.insert(event);
  }
  EXPECT_EQ(Names(Rows("Events of the server")), own);
}

class AuditPageTest : public ServerFixture {
 protected:
  std::vector<AuditEvent> Of(const std::string& event) {
    std::vector<AuditEvent> out;
    for (const AuditRecord& record : Entries()) {
      if (record.event.event == event) out.push_back(record.event);
    }
    return out;
  }
  static size_t Count(const AuditEvent& event, absl::string_view detail) {
    return static_cast<size_t>(
        std::count_if(event.details.begin(), event.details.end(),
                      [&](const auto& pair) { return absl::StartsWith(pair.first, detail); }));
  }
};

// What the page says beyond the names, where it is easily made untrue.
TEST_F(AuditPageTest, SaysWhatInitTokensAndBatchesLeave) {
  StartReal();
  InitReal();
  const std::vector<AuditEvent> init = Of("system_initialized");
  ASSERT_EQ(init.size(), 3u);
  EXPECT_EQ(init[0].principal, "local");
  EXPECT_EQ(init[0].auth_method, "local");
  EXPECT_EQ(init[0].source, "unix");
  EXPECT_EQ(Count(init[2], "made"), 1u);

  Stubs op = Operator();
  v1::CreateTokenRequest create;
  create.add_policies("root");
  create.set_display_name("ci");
  v1::CreateTokenResponse created;
  ASSERT_EQ(Text(op.tokens->Create(Ctx(), create, &created)), "OK");
  create.set_stateless(true);
  ASSERT_EQ(Text(op.tokens->Create(Ctx(), create, &created)), "OK");
  const std::vector<AuditEvent> tokens = Of("token_created");
  ASSERT_EQ(tokens.size(), 2u);
  EXPECT_EQ(tokens[0].resource, "ci");
  EXPECT_EQ(Count(tokens[0], "token_id"), 1u);
  EXPECT_EQ(Count(tokens[1], "token_id"), 1u);

  v1::BatchGetRequest batch;
  for (int i = 0; i < 20; ++i) batch.add_requests()->set_path(absl::StrCat("app/", i));
  v1::PutRequest put;
  put.set_path("app/19");
  put.mutable_data()->add_fields()->set_name("value");
  v1::PutResponse written;
  ASSERT_EQ(Text(op.secrets->Put(Ctx(), put, &written)), "OK");
  v1::BatchGetResponse ignored;
  ASSERT_EQ(Text(op.secrets->BatchGet(Ctx(), batch, &ignored)), "OK");
  const std::vector<AuditEvent> reads = Of("secret_read");
  ASSERT_EQ(reads.size(), 21u);  // each secret, and the call
  EXPECT_EQ(reads[0].resource, "app/0");
  EXPECT_EQ(reads[0].outcome, "NOT_FOUND");
  EXPECT_EQ(reads[19].resource, "app/19");
  EXPECT_EQ(reads[19].outcome, "ok");
  EXPECT_EQ(reads[19].version, SecretVersion(1));
  EXPECT_EQ(reads[19].correlation_id, reads[20].correlation_id);
  EXPECT_EQ(reads[20].resource, "");
  EXPECT_EQ(reads[20].details[0], std::make_pair(std::string("secrets"), std::string("20")));
}

TEST(AuditWords, AWordThatNoEntryHasIsRefusedWithTheNearest) {
  ASSERT_OK_AND_ASSIGN(const MethodTable methods, MethodTable::Create(MethodTable::Services()));
  for (const char* const event : {"", "secret_read", "kek_rotated", "calls_refused"}) {
    EXPECT_OK(CheckAuditEvent(methods, event));
  }
  EXPECT_EQ(CheckAuditEvent(methods, "secret_raed"),
            absl::InvalidArgumentError("there is no such event; did you mean secret_read; "
                                       "docs/AUDIT.md lists them"));
  EXPECT_EQ(CheckAuditEvent(methods, "x"),
            absl::InvalidArgumentError("there is no such event; docs/AUDIT.md lists them"));
  for (const char* const outcome : {"", "ok", "PERMISSION_DENIED", "UNAUTHENTICATED"}) {
    EXPECT_OK(CheckAuditOutcome(outcome));
  }
  const absl::Status denied = CheckAuditOutcome("PERMISION_DENIED");
  EXPECT_TRUE(absl::IsInvalidArgument(denied));
  EXPECT_EQ(denied.message().substr(0, 69),
            "there is no such outcome; did you mean PERMISSION_DENIED; there are o");
  EXPECT_FALSE(CheckAuditOutcome("OK").ok());
}

}  // namespace
}  // namespace keyturn
