#include "client/retry.h"

#include <algorithm>

#include "absl/strings/str_replace.h"
#include "client/error_detail.h"
#include "google/protobuf/descriptor.h"
#include "keyturn/v1/options.pb.h"

namespace keyturn {

bool IsReadOnly(absl::string_view method) {
  if (!method.empty() && method.front() == '/') method.remove_prefix(1);
  const std::string name = absl::StrReplaceAll(method, {{"/", "."}});
  const google::protobuf::MethodDescriptor* found =
      google::protobuf::DescriptorPool::generated_pool()->FindMethodByName(name);
  return found != nullptr && found->options().GetExtension(v1::read_only);
}

std::optional<absl::Duration> RetryPolicy::DelayAfter(const Failure& failure) const {
  if (failure.attempts >= options_.attempts_max) return std::nullopt;
  const std::optional<absl::Duration> told = DetailOf(failure.status).retry_after;
  const bool unavailable = absl::IsUnavailable(failure.status);
  const bool told_to =
      told.has_value() && (unavailable || absl::IsResourceExhausted(failure.status));
  if (!told_to && !(unavailable && failure.read_only)) return std::nullopt;

  absl::Duration ceiling = options_.backoff_first;
  for (int i = 1; i < failure.attempts && ceiling < options_.backoff_max; ++i) ceiling *= 2;
  ceiling = std::min(ceiling, options_.backoff_max);
  absl::Duration delay = ceiling * options_.uniform();
  if (told_to) delay += *told;
  if (delay >= failure.remaining) return std::nullopt;
  return delay;
}

}  // namespace keyturn
