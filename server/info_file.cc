#include "server/info_file.h"

#include <unistd.h>

#include <nlohmann/json.hpp>

#include "base/version.h"
#include "storage/file_system.h"

namespace keyturn {

absl::Status WriteInfoFile(const std::string& path, const ServerInfo& info) {
  nlohmann::ordered_json json = {
      {"grpc", info.grpc},
      {"metrics", info.metrics},
      {"operator_socket", info.operator_socket},
      {"ca_file", info.ca_file},
      {"data_directory", info.data_directory},
      {"pid", getpid()},
      {"version", kVersion},
  };
  for (const auto& [name, value] :
       {std::pair("https", info.https), std::pair("resp", info.resp),
        std::pair("resp_tls", info.resp_tls), std::pair("resp_socket", info.resp_socket)}) {
    if (!value.empty()) json[name] = value;
  }
  if (!info.root_token_file.empty()) json["root_token_file"] = info.root_token_file;
  return WriteFileAtomically(FileSystem::Posix(), path, json.dump(2) + "\n", 0600);
}

}  // namespace keyturn
