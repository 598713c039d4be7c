// Requests of Redis clients: in whatever pieces bytes come, they give the commands that a parser
// written from Redis's own, for all of them at once, gives; an array is encoded to the same bytes,
// but for line ends that nobody looks at; memory follows what came. The input is whether the caller
// is authenticated, a byte for the size of pieces, and the requests.
#include <algorithm>
#include <cctype>
#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "base/limits.h"
#include "revocation/resp_reader.h"
#include "revocation/resp_writer.h"
#include "tests/fuzz/fuzz.h"

namespace keyturn::fuzz {
namespace {

using Command = std::vector<std::string>;

struct Told {
  std::vector<Command> commands;
  std::string error;
  bool operator==(const Told&) const = default;
};

// Whole input, no state, copies everywhere.
class NaiveReader {
 public:
  NaiveReader(absl::string_view bytes, bool authenticated)
      : bytes_(bytes), authenticated_(authenticated) {}

  Told ReadAll() {
    while (told_.error.empty() && !rest().empty()) {
      const size_t from = at_;
      const bool array = rest()[0] == '*';
      Command command;
      if (!(array ? ReadArray(&command) : ReadInline(&command))) break;
      if (array && !command.empty()) CheckEncoding(command, bytes_.substr(from, at_ - from));
      if (!command.empty()) told_.commands.push_back(command);
    }
    return told_;
  }

 private:
  absl::string_view rest() const { return bytes_.substr(std::min(at_, bytes_.size())); }

  bool Fail(absl::string_view what) {
    told_.error = absl::StrCat("ERR Protocol error: ", what);
    return false;
  }

  // The line before `end`, and passes over it and `more` bytes.
  bool ReadLine(char end, size_t more, const char* too_big, absl::string_view* line) {
    const absl::string_view seen = rest().substr(0, rest().find('\0'));
    const size_t size = seen.find(end);
    if (size > limits::kRespLineBytesMax && rest().size() > limits::kRespLineBytesMax) {
      return Fail(absl::StrCat("too big ", too_big));
    }
    if (size == absl::string_view::npos || rest().size() < size + 1 + more) return false;
    *line = rest().substr(0, size);
    at_ += size + 1 + more;
    return true;
  }

  static bool ReadNumber(absl::string_view text, int64_t* value) {
    return absl::SimpleAtoi(text, value) && absl::StrCat(*value) == text;
  }

  bool ReadArray(Command* command) {
    const size_t from = at_;
    absl::string_view line;
    int64_t count = 0;
    if (!ReadLine('\r', 1, "mbulk count string", &line)) return false;
    if (!ReadNumber(line.substr(1), &count) || count > 0x7fffffff) {
      return Fail("invalid multibulk length");
    }
    if (!authenticated_ && count > 10) return Fail("unauthenticated multibulk length");
    if (count > 1024 * 1024) return Fail("invalid multibulk length");
    for (int64_t i = 0; i < count; ++i) {
      int64_t size = 0;
      const size_t first = at_;
      if (!ReadLine('\r', 1, "bulk count string", &line)) return false;
      if (bytes_[first] != '$') {
        return Fail(absl::StrCat("expected '$', got '", bytes_.substr(first, 1), "'"));
      }
      if (!ReadNumber(line.substr(1), &size) || size < 0 || size > 512 * 1024) {
        return Fail("invalid bulk length");
      }
      if (!authenticated_ && size > 16384) return Fail("unauthenticated bulk length");
      const auto taken = static_cast<size_t>(size);
      Require(at_ + taken - from <= limits::kRespRequestBytesMax, "no input is as long");
      if (rest().size() < taken + 2) return false;
      command->emplace_back(rest().substr(0, taken));
      at_ += taken + 2;
    }
    return true;
  }

  bool ReadInline(Command* command) {
    absl::string_view line;
    if (!ReadLine('\n', 0, "inline request", &line)) return false;
    if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
    return Split(std::string(line), command) || Fail("unbalanced quotes in request");
  }

