#include "client/cli/offline_codec.h"

#include <algorithm>
#include <optional>

#include "base/coding.h"
#include "base/status_macros.h"

namespace keyturn::cli {
namespace {

std::string Count(size_t count) {
  std::string out;
  AppendBigEndian32(static_cast<uint32_t>(count), &out);
  return out;
}

absl::Status Malformed() { return absl::DataLossError("the kept values are not readable"); }

absl::StatusOr<SecretBytes> ReadSecret(absl::string_view* in) {
  const std::optional<absl::string_view> bytes = ReadLengthPrefixed(in);
  if (!bytes.has_value()) return Malformed();
  return SecretBytes::CopyOf(*bytes);
}

absl::StatusOr<Variable> ReadVariable(absl::string_view* in) {
  const std::optional<uint8_t> is_file = ReadByte(in);
  const std::optional<absl::string_view> name = ReadLengthPrefixed(in);
  const std::optional<absl::string_view> from = ReadLengthPrefixed(in);
  if (!is_file.has_value() || *is_file > 1 || !name.has_value() || !from.has_value()) {
    return Malformed();
  }
  Variable variable;
  variable.is_file = *is_file == 1;
  variable.name = std::string(*name);
  variable.from = std::string(*from);
  ASSIGN_OR_RETURN(variable.value, ReadSecret(in));
  const std::optional<uint32_t> parts = ReadBigEndian32(in);
  if (!parts.has_value()) return Malformed();
  for (uint32_t i = 0; i < *parts; ++i) {
    ASSIGN_OR_RETURN(SecretBytes part, ReadSecret(in));
    variable.parts.push_back(std::move(part));
  }
  return variable;
}

}  // namespace

void SecretWriter::Bytes(std::string bytes) { pieces_.push_back({std::move(bytes), {}}); }

void SecretWriter::Field(absl::string_view bytes) {
  pieces_.push_back({Count(bytes.size()), bytes});
}

absl::StatusOr<SecretBytes> SecretWriter::Finish() const {
  size_t size = 0;
  for (const Piece& piece : pieces_) size += piece.own.size() + piece.view.size();
  ASSIGN_OR_RETURN(SecretBytes out, SecretBytes::Allocate(size));
  char* at = out.Mutable().data();
  for (const Piece& piece : pieces_) {
    at = std::copy(piece.own.begin(), piece.own.end(), at);
    at = std::copy(piece.view.begin(), piece.view.end(), at);
  }
  return out;
}

absl::StatusOr<SecretBytes> EncodeValues(const std::vector<Variable>& variables,
                                         absl::Time read_at) {
  SecretWriter writer;
  writer.Bytes(BigEndian64(static_cast<uint64_t>(absl::ToUnixMillis(read_at))));
  writer.Bytes(Count(variables.size()));
  for (const Variable& variable : variables) {
    writer.Bytes(std::string(1, variable.is_file ? '\1' : '\0'));
    writer.Field(variable.name);
    writer.Field(variable.from);
    writer.Field(variable.value.ExposeForCrypto());
    writer.Bytes(Count(variable.parts.size()));
    for (const SecretBytes& part : variable.parts) writer.Field(part.ExposeForCrypto());
  }
  return writer.Finish();
}

absl::StatusOr<std::vector<Variable>> DecodeValues(absl::string_view bytes, absl::Time* read_at) {
  const std::optional<uint64_t> millis = ReadBigEndian64(&bytes);
  const std::optional<uint32_t> count = ReadBigEndian32(&bytes);
  if (!millis.has_value() || !count.has_value()) return Malformed();
  *read_at = absl::FromUnixMillis(static_cast<int64_t>(*millis));
  std::vector<Variable> variables;
  for (uint32_t i = 0; i < *count; ++i) {
    ASSIGN_OR_RETURN(Variable variable, ReadVariable(&bytes));
    variables.push_back(std::move(variable));
  }
  if (!bytes.empty()) return Malformed();
  return variables;
}

}  // namespace keyturn::cli
