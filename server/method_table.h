// What every method of every service declares about itself, read from the descriptors: the
// permission it needs and the event it leaves in the audit log. A method that declares none keeps
// the server from starting. Immutable after Create; thread-safe.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace keyturn {

struct MethodInfo {
  size_t index = 0;           // in MethodTable::methods()
  std::string name;           // "/keyturn.v1.SecretService/Get"
  std::string permission;     // "secret:read", or "" for the two below
  bool is_public = false;     // no identity needed
  bool any_identity = false;  // "authenticated": an identity, no grant
  bool read_only = false;
  bool streaming = false;
  std::string audit_event;
};

class MethodTable {
 public:
  // `services` are full names ("keyturn.v1.SecretService"). FAILED_PRECONDITION names the method
  // that lacks an option or has a permission of the wrong form.
  static absl::StatusOr<MethodTable> Create(absl::Span<const std::string> services);
  // The services of this server.
  static std::vector<std::string> Services();

  absl::Span<const MethodInfo> methods() const { return methods_; }
  // REQUIRES: `service` ("SecretService") has `method` and is in the table; aborts otherwise.
  const MethodInfo& Get(absl::string_view service, absl::string_view method) const;

 private:
  std::vector<MethodInfo> methods_;
};

}  // namespace keyturn
