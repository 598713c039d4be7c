// One operation on secrets as tests of models make them by chance: what it asks for, how it reads
// in a log, and what a vault answers, as text that a reference can answer too.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/reason.h"
#include "google/protobuf/util/time_util.h"
#include "vault/fields.h"
#include "vault/vault.h"

namespace keyturn {

struct VaultOp {
  enum class Kind {
    kPut,
    kGet,
    kDescribe,
    kDelete,
    kUndelete,
    kDestroy,
    kDestroyAll,
    kRenameSecret,
    kRenameDirectory,
    kMetadata,
  };
  using Strings = std::map<std::string, std::string>;

  uint64_t number = 0;                 // kGet: 0 is current
  int64_t window_seconds = 0;          // kDelete
  int64_t version_ttl_seconds = 0;     // kMetadata
  std::optional<uint64_t> if_version;  // kPut
  absl::Duration ttl;                  // kPut
  std::vector<uint64_t> numbers;       // kDelete, kUndelete, kDestroy
  std::string path;
  std::string to;  // of renames
  Strings fields;  // kPut
  Strings custom;  // kPut, kMetadata
  Kind kind = Kind::kGet;
  uint32_t max_versions = 0;    // kMetadata
  int require_if_version = 0;   // kMetadata
  bool previous = false;        // kGet
  bool all = false;             // kDelete
  bool replace = false;         // kPut
  bool replace_custom = false;  // kMetadata

  bool changes() const { return kind != Kind::kGet && kind != Kind::kDescribe; }
};

inline std::string TextOf(const VaultOp::Strings& strings) {
  return absl::StrJoin(strings, ",", absl::PairFormatter("="));
}

inline const char* NameOf(VaultOp::Kind kind) {
  static constexpr const char* names[] = {
      "put",     "get",         "describe",      "delete",           "undelete",
      "destroy", "destroy all", "rename secret", "rename directory", "metadata"};
  return names[static_cast<size_t>(kind)];
}

inline std::string TextOf(const VaultOp& op) {
  std::string out = absl::StrCat(NameOf(op.kind), " ", op.path);
  if (!op.to.empty()) absl::StrAppend(&out, " -> ", op.to);
  if (op.number != 0) absl::StrAppend(&out, " version ", op.number);
  if (op.previous) absl::StrAppend(&out, " previous");
  if (!op.numbers.empty()) absl::StrAppend(&out, " versions ", absl::StrJoin(op.numbers, ","));
  if (op.all) absl::StrAppend(&out, " all");
  if (op.window_seconds != 0) absl::StrAppend(&out, " window ", op.window_seconds);
  if (!op.fields.empty()) absl::StrAppend(&out, " ", TextOf(op.fields));
  if (op.replace) absl::StrAppend(&out, " replace");
  if (op.if_version.has_value()) absl::StrAppend(&out, " if ", *op.if_version);
  if (op.ttl > absl::ZeroDuration()) absl::StrAppend(&out, " ttl ", absl::FormatDuration(op.ttl));
  if (!op.custom.empty()) absl::StrAppend(&out, " custom ", TextOf(op.custom));
  if (op.replace_custom) absl::StrAppend(&out, " replace custom");
  if (op.max_versions != 0) absl::StrAppend(&out, " max ", op.max_versions);
  if (op.version_ttl_seconds != 0) absl::StrAppend(&out, " ttl ", op.version_ttl_seconds);
  if (op.require_if_version != 0) absl::StrAppend(&out, " require ", op.require_if_version);
  return out;
}

// How an answer says what a secret is. `state`: C, P or D; times in Unix seconds, 0: none.
inline std::string VersionText(uint64_t number, char state, bool deleted, int64_t purge,
                               int64_t expire) {
  return absl::StrCat(" ", number, std::string(1, state), deleted ? "x" : "", " ", purge, " ",
                      expire, ";");
}
inline std::string SecretText(uint64_t newest, uint64_t max, bool require, int64_t ttl,
                              const std::string& custom) {
  return absl::StrCat("newest ", newest, " max ", max, require ? " if_version" : "", " ttl ", ttl,
                      " {", custom, "}");
}
inline std::string ReadText(uint64_t number, const std::string& fields, const std::string& custom) {
  return absl::StrCat(number, ": ", fields, " {", custom, "}");
}

// The answers of a vault: those of reads are what was read, of changes what has come of them, and
// of refusals the reason.
class VaultCaller {
 public:
  VaultCaller(Vault& vault, Store& store) : vault_(vault), store_(store) {}

