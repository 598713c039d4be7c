#include "client/cli/fetch.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "base/limits.h"
#include "base/reason.h"
#include "base/status_macros.h"
#include "client/cli/env_names.h"
#include "client/cli/exit_codes.h"
#include "client/cli/next_step.h"
#include "client/wipe.h"

namespace keyturn::cli {
namespace {

std::string WithoutSlash(const std::string& path) {
  return std::string(absl::StripSuffix(path, "/"));
}

absl::Status WithStep(const absl::Status& status, const std::string& path,
                      const std::string& field) {
  const std::string step = SecretStep(status, path, field);
  return step.empty() ? status : WithHelp(status, step);
}

// What became of the newest version of a secret that its owner took back or let expire; "" of one
// that cannot be read for another reason.
absl::string_view GoneHow(absl::string_view reason) {
  constexpr std::pair<absl::string_view, absl::string_view> kGone[] = {
      {"VERSION_DELETED", "deleted"},
      {"VERSION_DESTROYED", "destroyed"},
      {"VERSION_EXPIRED", "expired"}};
  for (const auto& [known, how] : kGone) {
    if (reason == known) return how;
  }
  return "";
}

// Secrets that are gone are named in `gone`.
absl::Status FetchBatch(Shell& shell, const std::vector<std::string>& paths,
                        std::vector<v1::GetResponse>* secrets, std::vector<std::string>* gone) {
  ASSIGN_OR_RETURN(Client* const client, shell.Connect());
  v1::BatchGetRequest request;
  for (const std::string& path : paths) request.add_requests()->set_path(path);
  ASSIGN_OR_RETURN(v1::BatchGetResponse response, client->BatchGet(request, shell.Options()));
  const ScopedWipe<v1::BatchGetResponse> wipe(&response);
  for (v1::BatchGetResponse::Item& item : *response.mutable_items()) {
    if (const absl::string_view how = GoneHow(item.reason()); !how.empty()) {
      gone->push_back(absl::StrCat(item.path(), " (", how, ")"));
      continue;
    }
    if (item.code() != 0) {
      return WithStep(WithReason(absl::Status(static_cast<absl::StatusCode>(item.code()),
                                              absl::StrCat(item.path(), ": ", item.message())),
                                 item.reason()),
                      item.path(), /*field=*/"");
    }
    secrets->push_back(std::move(*item.mutable_secret()));
  }
  return absl::OkStatus();
}

absl::Status Explain(const Reference& reference, const absl::Status& status) {
  absl::Status explained = WithStep(status, reference.path, reference.field);
  // The version stands behind the field: PATH@2 is another secret, and most likely none.
  const size_t at = reference.path.rfind('@');
  if (!absl::IsNotFound(status) || at == std::string::npos || !reference.field.empty()) {
    return explained;
  }
  const std::string version = reference.path.substr(at + 1);
  if (!ParseVersion(version).ok()) return explained;
  const std::string path = reference.path.substr(0, at);
  return WithHelp(status, absl::StrCat("for a version: keyturn secret read ", path, " --version ",
                                       version, "; in a reference: ", path, "#FIELD@", version));
}

}  // namespace

absl::StatusOr<v1::GetResponse> Fetch(Shell& shell, const Reference& reference) {
  ASSIGN_OR_RETURN(Client* const client, shell.Connect());
  v1::GetRequest request;
  request.set_path(reference.path);
  *request.mutable_version() = reference.version;
  if (!reference.field.empty()) request.add_fields(reference.field);
  absl::StatusOr<v1::GetResponse> secret = client->Get(request, shell.Options());
  if (!secret.ok()) return Explain(reference, secret.status());
  return secret;
}

absl::StatusOr<v1::Field*> OnlyField(v1::GetResponse& secret) {
  auto& fields = *secret.mutable_data()->mutable_fields();
  if (fields.size() == 1) return &fields[0];
  // Its other fields are parts of this one: a program that read the URL goes on to read it.
  if (secret.kind() == v1::KIND_DB_CREDENTIAL) {
    for (v1::Field& field : fields) {
      if (field.name() == kOnlyField) return &field;
    }
  }
  const std::string names = absl::StrJoin(
      fields, ", ", [](std::string* out, const v1::Field& field) { *out += field.name(); });
  return UsageError(absl::StrCat(secret.path(), " has ", fields.size(), " fields: name one as ",
                                 secret.path(), "#FIELD (", names, ")"));
}

absl::StatusOr<std::vector<v1::ListResponse::Entry>> ListAll(Shell& shell,
                                                             const std::string& directory,
                                                             bool recursive) {
  ASSIGN_OR_RETURN(Client* const client, shell.Connect());
  std::vector<v1::ListResponse::Entry> entries;
  v1::ListRequest request;
  request.set_path(directory);
  request.set_recursive(recursive);
  do {
    ASSIGN_OR_RETURN(v1::ListResponse page, client->List(request, shell.Options()));
    for (v1::ListResponse::Entry& entry : *page.mutable_entries()) {
      entries.push_back(std::move(entry));
    }
    request.set_page_token(page.next_page_token());
  } while (!request.page_token().empty());
  return entries;
}

absl::StatusOr<std::vector<v1::GetResponse>> FetchDirectory(Shell& shell, const std::string& path) {
  const std::string directory = WithoutSlash(path);
  ASSIGN_OR_RETURN(const std::vector<v1::ListResponse::Entry> entries,
                   ListAll(shell, directory, /*recursive=*/true));
  std::vector<std::string> paths;
  for (const v1::ListResponse::Entry& entry : entries) {
    if (entry.directory()) continue;
    paths.push_back(directory.empty() ? entry.name() : absl::StrCat(directory, "/", entry.name()));
  }
  if (paths.empty()) {
    return WithHelp(absl::NotFoundError(absl::StrCat(
                        "there are no secrets that you may see below '", directory, "'")),
                    "keyturn secret list shows what there is");
  }
  std::sort(paths.begin(), paths.end());
  std::vector<v1::GetResponse> secrets;
  std::vector<std::string> gone;
  for (size_t i = 0; i < paths.size(); i += limits::kBatchGetMax) {
    const size_t end = std::min(paths.size(), i + limits::kBatchGetMax);
    const absl::Status fetched =
        FetchBatch(shell, {paths.data() + i, paths.data() + end}, &secrets, &gone);
    if (fetched.ok()) continue;
    for (v1::GetResponse& secret : secrets) WipeValues(&secret);
    return fetched;
  }
  if (secrets.empty()) {
    return WithHelp(
        absl::NotFoundError(absl::StrCat("no secret below '", directory,
                                         "' can be read: ", absl::StrJoin(gone, ", "))),
        absl::StrCat("keyturn secret history PATH shows the versions of one; keyturn secret list ",
                     ShellWord(directory)));
  }
  if (!gone.empty()) {
    shell.terminal().Say(absl::StrCat("keyturn: warning: ", gone.size(), " of ", paths.size(),
                                      " secrets below '", directory,
                                      "' left out: ", absl::StrJoin(gone, ", ")));
  }
  return secrets;
}

}  // namespace keyturn::cli
