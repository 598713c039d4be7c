// Values in stored form, and calls about them, for tests of targets.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "crypto/secret_bytes.h"
#include "keyturn/v1/types.pb.h"
#include "rotation/driver.h"
#include "vault/fields.h"

namespace keyturn {

inline SecretBytes Stored(const std::vector<std::pair<std::string, std::string>>& fields,
                          int encoding = v1::ENCODING_TEXT) {
  std::vector<FieldView> views;
  for (const auto& [name, value] : fields) views.push_back({name, encoding, value});
  return *EncodeFields(views);
}

inline SecretBytes Value(const std::string& value) { return Stored({{"value", value}}); }

// Of version 2 of prod/stripe/key, in its rotation 7.
inline DriverCall StripeCall() {
  static const v1::RotationPolicy* const policy = [] {
    auto* const made = new v1::RotationPolicy;
    made->set_target("stripe");
    return made;
  }();
  return {.secret = *Uuid::FromString("01020304-0506-4708-890a-0b0c0d0e0f10"),
          .path = "prod/stripe/key",
          .version = SecretVersion(2),
          .target = "stripe",
          .policy = *policy,
          .run = 7,
          .beside = SecretVersion(0),
          .interrupt = nullptr};
}

}  // namespace keyturn
