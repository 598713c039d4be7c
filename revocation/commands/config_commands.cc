#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "revocation/change_events.h"
#include "revocation/commands/call.h"
#include "revocation/commands/command.h"
#include "revocation/commands/glob.h"
#include "revocation/commands/words.h"

namespace keyturn {
namespace {

using C = RespCommand;

struct Setting {
  absl::string_view name;
  std::string value;
};

// What Redis's settings would be if Keyturn were Redis.
std::vector<Setting> Settings(RespCall& call) {
  const RespHost::Info info = call.host.info();
  return {
      {"save", ""},
      {"appendonly", "yes"},
      {"appendfsync", "always"},
      {"timeout", "0"},
      {"databases", "16"},
      {"replica-read-only", "yes"},
      {"slave-read-only", "yes"},
      {"maxmemory", "0"},
      {"maxmemory-policy", "noeviction"},
      {"maxclients", absl::StrCat(info.connections_max)},
      {"notify-keyspace-events", EventClassesText(call.hub.event_classes())},
      {"tracking-table-max-keys", absl::StrCat(call.hub.tracking().keys_max())},
      {"client-output-buffer-limit", "normal 33554432 0 0 slave 0 0 0 pubsub 33554432 8388608 60"},
      {"port", absl::StrCat(info.port)},
      {"cluster-enabled", "no"},
      {"protected-mode", "yes"},
      {"proto-max-bulk-len", absl::StrCat(limits::kRespBulkBytesMax)},
      {"io-threads", "1"},
      {"set-max-intset-entries", "512"},
      {"hz", "10"}};
}

void RunConfigGet(RespCall& call) {
  const std::vector<Setting> settings = Settings(call);
  std::vector<bool> taken(settings.size());
  std::vector<std::pair<absl::string_view, size_t>> shown;  // name, which
  for (size_t i = 2; i < call.size(); ++i) {
    const absl::string_view wanted = CutAtNul(call[i]);
    const bool plain = wanted.find_first_of("[*?") == absl::string_view::npos;
    const GlobPattern pattern(plain ? "" : wanted, GlobPattern::Case::kIgnored);
    for (size_t j = 0; j < settings.size(); ++j) {
      const absl::string_view name = settings[j].name;
      if (taken[j] || !(plain ? absl::EqualsIgnoreCase(name, call[i]) : pattern.Matches(name))) {
        continue;
      }
      taken[j] = true;
      shown.emplace_back(plain ? wanted : name, j);  // as it was written, as in Redis
    }
  }
  call.writer.Map(shown.size());
  for (const auto& [name, which] : shown) {
    call.writer.Bulk(name);
    call.writer.Bulk(settings[which].value);
  }
}

// What can be set while keyturnd runs, until it ends; of the others a value that is there already,
// since programs put back what they read. "" when it is taken, else what is wrong. That a value is
// shown alike is not enough for the first ones: behind "A" new keys are not shown, as in Redis.
std::string Change(RespCall& call, const Setting& setting, absl::string_view value) {
  const absl::string_view name = setting.name;
  if (name == "notify-keyspace-events") {
    const absl::StatusOr<uint32_t> classes = ParseEventClasses(value);
    if (!classes.ok()) return std::string(classes.status().message());
    call.hub.SetEventClasses(*classes);
    return "";
  }
  int64_t keys = 0;
  if (name == "tracking-table-max-keys") {
    if (!ParseRespInteger(value, &keys) || keys < 0 ||
        keys > static_cast<int64_t>(limits::kRespTrackedKeysMax)) {
      return absl::StrCat("argument must be between 0 and ", limits::kRespTrackedKeysMax);
    }
    call.hub.tracking().SetKeysMax(static_cast<size_t>(keys));
    return "";
  }
  if (value == setting.value) return "";
  return "settings stand in keyturnd.toml, and count when keyturnd is started";
}

void RunConfigSet(RespCall& call) {
  if (call.size() % 2 != 0) {
    call.writer.Error(kRespSyntaxError);
    return;
  }
  const std::vector<Setting> settings = Settings(call);
  for (size_t i = 2; i < call.size(); i += 2) {
    const Setting* found = nullptr;
    for (const Setting& setting : settings) {
      if (absl::EqualsIgnoreCase(setting.name, call[i])) found = &setting;
    }
    if (found == nullptr) {
      call.writer.Error(absl::StrCat("ERR Unknown option or number of arguments for CONFIG SET - '",
                                     CutAtNul(call[i]), "'"));
      return;
    }
    if (const std::string wrong = Change(call, *found, call[i + 1]); !wrong.empty()) {
      call.writer.Error(absl::StrCat("ERR CONFIG SET failed (possibly related to argument '",
                                     found->name, "') - ", wrong));
      return;
    }
  }
  call.writer.Simple("OK");
}

void RunConfigResetstat(RespCall& call) {
  call.writer.Error("ERR statistics are not reset: they are metrics of the whole server");
}

void RunConfigRewrite(RespCall& call) {
  call.writer.Error("ERR The server is running without a config file");
}

void RunConfigHelp(RespCall& call) {
  AnswerHelp(call, {"GET <pattern>",
                    "    Return parameters matching the glob-like <pattern> and their values.",
                    "SET <directive> <value>", "    Set the configuration <directive> to <value>.",
                    "RESETSTAT", "    Reset statistics reported by the INFO command.", "REWRITE",
                    "    Rewrite the configuration file."});
}

constexpr RespCommand kConfigCommands[] = {
    {"config|get", -3, RunConfigGet, C::kAdmin, "admin noscript loading stale",
     "@admin @slow @dangerous", "2.0.0", "server", "Get the values of configuration parameters"},
    {"config|help", 2, RunConfigHelp, 0, "loading stale", "@slow", "5.0.0", "server",
     "Show helpful text about the different subcommands"},
    {"config|resetstat", 2, RunConfigResetstat, C::kAdmin, "admin noscript loading stale",
     "@admin @slow @dangerous", "2.0.0", "server", "Reset the stats returned by INFO"},
    {"config|rewrite", 2, RunConfigRewrite, C::kAdmin, "admin noscript loading stale",
     "@admin @slow @dangerous", "2.8.0", "server",
     "Rewrite the configuration file with the in memory configuration"},
    {"config|set",
     -4,
     RunConfigSet,
     C::kAdmin,
     "admin noscript loading stale",
     "@admin @slow @dangerous",
     "2.0.0",
     "server",
     "Set configuration parameters to the given values",
     {},
     "request_policy:all_nodes response_policy:all_succeeded"},
};

constexpr RespCommand kCommands[] = {
    {"config",
     -2,
     nullptr,
     0,
     "",
     "@slow",
     "2.0.0",
     "server",
     "A container for server configuration commands",
     {},
     {},
     kConfigCommands},
};

}  // namespace

absl::Span<const RespCommand> ConfigCommands() { return kCommands; }

}  // namespace keyturn
