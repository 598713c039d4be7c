// What a vault is to its callers, as maps in memory: the reference of the model test and the
// sequential specification of concurrent histories. Shares nothing with the vault but the form of
// the answers. Copying one copies all of it. Not thread-safe.
#pragma once

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "tests/vault/vault_op.h"

namespace keyturn {

class ReferenceVault {
 public:
  struct Version {
    VaultOp::Strings fields;
    bool deleted = false, destroyed = false;
    int64_t purge = 0, expire = 0;  // Unix seconds; 0: never
  };
  struct Secret {
    std::map<uint64_t, Version> versions;
    uint64_t newest = 0;
    uint64_t max_versions = 10;
    int64_t ttl = 0;
    bool require_if_version = false;
    VaultOp::Strings custom;
  };

  // Does it, and says what it comes to. A change that was not refused is told as a watcher would
  // be: `*change`.
  std::string Do(const VaultOp& op, absl::Time when, std::string* change) {
    now_ = absl::ToUnixSeconds(when);
    change->clear();
    switch (op.kind) {
      case VaultOp::Kind::kPut:
        return Put(op, change);
      case VaultOp::Kind::kRenameSecret:
        return RenameSecret(op, change);
      case VaultOp::Kind::kRenameDirectory:
        return RenameDirectory(op, change);
      default:
        break;
    }
    const auto found = secrets_.find(op.path);
    if (found == secrets_.end()) return "NOT_FOUND";
    Secret& secret = found->second;
    switch (op.kind) {
      case VaultOp::Kind::kGet:
        return Get(op, secret);
      case VaultOp::Kind::kDescribe:
        return Text(secret);
      case VaultOp::Kind::kDelete:
        return Delete(op, &secret, change);
      case VaultOp::Kind::kUndelete:
        return Undelete(op, &secret, change);
      case VaultOp::Kind::kDestroy:
        return Destroy(op, &secret, change);
      case VaultOp::Kind::kDestroyAll: {
        std::vector<uint64_t> live;
        for (const auto& [number, version] : secret.versions) {
          if (!version.destroyed) live.push_back(number);
        }
        secrets_.erase(found);
        *change = Change("DESTROYED", op.path, {});
        return absl::StrCat("destroyed ", absl::StrJoin(live, ","));
      }
      case VaultOp::Kind::kMetadata:
        return Metadata(op, &secret, change);
      default:
        return "no such operation";
    }
  }

  // What is past its time is destroyed.
  void RunDue(absl::Time when) {
    now_ = absl::ToUnixSeconds(when);
    for (auto& [path, secret] : secrets_) {
      for (auto& [number, version] : secret.versions) {
        const bool purge = version.deleted && version.purge != 0 && version.purge <= now_;
        if (!version.destroyed && (purge || Expired(version))) MarkDestroyed(&version);
      }
    }
  }

  const std::map<std::string, Secret>& secrets() const { return secrets_; }
  const std::set<std::string>& directories() const { return directories_; }

  // Equal for equal contents only.
  std::string Fingerprint() const {
    std::string out = absl::StrJoin(directories_, " ");
    for (const auto& [path, secret] : secrets_) {
      absl::StrAppend(&out, "\n", path, " ", Text(secret));
      for (const auto& [number, version] : secret.versions) {
        if (!version.destroyed) absl::StrAppend(&out, " ", TextOf(version.fields));
      }
    }
    return out;
  }

 private:
  static std::string ParentOf(const std::string& path) {
    const size_t slash = path.rfind('/');
    return slash == std::string::npos ? "" : path.substr(0, slash);
  }
  void MakeDirectoriesAbove(const std::string& path) {
    for (std::string at = ParentOf(path); !at.empty(); at = ParentOf(at)) directories_.insert(at);
  }

  static std::string Change(absl::string_view type, absl::string_view path,
                            const std::vector<uint64_t>& numbers, absl::string_view to = "") {
    return absl::StrCat(type, " ", path, " ", to, " ", numbers.size() == 1 ? numbers[0] : 0);
  }

