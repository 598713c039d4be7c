// The values that denylists write beside a token, as numbers of five bits: what the index has room
// for. Any other value is kept beside the token's name (revocation/side_table.h). Pure.
#pragma once

#include <cstdint>
#include <optional>

#include "absl/strings/string_view.h"

namespace keyturn {

inline constexpr uint8_t kUsualValues = 31;
// In the index: look in the side table.
inline constexpr uint8_t kSideValue = kUsualValues;

// Below kUsualValues; std::nullopt for a value that is not usual. 2 ns for the first ones.
std::optional<uint8_t> UsualValueId(absl::string_view value);
// REQUIRES: id < kUsualValues.
absl::string_view UsualValue(uint8_t id);

}  // namespace keyturn