  std::string Do(const VaultOp& op) const {
    switch (op.kind) {
      case VaultOp::Kind::kPut:
        return Put(op);
      case VaultOp::Kind::kGet:
        return Get(op);
      case VaultOp::Kind::kDescribe: {
        const absl::StatusOr<SecretPath> path = SecretPath::Parse(op.path);
        return path.ok() ? Info(vault_.Describe(*path)) : ReasonOf(path.status());
      }
      case VaultOp::Kind::kDelete: {
        v1::DeleteRequest request;
        request.set_path(op.path);
        for (const uint64_t number : op.numbers) request.add_versions(number);
        request.set_all(op.all);
        request.set_recovery_window_seconds(op.window_seconds);
        return Info(vault_.Delete(store_, request));
      }
      case VaultOp::Kind::kUndelete: {
        v1::UndeleteRequest request;
        request.set_path(op.path);
        for (const uint64_t number : op.numbers) request.add_versions(number);
        return Info(vault_.Undelete(store_, request));
      }
      case VaultOp::Kind::kDestroy:
      case VaultOp::Kind::kDestroyAll: {
        v1::DestroyRequest request;
        request.set_path(op.path);
        for (const uint64_t number : op.numbers) request.add_versions(number);
        request.set_all(op.kind == VaultOp::Kind::kDestroyAll);
        const auto done = vault_.Destroy(store_, request);
        return done.ok() ? absl::StrCat("destroyed ", absl::StrJoin(done->versions(), ","))
                         : ReasonOf(done.status());
      }
      case VaultOp::Kind::kRenameSecret:
      case VaultOp::Kind::kRenameDirectory: {
        v1::RenameRequest request;
        request.set_path(op.path);
        request.set_new_path(op.to);
        request.set_directory(op.kind == VaultOp::Kind::kRenameDirectory);
        const absl::Status status = vault_.Rename(store_, request).status();
        return status.ok() ? "OK" : ReasonOf(status);
      }
      case VaultOp::Kind::kMetadata:
        return Metadata(op);
    }
    return "no such operation";
  }

 private:
  std::string Put(const VaultOp& op) const {
    const absl::StatusOr<SecretPath> path = SecretPath::Parse(op.path);
    if (!path.ok()) return ReasonOf(path.status());
    PutParams params;
    params.path = *path;
    params.replace = op.replace;
    if (op.if_version.has_value()) params.if_version = SecretVersion(*op.if_version);
    params.custom_metadata = op.custom;
    params.ttl = op.ttl;
    params.principal = "test";
    std::vector<FieldView> fields;
    for (const auto& [name, value] : op.fields) fields.push_back({name, 1, value});
    const absl::StatusOr<SecretBytes> data = EncodeFields(fields);
    if (!data.ok()) return ReasonOf(data.status());
    const absl::StatusOr<PutResult> put = vault_.Put(store_, params, *data);
    return put.ok() ? absl::StrCat("version ", put->version.value()) : ReasonOf(put.status());
  }

  std::string Get(const VaultOp& op) const {
    v1::GetRequest request;
    request.set_path(op.path);
    request.mutable_version()->set_number(op.number);
    if (op.previous) request.mutable_version()->set_alias(v1::VersionSelector::PREVIOUS);
    const absl::StatusOr<ReadResult> read = vault_.Get(request, absl::InfiniteFuture());
    if (!read.ok()) return ReasonOf(read.status());
    VaultOp::Strings fields;
    const absl::Status whole =
        ForEachField(read->data.ExposeForCrypto(), [&](const FieldView& field) {
          fields.emplace(std::string(field.name), std::string(field.value));
          return true;
        });
    return whole.ok() ? ReadText(read->info.version().version(), TextOf(fields),
                                 Custom(read->info.custom_metadata()))
                      : "malformed data";
  }

  std::string Metadata(const VaultOp& op) const {
    v1::UpdateMetadataRequest request;
    request.set_path(op.path);
    request.mutable_custom_metadata()->insert(op.custom.begin(), op.custom.end());
    request.set_replace_custom_metadata(op.replace_custom);
    request.set_max_versions(op.max_versions);
    request.set_version_ttl_seconds(op.version_ttl_seconds);
    request.set_require_if_version(
        static_cast<v1::UpdateMetadataRequest::RequireIfVersion>(op.require_if_version));
    return Info(vault_.UpdateMetadata(store_, request));
  }

  static std::string Custom(const google::protobuf::Map<std::string, std::string>& custom) {
    return TextOf(VaultOp::Strings(custom.begin(), custom.end()));
  }

  static int64_t Seconds(const google::protobuf::Timestamp& time) {
    return google::protobuf::util::TimeUtil::TimestampToSeconds(time);
  }
  static std::string Info(const absl::StatusOr<v1::SecretInfo>& info) {
    if (!info.ok()) return ReasonOf(info.status());
    std::string out =
        SecretText(info->newest_version(), info->max_versions(), info->require_if_version(),
                   info->version_ttl_seconds(), Custom(info->custom_metadata()));
    for (const v1::VersionInfo& version : info->versions()) {
      char state = '?';
      if (version.state() == v1::VERSION_STATE_CURRENT) state = 'C';
      if (version.state() == v1::VERSION_STATE_PREVIOUS) state = 'P';
      if (version.state() == v1::VERSION_STATE_DESTROYED) state = 'D';
      absl::StrAppend(&out,
                      VersionText(version.version(), state, version.has_delete_time(),
                                  version.has_purge_time() ? Seconds(version.purge_time()) : 0,
                                  version.has_expire_time() ? Seconds(version.expire_time()) : 0));
    }
    return out;
  }

  Vault& vault_;
  Store& store_;
};

}  // namespace keyturn
