#include "vault/database_fields.h"

#include <algorithm>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "keyturn/v1/types.pb.h"
#include "net/database_url.h"
#include "vault/fields.h"
#include "vault/utf8.h"

namespace keyturn {
namespace {

using Fields = std::vector<FieldView>;

// What programs read without naming it, beside the parts of a db_credential.
constexpr absl::string_view kPlainField = "value";

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

struct UrlField {
  FieldView field;
  DatabaseUrl url;
};
// The one that is a URL; nullopt when none is, or several are.
std::optional<UrlField> FindUrl(const Fields& fields) {
  std::optional<UrlField> found;
  for (const FieldView& field : fields) {
    if (field.encoding != v1::ENCODING_TEXT) continue;
    std::optional<DatabaseUrl> url = DatabaseUrl::Parse(field.value);
    if (!url.has_value()) continue;
    if (found.has_value()) return std::nullopt;
    found = UrlField{field, *std::move(url)};
  }
  return found;
}

bool HasParts(const Fields& fields) {
  return std::any_of(fields.begin(), fields.end(),
                     [](const FieldView& field) { return DatabaseUrl::IsPart(field.name); });
}

absl::StatusOr<SecretBytes> PartsOfUrl(const UrlField& now, const std::optional<UrlField>& former,
                                       const Fields& fields, const Fields& changes) {
  // What the fields below refer to.
  struct Told {
    std::string name;
    SecretBytes value;
  };
  std::vector<Told> told;
  absl::Status status;
  now.url.ForEachPart([&](absl::string_view name, absl::string_view value) {
    if (const FieldView* const given = Find(changes, name);
        given != nullptr && given->value != value) {
      status.Update(absl::InvalidArgumentError(
          absl::StrCat("field ", name, ": is not the one in the URL of field ", now.field.name,
                       "; give one of them, or the same in both")));
    }
    absl::StatusOr<SecretBytes> copy = SecretBytes::CopyOf(value);
    status.Update(copy.status());
    if (copy.ok()) told.push_back({std::string(name), *std::move(copy)});
  });
  RETURN_IF_ERROR(status);
  Fields out;
  for (const Told& part : told) {
    const absl::string_view value = part.value.ExposeForCrypto();
    out.push_back({part.name, IsUtf8(value) ? v1::ENCODING_TEXT : v1::ENCODING_BINARY, value});
  }
  // Parts that the former URL told go with it; what somebody put beside it stays.
  std::set<std::string> told_before;
  if (former.has_value()) {
    former->url.ForEachPart(
        [&](absl::string_view name, absl::string_view) { told_before.emplace(name); });
  }
  for (const FieldView& field : fields) {
    const bool made = Find(out, field.name) != nullptr;
    const bool gone =
        Find(changes, field.name) == nullptr && told_before.count(std::string(field.name)) > 0;
    if (!made && !gone) out.push_back(field);
  }
  return EncodeFields(out);
}

absl::StatusOr<SecretBytes> UrlOfParts(UrlField now, const Fields& fields, const Fields& changes) {
  for (const FieldView& change : changes) {
    if (!DatabaseUrl::IsPart(change.name) || now.url.Set(change.name, change.value)) continue;
    return absl::InvalidArgumentError(
        absl::StrCat("field ", change.name, ": cannot be in the URL of field ", now.field.name,
                     ", which is made of it; change the URL itself"));
  }
  const DatabaseUrl::Text text = now.url.ToText();
  if (text == nullptr) return absl::ResourceExhaustedError("no memory to write a URL with");
  Fields out = fields;
  for (FieldView& field : out) {
    if (field.name == now.field.name) field.value = text.get();
  }
  return EncodeFields(out);
}

}  // namespace

absl::StatusOr<SecretBytes> MatchDatabaseFields(absl::string_view base, absl::string_view changes,
                                                SecretBytes merged) {
  ASSIGN_OR_RETURN(const Fields fields, Read(merged.ExposeForCrypto()));
  std::optional<UrlField> now = FindUrl(fields);
  if (!now.has_value() || !HasParts(fields)) return merged;
  ASSIGN_OR_RETURN(const Fields changed, Read(changes));
  if (Find(changed, now->field.name) == nullptr) {
    return HasParts(changed) ? UrlOfParts(*std::move(now), fields, changed) : std::move(merged);
  }
  ASSIGN_OR_RETURN(const Fields before, Read(base));
  return PartsOfUrl(*now, FindUrl(before), fields, changed);
}

absl::StatusOr<SecretBytes> TakeUrlApart(absl::string_view data) {
  ASSIGN_OR_RETURN(const Fields fields, Read(data));
  const std::optional<UrlField> url = FindUrl(fields);
  if (!url.has_value()) {
    return absl::InvalidArgumentError(
        "one field, and no other, must be the URL of a database with a password, such as "
        "postgres://user:password@host:5432/name");
  }
  if (fields.size() == 1 && url->field.name != kPlainField) {
    return absl::InvalidArgumentError(
        absl::StrCat("field ", url->field.name,
                     ": it is the only one, so programs need not name it, and would "
                     "have to beside its parts; put the URL into field ",
                     kPlainField, " and remove this one"));
  }
  return PartsOfUrl(*url, std::nullopt, fields, fields);
}

}  // namespace keyturn
