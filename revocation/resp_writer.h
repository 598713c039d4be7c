// Writes replies as Redis does, in RESP2 or RESP3, behind what stands in a string. Of aggregates it
// writes the header only; as many replies as that announces are to follow. Not thread-safe.
// Source: the RESP3 specification, and redis-server 7.0.15 (networking.c, addReply...).
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"

namespace keyturn {

enum class RespVersion { k2 = 2, k3 = 3 };

class RespWriter {
 public:
  // `*out` outlives this.
  explicit RespWriter(std::string* out, RespVersion version = RespVersion::k2)
      : out_(out), version_(version) {}

  // Of the replies from now on: HELLO and RESET change it.
  void set_version(RespVersion version) { version_ = version; }
  RespVersion version() const { return version_; }

  // "OK", "PONG". A CR or LF in `text`, which would end the line, becomes a blank, here and in
  // Error.
  void Simple(absl::string_view text);
  // `text` begins with its code: "ERR syntax error", "NOAUTH Authentication required.".
  void Error(absl::string_view text);
  void Integer(int64_t value);
  // Any bytes.
  void Bulk(absl::string_view bytes);
  // An integer as a bulk, as in SCAN's cursor and TIME.
  void BulkInteger(int64_t value);
  // RESP3 has one null. RESP2 has that of a bulk, and that of an array.
  void Null();
  void NullArray();
  // Text for people, as INFO gives it; a bulk in RESP2.
  void Verbatim(absl::string_view text);

  void Array(size_t elements);
  // As many keys and values, one after the other; in RESP2 an array of twice as many.
  void Map(size_t pairs);
  // An array in RESP2.
  void Set(size_t elements);
  // What was not asked for: messages, invalidations, and subscriptions that are confirmed. An array
  // in RESP2.
  void Push(size_t elements);

 private:
  void Header(char mark, uint64_t number);
  void TextLine(char mark, absl::string_view text);
  bool Is3() const { return version_ == RespVersion::k3; }

  std::string* const out_;
  RespVersion version_;
};

}  // namespace keyturn
