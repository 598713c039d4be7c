// The search for canaries finds one wherever it is: without this, the tests that find none show
// nothing.
#include "tests/server/canaries.h"

#include "absl/strings/escaping.h"
#include "audit/event.h"
#include "crypto/random.h"

namespace keyturn {
namespace {

// The fault that the tests are there for, in each place and each writing.
TEST(CanariesTest, ALeakIsFoundWhereverItIs) {
  Canaries canaries;
  const std::string value = canaries.Plant("Put", "Field.value", true);
  const std::string name = canaries.Plant("Put", "Field.name", false);
  const std::string path = canaries.Plant("Put", "PutRequest.path", false);
  const std::string token = canaries.KeepCredential(
      "Create", "kts." + absl::WebSafeBase64Escape(std::string(RandomBytes(48))));
  EXPECT_TRUE(canaries.Leaks({"a line", "a metric", "an error", path, {{"store", path}}}).empty());
  std::string bytes;
  ASSERT_TRUE(absl::WebSafeBase64Unescape(token.substr(4), &bytes));
  for (const std::string& written :
       {value, HexEncode(value), absl::Base64Escape(value), absl::Base64Escape("a" + value),
        absl::WebSafeBase64Escape("ab" + value), token, HexEncode(bytes), bytes.substr(16),
        absl::Base64Escape("a" + bytes)}) {
    const std::string line = absl::StrCat("{\"message\":\"wrote ", written, "\"}\n");
    AuditEvent event;
    event.details = {{"value", written}};
    EXPECT_EQ(canaries.Leaks({line, "", "", "", {}}).size(), 1u) << written;
    EXPECT_EQ(canaries.Leaks({"", line, "", "", {}}).size(), 1u) << written;
    EXPECT_EQ(canaries.Leaks({"", "", line, "", {}}).size(), 1u) << written;
    EXPECT_EQ(canaries.Leaks({"", "", "", line, {}}).size(), 1u) << written;
    EXPECT_EQ(canaries.Leaks({"", "", "", "", {{"store", line}}}).size(), 1u) << written;
    // What looks like a token is taken out, and no detail has raw bytes.
    if (written == token || written == bytes.substr(16)) continue;
    EXPECT_EQ(canaries.Leaks({"", "", "", EncodeEvent(event), {}}).size(), 1u) << written;
  }
  // A name of a field is none of those that the audit log names, a path nothing for the log; and
  // the store has it only with its entry.
  EXPECT_EQ(canaries.Leaks({"", "", "", name, {}}).size(), 1u);
  EXPECT_EQ(canaries.Leaks({path, "", "", path, {}}).size(), 1u);
  EXPECT_EQ(canaries.Leaks({"", "", "", "", {{"store", path}}}).size(), 1u);
}

}  // namespace
}  // namespace keyturn