  // By the rules of redis-cli's manual: "..." with escapes, '...' with \' only, blanks between.
  static bool Split(const std::string& line, Command* command) {
    size_t i = 0;
    const auto at = [&line](size_t k) { return k < line.size() ? line[k] : '\0'; };
    const auto blank = [&at](size_t k) { return std::isspace(static_cast<uint8_t>(at(k))) != 0; };
    while (true) {
      while (blank(i)) ++i;
      if (i >= line.size()) return true;
      std::string word;
      char quote = 0;
      for (;; ++i) {
        const char c = at(i);
        if (c == '\0') {
          if (quote != 0) return false;
          break;
        }
        if (quote == 0 && (c == ' ' || c == '\t' || c == '\r')) break;
        if (quote == 0 && (c == '"' || c == '\'')) {
          quote = c;
        } else if (quote != 0 && c == quote) {
          ++i;
          if (i < line.size() && !blank(i)) return false;
          break;
        } else if (quote == '"' && c == '\\' && at(i + 1) == 'x' && std::isxdigit(at(i + 2)) != 0 &&
                   std::isxdigit(at(i + 3)) != 0) {
          word.push_back(static_cast<char>(std::stoi(line.substr(i + 2, 2), nullptr, 16)));
          i += 3;
        } else if (quote == '"' && c == '\\' && at(i + 1) != '\0') {
          constexpr absl::string_view kNames = "nrtba", kBytes = "\n\r\t\b\a";
          const size_t named = kNames.find(at(++i));
          word.push_back(named == absl::string_view::npos ? at(i) : kBytes[named]);
        } else if (quote == '\'' && c == '\\' && at(i + 1) == '\'') {
          word.push_back(at(++i));
        } else {
          word.push_back(c);
        }
      }
      command->push_back(word);
    }
  }

  static void CheckEncoding(const Command& command, absl::string_view bytes) {
    std::string encoded;
    RespWriter writer(&encoded);
    writer.Array(command.size());
    for (const std::string& argument : command) writer.Bulk(argument);
    Require(encoded.size() == bytes.size(), "encodes to as many bytes");
    for (size_t i = 0; i < bytes.size(); ++i) {
      Require(encoded[i] == bytes[i] || encoded[i] == '\n' || encoded[i] == '\r', "and the same");
    }
  }

  const absl::string_view bytes_;
  const bool authenticated_;
  size_t at_ = 0;
  Told told_;
};

// In pieces of that size, or, with a seed, of up to that size.
Told ReadPieces(absl::string_view bytes, bool authenticated, size_t piece, size_t seed) {
  RespReader reader;
  reader.set_authenticated(authenticated);
  Told told;
  std::vector<absl::string_view> arguments;
  size_t came = 0;
  while (came < bytes.size() && told.error.empty()) {
    const size_t wanted = seed == 0 ? piece : 1 + (31 * came + seed) % piece;
    const size_t size = std::min(wanted, bytes.size() - came);
    reader.Append(bytes.substr(came, size));
    came += size;
    RespReader::Result result = RespReader::Result::kCommand;
    while (result == RespReader::Result::kCommand) {
      result = reader.Next(&arguments);
      Require(arguments.empty() == (result != RespReader::Result::kCommand), "only commands have");
      if (!arguments.empty()) told.commands.emplace_back(arguments.begin(), arguments.end());
    }
    if (result == RespReader::Result::kProtocolError) told.error = std::string(reader.error());
    Require(reader.memory() < 7 * came + 3 * limits::kRespBufferBytesMin, "memory is bounded");
    Require(reader.work() < 8 * came + limits::kRespBufferBytesMin, "work is linear");
    Require(reader.buffered() <= came, "what is not read had come");
    if ((came + seed) % 16 == 0) reader.ReleaseMemory();
  }
  return told;
}

void CheckErrorLine(const std::string& error) {
  std::string line;
  RespWriter(&line).Error(error);
  Require(line.find_first_of("\r\n") == line.size() - 2, "an error is one line");
}

}  // namespace

void FuzzRespRequest(absl::string_view input) {
  const bool authenticated = TakeByte(&input) % 2 != 0;
  const uint8_t seed = TakeByte(&input);
  const Told expected = NaiveReader(input, authenticated).ReadAll();
  Require(ReadPieces(input, authenticated, input.size(), 0) == expected, "at once");
  Require(ReadPieces(input, authenticated, 1 + seed % 50, 1 + seed) == expected, "in pieces");
  Require(ReadPieces(input, authenticated, 1, 0) == expected, "byte by byte");
  if (!expected.error.empty()) CheckErrorLine(expected.error);
}

}  // namespace keyturn::fuzz

FUZZ_TARGET(FuzzRespRequest)
