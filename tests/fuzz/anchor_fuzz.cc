// Any bytes as the rollback anchor, and one of ours that was damaged: it is believed only if it
// says what this vault wrote, whatever else stands around it.
#include "keyring/anchor.h"

#include "keyturn/record/v1/keyring.pb.h"
#include "tests/fuzz/fuzz.h"

namespace keyturn::fuzz {

void FuzzAnchor(absl::string_view input) {
  const std::string path = std::string(kDirectory) + "/anchor.ktn";
  const std::unique_ptr<FileSystem> files = NewFiles();
  const KeyringSnapshot& keys = FixedKeys();
  const Revision newest(~uint64_t{0});
  StoreFile(*files, path, input);
  if (CheckAnchor(*files, path, keys, newest).ok()) {
    record::v1::Anchor anchor;
    Require(anchor.ParseFromString(std::string(input)), "an anchor that is believed parses");
    const Revision revision(anchor.revision());
    Require(SaveAnchor(*files, path, keys, revision).ok(), "it is saved");
    record::v1::Anchor again;
    Require(again.ParseFromString(*files->Read(path)) && again.mac() == anchor.mac(), "the same");
  }

  const Revision revision(TakeNumber(&input));
  Require(SaveAnchor(*files, path, keys, revision).ok(), "it is saved");
  Require(CheckAnchor(*files, path, keys, revision).ok(), "it is believed");
  Revision seen;
  if (revision > Revision(0)) {
    const Revision before(revision.value() - 1);
    Require(absl::IsFailedPrecondition(CheckAnchor(*files, path, keys, before, &seen)) &&
                seen == revision,
            "a store behind it is refused");
  }
  const std::string whole = *files->Read(path);
  const std::string damaged = Damage(whole, &input);
  StoreFile(*files, path, damaged);
  record::v1::Anchor ours, theirs;
  Require(ours.ParseFromString(whole), "ours parses");
  const bool same = theirs.ParseFromString(damaged) && theirs.vault_id() == ours.vault_id() &&
                    theirs.revision() == ours.revision() && theirs.mac() == ours.mac();
  Require(CheckAnchor(*files, path, keys, newest).ok() == same, "only what this vault wrote");
}

}  // namespace keyturn::fuzz

FUZZ_TARGET(FuzzAnchor)
