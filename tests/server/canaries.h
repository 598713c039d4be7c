// Secrets planted in what is sent to a server, or made by it, and the search for them in what it
// leaves: log, metrics, errors, audit log and files. Not thread-safe.
#pragma once

#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>

#include <algorithm>
#include <filesystem>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/coding.h"
#include "crypto/random.h"
#include "storage/file_system.h"
#include "tests/server/server_process.h"

namespace keyturn {

// Fields that the audit log names in the clear, by message: docs/AUDIT.md, `principal`, `resource`
// and details. `name` of a Field, say, and `path` of a Grant are not among them.
inline const std::set<std::string>& AuditedFields() {
  static const auto* const fields = new std::set<std::string>{"AcceptClockRequest.reason",
                                                              "CanIRequest.path",
                                                              "CreateTokenRequest.display_name",
                                                              "DeletePasswordPolicyRequest.name",
                                                              "DeletePolicyRequest.name",
                                                              "DeleteRequest.path",
                                                              "DeleteRoleRequest.name",
                                                              "DescribeRequest.path",
                                                              "DestroyRequest.path",
                                                              "EraseRequest.path",
                                                              "GenerateRequest.path",
                                                              "GetPolicyRequest.name",
                                                              "GetRequest.path",
                                                              "GetRoleRequest.name",
                                                              "IssueCertificateRequest.spiffe_id",
                                                              "ListRequest.path",
                                                              "LoginRequest.role",
                                                              "PasswordPolicy.name",
                                                              "Policy.name",
                                                              "PutRequest.path",
                                                              "RenameRequest.new_path",
                                                              "RenameRequest.path",
                                                              "RevocationTarget.api_key",
                                                              "RevocationTarget.jti",
                                                              "RevocationTarget.kid",
                                                              "RevocationTarget.subject",
                                                              "RevokeTokenRequest.id",
                                                              "Role.name",
                                                              "SearchRequest.path",
                                                              "UndeleteRequest.path",
                                                              "UpdateMetadataRequest.path",
                                                              "CreateApiKeyRequest.path",
                                                              "ListApiKeysRequest.path",
                                                              "AcknowledgeRequest.path",
                                                              "CancelRotationRequest.path",
                                                              "ForecastRequest.path",
                                                              "ForgetConsumerRequest.path",
                                                              "GetRotationStatusRequest.path",
                                                              "ListConsumersRequest.path",
                                                              "ListRotationRunsRequest.path",
                                                              "ListRotationsRequest.path",
                                                              "PauseRotationRequest.path",
                                                              "RemoveRotationPolicyRequest.path",
                                                              "ResumeRotationRequest.path",
                                                              "RetireRequest.path",
                                                              "RollbackRequest.path",
                                                              "RotateRequest.path",
                                                              "SetGraceRequest.path",
                                                              "SetRotationPolicyRequest.path",
                                                              "WatchRequest.path",
                                                              "AdoptJwtKeyRequest.path",
                                                              "AdoptRequest.path",
                                                              "CreateJwtKeyRequest.path",
                                                              "GetJwksRequest.path",
                                                              "GetJwtKeyRequest.path",
                                                              "RefreshJwtRequest.path",
                                                              "RevokeRefreshRequest.path",
                                                              "SignJwtRequest.path",
                                                              "UpdateJwtKeyRequest.path",
                                                              "VerifyJwtRequest.path"};
  return *fields;
}

// "PutRequest.path", "PasswordPolicy.Rule.characters".
inline std::string FieldName(const google::protobuf::FieldDescriptor& field) {
  return field.full_name().substr(std::string("keyturn.v1.").size());
}

struct Canary {
  std::string where;       // "SecretService/Put data.fields.value"
  std::string field;       // as of FieldName, or what else carried it
  bool sensitive = false;  // an error must not have it either
  std::string home;        // a part of the paths of the files that hold it by design; "": none
  std::vector<std::string> needles;  // what to look for: any of them is a find
};

// What a server left.
struct Remains {
  std::string log, metrics, errors, audit;
  std::map<std::string, std::string> files;  // by path; without log and audit log
};

// As it is, and as base64 (of either alphabet) and hexadecimal digits would show it.
inline bool Holds(const std::string& text, const std::string& needle) {
  if (absl::StrContains(text, needle) || absl::StrContains(text, HexEncode(needle))) return true;
  for (size_t skip = 0; skip < 3; ++skip) {
    const size_t length = std::min<size_t>(needle.size() - skip, 24) / 3 * 3;
    const std::string piece = needle.substr(skip, length);
    if (absl::StrContains(text, absl::Base64Escape(piece)) ||
        absl::StrContains(text, absl::WebSafeBase64Escape(piece))) {
      return true;
    }
  }
  return false;
}
inline bool Holds(const std::string& text, const Canary& canary) {
  return std::any_of(canary.needles.begin(), canary.needles.end(),
                     [&text](const std::string& needle) { return Holds(text, needle); });
}

class Canaries {
 public:
  // A text like no other, that passes for a path segment, a name and a passphrase.
  std::string Plant(const std::string& where, const std::string& field, bool sensitive) {
    return Keep(where, field, absl::StrCat("cnry", HexEncode(RandomBytes(12))), sensitive);
  }
  // A text that was made elsewhere; `home`: see Canary.
  std::string Keep(const std::string& where, const std::string& field, const std::string& text,
                   bool sensitive, const std::string& home = "") {
    EXPECT_GE(text.size(), 12u) << where << ": too short to be told from chance";
    canaries_[text] = {where, field, sensitive, home, {text}};
    return text;
  }
  // A token or share: found by what is secret in it, too, as text and as bytes.
  std::string KeepCredential(const std::string& where, const std::string& text) {
    Keep(where, "credential", text, true);
    const bool share = absl::StartsWith(text, "kt-share-");
    const std::string body = text.substr(share ? 9 : 4);
    std::string bytes;
    EXPECT_TRUE(absl::WebSafeBase64Unescape(body, &bytes)) << where;
    // FORMAT.md: 7 bytes before a share's value, 16 of id before a stored token's secret.
    const size_t open = share ? 7 : absl::StartsWith(text, "kts.") ? 16 : 0;
    std::vector<std::string>& needles = canaries_[text].needles;
    needles.push_back(body.substr((open + 2) / 3 * 4));
    needles.push_back(bytes.substr(open, 32));
    return text;
  }

