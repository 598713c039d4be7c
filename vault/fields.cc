#include "vault/fields.h"

#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "base/limits.h"
#include "base/status_macros.h"
#include "keyturn/v1/types.pb.h"
#include "vault/utf8.h"
#include "vault/wire.h"

namespace keyturn {
namespace {

// keyturn.v1.Field: name = 1, encoding = 2, value = 3; each at most once, nothing else.
std::optional<FieldView> ParseField(absl::string_view bytes) {
  FieldView out;
  uint32_t seen = 0;
  while (!bytes.empty()) {
    const std::optional<wire::Tag> tag = wire::ReadTag(&bytes);
    if (!tag.has_value() || tag->field > 3 || (seen >> tag->field & 1) != 0) return std::nullopt;
    seen |= 1u << tag->field;
    if (tag->field == 2) {
      const std::optional<uint64_t> encoding = wire::ReadVarint(&bytes);
      if (tag->type != wire::kVarint || !encoding.has_value() || *encoding > 3) return std::nullopt;
      out.encoding = static_cast<int>(*encoding);
      continue;
    }
    if (tag->type != wire::kLengthDelimited) return std::nullopt;
    const std::optional<absl::string_view> content = wire::ReadDelimited(&bytes);
    if (!content.has_value()) return std::nullopt;
    (tag->field == 1 ? out.name : out.value) = *content;
  }
  return out;
}

// The fields in the order they come; std::nullopt for anything but a SecretData.
std::optional<std::vector<FieldView>> ParseData(absl::string_view data) {
  std::vector<FieldView> fields;
  while (!data.empty()) {
    const std::optional<wire::Tag> tag = wire::ReadTag(&data);
    if (!tag.has_value() || tag->field != 1 || tag->type != wire::kLengthDelimited) {
      return std::nullopt;
    }
    const std::optional<absl::string_view> bytes = wire::ReadDelimited(&data);
    if (!bytes.has_value()) return std::nullopt;
    const std::optional<FieldView> field = ParseField(*bytes);
    if (!field.has_value() || fields.size() > limits::kFieldsMax) return std::nullopt;
    fields.push_back(*field);
  }
  return fields;
}

bool IsFieldName(absl::string_view name) {
  if (name.empty() || name.size() > limits::kFieldNameBytesMax) return false;
  for (const char c : name) {
    const bool allowed = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                         (c >= '0' && c <= '9') || c == '_' || c == '.' || c == '-';
    if (!allowed) return false;
  }
  return true;
}

absl::Status CheckField(FieldView* field) {
  if (!IsFieldName(field->name)) {
    return absl::InvalidArgumentError(absl::StrCat("field name: allowed are 1 to ",
                                                   limits::kFieldNameBytesMax,
                                                   " characters of A-Z a-z 0-9 _ . -"));
  }
  const bool utf8 = IsUtf8(field->value);
  if (field->encoding == v1::ENCODING_UNSPECIFIED) {
    field->encoding = utf8 ? v1::ENCODING_TEXT : v1::ENCODING_BINARY;
  }
  if (field->encoding == v1::ENCODING_TEXT && !utf8) {
    return absl::InvalidArgumentError(
        absl::StrCat("field ", field->name, ": is not UTF-8; store it with encoding binary"));
  }
  if (field->encoding == v1::ENCODING_JSON &&
      !nlohmann::json::accept(field->value.begin(), field->value.end())) {
    return absl::InvalidArgumentError(absl::StrCat("field ", field->name, ": is not valid JSON"));
  }
  return absl::OkStatus();
}

size_t FieldSize(const FieldView& field) {
  return wire::DelimitedSize(field.name.size()) + 1 + wire::VarintSize(field.encoding) +
         wire::DelimitedSize(field.value.size());
}

bool ByName(const FieldView& a, const FieldView& b) { return a.name < b.name; }

}  // namespace

absl::StatusOr<SecretBytes> CanonicalData(absl::string_view untrusted) {
  std::optional<std::vector<FieldView>> fields = ParseData(untrusted);
  if (!fields.has_value()) {
    return absl::InvalidArgumentError(
        absl::StrCat("data: not a SecretData message of at most ", limits::kFieldsMax, " fields"));
  }
  for (FieldView& field : *fields) RETURN_IF_ERROR(CheckField(&field));
  return EncodeFields(*fields);
}

absl::StatusOr<SecretBytes> EncodeFields(absl::Span<const FieldView> fields) {
  if (fields.empty() || fields.size() > limits::kFieldsMax) {
    return absl::InvalidArgumentError(
        absl::StrCat("data: ", fields.size(), " fields; allowed are 1 to ", limits::kFieldsMax));
  }
  std::vector<FieldView> sorted(fields.begin(), fields.end());
  std::sort(sorted.begin(), sorted.end(), ByName);
  size_t size = 0;
  for (size_t i = 0; i < sorted.size(); ++i) {
    if (i > 0 && sorted[i].name == sorted[i - 1].name) {
      return absl::InvalidArgumentError(absl::StrCat("field ", sorted[i].name, ": is given twice"));
    }
    size += wire::DelimitedSize(FieldSize(sorted[i]));
  }
  if (size > limits::kSecretValueBytesMax) {
    return absl::InvalidArgumentError(absl::StrCat("data: has ", size, " bytes encoded; at most ",
                                                   limits::kSecretValueBytesMax, " are allowed"));
  }
  ASSIGN_OR_RETURN(SecretBytes out, SecretBytes::Allocate(size));
  absl::Span<char> rest = out.Mutable();
  for (const FieldView& field : sorted) {
    wire::WriteTag(1, wire::kLengthDelimited, &rest);
    wire::WriteVarint(FieldSize(field), &rest);
    wire::WriteTag(1, wire::kLengthDelimited, &rest);
    wire::WriteBytes(field.name, &rest);
    wire::WriteTag(2, wire::kVarint, &rest);
    wire::WriteVarint(static_cast<uint64_t>(field.encoding), &rest);
    wire::WriteTag(3, wire::kLengthDelimited, &rest);
    wire::WriteBytes(field.value, &rest);
  }
  return out;
}

absl::Status ForEachField(absl::string_view data, absl::FunctionRef<bool(const FieldView&)> fn) {
  const std::optional<std::vector<FieldView>> fields = ParseData(data);
  if (!fields.has_value()) return absl::DataLossError("the data of a version does not parse");
  for (const FieldView& field : *fields) {
    if (!fn(field)) break;
  }
  return absl::OkStatus();
}

absl::StatusOr<SecretBytes> MergeData(absl::string_view base, absl::string_view changes) {
  const std::optional<std::vector<FieldView>> old = ParseData(base);
  std::optional<std::vector<FieldView>> merged = ParseData(changes);
  if (!old.has_value() || !merged.has_value()) {
    return absl::DataLossError("the data of a version does not parse");
  }
  const size_t changed = merged->size();
  for (const FieldView& field : *old) {
    const auto same = [&field](const FieldView& other) { return other.name == field.name; };
    if (std::none_of(merged->begin(), merged->begin() + static_cast<long>(changed), same)) {
      merged->push_back(field);
    }
  }
  return EncodeFields(*merged);
}

absl::StatusOr<SecretBytes> SelectFields(absl::string_view data,
                                         absl::Span<const std::string> names) {
  std::vector<FieldView> picked;
  RETURN_IF_ERROR(ForEachField(data, [&](const FieldView& field) {
    if (std::find(names.begin(), names.end(), field.name) != names.end()) picked.push_back(field);
    return true;
  }));
  for (const std::string& name : names) {
    const auto same = [&name](const FieldView& field) { return field.name == name; };
    if (std::none_of(picked.begin(), picked.end(), same)) {
      return absl::NotFoundError(IsFieldName(name) ? absl::StrCat("the secret has no field ", name)
                                                   : "the secret has no field of that name");
    }
  }
  return EncodeFields(picked);
}

}  // namespace keyturn
