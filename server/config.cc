#include "server/config.h"

#include <toml++/toml.h>

#include <array>
#include <functional>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "auth/cidr.h"
#include "base/nearest.h"
#include "base/status_macros.h"
#include "server/target_config.h"
#include "storage/file_system.h"

namespace keyturn {
namespace {

// A place for the value of one key, and what it may be.
struct Setting {
  const char* key;  // "section.name"
  std::function<absl::Status(const std::string& key, const toml::node& node)> set;
};

absl::Status Bad(const std::string& key, absl::string_view allowed) {
  return absl::InvalidArgumentError(absl::StrCat(key, " must be ", allowed));
}

Setting Text(const char* key, std::string* out) {
  return {key, [out](const std::string& name, const toml::node& node) {
            const auto value = node.value_exact<std::string>();
            if (!value.has_value()) return Bad(name, "a string");
            *out = *value;
            return absl::OkStatus();
          }};
}

Setting Prefix(const char* key, std::string* out) {
  return {key, [out](const std::string& name, const toml::node& node) {
            const auto value = node.value_exact<std::string>();
            if (!value.has_value() || value->size() > limits::kRevocationPrefixBytesMax) {
              return Bad(name, absl::StrCat("a string of at most ",
                                            limits::kRevocationPrefixBytesMax, " bytes"));
            }
            *out = *value;
            return absl::OkStatus();
          }};
}

Setting AbsolutePath(const char* key, std::string* out) {
  return {key, [out](const std::string& name, const toml::node& node) {
            const auto value = node.value_exact<std::string>();
            if (!value.has_value() || !absl::StartsWith(*value, "/")) {
              return Bad(name, "an absolute path");
            }
            *out = *value;
            return absl::OkStatus();
          }};
}

Setting Flag(const char* key, bool* out) {
  return {key, [out](const std::string& name, const toml::node& node) {
            const auto value = node.value_exact<bool>();
            if (!value.has_value()) return Bad(name, "true or false");
            *out = *value;
            return absl::OkStatus();
          }};
}

template <typename Number>
Setting Whole(const char* key, int64_t min, int64_t max, Number* out) {
  return {key, [=](const std::string& name, const toml::node& node) {
            const auto value = node.value_exact<int64_t>();
            if (!value.has_value() || *value < min || *value > max) {
              return Bad(name, absl::StrCat("a whole number from ", min, " to ", max));
            }
            *out = static_cast<Number>(*value);
            return absl::OkStatus();
          }};
}

// One of `words`, as its position.
Setting Word(const char* key, std::vector<std::string> words, std::function<void(size_t)> set) {
  return {key, [=](const std::string& name, const toml::node& node) {
            const auto value = node.value_exact<std::string>();
            std::string allowed;
            for (size_t i = 0; i < words.size(); ++i) {
              if (value == words[i]) {
                set(i);
                return absl::OkStatus();
              }
              absl::StrAppend(&allowed,
                              i == 0                  ? ""
                              : i + 1 == words.size() ? " or "
                                                      : ", ",
                              "\"", words[i], "\"");
            }
            return Bad(name, allowed);
          }};
}

Setting EventLetters(const char* key, std::string* out) {
  return {
      key, [out](const std::string& name, const toml::node& node) {
        const auto value = node.value_exact<std::string>();
        if (!value.has_value() || value->find_first_not_of("KEg$lshzxetdnA") != std::string::npos) {
          return Bad(name, "letters of \"KEg$lshzxetdnA\"");
        }
        *out = *value;
        return absl::OkStatus();
      }};
}

Setting Tables(const char* key, std::vector<TargetSpec>* out) {
  return {key, [out](const std::string& name, const toml::node& node) {
            return ParseTargets(name, node, out);
          }};
}

Setting Blocks(const char* key, std::vector<std::string>* out) {
  return {key, [out](const std::string& name, const toml::node& node) {
            const absl::Status bad =
                Bad(name, absl::StrCat("a list of at most ", limits::kTargetAddressesMax,
                                       " CIDR blocks, such as \"10.1.0.0/16\""));
            const toml::array* const array = node.as_array();
            if (array == nullptr || array->size() > limits::kTargetAddressesMax) return bad;
            for (const toml::node& element : *array) {
              const auto block = element.value_exact<std::string>();
              if (!block.has_value() || !Cidr::Parse(*block).ok()) return bad;
              out->push_back(*block);
            }
            return absl::OkStatus();
          }};
}

std::vector<Setting> Settings(Config* config) {
  constexpr int64_t kRateMax = 10'000'000;
  return {
      AbsolutePath("data_directory", &config->data_directory),
      AbsolutePath("key_file", &config->key_file),
      AbsolutePath("anchor_file", &config->anchor_file),
      Flag("auto_unseal", &config->auto_unseal),
      Text("listen.grpc", &config->grpc_address),
      Text("listen.https", &config->https_address),
      Text("listen.metrics", &config->metrics_address),
      Text("listen.resp", &config->resp_address),
      Text("listen.resp_tls", &config->resp_tls_address),
      AbsolutePath("listen.resp_socket", &config->resp_socket),
      Flag("resp.allow_plaintext", &config->resp_allow_plaintext),
      Flag("resp.require_client_certificate", &config->resp_require_client_certificate),
      Whole("resp.threads", 0, limits::kRespThreadsMax, &config->resp_threads),
      EventLetters("resp.notify_keyspace_events", &config->resp_notify_keyspace_events),
      Flag("revocation.scan", &config->revocation_scan),
      Prefix("revocation.prefix", &config->revocation_prefix),
      Flag("revocation.guards_own", &config->revocation_guards_own),
      AbsolutePath("tls.certificate", &config->tls_certificate),
      AbsolutePath("tls.key", &config->tls_key),
      AbsolutePath("tls.client_ca", &config->tls_client_ca),
      Tables("rotation.targets", &config->targets),
      Flag("webhooks.enabled", &config->webhooks),
      AbsolutePath("webhooks.ca_file", &config->webhooks_ca_file),
      Blocks("webhooks.allow_addresses", &config->webhooks_allow_addresses),
      AbsolutePath("audit.directory", &config->audit_directory),
      Word("audit.reads", {"batch", "fsync"},
           [config](size_t i) { config->audit_sync_reads = i == 1; }),
      Whole("limits.arena_bytes", int64_t{64} * 1024, limits::kArenaBytesMax, &config->arena_bytes),
      Flag("limits.require_memory_lock", &config->require_memory_lock),
      Whole("limits.worker_threads", limits::kWorkerThreadsMin, limits::kWorkerThreadsMax,
            &config->worker_threads),
      Whole("limits.source_calls_per_second", 0, kRateMax, &config->source_calls_per_second),
      Whole("limits.identity_calls_per_second", 0, kRateMax, &config->identity_calls_per_second),
      Word("log.level", {"debug", "info", "warning", "error"},
           [config](size_t i) { config->log_level = static_cast<LogLevel>(i); }),
  };
}

absl::Status Unknown(const std::string& key, const std::vector<Setting>& settings) {
  std::vector<std::string> known;
  for (const Setting& setting : settings) known.emplace_back(setting.key);
  return absl::InvalidArgumentError(
      absl::StrCat("unknown key ", key, "; the nearest one is ", Nearest(key, known)));
}

absl::Status Apply(const std::string& prefix, const toml::table& table,
                   const std::vector<Setting>& settings) {
  for (const auto& [name, node] : table) {
    const std::string key = absl::StrCat(prefix, std::string(name.str()));
    const auto setting = std::find_if(settings.begin(), settings.end(),
                                      [&key](const Setting& s) { return s.key == key; });
    if (setting != settings.end()) {
      RETURN_IF_ERROR(setting->set(key, node));
      continue;
    }
    if (!prefix.empty() || !node.is_table()) return Unknown(key, settings);
    RETURN_IF_ERROR(Apply(absl::StrCat(key, "."), *node.as_table(), settings));
  }
  return absl::OkStatus();
}

// The packaged library throws; its exceptions end here.
absl::StatusOr<toml::table> ParseToml(absl::string_view text) {
  try {
    return toml::parse(std::string_view(text.data(), text.size()));
  } catch (const toml::parse_error& error) {
    return absl::InvalidArgumentError(
        absl::StrCat("line ", error.source().begin.line, ": ", std::string(error.description())));
  }
}

bool IsLoopback(const HostPort& address) {
  return address.host == "::1" || absl::StartsWith(address.host, "127.");
}

absl::Status CheckResp(const Config& config) {
  if (!config.resp_tls_address.empty()) {
    RETURN_IF_ERROR(ParseHostPort("listen.resp_tls", config.resp_tls_address).status());
  }
  if (config.resp_address.empty()) return absl::OkStatus();
  ASSIGN_OR_RETURN(const HostPort plain, ParseHostPort("listen.resp", config.resp_address));
  if (IsLoopback(plain) || config.resp_allow_plaintext) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      "listen.resp is without TLS, so that tokens would cross the network in clear: it must be a "
      "loopback address, or use listen.resp_tls = \"",
      config.resp_address,
      "\" and listen.resp = \"\"; resp.allow_plaintext = true overrides this"));
}

