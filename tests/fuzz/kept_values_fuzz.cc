// What `run --offline` keeps, once it was opened: values that are read are written to the same
// bytes.
#include "client/cli/offline_codec.h"
#include "tests/fuzz/fuzz.h"

namespace keyturn::fuzz {

void FuzzKeptValues(absl::string_view input) {
  absl::Time read_at;
  const absl::StatusOr<std::vector<cli::Variable>> variables = cli::DecodeValues(input, &read_at);
  if (!variables.ok()) return Require(absl::IsDataLoss(variables.status()), "it is damaged");
  Require(Must(cli::EncodeValues(*variables, read_at), "they encode").ExposeForCrypto() == input,
          "to the same bytes");
}

}  // namespace keyturn::fuzz

FUZZ_TARGET(FuzzKeptValues)
