#include "revocation/resp_writer.h"

#include <algorithm>
#include <charconv>

namespace keyturn {
namespace {

constexpr size_t kNumberBytesMax = 20;  // "-9223372036854775808"

// The line of a number, put together before it is appended: each append has its price.
template <typename Number>
void AppendNumberLine(char mark, Number number, std::string* out) {
  char line[1 + kNumberBytesMax + 2];
  line[0] = mark;
  char* end = std::to_chars(line + 1, line + 1 + kNumberBytesMax, number).ptr;
  *end++ = '\r';
  *end++ = '\n';
  out->append(line, static_cast<size_t>(end - line));
}

}  // namespace

void RespWriter::Simple(absl::string_view text) { TextLine('+', text); }

void RespWriter::Error(absl::string_view text) { TextLine('-', text); }

void RespWriter::TextLine(char mark, absl::string_view text) {
  out_->push_back(mark);
  const size_t from = out_->size();
  out_->append(text.data(), text.size());
  std::replace_if(
      out_->begin() + static_cast<std::ptrdiff_t>(from), out_->end(),
      [](char c) { return c == '\r' || c == '\n'; }, ' ');
  out_->append("\r\n", 2);
}

void RespWriter::Integer(int64_t value) { AppendNumberLine(':', value, out_); }

void RespWriter::Bulk(absl::string_view bytes) {
  Header('$', bytes.size());
  out_->append(bytes.data(), bytes.size());
  out_->append("\r\n", 2);
}

void RespWriter::BulkInteger(int64_t value) {
  char digits[kNumberBytesMax];
  const char* const end = std::to_chars(digits, digits + kNumberBytesMax, value).ptr;
  Bulk({digits, static_cast<size_t>(end - digits)});
}

void RespWriter::Null() { out_->append(Is3() ? "_\r\n" : "$-1\r\n"); }

void RespWriter::NullArray() { out_->append(Is3() ? "_\r\n" : "*-1\r\n"); }

void RespWriter::Verbatim(absl::string_view text) {
  if (!Is3()) {
    Bulk(text);
    return;
  }
  constexpr absl::string_view kFormat = "txt:";
  Header('=', kFormat.size() + text.size());
  out_->append(kFormat.data(), kFormat.size());
  out_->append(text.data(), text.size());
  out_->append("\r\n", 2);
}

void RespWriter::Array(size_t elements) { Header('*', elements); }

void RespWriter::Map(size_t pairs) {
  if (Is3()) {
    Header('%', pairs);
  } else {
    Header('*', 2 * pairs);
  }
}

void RespWriter::Set(size_t elements) { Header(Is3() ? '~' : '*', elements); }

void RespWriter::Push(size_t elements) { Header(Is3() ? '>' : '*', elements); }

void RespWriter::Header(char mark, uint64_t number) { AppendNumberLine(mark, number, out_); }

}  // namespace keyturn