  size_t size() const { return canaries_.size(); }
  bool AnyIn(const std::string& text) const {
    return std::any_of(canaries_.begin(), canaries_.end(), [&text](const auto& canary) {
      return absl::StrContains(text, canary.first);
    });
  }

  // How many of each field are in the audit log.
  std::map<std::string, int> CountAudited(const Remains& remains) const {
    std::map<std::string, int> counts;
    for (const auto& [text, canary] : canaries_) {
      if (Holds(remains.audit, canary)) ++counts[canary.field];
    }
    return counts;
  }

  // A line for each place that has what it must not have. Of what the audit log may have, which are
  // the `audited` fields, the store has the entry of a change (FORMAT.md, `audit_tail`).
  std::vector<std::string> Leaks(const Remains& remains,
                                 const std::set<std::string>& audited = AuditedFields()) const {
    std::vector<std::string> leaks;
    for (const auto& [text, canary] : canaries_) {
      const std::string what = absl::StrCat(canary.where, " (", canary.field, "): in ");
      if (Holds(remains.log, canary)) leaks.push_back(what + "the log");
      if (Holds(remains.metrics, canary)) leaks.push_back(what + "the metrics");
      if (canary.sensitive && Holds(remains.errors, canary)) leaks.push_back(what + "an error");
      const bool in_audit = Holds(remains.audit, canary);
      const bool may_be = !canary.sensitive && audited.count(canary.field) != 0;
      if (in_audit && !may_be) leaks.push_back(what + "the audit log");
      for (const auto& [path, content] : remains.files) {
        if (!canary.home.empty() && absl::StrContains(path, canary.home)) continue;
        if (Holds(content, canary) && !(in_audit && may_be)) leaks.push_back(what + path);
      }
    }
    return leaks;
  }

 private:
  std::map<std::string, Canary> canaries_;  // by text
};

// The files below the server's directory whose path contains `part`, or does not; it may run.
inline std::map<std::string, std::string> FilesOf(const ServerProcess& server,
                                                  const std::string& part, bool contains) {
  std::map<std::string, std::string> files;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(server.dir().path())) {
    std::error_code gone;
    const std::string path = entry.path().string();
    if (!entry.is_regular_file(gone) || path == server.log_file()) continue;
    if (absl::StrContains(path, part) != contains) continue;
    const auto content = FileSystem::Posix().Read(path);
    if (content.ok()) files[path] = *content;
  }
  return files;
}

// What it left by now, but for what came over the wire.
inline Remains RemainsOf(const ServerProcess& server) {
  Remains remains;
  remains.log = ReadFile(server.log_file());
  for (const auto& [path, content] : FilesOf(server, "/data/audit/", true)) {
    absl::StrAppend(&remains.audit, content, "\n");
  }
  remains.files = FilesOf(server, "/data/audit/", false);
  return remains;
}

}  // namespace keyturn
