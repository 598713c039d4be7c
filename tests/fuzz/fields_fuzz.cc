// Data of a secret that a caller sent: what is accepted has one stored form, which reads back as
// itself and says what protobuf reads in it.
#include "vault/fields.h"

#include <algorithm>

#include "keyturn/v1/types.pb.h"
#include "tests/fuzz/fuzz.h"

namespace keyturn::fuzz {
namespace {

// Protobuf leaves out what is empty, so its bytes may differ; what it reads must not.
void CompareWithProtobuf(absl::string_view stored, const std::vector<FieldView>& fields) {
  v1::SecretData data;
  Require(data.ParseFromArray(stored.data(), static_cast<int>(stored.size())), "protobuf reads it");
  Require(data.fields_size() == static_cast<int>(fields.size()), "as many fields");
  for (int i = 0; i < data.fields_size(); ++i) {
    const FieldView& field = fields[static_cast<size_t>(i)];
    Require(data.fields(i).name() == field.name && data.fields(i).value() == field.value &&
                data.fields(i).encoding() == field.encoding,
            "the same fields");
  }
}

}  // namespace

void FuzzFields(absl::string_view input) {
  const auto none = [](const FieldView&) { return true; };
  const absl::StatusOr<SecretBytes> canonical = CanonicalData(input);
  if (!canonical.ok()) {
    // Whatever is read without checks must still be read without a fault.
    Require(MergeData(input, input).ok() <= ForEachField(input, none).ok(), "what merges parses");
    return;
  }
  const absl::string_view stored = canonical->ExposeForCrypto();
  Require(Must(CanonicalData(stored), "the stored form is accepted") == *canonical, "as itself");
  std::vector<FieldView> fields;
  std::vector<std::string> names;
  Require(ForEachField(stored,
                       [&](const FieldView& field) {
                         fields.push_back(field);
                         names.emplace_back(field.name);
                         return true;
                       })
              .ok(),
          "the stored form parses");
  Require(std::adjacent_find(names.begin(), names.end(), std::greater_equal<>()) == names.end(),
          "names ascend");
  Require(Must(EncodeFields(fields), "its fields encode") == *canonical, "to the same bytes");
  Require(Must(MergeData(stored, stored), "it merges") == *canonical, "with itself to itself");
  Require(Must(SelectFields(stored, names), "all are selected") == *canonical, "which is itself");
  CompareWithProtobuf(stored, fields);
}

}  // namespace keyturn::fuzz

FUZZ_TARGET(FuzzFields)
