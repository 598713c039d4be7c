// What a server says about an error, which the client reads before it trusts anything: any bytes as
// details, and any message. There is always a reason, and details never change the code.
#include "client/error_detail.h"

#include "tests/fuzz/fuzz.h"

namespace keyturn::fuzz {

void FuzzErrorDetail(absl::string_view input) {
  const int code = TakeByte(&input) % 17;
  const absl::string_view id = TakeText(&input);
  const absl::string_view message = TakeText(&input);
  const absl::Status status = MakeCallStatus(code, message, input, id);
  Require(status.raw_code() == code, "the code is the call's");
  if (status.ok()) return;
  Require(status.message() == message, "so is the message");
  const ErrorDetail detail = DetailOf(status);
  Require(!detail.reason.empty(), "an error has a reason");
  Require(id.empty() || !detail.correlation_id.empty(), "and is found by its id");
}

}  // namespace keyturn::fuzz

FUZZ_TARGET(FuzzErrorDetail)
