#include "server/run.h"

#include <csignal>
#include <cstdio>
#include <optional>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/log.h"
#include "base/status_macros.h"
#include "crypto/arena.h"
#include "server/config_check.h"
#include "server/dev_mode.h"
#include "server/grpc_listener.h"
#include "server/hardening.h"
#include "server/server.h"

namespace keyturn {
namespace {

constexpr int kExitFailed = 1;
constexpr int kExitBadConfig = 2;
constexpr absl::Duration kGrace = absl::Seconds(10);

// Blocked before any thread starts, so that they all inherit it and only sigwait sees these.
sigset_t BlockSignals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGHUP);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
  return signals;
}

absl::StatusOr<Config> Configure(const CommandLine& line) {
  Config config;
  if (!line.config_file.empty()) {
    ASSIGN_OR_RETURN(config, ReadConfig(line.config_file));
  }
  config.dev = line.dev;
  config.accept_audit_loss = line.accept_audit_loss;
  config.accept_rollback = line.accept_rollback;
  if (line.dev && line.config_file.empty()) config.require_memory_lock = false;
  return config;
}

absl::Status Prepare(const Config& config) {
  RETURN_IF_ERROR(HardenProcess(config.dev));
  RETURN_IF_ERROR(ConfigureArena(config.arena_bytes, config.require_memory_lock && !config.dev));
  if (!config.dev) RETURN_IF_ERROR(CheckDataDirectory(config.data_directory));
  return absl::OkStatus();
}

void WaitForSignals(const sigset_t& signals, Server& server) {
  for (;;) {
    int signal = 0;
    if (sigwait(&signals, &signal) != 0) continue;
    if (signal != SIGHUP) {
      LogInfo("stopping", {{"signal", signal}});
      return;
    }
    const absl::Status reloaded = server.Reload();
    if (reloaded.ok()) {
      LogInfo("certificates were read again");
    } else {
      LogError("certificates were not read; the old ones stay",
               {{"error", std::string(reloaded.message())}});
    }
  }
}

absl::Status Serve(Config config, const CommandLine& line) {
  const sigset_t signals = BlockSignals();
  RETURN_IF_ERROR(Prepare(config));
  RouteGrpcLog();
  std::optional<DevDirectory> dev;
  if (config.dev) {
    ASSIGN_OR_RETURN(DevDirectory made, DevDirectory::Make());
    dev.emplace(std::move(made));
    config.data_directory = dev->path();
  }
  ASSIGN_OR_RETURN(const std::unique_ptr<Server> server, Server::Start(config, Clock::Real()));
  ServerInfo info = server->info();
  if (dev.has_value()) {
    info.root_token_file = dev->root_token_file();
    RETURN_IF_ERROR(InitDev(*server, info.root_token_file));
    PrintDevBanner(info);
  }
  LogInfo("listening", {{"grpc", info.grpc},
                        {"https", info.https},
                        {"metrics", info.metrics},
                        {"resp", info.resp},
                        {"resp_tls", info.resp_tls}});
  if (!server->rooms().keyring->status().initialized) {
    LogInfo("the vault is new: nothing is stored and nobody can log in before it is initialised",
            {{"next", absl::StrCat("keyturn operator init --socket ", info.operator_socket)}});
  }
  if (!line.info_file.empty()) RETURN_IF_ERROR(WriteInfoFile(line.info_file, info));
  WaitForSignals(signals, *server);
  server->Stop(kGrace);
  return absl::OkStatus();
}

int CheckOnly(const Config& config, const CommandLine& line) {
  const absl::Status files = CheckConfigFiles(config, Clock::Real());
  if (files.ok()) return 0;
  std::fprintf(stderr, "keyturnd: %s: %s\n", line.config_file.c_str(),
               std::string(files.message()).c_str());
  return kExitBadConfig;
}

// Who types --dev reads no log; and most often has a server already that holds the port.
void SayToAPerson(const absl::Status& failed) {
  std::fprintf(stderr, "keyturnd: %s\n", std::string(failed.message()).c_str());
  if (!absl::StrContains(failed.message(), "Address already in use")) return;
  std::fputs(
      "next: printf '[listen]\\ngrpc = \"127.0.0.1:0\"\\nresp = \"127.0.0.1:0\"\\nmetrics = "
      "\"127.0.0.1:0\"\\n' >dev.toml && keyturnd --dev --config dev.toml\n",
      stderr);
}

}  // namespace

int RunServer(const CommandLine& line) {
  const absl::StatusOr<Config> config = Configure(line);
  if (!config.ok()) {
    std::fprintf(stderr, "keyturnd: %s\n", std::string(config.status().message()).c_str());
    return kExitBadConfig;
  }
  if (line.check_config) return CheckOnly(*config, line);
  SetLogLevel(config->log_level);
  const absl::Status served = Serve(*config, line);
  if (served.ok()) return 0;
  if (config->dev) {
    SayToAPerson(served);
    return kExitFailed;
  }
  LogError("the server could not start", {{"error", std::string(served.message())}});
  return kExitFailed;
}

}  // namespace keyturn
