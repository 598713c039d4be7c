#include "server/method_table.h"

#include <google/protobuf/descriptor.h>

#include <cstdlib>

#include "absl/algorithm/container.h"
#include "absl/strings/str_cat.h"
#include "auth/permissions.h"
#include "base/log.h"
#include "base/status_macros.h"
#include "keyturn/v1/options.pb.h"

namespace keyturn {
namespace {

bool IsPermission(const std::string& text) { return absl::c_linear_search(Permissions(), text); }

absl::StatusOr<MethodInfo> Describe(const google::protobuf::MethodDescriptor& method) {
  MethodInfo info;
  info.name = absl::StrCat("/", method.service()->full_name(), "/", method.name());
  const std::string& permission = method.options().GetExtension(v1::permission);
  info.is_public = permission == "public";
  info.any_identity = permission == "authenticated";
  if (!info.is_public && !info.any_identity) {
    if (!IsPermission(permission)) {
      return absl::FailedPreconditionError(
          absl::StrCat("method ", info.name,
                       " declares no permission: give it the option "
                       "(keyturn.v1.permission) with \"domain:verb\", \"public\" or "
                       "\"authenticated\""));
    }
    info.permission = permission;
  }
  info.audit_event = method.options().GetExtension(v1::audit_event);
  if (info.audit_event.empty()) {
    return absl::FailedPreconditionError(absl::StrCat(
        "method ", info.name, " declares no event: give it the option (keyturn.v1.audit_event)"));
  }
  info.read_only = method.options().GetExtension(v1::read_only);
  info.streaming = method.server_streaming() || method.client_streaming();
  return info;
}

}  // namespace

std::vector<std::string> MethodTable::Services() {
  return {
      "keyturn.v1.SecretService",     "keyturn.v1.SystemService",   "keyturn.v1.AuthService",
      "keyturn.v1.TokenService",      "keyturn.v1.PolicyService",   "keyturn.v1.AuditService",
      "keyturn.v1.RevocationService", "keyturn.v1.RotationService", "keyturn.v1.JwtService",
      "keyturn.v1.ApiKeyService",     "keyturn.v1.ConsumerService", "keyturn.v1.WebhookService"};
}

absl::StatusOr<MethodTable> MethodTable::Create(absl::Span<const std::string> services) {
  MethodTable table;
  for (const std::string& name : services) {
    const google::protobuf::ServiceDescriptor* service =
        google::protobuf::DescriptorPool::generated_pool()->FindServiceByName(name);
    if (service == nullptr) {
      return absl::FailedPreconditionError(absl::StrCat("there is no service ", name));
    }
    for (int i = 0; i < service->method_count(); ++i) {
      ASSIGN_OR_RETURN(MethodInfo info, Describe(*service->method(i)));
      info.index = table.methods_.size();
      table.methods_.push_back(std::move(info));
    }
  }
  return table;
}

const MethodInfo& MethodTable::Get(absl::string_view service, absl::string_view method) const {
  const std::string name = absl::StrCat("/keyturn.v1.", service, "/", method);
  for (const MethodInfo& info : methods_) {
    if (info.name == name) return info;
  }
  LogError("a service asked for a method that no descriptor has", {{"method", name}});
  std::abort();
}

}  // namespace keyturn
