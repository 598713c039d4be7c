// Plaintext and key material. A SecretBytes owns a block of the process-wide arena: memory that is
// locked (never swapped), excluded from core dumps and wiped when the block is given back. It
// moves, never copies, prints nothing and compares in constant time. There is no other home for
// plaintext in Keyturn; std::string is for public bytes.
//
// The arena has a fixed size, so asking for a block can fail: RESOURCE_EXHAUSTED means that too
// many secrets are in flight, and the call should be refused, not queued. Thread-safe: the arena.
// Not thread-safe: one SecretBytes object.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace keyturn {

class SecretBytes {
 public:
  // Empty; takes nothing from the arena.
  SecretBytes() = default;
  ~SecretBytes() { Reset(); }
  SecretBytes(SecretBytes&& other) noexcept;
  SecretBytes& operator=(SecretBytes&& other) noexcept;
  SecretBytes(const SecretBytes&) = delete;
  SecretBytes& operator=(const SecretBytes&) = delete;

  // `size` zero bytes. RESOURCE_EXHAUSTED, with the time to wait (base/reason.h), when the arena
  // has no such block left.
  static absl::StatusOr<SecretBytes> Allocate(size_t size);
  // A copy of `bytes`, whose own copy the caller should wipe (WipeString) if it is a secret.
  static absl::StatusOr<SecretBytes> CopyOf(absl::string_view bytes);

  size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  // What it takes from the arena, in bytes: a whole block.
  size_t footprint() const;

  // The two ways to see the bytes; tests count their callers. The view lives as long as this
  // object. ForCrypto: input of a cipher, MAC, KDF or parser of this process.
  absl::string_view ExposeForCrypto() const { return {data_, size_}; }
  // ForWire: about to leave the process, to the caller who is entitled to them.
  absl::string_view ExposeForWire() const { return {data_, size_}; }

  // For filling a fresh block. REQUIRES: not yet shared with a reader.
  absl::Span<char> Mutable() { return {data_, size_}; }
  // Keeps the first `size` bytes and wipes the rest. REQUIRES: size <= this->size().
  void Truncate(size_t size);
  // Wipes and gives the block back.
  void Reset();

  // Constant time in the contents (not in the sizes).
  friend bool operator==(const SecretBytes& a, const SecretBytes& b);

 private:
  char* data_ = nullptr;
  size_t size_ = 0;
  size_t allocated_ = 0;  // what the arena gave; size_ may be less
};

// Wipes the bytes of a string that had to hold a secret for a moment (a library's buffer) and
// empties it.
void WipeString(std::string* text);

}  // namespace keyturn
