#include "crypto/secret_bytes.h"

#include <openssl/crypto.h>

#include <cstring>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/limits.h"
#include "base/reason.h"
#include "crypto/arena.h"
#include "crypto/mac.h"

namespace keyturn {

SecretBytes::SecretBytes(SecretBytes&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)),
      size_(std::exchange(other.size_, 0)),
      allocated_(std::exchange(other.allocated_, 0)) {}

SecretBytes& SecretBytes::operator=(SecretBytes&& other) noexcept {
  if (this != &other) {
    Reset();
    data_ = std::exchange(other.data_, nullptr);
    size_ = std::exchange(other.size_, 0);
    allocated_ = std::exchange(other.allocated_, 0);
  }
  return *this;
}

absl::StatusOr<SecretBytes> SecretBytes::Allocate(size_t size) {
  SecretBytes out;
  if (size == 0) return out;
  out.data_ = ArenaAllocate(size);
  if (out.data_ == nullptr) {
    return WithRetryAfter(absl::ResourceExhaustedError(absl::StrCat(
                              "no room for ", size, " bytes in the arena of secrets; try again")),
                          absl::Milliseconds(limits::kBusyRetryMilliseconds));
  }
  out.size_ = size;
  out.allocated_ = size;
  return out;
}

absl::StatusOr<SecretBytes> SecretBytes::CopyOf(absl::string_view bytes) {
  absl::StatusOr<SecretBytes> out = Allocate(bytes.size());
  if (out.ok() && !bytes.empty()) std::memcpy(out->data_, bytes.data(), bytes.size());
  return out;
}

size_t SecretBytes::footprint() const { return data_ == nullptr ? 0 : ArenaBlockBytes(allocated_); }

void SecretBytes::Truncate(size_t size) {
  if (size >= size_) return;
  OPENSSL_cleanse(data_ + size, size_ - size);
  size_ = size;
}

void SecretBytes::Reset() {
  if (data_ != nullptr) ArenaFree(data_, allocated_);
  data_ = nullptr;
  size_ = allocated_ = 0;
}

bool operator==(const SecretBytes& a, const SecretBytes& b) {
  return ConstantTimeEquals({a.data_, a.size_}, {b.data_, b.size_});
}

void WipeString(std::string* text) {
  // The whole capacity: a shrunk string keeps old bytes behind its end.
  text->resize(text->capacity());
  OPENSSL_cleanse(text->data(), text->size());
  text->clear();
}

}  // namespace keyturn
