// References to a field of a secret: one that is read, written in the long form, is read as the
// same.
#include "client/cli/reference.h"

#include "absl/strings/str_cat.h"
#include "tests/fuzz/fuzz.h"

namespace keyturn::fuzz {
namespace {

std::string Written(const cli::Reference& reference) {
  std::string out = absl::StrCat(cli::kReferenceScheme, reference.path);
  if (reference.field.empty()) return out;
  absl::StrAppend(&out, "#", reference.field, "@");
  if (reference.version.number() > 0) return absl::StrCat(out, reference.version.number());
  const bool previous = reference.version.alias() == v1::VersionSelector::PREVIOUS;
  return out + (previous ? "previous" : "current");
}

}  // namespace

void FuzzReference(absl::string_view input) {
  const absl::StatusOr<cli::Reference> reference = cli::ParseReference(input);
  if (!reference.ok()) return;
  Require(!reference->path.empty(), "it names a secret");
  Require(reference->path.find('#') == std::string::npos, "whose path has no '#'");
  const std::string written = Written(*reference);
  Require(cli::IsReference(written), "written in the long form");
  const cli::Reference again = Must(cli::ParseReference(written), "it is read");
  Require(again.path == reference->path && again.field == reference->field &&
              again.version.SerializeAsString() == reference->version.SerializeAsString(),
          "as the same");
}

}  // namespace keyturn::fuzz

FUZZ_TARGET(FuzzReference)
