// The whole server: constructs the rooms and doors, wires them, starts them, shuts them down.
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "base/clock.h"
#include "server/config.h"
#include "server/info_file.h"
#include "server/lifecycle.h"
#include "server/rooms.h"

namespace keyturn {

class Server {
 public:
  // Serves at once; sealed, unless the configuration unseals. In dev mode `config.data_directory`
  // holds the TLS files only. Errors name what could not be had. `clock` outlives the server.
  static absl::StatusOr<std::unique_ptr<Server>> Start(const Config& config, Clock& clock);
  // As Stop with no grace.
  virtual ~Server() = default;

  // Where it listens. `root_token_file` is empty.
  virtual ServerInfo info() const = 0;
  // Reads certificates again (SIGHUP).
  virtual absl::Status Reload() = 0;
  // Takes no more calls, gives those that run until `grace` has passed, seals and closes.
  virtual void Stop(absl::Duration grace) = 0;

  virtual Lifecycle& lifecycle() = 0;
  virtual Rooms& rooms() = 0;
};

}  // namespace keyturn
