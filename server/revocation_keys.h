// How what can be revoked is named in the revocation list, so that Redis clients and gRPC callers
// see the same entries. With the prefix P, a token with the jti J is the key P J; a subject, a kid,
// an API key, a certificate and a role are P "subject:" S and so on; everything is P "all".
//
// A key of a subject, kid, role or of everything has a time as its value, a NumericDate (RFC 7519,
// section 2: seconds, with a fraction if need be): what was issued before is refused. A second time
// behind a space says until when whatever is issued is refused. With any other value, as of
// `SET revoked:subject:alice 1`, that is so while the key is there. Thread-safe.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "keyturn/v1/revocation_service.pb.h"

namespace keyturn {

enum class RevocationKind : uint8_t { kJti, kSubject, kKid, kApiKey, kCertificate, kRole, kAll };

// As it stands in keys, without the colon, and in CheckResponse: "jti", "subject", ....
absl::string_view WordOf(RevocationKind kind);
// Whether an entry of this kind ends what was issued before a time.
bool HasNotBefore(RevocationKind kind);

struct RevocationName {
  RevocationKind kind = RevocationKind::kJti;
  std::string name;  // "" for kAll
};

// The same as a view, to be looked up; "" for what is not known.
struct RevocationRef {
  RevocationKind kind = RevocationKind::kJti;
  absl::string_view name;
};
// Views into `query`.
std::array<RevocationRef, 6> NamesOf(const v1::RevocationQuery& query);

// INVALID_ARGUMENT names the field and what is allowed.
absl::StatusOr<RevocationName> NameOf(const v1::RevocationTarget& target);
// The same check for one name of a query.
absl::Status CheckName(RevocationKind kind, absl::string_view name);

// What stands behind the prefix; also what the audit log calls it.
std::string KeyOf(RevocationKind kind, absl::string_view name);

// Whether `key`, behind the prefix, may concern one of Keyturn's own tokens or certificates.
bool MayBeOurs(absl::string_view key);

// Whether `key`, behind the prefix, is of a kind with HasNotBefore.
bool IsTimed(absl::string_view key);

// What a key of a kind with HasNotBefore refuses.
struct Refusal {
  absl::Time issued_before = absl::InfiniteFuture();
  absl::Time whatever_until = absl::InfinitePast();
  friend bool operator==(const Refusal&, const Refusal&) = default;
};
// To the millisecond.
std::string ValueOf(const Refusal& refusal);
// A number below 10^9 (2001) or from 10^11 on, which milliseconds would be, is no time: then
// whatever is issued is refused.
Refusal RefusalOf(absl::string_view value);

// Of two values of one key, with their ends, the one that refuses all that either does, and no more
// for longer.
struct TimedValue {
  std::string value;
  absl::Time expires;
};
TimedValue Merge(const TimedValue& before, const TimedValue& now);

}  // namespace keyturn
