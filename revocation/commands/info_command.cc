#include "revocation/commands/info_command.h"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "revocation/commands/words.h"

namespace keyturn {
namespace {

struct Section {
  absl::string_view name;
  void (*append)(RespCall& call, std::string* text);
};

void AppendServer(RespCall& call, std::string* text) {
  const RespHost::Info info = call.host.info();
  const absl::Time now = call.clock.Now();
  const int64_t up = std::max<int64_t>(absl::ToInt64Seconds(now - info.started), 0);
  absl::StrAppend(text, "redis_version:", kRespRedisVersion, "\r\nkeyturn_version:", info.version,
                  "\r\nredis_mode:standalone\r\narch_bits:64\r\nprocess_id:", getpid(),
                  "\r\ntcp_port:", info.port, "\r\nserver_time_usec:", absl::ToUnixMicros(now),
                  "\r\nuptime_in_seconds:", up, "\r\nuptime_in_days:", up / limits::kDaySeconds,
                  "\r\nhz:10\r\nconfigured_hz:10\r\nconfig_file:\r\n");
}

void AppendClients(RespCall& call, std::string* text) {
  const RespHost::Info info = call.host.info();
  absl::StrAppend(text, "connected_clients:", info.connections_now,
                  "\r\ncluster_connections:0\r\nmaxclients:", info.connections_max,
                  "\r\nblocked_clients:0\r\ntracking_clients:", call.hub.tracking().stats().clients,
                  "\r\n");
}

std::string Human(uint64_t bytes) {
  static constexpr std::array<absl::string_view, 4> kUnits = {"K", "M", "G", "T"};
  if (bytes < limits::kKiB) return absl::StrCat(bytes, "B");
  double shown = static_cast<double>(bytes) / 1024;
  size_t unit = 0;
  for (; shown >= 1024 && unit + 1 < kUnits.size(); ++unit) shown /= 1024;
  return absl::StrFormat("%.2f%s", shown, kUnits[unit]);
}

void AppendMemory(RespCall& call, std::string* text) {
  const RevocationList::Stats stats = call.list.stats();
  const uint64_t used = stats.index_bytes + stats.side_bytes;
  absl::StrAppend(text, "used_memory:", used, "\r\nused_memory_human:", Human(used),
                  "\r\nkeyturn_index_bytes:", stats.index_bytes,
                  "\r\nkeyturn_side_bytes:", stats.side_bytes,
                  "\r\nmaxmemory:0\r\nmaxmemory_human:0B\r\nmaxmemory_policy:noeviction\r\n");
}

void AppendPersistence(RespCall& call, std::string* text) {
  const RevocationList::Stats stats = call.list.stats();
  absl::StrAppend(text, "loading:", call.list.loaded() ? 0 : 1,
                  "\r\nasync_loading:0\r\nrdb_changes_since_last_save:0"
                  "\r\nrdb_bgsave_in_progress:0\r\nrdb_last_save_time:",
                  absl::ToUnixSeconds(call.host.info().started),
                  "\r\nrdb_last_bgsave_status:ok\r\naof_enabled:1\r\naof_rewrite_in_progress:0"
                  "\r\naof_last_bgrewrite_status:ok\r\naof_last_write_status:",
                  stats.failed ? "err" : "ok", "\r\nkeyturn_waiting_bytes:", stats.waiting_bytes,
                  "\r\nkeyturn_groups_written:", stats.groups, "\r\n");
}

void AppendStats(RespCall& call, std::string* text) {
  const RespTracking::Stats tracked = call.hub.tracking().stats();
  const RespHost::Info info = call.host.info();
  absl::StrAppend(text, "total_connections_received:", info.connections_total,
                  "\r\ntotal_commands_processed:", info.commands_total,
                  "\r\npubsub_channels:", call.hub.channels().channels(),
                  "\r\npubsub_patterns:", call.hub.channels().patterns(),
                  "\r\ntracking_total_keys:", tracked.keys,
                  "\r\ntracking_total_items:", tracked.items,
                  "\r\ntracking_total_prefixes:", tracked.prefixes, "\r\n");
}

void AppendReplication(RespCall&, std::string* text) {
  absl::StrAppend(text,
                  "role:master\r\nconnected_slaves:0\r\nmaster_failover_state:no-failover"
                  "\r\nmaster_repl_offset:0\r\n");
}

void AppendCpu(RespCall&, std::string* text) {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  absl::StrAppendFormat(text, "used_cpu_sys:%d.%06d\r\nused_cpu_user:%d.%06d\r\n",
                        usage.ru_stime.tv_sec, usage.ru_stime.tv_usec, usage.ru_utime.tv_sec,
                        usage.ru_utime.tv_usec);
}

void AppendCluster(RespCall&, std::string* text) { absl::StrAppend(text, "cluster_enabled:0\r\n"); }

void AppendKeyspace(RespCall& call, std::string* text) {
  const uint64_t keys = call.list.stats().keys;
  if (keys == 0) return;
  // How many of them end is not counted: nearly all do.
  absl::StrAppend(text, "db0:keys=", keys, ",expires=", keys, ",avg_ttl=0\r\n");
}

constexpr std::array<Section, 9> kSections = {{{"Server", AppendServer},
                                               {"Clients", AppendClients},
                                               {"Memory", AppendMemory},
                                               {"Persistence", AppendPersistence},
                                               {"Stats", AppendStats},
                                               {"Replication", AppendReplication},
                                               {"CPU", AppendCpu},
                                               {"Cluster", AppendCluster},
                                               {"Keyspace", AppendKeyspace}}};

bool Wants(RespCall& call, absl::string_view section) {
  if (call.size() == 1) return true;
  for (const absl::string_view word : call.arguments.subspan(1)) {
    for (const absl::string_view any :
         {section, absl::string_view("default"), absl::string_view("all"),
          absl::string_view("everything")}) {
      if (IsWord(word, any)) return true;
    }
  }
  return false;
}

}  // namespace

void RunServerInfo(RespCall& call) {
  std::string text;
  for (const Section& section : kSections) {
    if (!Wants(call, section.name)) continue;
    absl::StrAppend(&text, text.empty() ? "" : "\r\n", "# ", section.name, "\r\n");
    section.append(call, &text);
  }
  call.writer.Verbatim(text);
}

}  // namespace keyturn
