#include "vault/database_fields.h"

#include <algorithm>
#include <optional>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "keyturn/v1/types.pb.h"
#include "net/database_url.h"
#include "vault/fields.h"

namespace keyturn {
namespace {

using Fields = std::vector<FieldView>;

absl::StatusOr<Fields> Read(absl::string_view data) {
  Fields fields;
  RETURN_IF_ERROR(ForEachField(data, [&](const FieldView& field) {
    fields.push_back(field);
    return true;
  }));
  return fields;
}

const FieldView* Find(const Fields& fields, absl::string_view name) {
  const auto found = std::find_if(fields.begin(), fields.end(),
                                  [name](const FieldView& field) { return field.name == name; });
  return found == fields.end() ? nullptr : &*found;
}

bool IsUrl(const FieldView& field) {
  return field.encoding == v1::ENCODING_TEXT && DatabaseUrl::Parse(field.value).has_value();
}

// The one that is a URL; nullptr when none is, or several are.
const FieldView* FindUrl(const Fields& fields) {
  const auto first = std::find_if(fields.begin(), fields.end(), IsUrl);
  if (first == fields.end() || std::any_of(first + 1, fields.end(), IsUrl)) return nullptr;
  return &*first;
}

bool HasParts(const Fields& fields) {
  return std::any_of(fields.begin(), fields.end(),
                     [](const FieldView& field) { return DatabaseUrl::IsPart(field.name); });
}

// Parts that the former URL told go with it; what somebody put beside it stays.
bool Tells(const FieldView* url, absl::string_view part) {
  const std::optional<DatabaseUrl> parsed =
      url == nullptr ? std::nullopt : DatabaseUrl::Parse(url->value);
  bool tells = false;
  if (parsed.has_value()) {
    parsed->ForEachPart([&](absl::string_view name, absl::string_view) { tells |= name == part; });
  }
  return tells;
}

absl::StatusOr<SecretBytes> PartsOfUrl(const FieldView& url, const FieldView* former,
                                       const Fields& fields, const Fields& changes) {
  const std::optional<DatabaseUrl> parsed = DatabaseUrl::Parse(url.value);
  if (!parsed.has_value()) return absl::ResourceExhaustedError("no memory to read a URL with");
  // What the fields below refer to.
  struct Told {
    std::string name;
    SecretBytes value;
  };
  std::vector<Told> told;
  absl::Status status;
  parsed->ForEachPart([&](absl::string_view name, absl::string_view value) {
    if (const FieldView* const given = Find(changes, name);
        given != nullptr && given->value != value) {
      status.Update(absl::InvalidArgumentError(
          absl::StrCat("field ", name, ": is not the one in the URL of field ", url.name,
                       "; give one of them, or the same in both")));
    }
    absl::StatusOr<SecretBytes> copy = SecretBytes::CopyOf(value);
    status.Update(copy.status());
    if (copy.ok()) told.push_back({std::string(name), *std::move(copy)});
  });
  RETURN_IF_ERROR(status);
  Fields out;
  for (const Told& part : told) {
    out.push_back({part.name, v1::ENCODING_TEXT, part.value.ExposeForCrypto()});
  }
  for (const FieldView& field : fields) {
    const bool made = Find(out, field.name) != nullptr;
    const bool gone = DatabaseUrl::IsPart(field.name) && Find(changes, field.name) == nullptr &&
                      Tells(former, field.name);
    if (!made && !gone) out.push_back(field);
  }
  return EncodeFields(out);
}

absl::StatusOr<SecretBytes> UrlOfParts(const FieldView& url, const Fields& fields,
                                       const Fields& changes) {
  std::optional<DatabaseUrl> parsed = DatabaseUrl::Parse(url.value);
  if (!parsed.has_value()) return absl::ResourceExhaustedError("no memory to read a URL with");
  for (const FieldView& change : changes) {
    if (!DatabaseUrl::IsPart(change.name) || parsed->Set(change.name, change.value)) continue;
    return absl::InvalidArgumentError(absl::StrCat("field ", change.name,
                                                   ": cannot be in the URL of field ", url.name,
                                                   ", which is made of it; change the URL itself"));
  }
  const DatabaseUrl::Text text = parsed->ToText();
  if (text == nullptr) return absl::ResourceExhaustedError("no memory to write a URL with");
  Fields out = fields;
  for (FieldView& field : out) {
    if (field.name == url.name) field.value = text.get();
  }
  return EncodeFields(out);
}

}  // namespace

absl::StatusOr<SecretBytes> MatchDatabaseFields(absl::string_view base, absl::string_view changes,
                                                SecretBytes merged) {
  ASSIGN_OR_RETURN(const Fields fields, Read(merged.ExposeForCrypto()));
  const FieldView* const url = FindUrl(fields);
  if (url == nullptr || !HasParts(fields)) return merged;
  ASSIGN_OR_RETURN(const Fields changed, Read(changes));
  if (Find(changed, url->name) == nullptr) {
    return HasParts(changed) ? UrlOfParts(*url, fields, changed) : std::move(merged);
  }
  ASSIGN_OR_RETURN(const Fields before, Read(base));
  return PartsOfUrl(*url, FindUrl(before), fields, changed);
}

}  // namespace keyturn
