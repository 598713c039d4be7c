#include "server/policy_service.h"

#include "auth/delegation.h"
#include "base/limits.h"
#include "base/status_macros.h"
#include "server/delegate.h"
#include "server/revocation_service.h"
#include "vault/generate.h"

namespace keyturn {

absl::Status PolicyServiceImpl::CheckChange(const Call& call, const std::string& name,
                                            const v1::Policy* next) const {
  const absl::StatusOr<v1::Policy> previous = store_.GetPolicy(name);
  return CheckPolicyChange(*call.identity().grants, previous.ok() ? &*previous : nullptr, next);
}

absl::Status PolicyServiceImpl::CheckRole(const Call& call, const std::string& name,
                                          const v1::Role* next) const {
  const absl::StatusOr<v1::Role> previous = store_.GetRole(name);
  return CheckRoleChange(call.identity(), previous.ok() ? &*previous : nullptr, next, store_);
}

raw::Reactor* PolicyServiceImpl::PutPolicy(raw::Context* context, const raw::Bytes* request,
                                           raw::Bytes* response) {
  return Write<v1::PutPolicyRequest, v1::Policy>(
      {context, request, response}, "PutPolicy",
      [](const auto& asked) { return Resource::None(asked.policy().name()); },
      [this](Call& call, const auto& asked, auto* out) -> absl::Status {
        RETURN_IF_ERROR(CheckChange(call, asked.policy().name(), &asked.policy()));
        ASSIGN_OR_RETURN(*out, store_.PutPolicy(call.updater(), asked.policy()));
        return absl::OkStatus();
      });
}

raw::Reactor* PolicyServiceImpl::GetPolicy(raw::Context* context, const raw::Bytes* request,
                                           raw::Bytes* response) {
  return Read<v1::GetPolicyRequest, v1::Policy>(
      {context, request, response}, "GetPolicy",
      [](const auto& asked) { return Resource::None(asked.name()); },
      [this](Call&, const auto& asked, auto* out) -> absl::Status {
        ASSIGN_OR_RETURN(*out, store_.GetPolicy(asked.name()));
        return absl::OkStatus();
      });
}

raw::Reactor* PolicyServiceImpl::ListPolicies(raw::Context* context, const raw::Bytes* request,
                                              raw::Bytes* response) {
  return Read<v1::ListPoliciesRequest, v1::ListPoliciesResponse>(
      {context, request, response}, "ListPolicies", [](const auto&) { return Resource::None(); },
      [this](Call&, const auto&, auto* out) -> absl::Status {
        for (v1::Policy& item : store_.ListPolicies()) *out->add_policies() = std::move(item);
        return absl::OkStatus();
      });
}

raw::Reactor* PolicyServiceImpl::DeletePolicy(raw::Context* context, const raw::Bytes* request,
                                              raw::Bytes* response) {
  return Write<v1::DeletePolicyRequest, v1::DeletePolicyResponse>(
      {context, request, response}, "DeletePolicy",
      [](const auto& asked) { return Resource::None(asked.name()); },
      [this](Call& call, const auto& asked, auto*) -> absl::Status {
        RETURN_IF_ERROR(CheckChange(call, asked.name(), nullptr));
        return store_.DeletePolicy(call.updater(), asked.name());
      });
}

raw::Reactor* PolicyServiceImpl::PutRole(raw::Context* context, const raw::Bytes* request,
                                         raw::Bytes* response) {
  return Write<v1::PutRoleRequest, v1::Role>(
      {context, request, response}, "PutRole",
      [](const auto& asked) { return Resource::None(asked.role().name()); },
      [this](Call& call, const auto& asked, auto* out) -> absl::Status {
        RETURN_IF_ERROR(CheckRole(call, asked.role().name(), &asked.role()));
        ASSIGN_OR_RETURN(*out, store_.PutRole(call.updater(), asked.role()));
        return absl::OkStatus();
      });
}

raw::Reactor* PolicyServiceImpl::GetRole(raw::Context* context, const raw::Bytes* request,
                                         raw::Bytes* response) {
  return Read<v1::GetRoleRequest, v1::Role>(
      {context, request, response}, "GetRole",
      [](const auto& asked) { return Resource::None(asked.name()); },
      [this](Call&, const auto& asked, auto* out) -> absl::Status {
        ASSIGN_OR_RETURN(*out, store_.GetRole(asked.name()));
        return absl::OkStatus();
      });
}

raw::Reactor* PolicyServiceImpl::ListRoles(raw::Context* context, const raw::Bytes* request,
                                           raw::Bytes* response) {
  return Read<v1::ListRolesRequest, v1::ListRolesResponse>(
      {context, request, response}, "ListRoles", [](const auto&) { return Resource::None(); },
      [this](Call&, const auto&, auto* out) -> absl::Status {
        for (v1::Role& item : store_.ListRoles()) *out->add_roles() = std::move(item);
        return absl::OkStatus();
      });
}

// A login of a role is worth nothing without it. One of before must be worth nothing either when
// there is a role of this name again.
absl::Status PolicyServiceImpl::EndLogins(Call& call, const std::string& role) {
  const CredentialList::Entry entry = {
      .name = {RevocationKind::kRole, role},
      .expires = call.clock().Now() + absl::Seconds(limits::kTokenTtlSecondsMax),
      .not_before = revoked_.NotBeforeNow()};
  return revoked_.Revoke({entry}, WriterOf(call, false, role, "principal_disabled")).status();
}

raw::Reactor* PolicyServiceImpl::DeleteRole(raw::Context* context, const raw::Bytes* request,
                                            raw::Bytes* response) {
  return Write<v1::DeleteRoleRequest, v1::DeleteRoleResponse>(
      {context, request, response}, "DeleteRole",
      [](const auto& asked) { return Resource::None(asked.name()); },
      [this](Call& call, const auto& asked, auto*) -> absl::Status {
        RETURN_IF_ERROR(CheckRole(call, asked.name(), nullptr));
        RETURN_IF_ERROR(store_.GetRole(asked.name()).status());
        RETURN_IF_ERROR(EndLogins(call, asked.name()));
        return store_.DeleteRole(call.updater(), asked.name());
      });
}

raw::Reactor* PolicyServiceImpl::PutPasswordPolicy(raw::Context* context, const raw::Bytes* request,
                                                   raw::Bytes* response) {
  return Write<v1::PutPasswordPolicyRequest, v1::PasswordPolicy>(
      {context, request, response}, "PutPasswordPolicy",
      [](const auto& asked) { return Resource::None(asked.policy().name()); },
      [this](Call& call, const auto& asked, auto* out) -> absl::Status {
        RETURN_IF_ERROR(CheckPasswordPolicy(asked.policy()));
        ASSIGN_OR_RETURN(*out, store_.PutPasswordPolicy(call.updater(), asked.policy()));
        return absl::OkStatus();
      });
}

raw::Reactor* PolicyServiceImpl::ListPasswordPolicies(raw::Context* context,
                                                      const raw::Bytes* request,
                                                      raw::Bytes* response) {
  return Read<v1::ListPasswordPoliciesRequest, v1::ListPasswordPoliciesResponse>(
      {context, request, response}, "ListPasswordPolicies",
      [](const auto&) { return Resource::None(); },
      [this](Call&, const auto&, auto* out) -> absl::Status {
        for (v1::PasswordPolicy& item : store_.ListPasswordPolicies())
          *out->add_policies() = std::move(item);
        return absl::OkStatus();
      });
}

raw::Reactor* PolicyServiceImpl::DeletePasswordPolicy(raw::Context* context,
                                                      const raw::Bytes* request,
                                                      raw::Bytes* response) {
  return Write<v1::DeletePasswordPolicyRequest, v1::DeletePasswordPolicyResponse>(
      {context, request, response}, "DeletePasswordPolicy",
      [](const auto& asked) { return Resource::None(asked.name()); },
      [this](Call& call, const auto& asked, auto*) {
        return store_.DeletePasswordPolicy(call.updater(), asked.name());
      });
}

}  // namespace keyturn
