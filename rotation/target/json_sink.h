// Writes JSON (RFC 8259) into memory of the caller's, who gets that from a first pass that counts:
// so values go into locked memory at once. Not thread-safe.
#pragma once

#include <cstddef>

#include "absl/strings/string_view.h"

namespace keyturn {

class JsonSink {
 public:
  // nullptr: only counts. Else there are as many bytes as another pass counted.
  explicit JsonSink(char* out) : out_(out) {}
  size_t size() const { return size_; }

  // As it is.
  void Put(absl::string_view text);
  // UTF-8 as a JSON string.
  void String(absl::string_view text);
  // Bytes as a JSON string of base64, with padding.
  void Base64(absl::string_view bytes);
  // An object, and the name of each member before its value.
  void Begin();
  void Name(absl::string_view name);
  void End();

 private:
  void PutOne(char c) { Put(absl::string_view(&c, 1)); }

  char* const out_;
  size_t size_ = 0;
  bool first_ = true;
};

}  // namespace keyturn
