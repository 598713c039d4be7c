#include "revocation/resp_reader.h"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <limits>
#include <optional>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "base/limits.h"

namespace keyturn {
namespace {

constexpr size_t kKeptPiecesMax = 1024;  // capacity that is not given back after each request

static_assert(limits::kRespRequestBytesMax <= std::numeric_limits<uint32_t>::max());

// Nearly every length: a line of up to seven digits that is there. Takes it off `*in`; false leaves
// all others, and what is wrong with them, to the caller.
inline bool TakeShortLength(char mark, const char** in, const char* end, int64_t* length) {
  constexpr std::ptrdiff_t kLineMax = 1 + 7 + 2;
  const char* const line = *in;
  if (end - line < 4 || *line != mark) return false;
  const char* const last = line + std::min(end - line, kLineMax) - 1;
  const char* p = line + 1;
  int64_t value = 0;
  for (; p != last && *p >= '0' && *p <= '9'; ++p) value = value * 10 + (*p - '0');
  if (p == last || *p != '\r' || p == line + 1) return false;
  if (line[1] == '0' && p != line + 2) return false;
  *in = p + 2;
  *length = value;
  return true;
}

// One form for each number: no plus, no leading zero, no "-0".
std::optional<int64_t> ParseLength(absl::string_view text) {
  if (text == "0") return 0;
  const size_t sign = !text.empty() && text[0] == '-' ? 1 : 0;
  if (text.size() == sign || text[sign] < '1' || text[sign] > '9') return std::nullopt;
  int64_t value = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (stop != end || error != std::errc()) return std::nullopt;
  return value;
}

int HexValue(char c) {
  if (absl::ascii_isdigit(static_cast<unsigned char>(c))) return c - '0';
  return absl::ascii_tolower(static_cast<unsigned char>(c)) - 'a' + 10;
}

bool IsHex(char c) { return absl::ascii_isxdigit(static_cast<unsigned char>(c)); }
bool IsSpace(char c) { return absl::ascii_isspace(static_cast<unsigned char>(c)); }

// What stands behind a backslash in double quotes, and takes it. REQUIRES: *in != end.
char Unescape(const char** in, const char* end) {
  const char c = *(*in)++;
  switch (c) {
    case 'n':
      return '\n';
    case 'r':
      return '\r';
    case 't':
      return '\t';
    case 'b':
      return '\b';
    case 'a':
      return '\a';
    case 'x':
      if (end - *in >= 2 && IsHex((*in)[0]) && IsHex((*in)[1])) {
        const int value = HexValue((*in)[0]) * 16 + HexValue((*in)[1]);
        *in += 2;
        return static_cast<char>(value);
      }
      return c;
    default:
      return c;
  }
}

// Takes one word, quoted or not, from `*in`, and writes it to `*out`, which may be the same place:
// it never gets longer. False when a quote is not closed, or is followed by more than a blank.
bool TakeWord(const char** in, const char* end, char** out) {
  char quote = 0;
  while (*in != end) {
    const char c = *(*in)++;
    if (quote == 0) {
      // Not \v and \f: they are blanks between words only.
      if (c == ' ' || c == '\t' || c == '\r') return true;
      if (c == '"' || c == '\'') {
        quote = c;
      } else {
        *(*out)++ = c;
      }
    } else if (c == quote) {
      return *in == end || IsSpace(**in);
    } else if (c == '\\' && *in != end && quote == '"') {
      *(*out)++ = Unescape(in, end);
    } else if (c == '\\' && *in != end && **in == '\'') {
      *(*out)++ = *(*in)++;
    } else {
      *(*out)++ = c;
    }
  }
  return quote == 0;
}

// Splits a line into words as sdssplitargs does, in place.
bool SplitWords(char* line, size_t size, std::vector<absl::string_view>* words) {
  const char* in = line;
  const char* const end = line + size;
  while (true) {
    while (in != end && IsSpace(*in)) ++in;
    if (in == end) return true;
    char* const word = line + (in - line);
    char* out = word;
    if (!TakeWord(&in, end, &out)) return false;
    words->emplace_back(word, static_cast<size_t>(out - word));
    std::fill(out, line + (in - line), '\0');  // of what was quoted Wipe() leaves nothing
  }
}

}  // namespace

RespReader::~RespReader() { Discard(); }

absl::Span<char> RespReader::Space(size_t least) {
  if (missing_ == 0) begin_ = at_;
  if (begin_ == end_) {
    begin_ = at_ = end_ = 0;
    if (capacity_ > limits::kRespBufferBytesKept) Discard();
  }
  if (capacity_ - end_ < least) Reserve(least);
  return absl::MakeSpan(buffer_.get() + end_, capacity_ - end_);
}

// Moves what is held to the front, where it stays until its request is whole: a request is moved
// once, and again only when the buffer doubles. After a large request the buffer shrinks here if it
// never is empty.
void RespReader::Reserve(size_t least) {
  const size_t held = end_ - begin_;
  const size_t needed = held + least;
  const bool grows = capacity_ < needed;
  const bool shrinks = capacity_ > limits::kRespBufferBytesKept && capacity_ / 4 > needed;
  const size_t capacity =
      std::max({needed, limits::kRespBufferBytesMin, grows ? 2 * capacity_ : size_t{0}});
  std::unique_ptr<char[]> other;
  if (grows || shrinks) other = std::make_unique_for_overwrite<char[]>(capacity);
  char* const to = other ? other.get() : buffer_.get();
  if (held > 0) std::copy(&buffer_[begin_], &buffer_[begin_] + held, to);
  work_ += held;
  if (other) {
    Discard();
    buffer_ = std::move(other);
    capacity_ = capacity;
  } else if (!authenticated_) {
    explicit_bzero(&buffer_[held], end_ - held);  // what was moved may be a password
  }
  at_ -= begin_;
  begin_ = 0;
  end_ = held;
}

void RespReader::Discard() {
  if (buffer_) explicit_bzero(buffer_.get(), capacity_);  // passwords, and whole tokens as keys
  buffer_.reset();
  capacity_ = 0;
}

void RespReader::Append(absl::string_view bytes) {
  const absl::Span<char> space = Space(bytes.size());
  std::copy(bytes.begin(), bytes.end(), space.begin());
  Added(bytes.size());
}

RespReader::Result RespReader::Next(std::vector<absl::string_view>* arguments) {
  arguments->clear();
  if (!error_.empty()) return Result::kProtocolError;
  const size_t from = at_;
  Result result;
  do {
    result = Take(arguments);
  } while (result == Result::kCommand && arguments->empty());
  work_ += at_ - from;
  if (result == Result::kProtocolError) arguments->clear();
  return result;
}

// As Next, but kCommand may come without arguments: an empty request.
RespReader::Result RespReader::Take(std::vector<absl::string_view>* arguments) {
  if (missing_ == 0) {
    begin_ = at_;
    if (at_ == end_) return Result::kNeedMore;
    if (buffer_[at_] != '*') return TakeInline(arguments);
    const Result result = TakeArrayHeader();
    if (result != Result::kCommand) return result;
  }
  return TakeBulks(arguments);
}

RespReader::Result RespReader::TakeInline(std::vector<absl::string_view>* arguments) {
  size_t size = 0;
  const Result found = FindLineEnd('\n', "too big inline request", &size);
  if (found != Result::kCommand) return found;
  char* const line = &buffer_[at_];
  at_ += size + 1;
  // A carriage return before the line feed is a blank like others.
  if (!SplitWords(line, size, arguments)) return Fail("unbalanced quotes in request");
  return Result::kCommand;
}

RespReader::Result RespReader::TakeArrayHeader() {
  int64_t count = 0;
  const char* in = &buffer_[at_];
  if (TakeShortLength('*', &in, &buffer_[at_] + buffered(), &count)) {
    at_ = static_cast<size_t>(in - buffer_.get());
    searched_ = 0;
  } else {
    size_t size = 0;
    const Result found = FindLineEnd('\r', "too big mbulk count string", &size);
    if (found != Result::kCommand) return found;
    const auto length = ParseLength({&buffer_[at_] + 1, size - 1});
    if (!length.has_value()) return Fail("invalid multibulk length");
    count = *length;
    at_ += size + 2;
  }
  if (count > std::numeric_limits<int32_t>::max()) return Fail("invalid multibulk length");
  if (count > limits::kRespStrangerArgumentsMax && !authenticated_) {
    return Fail("unauthenticated multibulk length");
  }
  if (count > limits::kRespArgumentsMax) return Fail("invalid multibulk length");
  missing_ = std::max<int64_t>(count, 0);
  return Result::kCommand;
}

RespReader::Result RespReader::TakeBulkHeader() {
  size_t line = 0;
  const Result found = FindLineEnd('\r', "too big bulk count string", &line);
  if (found != Result::kCommand) return found;
  if (buffer_[at_] != '$') {
    return Fail(absl::StrCat("expected '$', got '", absl::string_view(&buffer_[at_], 1), "'"));
  }
  const auto length = ParseLength({&buffer_[at_] + 1, line - 1});
  if (!length.has_value()) return Fail("invalid bulk length");
  const int64_t size = *length;
  at_ += line + 2;
  if (size < 0 || size > limits::kRespBulkBytesMax) return Fail("invalid bulk length");
  if (size > limits::kRespStrangerBulkBytesMax && !authenticated_) {
    return Fail("unauthenticated bulk length");
  }
  // Not Redis's: it closes without a word when its buffer has client-query-buffer-limit bytes.
  if (at_ - begin_ + static_cast<size_t>(size) + 2 > limits::kRespRequestBytesMax) {
    return Fail(absl::StrCat("too big request, at most ", limits::kRespRequestBytesMax, " bytes"));
  }
  bulk_ = size;
  return Result::kCommand;
}

RespReader::Result RespReader::TakeBulks(std::vector<absl::string_view>* arguments) {
  while (true) {
    if (bulk_ < 0) TakeWholeBulks(arguments);
    if (missing_ == 0) break;
    Result header = Result::kCommand;
    if (bulk_ < 0) header = TakeBulkHeader();
    if (header == Result::kProtocolError) return header;
    const auto size = static_cast<size_t>(bulk_);
    if (header == Result::kNeedMore || buffered() < size + 2) {
      Keep(*arguments);
      arguments->clear();
      return Result::kNeedMore;
    }
    arguments->emplace_back(&buffer_[at_], size);
    at_ += size + 2;
    bulk_ = -1;
    --missing_;
  }
  if (!kept_.empty()) Restore(arguments);
  return Result::kCommand;
}

// The arguments that are there with all their bytes, up to the first that is not, or that asks for
// a closer look. Where nearly all time goes: what it needs is in registers.
void RespReader::TakeWholeBulks(std::vector<absl::string_view>* arguments) {
  const char* const from = &buffer_[at_];
  const char* const end =
      from + std::min(buffered(), limits::kRespRequestBytesMax - (at_ - begin_));
  const int64_t size_max =
      authenticated_ ? limits::kRespBulkBytesMax : limits::kRespStrangerBulkBytesMax;
  const char* in = from;
  int64_t missing = missing_;
  for (; missing > 0; --missing) {
    const char* bytes = in;
    int64_t size = 0;
    if (!TakeShortLength('$', &bytes, end, &size)) break;
    if (size > size_max || end - bytes < size + 2) break;
    arguments->emplace_back(bytes, static_cast<size_t>(size));
    in = bytes + size + 2;
  }
  if (in == from) return;
  at_ += static_cast<size_t>(in - from);
  missing_ = missing;
  searched_ = 0;
}

// kCommand once the line at at_ is whole, with its size before its end, which is `what`, and, for a
// carriage return, one byte more, whichever. `too_long`: the error of one without an end. A NUL
// hides what is behind it, since Redis looks with strchr: such a line never ends, and grows too
// long in the end.
RespReader::Result RespReader::FindLineEnd(char what, absl::string_view too_long, size_t* size) {
  const size_t here = std::min(end_ - at_, limits::kRespLineBytesMax + 1);
  const char* const line = &buffer_[at_];
  const char* const end = line + here;
  const char* const from = line + searched_;
  const char* const found =
      std::find_if(from, end, [what](char c) { return c == what || c == '\0'; });
  work_ += static_cast<uint64_t>(found - from);
  *size = static_cast<size_t>(found - line);
  searched_ = *size;
  if (found == end || *found == '\0') {
    return here > limits::kRespLineBytesMax ? Fail(too_long) : Result::kNeedMore;
  }
  if (what == '\r' && *size + 1 == end_ - at_) return Result::kNeedMore;
  searched_ = 0;
  return Result::kCommand;
}

void RespReader::Keep(const std::vector<absl::string_view>& arguments) {
  const char* const begin = &buffer_[begin_];
  for (const absl::string_view argument : arguments) {
    kept_.push_back(
        {static_cast<uint32_t>(argument.data() - begin), static_cast<uint32_t>(argument.size())});
  }
  work_ += arguments.size();
}

void RespReader::Restore(std::vector<absl::string_view>* arguments) {
  Keep(*arguments);
  arguments->clear();
  for (const Piece piece : kept_) {
    arguments->emplace_back(&buffer_[begin_ + piece.offset], piece.size);
  }
  work_ += kept_.size();
  kept_.clear();
  if (kept_.capacity() > kKeptPiecesMax) std::vector<Piece>().swap(kept_);
}

void RespReader::Wipe(absl::string_view argument) {
  if (argument.empty()) return;
  explicit_bzero(&buffer_[static_cast<size_t>(argument.data() - buffer_.get())], argument.size());
}

void RespReader::ReleaseMemory() {
  if (missing_ == 0) begin_ = at_;
  if (begin_ != end_) return;
  begin_ = at_ = end_ = 0;
  Discard();
}

RespReader::Result RespReader::Fail(absl::string_view what) {
  error_ = absl::StrCat("ERR Protocol error: ", what);
  return Result::kProtocolError;
}

}  // namespace keyturn
