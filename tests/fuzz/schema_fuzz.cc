// Keys of the store that parse are built again from what they say, and the end of a prefix is
// behind every key that has it.
#include "storage/schema.h"

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "tests/fuzz/fuzz.h"

namespace keyturn::fuzz {

void FuzzSchema(absl::string_view input) {
  if (const std::optional<schema::DueItem> item = schema::ParseDueKey(input)) {
    Require(schema::DueKey(item->object, item->when, item->due_class) == input, "key of due");
  }
  if (const std::optional<Revision> revision = schema::ParseRevisionKey(input)) {
    Require(schema::RevisionKey(*revision) == input, "key of a revision");
  }
  if (const std::optional<schema::RevlogItem> item = schema::ParseRevlogKey(input)) {
    Require(schema::RevlogKey(item->hour, item->revision) == input, "key of revlog");
  }
  Require(!(schema::IsMetadataKey(input) && schema::IsPayloadKey(input)), "a key is of one kind");
  if (const std::optional<Uuid> secret = schema::ParseSecretMetadataKey(input)) {
    Require(schema::SecretMetadataKey(*secret) == input, "a key of metadata is of one secret");
  }
  if (const absl::StatusOr<Uuid> uuid = Uuid::FromString(input); uuid.ok()) {
    Require(uuid->ToString() == absl::AsciiStrToLower(input), "text of a uuid");
  }
  if (const absl::StatusOr<Uuid> uuid = Uuid::FromBytes(input.substr(0, Uuid::kSize)); uuid.ok()) {
    Require(uuid->bytes() == input.substr(0, Uuid::kSize), "bytes of a uuid");
    Require(Must(Uuid::FromString(uuid->ToString()), "its own text") == *uuid, "a uuid as text");
  }
  const std::string end = schema::PrefixEnd(input);
  const bool none = input.find_first_not_of('\xff') == absl::string_view::npos;
  Require(end.empty() == none, "only a prefix of 0xff has no end");
  if (!end.empty()) {
    Require(absl::string_view(end) > input && !absl::StartsWith(end, input), "the end is behind");
    Require(std::string(input) + "\xff\xff\xff" < end, "the end is behind what has the prefix");
  }
}

}  // namespace keyturn::fuzz

FUZZ_TARGET(FuzzSchema)
