#include "server/secret_service.h"

#include "base/limits.h"
#include "base/reason.h"
#include "base/status_macros.h"
#include "base/timestamps.h"
#include "server/erase_methods.h"
#include "server/rename_check.h"
#include "server/secret_wire.h"
#include "server/watch.h"
#include "vault/fields.h"
#include "vault/generate.h"

namespace keyturn {
namespace {

constexpr char kRead[] = "secret:read";
constexpr char kList[] = "secret:list";

v1::PutResponse ToProto(const PutResult& result) {
  v1::PutResponse response;
  response.set_version(result.version.value());
  response.set_revision(result.revision.value());
  *response.mutable_create_time() = ToTimestamp(result.create_time);
  return response;
}

SecretVersion VersionOf(const HeldRead& held) {
  return SecretVersion(held.read.info.version().version());
}

// Fields that Put and Generate share.
template <typename Request>
absl::StatusOr<PutParams> ToParams(const Request& request, const Call& call) {
  PutParams params;
  ASSIGN_OR_RETURN(params.path, SecretPath::Parse(request.path()));
  params.kind = request.kind();
  if (request.has_if_version()) params.if_version = SecretVersion(request.if_version());
  for (const auto& [key, value] : request.custom_metadata()) params.custom_metadata[key] = value;
  if (request.ttl_seconds() < 0 || request.ttl_seconds() > limits::kVersionTtlSecondsMax) {
    return absl::InvalidArgumentError(
        absl::StrCat("ttl_seconds must be 0 to ", limits::kVersionTtlSecondsMax));
  }
  params.ttl = absl::Seconds(request.ttl_seconds());
  params.principal = call.identity().principal;
  return params;
}

template <typename Request>
Resource PathOf(const Request& request) {
  return Resource::Path(request.path());
}

template <typename Request>
Resource DirectoryOf(const Request& request) {
  return Resource::Directory(request.path());
}

// What a listing shows: what the caller may list, and the directories above it.
auto VisibleTo(const Call& call) {
  return [&call](absl::string_view path, bool directory) {
    return directory ? call.MayAllowBelow(kList, path) : call.Allows(kList, path);
  };
}

}  // namespace

SecretServiceImpl::SecretServiceImpl(const Parts& parts)
    : parts_(parts), put_(Method("Put")), get_(Method("Get")) {}

template <typename Request, typename Response, typename ResourceFn, typename Run>
raw::Reactor* SecretServiceImpl::Answer(const UnaryWire& wire, const char* method, RunOn run_on,
                                        ResourceFn resource, Run run) {
  return parts_.door.Unary<Request, Response>(
      wire, Method(method), run_on, resource,
      [run](Call& call, const Request& request, Response* response) -> absl::Status {
        ASSIGN_OR_RETURN(*response, run(call, request));
        return absl::OkStatus();
      });
}

raw::Reactor* SecretServiceImpl::Put(raw::Context* context, const raw::Bytes* request,
                                     raw::Bytes* response) {
  auto put = std::make_shared<ParsedPut>();
  return parts_.door.Unary(
      context, put_,
      [put, request]() -> absl::StatusOr<Resource> {
        RETURN_IF_ERROR(ParsePut(*request, put.get()));
        return Resource::Path(put->request.path());
      },
      [] { return RunOn::kPool; },
      [this, put, response](Call& call) -> absl::Status {
        ASSIGN_OR_RETURN(PutParams params, ToParams(put->request, call));
        params.replace = put->request.replace();
        ASSIGN_OR_RETURN(const SecretBytes data, CanonicalData(put->data));
        put->copy.Reset();
        ASSIGN_OR_RETURN(const PutResult result, parts_.vault.Put(call.updater(), params, data));
        *response = ToBuffer({grpc::Slice(ToProto(result).SerializeAsString())});
        return absl::OkStatus();
      });
}

raw::Reactor* SecretServiceImpl::Get(raw::Context* context, const raw::Bytes* request,
                                     raw::Bytes* response) {
  auto get = std::make_shared<v1::GetRequest>();
  return parts_.door.Unary(
      context, get_,
      [get, request]() -> absl::StatusOr<Resource> {
        RETURN_IF_ERROR(ParseMessage(*request, get.get()));
        return Resource::Path(get->path());
      },
      [this, get] {
        const bool waits = get->min_revision() > parts_.store.LastRevision().value();
        return waits ? RunOn::kPool : RunOn::kCallbackThread;
      },
      [this, get, response](Call& call) -> absl::Status {
        ASSIGN_OR_RETURN(HeldRead held, ReadOne(call, *get));
        call.NoteVersion(VersionOf(held));
        std::vector<grpc::Slice> slices;
        AppendGetResponse(std::move(held), &slices);
        *response = ToBuffer(slices);
        return absl::OkStatus();
      });
}

raw::Reactor* SecretServiceImpl::BatchGet(raw::Context* context, const raw::Bytes* request,
                                          raw::Bytes* response) {
  auto batch = std::make_shared<v1::BatchGetRequest>();
  return parts_.door.Unary(
      context, Method("BatchGet"),
      [batch, request]() -> absl::StatusOr<Resource> {
        RETURN_IF_ERROR(ParseMessage(*request, batch.get()));
        // Each path is asked for in the body; here, whether the caller reads secrets at all.
        return Resource::Directory("");
      },
      [] { return RunOn::kPool; },
      [this, batch, response](Call& call) -> absl::Status {
        if (batch->requests_size() == 0 ||
            batch->requests_size() > static_cast<int>(limits::kBatchGetMax)) {
          return absl::InvalidArgumentError(
              absl::StrCat("requests must be 1 to ", limits::kBatchGetMax));
        }
        std::vector<BatchItem> items;
        for (const v1::GetRequest& get : batch->requests()) {
          BatchItem item{get.path(), ReadItem(call, get)};
          call.NoteItem(get.path(), item.held.ok() ? VersionOf(*item.held) : SecretVersion(),
                        item.held.status());
          items.push_back(std::move(item));
        }
        call.Note("secrets", absl::StrCat(items.size()));
        *response = ToBuffer(BatchGetResponse(std::move(items)));
        return absl::OkStatus();
      });
}

absl::StatusOr<HeldRead> SecretServiceImpl::ReadOne(Call& call, const v1::GetRequest& request) {
  ASSIGN_OR_RETURN(ReadResult read, parts_.vault.Get(request, call.deadline()));
  absl::StatusOr<HeldRead> held =
      Hold(ArenaReplyQuota(), call.identity().principal, std::move(read));
  if (held.ok()) {
    parts_.usage.Note(
        {held->read.secret, VersionOf(*held), call.identity().principal, call.event().time});
  }
  return held;
}

absl::StatusOr<HeldRead> SecretServiceImpl::ReadItem(Call& call, const v1::GetRequest& request) {
  RETURN_IF_ERROR(call.Require(kRead, request.path()));
  return ReadOne(call, request);
}

absl::StatusOr<v1::Kind> SecretServiceImpl::KindToGenerate(const PutParams& params) const {
  const absl::StatusOr<v1::SecretInfo> existing = parts_.vault.Describe(params.path);
  if (existing.ok()) return params.kind == v1::KIND_UNSPECIFIED ? existing->kind() : params.kind;
  if (!absl::IsNotFound(existing.status())) return existing.status();
  return params.kind == v1::KIND_UNSPECIFIED ? v1::KIND_GENERIC : params.kind;
}

absl::StatusOr<v1::PutResponse> SecretServiceImpl::GenerateAndPut(
    Call& call, const v1::GenerateRequest& request) {
  ASSIGN_OR_RETURN(PutParams params, ToParams(request, call));
  // Named in the write as well, which refuses it if the secret has become another meanwhile.
  ASSIGN_OR_RETURN(params.kind, KindToGenerate(params));
  v1::PasswordPolicy policy;
  const bool named = !request.spec().policy().empty();
  if (named) {
    absl::StatusOr<v1::PasswordPolicy> found =
        parts_.policies.GetPasswordPolicy(request.spec().policy());
    // Told apart from a secret that is not there.
    if (absl::IsNotFound(found.status())) {
      return WithReason(found.status(), "NO_PASSWORD_POLICY");
    }
    RETURN_IF_ERROR(found.status());
    policy = *std::move(found);
  }
  ASSIGN_OR_RETURN(const GeneratedValue generated,
                   GenerateValue(request.spec(), params.kind, named ? &policy : nullptr));
  const std::string field = request.field().empty() ? "value" : request.field();
  const FieldView view{field, generated.encoding, generated.value.ExposeForCrypto()};
  ASSIGN_OR_RETURN(const SecretBytes encoded, EncodeFields({&view, 1}));
  ASSIGN_OR_RETURN(const SecretBytes data, CanonicalData(encoded.ExposeForCrypto()));
  ASSIGN_OR_RETURN(const PutResult result, parts_.vault.Put(call.updater(), params, data));
  return ToProto(result);
}

raw::Reactor* SecretServiceImpl::Generate(raw::Context* context, const raw::Bytes* request,
                                          raw::Bytes* response) {
  return Answer<v1::GenerateRequest, v1::PutResponse>(
      {context, request, response}, "Generate", RunOn::kPool, &PathOf<v1::GenerateRequest>,
      [this](Call& call, const auto& asked) { return GenerateAndPut(call, asked); });
}

raw::Reactor* SecretServiceImpl::Describe(raw::Context* context, const raw::Bytes* request,
                                          raw::Bytes* response) {
  return Answer<v1::DescribeRequest, v1::SecretInfo>(
      {context, request, response}, "Describe", RunOn::kCallbackThread,
      &PathOf<v1::DescribeRequest>,
      [this](Call&, const auto& asked) -> absl::StatusOr<v1::SecretInfo> {
        ASSIGN_OR_RETURN(const SecretPath path, SecretPath::Parse(asked.path()));
        return parts_.vault.Describe(path);
      });
}

raw::Reactor* SecretServiceImpl::List(raw::Context* context, const raw::Bytes* request,
                                      raw::Bytes* response) {
  return Answer<v1::ListRequest, v1::ListResponse>({context, request, response}, "List",
                                                   RunOn::kPool, &DirectoryOf<v1::ListRequest>,
                                                   [this](Call& call, const auto& asked) {
                                                     const auto visible = VisibleTo(call);
                                                     return parts_.vault.List(asked, visible);
                                                   });
}

raw::Reactor* SecretServiceImpl::Search(raw::Context* context, const raw::Bytes* request,
                                        raw::Bytes* response) {
  return Answer<v1::SearchRequest, v1::SearchResponse>(
      {context, request, response}, "Search", RunOn::kPool, &DirectoryOf<v1::SearchRequest>,
      [this](Call& call, const auto& asked) {
        const auto visible = VisibleTo(call);
        return parts_.vault.Search(asked, visible);
      });
}

raw::Reactor* SecretServiceImpl::Adopt(raw::Context* context, const raw::Bytes* request,
                                       raw::Bytes* response) {
  return Answer<v1::AdoptRequest, v1::SecretInfo>(
      {context, request, response}, "Adopt", RunOn::kPool, &PathOf<v1::AdoptRequest>,
      [this](Call& call, const auto& asked) { return parts_.vault.Adopt(call.updater(), asked); });
}

raw::Reactor* SecretServiceImpl::UpdateMetadata(raw::Context* context, const raw::Bytes* request,
                                                raw::Bytes* response) {
  return Answer<v1::UpdateMetadataRequest, v1::SecretInfo>(
      {context, request, response}, "UpdateMetadata", RunOn::kPool,
      &PathOf<v1::UpdateMetadataRequest>, [this](Call& call, const auto& asked) {
        return parts_.vault.UpdateMetadata(call.updater(), asked);
      });
}

raw::Reactor* SecretServiceImpl::Delete(raw::Context* context, const raw::Bytes* request,
                                        raw::Bytes* response) {
  return Answer<v1::DeleteRequest, v1::SecretInfo>(
      {context, request, response}, "Delete", RunOn::kPool, &PathOf<v1::DeleteRequest>,
      [this](Call& call, const auto& asked) { return parts_.vault.Delete(call.updater(), asked); });
}

raw::Reactor* SecretServiceImpl::Undelete(raw::Context* context, const raw::Bytes* request,
                                          raw::Bytes* response) {
  return Answer<v1::UndeleteRequest, v1::SecretInfo>(
      {context, request, response}, "Undelete", RunOn::kPool, &PathOf<v1::UndeleteRequest>,
      [this](Call& call, const auto& asked) {
        return parts_.vault.Undelete(call.updater(), asked);
      });
}

raw::Reactor* SecretServiceImpl::Destroy(raw::Context* context, const raw::Bytes* request,
                                         raw::Bytes* response) {
  return Answer<v1::DestroyRequest, v1::DestroyResponse>(
      {context, request, response}, "Destroy", RunOn::kPool, &PathOf<v1::DestroyRequest>,
      [this](Call& call, const auto& asked) -> absl::StatusOr<v1::DestroyResponse> {
        RETURN_IF_ERROR(parts_.jwt.RevokeKeys(asked.path(), asked.versions(), asked.all()));
        return parts_.vault.Destroy(call.updater(), asked);
      });
}

raw::Reactor* SecretServiceImpl::Erase(raw::Context* context, const raw::Bytes* request,
                                       raw::Bytes* response) {
  return Answer<v1::EraseRequest, v1::EraseResponse>(
      {context, request, response}, "Erase", RunOn::kPool, &PathOf<v1::EraseRequest>,
      [this](Call& call, const auto& asked) -> absl::StatusOr<v1::EraseResponse> {
        RETURN_IF_ERROR(parts_.jwt.RevokeKeys(asked.path(), asked.versions(), asked.all()));
        return keyturn::Erase(call, asked, parts_.door, parts_.vault, parts_.store);
      });
}

raw::Reactor* SecretServiceImpl::Rename(raw::Context* context, const raw::Bytes* request,
                                        raw::Bytes* response) {
  return Answer<v1::RenameRequest, v1::RenameResponse>(
      {context, request, response}, "Rename", RunOn::kPool, &PathOf<v1::RenameRequest>,
      [this](Call& call, const auto& asked) -> absl::StatusOr<v1::RenameResponse> {
        RETURN_IF_ERROR(CheckRename(call, asked));
        call.Note("new_path", asked.new_path());
        return parts_.vault.Rename(call.updater(), asked);
      });
}

raw::StreamReactor* SecretServiceImpl::Watch(raw::Context* context, const raw::Bytes* request) {
  return StartWatch({parts_.door, parts_.vault, parts_.store, parts_.watchers}, context, request,
                    Method("Watch"));
}

}  // namespace keyturn