absl::Status CheckTogether(const Config& config) {
  RETURN_IF_ERROR(ParseHostPort("listen.grpc", config.grpc_address).status());
  RETURN_IF_ERROR(ParseHostPort("listen.metrics", config.metrics_address).status());
  if (!config.https_address.empty()) {
    RETURN_IF_ERROR(ParseHostPort("listen.https", config.https_address).status());
  }
  RETURN_IF_ERROR(CheckResp(config));
  if (config.tls_certificate.empty() != config.tls_key.empty()) {
    return absl::InvalidArgumentError("tls.certificate and tls.key must be given together");
  }
  if (config.auto_unseal && config.key_file.empty()) {
    return absl::InvalidArgumentError("auto_unseal needs key_file, the key it unseals with");
  }
  if ((config.arena_bytes & (config.arena_bytes - 1)) != 0) {
    return Bad("limits.arena_bytes", "a power of two");
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<HostPort> ParseHostPort(absl::string_view key, absl::string_view text) {
  const absl::Status bad =
      Bad(std::string(key),
          "\"address:port\" with a literal IP address (IPv6 in brackets) and a "
          "port from 0 to 65535");
  const size_t colon = text.rfind(':');
  if (colon == absl::string_view::npos) return bad;
  HostPort out;
  absl::string_view host = text.substr(0, colon);
  const bool brackets = absl::StartsWith(host, "[") && absl::EndsWith(host, "]");
  if (brackets) host = host.substr(1, host.size() - 2);
  // SimpleAtoi also takes blanks and a sign.
  const absl::string_view digits = text.substr(colon + 1);
  uint32_t port = 0;
  if (digits.find_first_not_of("0123456789") != absl::string_view::npos ||
      !absl::SimpleAtoi(digits, &port) || port > 65535) {
    return bad;
  }
  if (!IpAddress::Parse(host).ok() || absl::StrContains(host, ':') != brackets) return bad;
  out.host = std::string(host);
  out.port = static_cast<uint16_t>(port);
  return out;
}

std::string ToText(const HostPort& address) {
  const bool v6 = absl::StrContains(address.host, ':');
  return absl::StrCat(v6 ? "[" : "", address.host, v6 ? "]:" : ":", address.port);
}

absl::StatusOr<Config> ParseConfig(absl::string_view text) {
  ASSIGN_OR_RETURN(const toml::table table, ParseToml(text));
  Config config;
  const std::vector<Setting> settings = Settings(&config);
  RETURN_IF_ERROR(Apply("", table, settings));
  RETURN_IF_ERROR(CheckTogether(config));
  return config;
}

absl::StatusOr<Config> ReadConfig(const std::string& path) {
  ASSIGN_OR_RETURN(const std::string text, FileSystem::Posix().Read(path));
  absl::StatusOr<Config> config = ParseConfig(text);
  if (config.ok()) return config;
  return absl::Status(config.status().code(), absl::StrCat(path, ": ", config.status().message()));
}

}  // namespace keyturn
