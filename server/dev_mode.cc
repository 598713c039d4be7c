#include "server/dev_mode.h"

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"

namespace keyturn {

absl::StatusOr<DevDirectory> DevDirectory::Make() {
  std::error_code error;
  std::filesystem::path base = std::filesystem::temp_directory_path(error);
  if (error) base = "/tmp";
  std::string pattern = (base / "keyturn-dev-XXXXXX").string();
  if (mkdtemp(pattern.data()) == nullptr) {
    return absl::UnavailableError(absl::StrCat("cannot make a directory in ", base.string(), ": ",
                                               std::generic_category().message(errno)));
  }
  return DevDirectory(std::move(pattern));
}

DevDirectory::~DevDirectory() {
  if (path_.empty()) return;
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

absl::Status InitDev(Server& server, const std::string& root_token_file) {
  std::vector<SealSpec> seals(1);
  seals[0].type = SealSpec::Type::kPassphrase;
  ASSIGN_OR_RETURN(seals[0].passphrase, SecretBytes::CopyOf(kDevPassphrase));
  AuditEvent event;
  event.time = Clock::Real().Now();
  event.event = "system_initialized";
  event.principal = "dev";
  event.method = "background";
  AuditedUpdater updater(*server.rooms().store, *server.rooms().audit, event);
  ASSIGN_OR_RETURN(const Lifecycle::Initialised made,
                   server.lifecycle().Init(updater, std::move(seals), ""));
  return WriteFileAtomically(FileSystem::Posix(), root_token_file, made.root_token.ExposeForWire(),
                             0600);
}

void PrintDevBanner(const ServerInfo& info) {
  std::fprintf(stderr,
               "\n"
               "  ************************************************************************\n"
               "  *  keyturnd --dev: NOT FOR REAL SECRETS                                *\n"
               "  *  everything is in memory and is lost when this process ends          *\n"
               "  *  clients need no certificate; the unseal passphrase is public        *\n"
               "  ************************************************************************\n"
               "\n"
               "  export KEYTURN_ADDR=%s\n"
               "  export KEYTURN_CACERT=%s\n"
               "  export KEYTURN_TOKEN_FILE=%s\n"
               "\n"
               "  metrics: http://%s/metrics    unseal passphrase: %s\n"
               "\n",
               info.grpc.c_str(), info.ca_file.c_str(), info.root_token_file.c_str(),
               info.metrics.c_str(), kDevPassphrase);
}

}  // namespace keyturn
