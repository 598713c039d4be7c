#include "keyring/seal_file.h"

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "base/types.h"

namespace keyturn {

std::string SealFilePath(const std::string& directory) {
  return absl::StrCat(directory, "/seal.ktn");
}

absl::StatusOr<record::v1::SealFile> ReadSealFile(FileSystem& files, const std::string& directory) {
  const std::string path = SealFilePath(directory);
  record::v1::SealFile file;
  const absl::StatusOr<std::string> bytes = files.Read(path);
  if (absl::IsNotFound(bytes.status())) return file;
  RETURN_IF_ERROR(bytes.status());
  if (!file.ParseFromString(*bytes) || file.slots().empty()) {
    return absl::DataLossError(absl::StrCat(path, " does not parse"));
  }
  if (file.format() != kSealFormat) {
    return absl::FailedPreconditionError(
        absl::StrCat(path, " has format ", file.format(), "; this program reads ", kSealFormat));
  }
  RETURN_IF_ERROR(Uuid::FromBytes(file.vault_id()).status());
  return file;
}

absl::Status WriteSealFile(FileSystem& files, const std::string& directory,
                           const record::v1::SealFile& file) {
  return WriteFileAtomically(files, SealFilePath(directory), file.SerializeAsString(), 0600);
}

}  // namespace keyturn