  bool Expired(const Version& version) const {
    return version.expire != 0 && version.expire <= now_;
  }
  static void MarkDestroyed(Version* version) {
    version->destroyed = true;
    version->purge = 0;
    version->fields.clear();
  }
  static void Prune(Secret* secret) {
    while (secret->versions.size() > secret->max_versions) {
      secret->versions.erase(secret->versions.begin());
    }
  }
  static void MergeCustom(const VaultOp::Strings& changes, Secret* secret) {
    for (const auto& [key, value] : changes) {
      if (value.empty()) {
        secret->custom.erase(key);
      } else {
        secret->custom[key] = value;
      }
    }
  }
  static std::string Text(const Secret& secret) {
    std::string out = SecretText(secret.newest, secret.max_versions, secret.require_if_version,
                                 secret.ttl, TextOf(secret.custom));
    for (auto it = secret.versions.rbegin(); it != secret.versions.rend(); ++it) {
      const auto& [number, version] = *it;
      const char state = version.destroyed ? 'D' : number == secret.newest ? 'C' : 'P';
      absl::StrAppend(&out,
                      VersionText(number, state, version.deleted, version.purge, version.expire));
    }
    return out;
  }

  // "" when it reads.
  std::string WhyUnreadable(const Version& version) const {
    if (version.destroyed) return "VERSION_DESTROYED";
    if (Expired(version)) return "VERSION_EXPIRED";
    return version.deleted ? "VERSION_DELETED" : "";
  }

  std::string Put(const VaultOp& op, std::string* change) {
    const auto found = secrets_.find(op.path);
    const bool is_new = found == secrets_.end();
    Secret secret = is_new ? Secret() : found->second;
    if (op.if_version.has_value() && *op.if_version != secret.newest) return "VERSION_MISMATCH";
    if (!op.if_version.has_value() && secret.require_if_version) return "IF_VERSION_REQUIRED";
    Version version;
    if (!op.replace && !is_new && WhyUnreadable(secret.versions[secret.newest]).empty()) {
      version.fields = secret.versions[secret.newest].fields;
    }
    for (const auto& [name, value] : op.fields) version.fields[name] = value;
    const int64_t ttl = op.ttl > absl::ZeroDuration() ? absl::ToInt64Seconds(op.ttl) : secret.ttl;
    if (ttl > 0) version.expire = now_ + ttl;
    MergeCustom(op.custom, &secret);
    secret.versions[++secret.newest] = version;
    Prune(&secret);
    *change = Change("WRITTEN", op.path, {secret.newest});
    MakeDirectoriesAbove(op.path);
    const uint64_t number = secret.newest;
    secrets_[op.path] = std::move(secret);
    return absl::StrCat("version ", number);
  }

  std::string Get(const VaultOp& op, const Secret& secret) const {
    uint64_t number = op.number != 0 ? op.number : secret.newest;
    if (op.number == 0 && op.previous) {
      number = 0;
      for (const auto& [earlier, version] : secret.versions) {
        if (earlier < secret.newest && !version.destroyed) number = earlier;
      }
    }
    const auto version = secret.versions.find(number);
    if (version == secret.versions.end()) return "VERSION_NOT_FOUND";
    const std::string why = WhyUnreadable(version->second);
    if (!why.empty()) return why;
    return ReadText(number, TextOf(version->second.fields), TextOf(secret.custom));
  }

  // Whether all of them are there and not destroyed.
  static bool AreLive(const std::vector<uint64_t>& numbers, const Secret& secret) {
    return std::all_of(numbers.begin(), numbers.end(), [&](uint64_t number) {
      const auto version = secret.versions.find(number);
      return version != secret.versions.end() && !version->second.destroyed;
    });
  }
  static std::vector<uint64_t> AllLive(const Secret& secret) {
    std::vector<uint64_t> out;
    for (const auto& [number, version] : secret.versions) {
      if (!version.destroyed) out.push_back(number);
    }
    return out;
  }

