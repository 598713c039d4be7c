#include "base/types.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "base/coding.h"

namespace keyturn {

absl::StatusOr<Uuid> Uuid::FromBytes(absl::string_view bytes) {
  if (bytes.size() != kSize) return absl::DataLossError("a stored id does not have 16 bytes");
  std::array<uint8_t, kSize> id;
  std::copy(bytes.begin(), bytes.end(), id.begin());
  return Uuid(id);
}

absl::StatusOr<Uuid> Uuid::FromString(absl::string_view text) {
  std::string hex;
  for (size_t i = 0; i < text.size(); ++i) {
    const bool dash_place = i == 8 || i == 13 || i == 18 || i == 23;
    if (dash_place != (text[i] == '-')) hex = "!";
    if (!dash_place) hex.push_back(text[i]);
  }
  const std::optional<std::string> bytes = text.size() == 36 ? HexDecode(hex) : std::nullopt;
  if (!bytes.has_value()) {
    return absl::InvalidArgumentError(
        "an id has the form xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx in hexadecimal");
  }
  return FromBytes(*bytes);
}

std::string Uuid::ToString() const {
  const std::string hex = HexEncode(bytes());
  const absl::string_view view = hex;
  return absl::StrCat(view.substr(0, 8), "-", view.substr(8, 4), "-", view.substr(12, 4), "-",
                      view.substr(16, 4), "-", view.substr(20, 12));
}

}  // namespace keyturn
