// seal.ktn (docs/FORMAT.md): the root key, wrapped once per seal. While the root key changes it has
// the slots of the next one as well. Thread-safe.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "keyturn/record/v1/keyring.pb.h"
#include "storage/file_system.h"

namespace keyturn {

inline constexpr uint32_t kSealFormat = 1;

std::string SealFilePath(const std::string& directory);

// One without slots when there is no file. DATA_LOSS when it does not parse; FAILED_PRECONDITION
// for another format.
absl::StatusOr<record::v1::SealFile> ReadSealFile(FileSystem& files, const std::string& directory);

// Durably.
absl::Status WriteSealFile(FileSystem& files, const std::string& directory,
                           const record::v1::SealFile& file);

}  // namespace keyturn