  std::string Delete(const VaultOp& op, Secret* secret, std::string* change) const {
    std::vector<uint64_t> wanted = op.numbers;
    if (op.all) {
      wanted = AllLive(*secret);
    } else if (wanted.empty()) {
      wanted = {secret->newest};
    }
    if (!AreLive(wanted, *secret)) return "VERSION_NOT_FOUND";
    for (const uint64_t number : wanted) {
      Version& version = secret->versions[number];
      if (version.deleted) continue;
      version.deleted = true;
      version.purge = now_ + (op.window_seconds != 0 ? op.window_seconds : int64_t{30} * 86400);
    }
    *change = Change("DELETED", op.path, op.numbers);
    return Text(*secret);
  }

  static std::string Undelete(const VaultOp& op, Secret* secret, std::string* change) {
    const std::vector<uint64_t> wanted = op.numbers.empty() ? AllLive(*secret) : op.numbers;
    if (!AreLive(wanted, *secret)) return "VERSION_NOT_FOUND";
    for (const uint64_t number : wanted) {
      secret->versions[number].deleted = false;
      secret->versions[number].purge = 0;
    }
    *change = Change("UNDELETED", op.path, op.numbers);
    return Text(*secret);
  }

  static std::string Destroy(const VaultOp& op, Secret* secret, std::string* change) {
    if (!AreLive(op.numbers, *secret)) return "VERSION_NOT_FOUND";
    for (const uint64_t number : op.numbers) MarkDestroyed(&secret->versions[number]);
    *change = Change("DESTROYED", op.path, op.numbers);
    return absl::StrCat("destroyed ", absl::StrJoin(op.numbers, ","));
  }

  static std::string Metadata(const VaultOp& op, Secret* secret, std::string* change) {
    if (op.replace_custom) secret->custom.clear();
    MergeCustom(op.custom, secret);
    if (op.max_versions != 0) secret->max_versions = op.max_versions;
    if (op.version_ttl_seconds != 0) secret->ttl = std::max<int64_t>(0, op.version_ttl_seconds);
    if (op.require_if_version != 0) secret->require_if_version = op.require_if_version == 1;
    Prune(secret);
    *change = Change("METADATA", op.path, {});
    return Text(*secret);
  }

  std::string RenameSecret(const VaultOp& op, std::string* change) {
    if (op.path == op.to) return "INVALID_ARGUMENT";
    const auto found = secrets_.find(op.path);
    if (found == secrets_.end()) return "NOT_FOUND";
    if (secrets_.count(op.to) != 0) return "ALREADY_EXISTS";
    MakeDirectoriesAbove(op.to);
    secrets_[op.to] = std::move(found->second);
    secrets_.erase(op.path);
    *change = Change("RENAMED", op.path, {}, op.to);
    return "OK";
  }

  std::string RenameDirectory(const VaultOp& op, std::string* change) {
    const std::string below = op.path + "/";
    if (op.path == op.to || absl::StartsWith(op.to, below)) return "INVALID_ARGUMENT";
    if (directories_.count(op.path) == 0) return "NOT_FOUND";
    if (directories_.count(op.to) != 0) return "ALREADY_EXISTS";
    MakeDirectoriesAbove(op.to);
    const auto moved = [&](const std::string& path) { return op.to + path.substr(op.path.size()); };
    std::map<std::string, Secret> secrets;
    for (auto& [path, secret] : secrets_) {
      secrets[absl::StartsWith(path, below) ? moved(path) : path] = std::move(secret);
    }
    secrets_ = std::move(secrets);
    std::set<std::string> directories;
    for (const std::string& path : directories_) {
      const bool moves = path == op.path || absl::StartsWith(path, below);
      directories.insert(moves ? moved(path) : path);
    }
    directories_ = std::move(directories);
    *change = Change("RENAMED", below, {}, op.to + "/");
    return "OK";
  }

  std::map<std::string, Secret> secrets_;
  std::set<std::string> directories_;  // those that are there, with secrets or without
  int64_t now_ = 0;
};

}  // namespace keyturn
