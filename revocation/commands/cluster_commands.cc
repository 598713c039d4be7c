#include "revocation/commands/call.h"
#include "revocation/commands/command.h"

namespace keyturn {
namespace {

using C = RespCommand;

void RunDisabled(RespCall& call) {
  call.writer.Error("ERR This instance has cluster support disabled");
}

constexpr RespCommand kClusterCommands[] = {
    {"cluster|countkeysinslot", 3, RunDisabled, 0, "stale", "@slow", "3.0.0", "cluster",
     "Return the number of local keys in the specified hash slot"},
    {"cluster|getkeysinslot",
     4,
     RunDisabled,
     0,
     "stale",
     "@slow",
     "3.0.0",
     "cluster",
     "Return local key names in the specified hash slot",
     {},
     "nondeterministic_output"},
    {"cluster|help", 2, RunDisabled, 0, "loading stale", "@slow", "5.0.0", "cluster",
     "Show helpful text about the different subcommands"},
    {"cluster|info",
     2,
     RunDisabled,
     0,
     "stale",
     "@slow",
     "3.0.0",
     "cluster",
     "Provides info about Redis Cluster node state",
     {},
     "nondeterministic_output"},
    {"cluster|keyslot", 3, RunDisabled, 0, "stale", "@slow", "3.0.0", "cluster",
     "Returns the hash slot of the specified key"},
    {"cluster|links",
     2,
     RunDisabled,
     0,
     "stale",
     "@slow",
     "7.0.0",
     "cluster",
     "Returns a list of all TCP links to and from peer nodes in cluster",
     {},
     "nondeterministic_output"},
    {"cluster|myid", 2, RunDisabled, 0, "stale", "@slow", "3.0.0", "cluster", "Return the node id"},
    {"cluster|nodes",
     2,
     RunDisabled,
     0,
     "stale",
     "@slow",
     "3.0.0",
     "cluster",
     "Get Cluster config for the node",
     {},
     "nondeterministic_output"},
    {"cluster|shards",
     2,
     RunDisabled,
     0,
     "stale",
     "@slow",
     "7.0.0",
     "cluster",
     "Get array of cluster slots to node mappings",
     {},
     "nondeterministic_output"},
    {"cluster|slots",
     2,
     RunDisabled,
     0,
     "stale",
     "@slow",
     "3.0.0",
     "cluster",
     "Get array of Cluster slot to node mappings",
     {},
     "nondeterministic_output"},
};

constexpr RespCommand kCommands[] = {
    {"cluster",
     -2,
     nullptr,
     0,
     "",
     "@slow",
     "3.0.0",
     "cluster",
     "A container for cluster commands",
     {},
     {},
     kClusterCommands},
    {"readonly", 1, RunDisabled, 0, "loading stale fast", "@fast @connection", "3.0.0", "cluster",
     "Enables read queries for a connection to a cluster replica node"},
    {"readwrite", 1, RunDisabled, 0, "loading stale fast", "@fast @connection", "3.0.0", "cluster",
     "Disables read queries for a connection to a cluster replica node"},
    {"asking", 1, RunDisabled, 0, "fast", "@fast @connection", "3.0.0", "cluster",
     "Sent by cluster clients after an -ASK redirect"},
};

}  // namespace

absl::Span<const RespCommand> ClusterCommands() { return kCommands; }

}  // namespace keyturn
