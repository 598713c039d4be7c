// Secrets whose values the server makes, rotated one after another while it is killed. A rotation
// that was begun goes on to its end after a restart; a version that was seen as the current one
// keeps its value. Not thread-safe.
#pragma once

#include <algorithm>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "client/client.h"
#include "tests/crash/rotation_end.h"

namespace keyturn {

class RotationWorker {
 public:
  using Problems = std::vector<std::string>;
  struct Secret {
    uint64_t current = 0;                    // 0: not made yet
    std::map<uint64_t, std::string> values;  // by version, of those seen as current
    bool pending = false;                    // one more rotation may have been begun
  };

  absl::Status Begin(Client& client) {
    for (int i = 0; i < kSecrets; ++i) RETURN_IF_ERROR(Make(client, PathOf(i)));
    return absl::OkStatus();
  }

  // One rotation after another until a call fails; its status.
  absl::Status Work(Client& client, uint64_t seed) {
    std::mt19937_64 random(seed);
    while (true) RETURN_IF_ERROR(Rotate(client, PathOf(static_cast<int>(random() % kSecrets))));
  }

  // Holds the server against what is known, and goes on from what is there.
  void Check(Client& client, Problems* problems) {
    for (auto& [path, secret] : secrets_) {
      const absl::Status right = CheckSecret(client, path, &secret);
      if (!right.ok()) problems->push_back(absl::StrCat(path, ": ", right.message()));
    }
  }

  // The versions of its secrets that the audit log calls promoted: each once.
  void Promoted(const std::string& path, uint64_t version, Problems* problems) {
    if (++promoted_[path][version] == 2) {
      problems->push_back(absl::StrCat(path, ": version ", version, " was promoted twice"));
    }
  }

  uint64_t acknowledged() const { return acknowledged_; }
  // For mutants. REQUIRES: Begin was OK.
  Secret& first() { return secrets_.begin()->second; }

 private:
  static constexpr int kSecrets = 3;
  static std::string PathOf(int number) { return absl::StrCat("rotated/s", number); }

  absl::Status Make(Client& client, const std::string& path) {
    v1::PutRequest put;
    put.set_path(path);
    v1::Field* const field = put.mutable_data()->add_fields();
    field->set_name("value");
    field->set_value("the first");
    RETURN_IF_ERROR(client.Put(put).status());
    v1::SetRotationPolicyRequest policy;
    policy.set_path(path);
    policy.mutable_policy()->mutable_source()->mutable_generate();
    RETURN_IF_ERROR(client.SetRotationPolicy(policy).status());
    return See(client, path, 1, &secrets_[path]);
  }

  absl::Status Rotate(Client& client, const std::string& path) {
    Secret& secret = secrets_[path];
    secret.pending = true;
    v1::RotateRequest rotate;
    rotate.set_path(path);
    rotate.set_force(true);
    RETURN_IF_ERROR(client.Rotate(rotate).status());
    ++acknowledged_;
    begun_[path] = secret.current + 1;
    ASSIGN_OR_RETURN(const v1::RotationStatus status, AwaitRotationEnd(client, path));
    RETURN_IF_ERROR(See(client, path, status.current_version(), &secret));
    secret.pending = false;
    return absl::OkStatus();
  }

  // Remembers the value of `version`, or holds it against what is remembered.
  static absl::Status See(Client& client, const std::string& path, uint64_t version,
                          Secret* secret) {
    v1::GetRequest get;
    get.set_path(path);
    get.mutable_version()->set_number(version);
    ASSIGN_OR_RETURN(const v1::GetResponse read, client.Get(get));
    if (read.data().fields_size() != 1) return absl::InternalError("it has another field");
    const auto [known, fresh] = secret->values.emplace(version, read.data().fields(0).value());
    if (!fresh && known->second != read.data().fields(0).value()) {
      return absl::InternalError(absl::StrCat("version ", version, " has a wrong value"));
    }
    secret->current = std::max(secret->current, version);
    return absl::OkStatus();
  }

  absl::Status CheckSecret(Client& client, const std::string& path, Secret* secret) {
    ASSIGN_OR_RETURN(const v1::RotationStatus status, AwaitRotationEnd(client, path));
    const uint64_t current = status.current_version();
    const uint64_t begun = begun_[path];
    if (current < std::max(secret->current, begun) ||
        current > secret->current + (secret->pending ? 1 : 0)) {
      return absl::InternalError(absl::StrCat("version ", current, " is current; acknowledged was ",
                                              secret->current, ", begun ", begun));
    }
    int currents = 0;
    for (const v1::VersionInfo& version : status.versions()) {
      const bool is_current = version.state() == v1::VERSION_STATE_CURRENT;
      currents += is_current ? 1 : 0;
      if (!is_current && version.state() != v1::VERSION_STATE_GRACE) continue;
      RETURN_IF_ERROR(See(client, path, version.version(), secret));
    }
    if (currents != 1) return absl::InternalError(absl::StrCat(currents, " versions are current"));
    secret->pending = false;
    return absl::OkStatus();
  }

  std::map<std::string, Secret> secrets_;
  std::map<std::string, uint64_t> begun_;  // the version of the last rotation that was begun
  std::map<std::string, std::map<uint64_t, int>> promoted_;
  uint64_t acknowledged_ = 0;
};

}  // namespace keyturn
