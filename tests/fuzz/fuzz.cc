#include "tests/fuzz/fuzz.h"

#include <google/protobuf/stubs/logging.h>
#include <sodium.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "base/coding.h"
#include "base/log.h"
#include "keyring/committed_seal.h"
#include "keyring/keyring_codec.h"

namespace keyturn::fuzz {
namespace {

// Of each thread, so that what another one draws does not change what the input's is given.
thread_local uint64_t random_state = 0;
thread_local std::string random_first;

// splitmix64 (S. Vigna): any sequence does that repeats.
uint64_t NextNumber() {
  uint64_t z = random_state += 0x9e3779b97f4a7c15;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return z ^ (z >> 31);
}

void FillBuffer(void* buffer, size_t size) {
  auto* const out = static_cast<char*>(buffer);
  const size_t given = std::min(size, random_first.size());
  std::copy_n(random_first.begin(), given, out);
  random_first.erase(0, given);
  uint64_t number = 0;
  for (size_t i = given; i < size; ++i) {
    if ((i - given) % 8 == 0) number = NextNumber();
    out[i] = static_cast<char>(number >> (8 * ((i - given) % 8)));
  }
}

const char* Name() { return "repeatable"; }
uint32_t Random32() { return static_cast<uint32_t>(NextNumber()); }

// Chance of the process, and a log that says nothing: targets are run a million times.
[[maybe_unused]] const bool prepared = [] {
  static randombytes_implementation repeatable = {Name,    Random32,   nullptr,
                                                  nullptr, FillBuffer, nullptr};
  SetLogLevel(LogLevel::kError);
  google::protobuf::SetLogHandler(nullptr);
  return randombytes_set_implementation(&repeatable) == 0 && sodium_init() >= 0;
}();

std::string KeyOf(char letter) { return std::string(32, letter); }

std::shared_ptr<const KeyringSnapshot> MakeKeys(AeadSuite active) {
  record::v1::Keyring message;
  for (uint32_t term = 1; term <= static_cast<uint32_t>(active); ++term) {
    record::v1::Kek& kek = *message.add_keks();
    kek.set_term(term);
    kek.set_suite(term);
    kek.set_key(KeyOf(static_cast<char>('0' + term)));
    kek.set_state(term == static_cast<uint32_t>(active) ? record::v1::Kek::ACTIVE
                                                        : record::v1::Kek::DECRYPT_ONLY);
  }
  message.set_index_key(KeyOf('i'));
  message.set_record_hash_key(KeyOf('r'));
  message.set_token_key(KeyOf('t'));
  message.set_audit_mac_key(KeyOf('m'));
  message.set_audit_signing_seed(KeyOf('s'));
  message.set_api_key_pepper(KeyOf('p'));
  message.set_revocation_hash_key(KeyOf('v'));
  const std::unique_ptr<FileSystem> files = NewFiles();
  StoreKeyring(message.SerializeAsString(), *files);
  return Must(KeyringCodec::Read(FixedVault(), FixedRootKey(), kDirectory, *files),
              "the fixed keyring opens")
      .keys;
}

}  // namespace

void Require(bool holds, const char* property) {
  if (holds) return;
  std::fprintf(stderr, "fuzz: does not hold: %s\n", property);
  std::abort();
}

void ResetRandom() {
  random_state = 0;
  random_first.clear();
}

void NextRandom(absl::string_view bytes) { random_first = std::string(bytes); }

std::string RandomnessOf(absl::string_view sealed) {
  constexpr size_t kSalt = 32, kNonceAt = kSealedHeaderBytes + kSalt + 32;
  const size_t nonce = sealed[0] == 1 ? 12 : 24;
  std::string out(sealed.substr(kSealedHeaderBytes, kSalt));
  out.append(std::string(sealed.substr(kNonceAt, nonce)));
  return out;
}

const KeyringSnapshot& FixedKeys(AeadSuite active) {
  static const auto* const one =
      new std::shared_ptr<const KeyringSnapshot>(MakeKeys(AeadSuite::kAes256Gcm));
  static const auto* const two =
      new std::shared_ptr<const KeyringSnapshot>(MakeKeys(AeadSuite::kXChaCha20Poly1305));
  return active == AeadSuite::kAes256Gcm ? **one : **two;
}

const Uuid& FixedVault() {
  static const Uuid vault = Must(Uuid::FromBytes("a vault of tests"), "16 bytes are a uuid");
  return vault;
}

const SecretBytes& FixedRootKey() {
  static const auto* const key =
      new SecretBytes(Must(SecretBytes::CopyOf(KeyOf('0')), "the arena has room"));
  return *key;
}

std::unique_ptr<FileSystem> NewFiles() {
  std::unique_ptr<FileSystem> files = NewMemoryFileSystem();
  Require(files->CreateDirectory(kDirectory, 0700).ok(), "a directory can be made");
  return files;
}

void StoreFile(FileSystem& files, const std::string& path, absl::string_view bytes) {
  Require(WriteFileAtomically(files, path, bytes, 0600).ok(), "a file can be written");
}

void StoreKeyring(absl::string_view plain, FileSystem& files) {
  constexpr uint64_t kGeneration = 5;
  const SealHeader header{AeadSuite::kAes256Gcm, Purpose::kKeyring, KekTerm(0), kGeneration};
  record::v1::KeyringFile file;
  file.set_format(1);
  file.set_vault_id(std::string(FixedVault().bytes()));
  file.set_generation(kGeneration);
  file.set_sealed(
      Must(SealCommitted(FixedRootKey(), header, FixedVault(), "keyring", plain), "sealing works"));
  for (const char* const name : {"/keyring.ktn", "/keyring.ktn.2"}) {
    StoreFile(files, std::string(kDirectory) + name, file.SerializeAsString());
  }
}

uint8_t TakeByte(absl::string_view* input) { return ReadByte(input).value_or(0); }

uint64_t TakeNumber(absl::string_view* input) { return ReadBigEndian64(input).value_or(0); }

absl::string_view TakeText(absl::string_view* input) {
  const size_t size = std::min<size_t>(TakeByte(input), input->size());
  return *ReadBytes(size, input);
}

std::string Damage(std::string bytes, absl::string_view* input) {
  const int times = TakeByte(input) % 4;
  for (int i = 0; i < times && !bytes.empty(); ++i) {
    const uint8_t how = TakeByte(input);
    const size_t at = ReadBigEndian16(input).value_or(0) % bytes.size();
    const uint8_t what = TakeByte(input);
    switch (how % 5) {
      case 0:
        bytes[at] = static_cast<char>(bytes[at] ^ what);
        break;
      case 1:
        bytes.resize(at);
        break;
      case 2:
        bytes.insert(at, 1, static_cast<char>(what));
        break;
      case 3:
        bytes.append(std::string(TakeText(input)));
        break;
      default:
        std::swap(bytes[at], bytes[what % bytes.size()]);
    }
  }
  return bytes;
}

}  // namespace keyturn::fuzz
