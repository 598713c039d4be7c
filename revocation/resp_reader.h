// Reads the requests of Redis clients, as RESP arrays of bulk strings or as inline commands, from
// bytes that come in any pieces. What it takes, what it refuses and with which words are those of
// redis-server 7.0.15 (networking.c: processMultibulkBuffer, processInlineBuffer), down to what
// that does not look at: the line feed of a length, and the two bytes behind a bulk. It differs in
// that
// - an argument, the number of arguments and a request have smaller bounds (base/limits.h);
// - a line longer than kRespLineBytesMax is refused however it comes; Redis takes one that ends
//   within what it happened to read at once.
//
// Memory grows with bytes that came, never with a length that was announced (CVE-2021-32675), and
// the work is linear in them, however small the pieces. Not thread-safe: one reader per connection.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace keyturn {

class RespReader {
 public:
  enum class Result {
    kCommand,        // a request is whole
    kNeedMore,       // what came is not a whole request yet
    kProtocolError,  // send error(), then close: where the next request starts is not known
  };

  RespReader() = default;
  ~RespReader();
  RespReader(const RespReader&) = delete;
  RespReader& operator=(const RespReader&) = delete;

  // Before a caller is authenticated an array has at most kRespStrangerArgumentsMax arguments of
  // kRespStrangerBulkBytesMax, and so no more than kRespStrangerBytesMax is held of a request.
  // Counts for lengths that are read from now on; false at first.
  void set_authenticated(bool authenticated) { authenticated_ = authenticated; }

  // Room for at least `least` bytes, to receive into; then Added() tells how many came. Ends the
  // life of all arguments. Whoever calls Next() until kNeedMore before each Space() has the reader
  // hold at most one request and what was added last, and memory() stays below five times the most
  // that was held, twice `least` and twice kRespBufferBytesMin together.
  absl::Span<char> Space(size_t least);
  // REQUIRES: size <= what Space() returned.
  void Added(size_t size) { end_ += size; }
  // Both at once, for bytes that lie elsewhere.
  void Append(absl::string_view bytes);

  // The next request. With kCommand `*arguments` holds its one or more arguments, the name of the
  // command first, otherwise nothing. They point into this reader and live until Space(), Append()
  // or ReleaseMemory(), so that several requests can be read before the first is executed. Empty
  // requests (`*0`, `*-1`, blank lines) are passed over, as in Redis. An error stays.
  Result Next(std::vector<absl::string_view>* arguments);
  // After kProtocolError: "ERR Protocol error: ...", in Redis's words. One byte of it may be the
  // caller's, and any: RespWriter::Error makes that safe to send.
  absl::string_view error() const { return error_; }

  // Overwrites an argument that lives, and held a password. What moves of the buffer left of it
  // elsewhere is wiped anyway while the caller is not authenticated.
  void Wipe(absl::string_view argument);
  // Gives back memory that holds nothing, for a connection that became quiet.
  void ReleaseMemory();

  // Bytes that came and are not read yet.
  size_t buffered() const { return end_ - at_; }
  // Bytes allocated.
  size_t memory() const { return capacity_ + kept_.capacity() * sizeof(Piece); }
  // Bytes passed over, searched and moved, and arguments noted, so far. For tests that it is
  // linear.
  uint64_t work() const { return work_; }

 private:
  // An argument of the request under way, from begin_: the buffer may move before the rest comes.
  struct Piece {
    uint32_t offset;
    uint32_t size;
  };

  Result Take(std::vector<absl::string_view>* arguments);
  Result TakeInline(std::vector<absl::string_view>* arguments);
  Result TakeArrayHeader();
  Result TakeBulkHeader();
  Result TakeBulks(std::vector<absl::string_view>* arguments);
  void TakeWholeBulks(std::vector<absl::string_view>* arguments);
  Result FindLineEnd(char what, absl::string_view too_long, size_t* size);
  void Keep(const std::vector<absl::string_view>& arguments);
  void Restore(std::vector<absl::string_view>* arguments);
  void Reserve(size_t least);
  void Discard();
  Result Fail(absl::string_view what);

  std::unique_ptr<char[]> buffer_;
  size_t capacity_ = 0;
  size_t begin_ = 0;     // of the request under way, or given last
  size_t at_ = 0;        // how far it is read
  size_t end_ = 0;       // of what came
  size_t searched_ = 0;  // bytes behind at_ that are known to hold no line end
  int64_t missing_ = 0;  // arguments of the array under way that are to come; 0 between requests
  int64_t bulk_ = -1;    // size of the argument that comes next; -1 before its length is read
  std::vector<Piece> kept_;  // arguments of the array under way that came before the last Space()
  bool authenticated_ = false;
  std::string error_;
  uint64_t work_ = 0;
};

}  // namespace keyturn
