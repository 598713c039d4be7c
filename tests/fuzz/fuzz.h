// What the fuzz targets share: how one begins, a keyring that is the same in every process, so that
// sealed inputs of a corpus open, chance that repeats, and damage that the input asks for.
// A target is `void FuzzX(absl::string_view input)` and FUZZ_TARGET(FuzzX) behind it. Not
// thread-safe.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/types.h"
#include "crypto/aead.h"
#include "crypto/secret_bytes.h"
#include "keyring/keyring_snapshot.h"
#include "storage/file_system.h"

// Several targets are one translation unit for clang-tidy, and none has an entry then.
#ifdef KEYTURN_FUZZER
#define FUZZ_TARGET(function)                                               \
  extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) { \
    keyturn::fuzz::ResetRandom();                                           \
    keyturn::fuzz::function({reinterpret_cast<const char*>(data), size});   \
    return 0;                                                               \
  }
#else
#define FUZZ_TARGET(function)
#endif

namespace keyturn::fuzz {

// Aborts, which libFuzzer reports with the input, when a property does not hold.
void Require(bool holds, const char* property);

// The value; aborts when there is none: for what must work.
template <typename T>
T Must(absl::StatusOr<T> result, const char* property) {
  Require(result.ok(), property);
  return *std::move(result);
}

// Chance (crypto/random.h) is a fixed sequence that begins anew with each input, on the thread that
// calls this; another thread has its own.
void ResetRandom();
// What chance gives first: sealing again with the same salt and nonce gives the same bytes.
void NextRandom(absl::string_view bytes);
// The salt and nonce of a sealed record (docs/FORMAT.md). REQUIRES: ReadSealHeader knows it.
std::string RandomnessOf(absl::string_view sealed);

// Term 1 with AES-256-GCM is active, or, of the same vault, term 2 with XChaCha20-Poly1305, which
// opens what term 1 sealed.
const KeyringSnapshot& FixedKeys(AeadSuite active = AeadSuite::kXChaCha20Poly1305);
const Uuid& FixedVault();
const SecretBytes& FixedRootKey();

// An empty file system in memory with the directory kDirectory.
inline constexpr char kDirectory[] = "/d";
std::unique_ptr<FileSystem> NewFiles();
// Both copies of the keyring in `files`, holding `plain`, sealed as they should be.
void StoreKeyring(absl::string_view plain, FileSystem& files);
// Sets the whole content of a file.
void StoreFile(FileSystem& files, const std::string& path, absl::string_view bytes);

// Takes a number off the front of the input; 0 at its end.
uint8_t TakeByte(absl::string_view* input);
uint64_t TakeNumber(absl::string_view* input);
// Takes bytes with a length of one byte before them, as many as there are.
absl::string_view TakeText(absl::string_view* input);

// `bytes` changed as the input says: bits flipped, cut, put in, moved. Takes its part of the input.
std::string Damage(std::string bytes, absl::string_view* input);

}  // namespace keyturn::fuzz
