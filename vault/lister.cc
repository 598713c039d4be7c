#include "vault/lister.h"

#include "absl/strings/str_cat.h"
#include "base/coding.h"
#include "base/limits.h"
#include "base/status_macros.h"
#include "vault/page_token.h"
#include "vault/tree.h"
#include "vault/versions.h"
#include "vault/walker.h"

namespace keyturn {
namespace {

std::string Below(const SecretPath& directory, absl::string_view relative) {
  return directory.is_root() ? std::string(relative)
                             : absl::StrCat(directory.text(), "/", relative);
}

bool Matches(const SecretMetadata& metadata,
             const google::protobuf::Map<std::string, std::string>& wanted) {
  for (const auto& [key, value] : wanted) {
    const auto it = metadata.custom_metadata().find(key);
    if (it == metadata.custom_metadata().end()) return false;
    if (!value.empty() && it->second != value) return false;
  }
  return true;
}

std::string SearchBinding(const v1::SearchRequest& request, const SecretPath& directory) {
  std::string binding = "search";
  AppendLengthPrefixed(directory.text(), &binding);
  const std::map<std::string, std::string> ordered(request.custom_metadata().begin(),
                                                   request.custom_metadata().end());
  for (const auto& [key, value] : ordered) {
    AppendLengthPrefixed(key, &binding);
    AppendLengthPrefixed(value, &binding);
  }
  return binding;
}

}  // namespace

absl::StatusOr<v1::ListResponse> Lister::List(const v1::ListRequest& request,
                                              VisibleFn visible) const {
  ASSIGN_OR_RETURN(const SecretPath directory, SecretPath::ParseDirectory(request.path()));
  ASSIGN_OR_RETURN(const size_t page_size, PageSize(request.page_size()));
  ASSIGN_OR_RETURN(const std::shared_ptr<const KeyringSnapshot> keys, context_.keyring.Snapshot());
  const std::string binding =
      absl::StrCat("list", request.recursive() ? "r" : "f", directory.text());
  ASSIGN_OR_RETURN(WalkPosition position, DecodePageToken(*keys, binding, request.page_token()));
  const std::shared_ptr<const Snapshot> snapshot = context_.store.GetSnapshot();
  v1::ListResponse response;
  response.set_revision(snapshot->revision().value());
  ASSIGN_OR_RETURN(const std::optional<Uuid> top,
                   FindDirectory(*keys, *snapshot, directory.segments()));
  if (!top.has_value()) return response;
  size_t budget = limits::kListScanMax;
  ASSIGN_OR_RETURN(
      const bool ended,
      Walk(*keys, *snapshot, *top, &position,
           [&](const Entry& entry, const std::string& relative) -> absl::StatusOr<WalkStep> {
             const std::string full = Below(directory, relative);
             if (entry.directory) {
               const absl::string_view path = absl::string_view(full).substr(0, full.size() - 1);
               if (!visible(path, true)) return WalkStep::kOver;
               if (request.recursive()) return WalkStep::kInto;
               ASSIGN_OR_RETURN(const bool shown,
                                HasSecrets(*keys, *snapshot, entry.uuid, &budget));
               if (!shown) return WalkStep::kOver;
             } else if (!visible(full, false)) {
               return WalkStep::kOver;
             }
             if (static_cast<size_t>(response.entries_size()) >= page_size) return WalkStep::kStop;
             v1::ListResponse::Entry* out = response.add_entries();
             out->set_name(relative);
             out->set_directory(entry.directory);
             return WalkStep::kOver;
           }));
  if (!ended) {
    ASSIGN_OR_RETURN(*response.mutable_next_page_token(),
                     EncodePageToken(*keys, binding, position));
  }
  return response;
}

absl::StatusOr<v1::SearchResponse> Lister::Search(const v1::SearchRequest& request,
                                                  VisibleFn visible) const {
  ASSIGN_OR_RETURN(const SecretPath directory, SecretPath::ParseDirectory(request.path()));
  ASSIGN_OR_RETURN(const size_t page_size, PageSize(request.page_size()));
  if (request.custom_metadata().empty()) {
    return absl::InvalidArgumentError(
        "custom_metadata: name at least one key (an empty value matches any)");
  }
  ASSIGN_OR_RETURN(const std::shared_ptr<const KeyringSnapshot> keys, context_.keyring.Snapshot());
  const std::string binding = SearchBinding(request, directory);
  ASSIGN_OR_RETURN(WalkPosition position, DecodePageToken(*keys, binding, request.page_token()));
  const std::shared_ptr<const Snapshot> snapshot = context_.store.GetSnapshot();
  v1::SearchResponse response;
  ASSIGN_OR_RETURN(const std::optional<Uuid> top,
                   FindDirectory(*keys, *snapshot, directory.segments()));
  if (!top.has_value()) return response;
  ASSIGN_OR_RETURN(
      const bool ended,
      Walk(*keys, *snapshot, *top, &position,
           [&](const Entry& entry, const std::string& relative) -> absl::StatusOr<WalkStep> {
             const std::string full = Below(directory, relative);
             if (entry.directory) {
               const absl::string_view path = absl::string_view(full).substr(0, full.size() - 1);
               return visible(path, true) ? WalkStep::kInto : WalkStep::kOver;
             }
             if (!visible(full, false)) return WalkStep::kOver;
             ASSIGN_OR_RETURN(const std::optional<SecretMetadata> metadata,
                              ReadMetadata(*keys, *snapshot, entry.uuid));
             if (!metadata.has_value() || !Matches(*metadata, request.custom_metadata())) {
               return WalkStep::kOver;
             }
             if (static_cast<size_t>(response.secrets_size()) >= page_size) return WalkStep::kStop;
             *response.add_secrets() = ToInfo(full, entry.uuid, *metadata, false);
             return WalkStep::kOver;
           }));
  if (!ended) {
    ASSIGN_OR_RETURN(*response.mutable_next_page_token(),
                     EncodePageToken(*keys, binding, position));
  }
  return response;
}

}  // namespace keyturn
