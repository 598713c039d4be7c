// The server's configuration: one that is accepted, written down as TOML, is accepted as the same,
// and holds what the checks promise. Also each input alone as an address to listen on.
#include "server/config.h"

#include <tuple>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "tests/fuzz/fuzz.h"

namespace keyturn::fuzz {
namespace {

std::string Quoted(absl::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    const auto u = static_cast<unsigned char>(c);
    if (u < 0x20 || u == 0x7f || c == '"' || c == '\\') {
      absl::StrAppendFormat(&out, "\\u%04x", u);
    } else {
      out.push_back(c);
    }
  }
  return out + "\"\n";
}

std::string List(const std::vector<std::string>& texts) {
  std::string out = "[";
  for (const std::string& text : texts) absl::StrAppend(&out, Quoted(text), ",\n");
  return out + "]\n";
}

std::string ToToml(const std::vector<TargetSpec>& targets) {
  std::string out;
  for (const TargetSpec& target : targets) {
    absl::StrAppend(&out, "[[rotation.targets]]\nname = ", Quoted(target.name),
                    "paths = ", List(target.paths),
                    "timeout_seconds = ", absl::ToInt64Seconds(target.timeout), "\n");
    if (!target.command.empty()) absl::StrAppend(&out, "command = ", List(target.command));
    if (!target.url.empty()) absl::StrAppend(&out, "url = ", Quoted(target.url));
    if (!target.signing_key_file.empty()) {
      absl::StrAppend(&out, "signing_key_file = ", Quoted(target.signing_key_file));
    }
    if (!target.ca_file.empty()) absl::StrAppend(&out, "ca_file = ", Quoted(target.ca_file));
    absl::StrAppend(&out, "allow_addresses = ", List(target.allow_addresses));
    absl::StrAppend(&out, "[rotation.targets.environment]\n");
    for (const std::string& entry : target.environment) {
      const size_t equals = entry.find('=');
      std::string name = Quoted(entry.substr(0, equals));
      name.pop_back();
      absl::StrAppend(&out, name, " = ", Quoted(entry.substr(equals + 1)));
    }
  }
  return out;
}

std::string ToToml(const Config& c) {
  constexpr const char* kLevels[] = {"debug", "info", "warning", "error"};
  const auto path = [](const char* key, const std::string& value) {
    return value.empty() ? "" : absl::StrCat(key, " = ", Quoted(value));
  };
  const auto flag = [](bool value) { return value ? "true\n" : "false\n"; };
  return absl::StrCat(
      path("data_directory", c.data_directory), path("key_file", c.key_file),
      path("anchor_file", c.anchor_file), "auto_unseal = ", flag(c.auto_unseal),
      "[listen]\ngrpc = ", Quoted(c.grpc_address), "https = ", Quoted(c.https_address),
      "metrics = ", Quoted(c.metrics_address), "resp = ", Quoted(c.resp_address),
      "resp_tls = ", Quoted(c.resp_tls_address), path("resp_socket", c.resp_socket),
      "[resp]\nallow_plaintext = ", flag(c.resp_allow_plaintext),
      "require_client_certificate = ", flag(c.resp_require_client_certificate),
      "notify_keyspace_events = ", Quoted(c.resp_notify_keyspace_events),
      "threads = ", c.resp_threads, "\n[revocation]\nscan = ", flag(c.revocation_scan),
      "prefix = ", Quoted(c.revocation_prefix), "guards_own = ", flag(c.revocation_guards_own),
      "[tls]\n", path("certificate", c.tls_certificate), path("key", c.tls_key),
      path("client_ca", c.tls_client_ca), "[webhooks]\nenabled = ", flag(c.webhooks),
      path("ca_file", c.webhooks_ca_file), "allow_addresses = ", List(c.webhooks_allow_addresses),
      "[audit]\n", path("directory", c.audit_directory),
      "reads = ", Quoted(c.audit_sync_reads ? "fsync" : "batch"), ToToml(c.targets),
      "[limits]\narena_bytes = ", c.arena_bytes,
      "\nrequire_memory_lock = ", flag(c.require_memory_lock),
      "worker_threads = ", c.worker_threads,
      absl::StrFormat("\nsource_calls_per_second = %.0f\nidentity_calls_per_second = %.0f\n",
                      c.source_calls_per_second, c.identity_calls_per_second),
      "[log]\nlevel = ", Quoted(kLevels[static_cast<int>(c.log_level)]));
}

auto Fields(const Config& c) {
  return std::tie(c.data_directory, c.key_file, c.anchor_file, c.auto_unseal, c.grpc_address,
                  c.https_address, c.metrics_address, c.resp_address, c.resp_tls_address,
                  c.resp_socket, c.resp_allow_plaintext, c.resp_require_client_certificate,
                  c.resp_notify_keyspace_events, c.resp_threads, c.revocation_scan,
                  c.revocation_prefix, c.revocation_guards_own, c.tls_certificate, c.tls_key,
                  c.tls_client_ca, c.webhooks, c.webhooks_ca_file, c.webhooks_allow_addresses,
                  c.audit_directory, c.audit_sync_reads, c.arena_bytes, c.require_memory_lock,
                  c.worker_threads, c.source_calls_per_second, c.identity_calls_per_second,
                  c.log_level, c.dev, c.accept_rollback, c.accept_audit_loss);
}

auto Fields(const TargetSpec& t) {
  return std::tie(t.name, t.paths, t.timeout, t.command, t.environment, t.url, t.signing_key_file,
                  t.ca_file, t.allow_addresses);
}

void CheckAddress(absl::string_view text) {
  const absl::StatusOr<HostPort> address = ParseHostPort("listen.grpc", text);
  if (!address.ok()) return;
  const bool v6 = address->host.find(':') != std::string::npos;
  const std::string again = v6 ? absl::StrCat("[", address->host, "]:", address->port)
                               : absl::StrCat(address->host, ":", address->port);
  Require(text.find_first_not_of("0123456789abcdefABCDEF:.[]") == absl::string_view::npos,
          "an address has digits, ':', '.' and brackets only");
  const HostPort same = Must(ParseHostPort("listen.grpc", again), "it parses");
  Require(same.host == address->host && same.port == address->port, "as the same address");
}

}  // namespace

void FuzzConfig(absl::string_view input) {
  CheckAddress(input);
  const absl::StatusOr<Config> config = ParseConfig(input);
  if (!config.ok()) {
    return Require(absl::IsInvalidArgument(config.status()), "what is refused is an argument");
  }
  const Config again = Must(ParseConfig(ToToml(*config)), "it is accepted");
  Require(Fields(again) == Fields(*config), "as the same configuration");
  Require(again.targets.size() == config->targets.size(), "with as many targets");
  for (size_t i = 0; i < again.targets.size(); ++i) {
    Require(Fields(again.targets[i]) == Fields(config->targets[i]), "the same ones");
  }
  Require((config->arena_bytes & (config->arena_bytes - 1)) == 0, "a power of two");
  Require(!config->dev && config->accept_rollback.empty(), "the command line's alone");
  CheckAddress(config->grpc_address);
}

}  // namespace keyturn::fuzz

FUZZ_TARGET(FuzzConfig)
