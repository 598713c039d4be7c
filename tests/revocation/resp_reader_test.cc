#include "revocation/resp_reader.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/limits.h"

namespace keyturn {
namespace {

using Words = std::vector<std::string>;

// What a connection gave: its commands, and the error it ended with or "".
struct Told {
  std::vector<Words> commands;
  std::string error;
  friend bool operator==(const Told&, const Told&) = default;
};

std::ostream& operator<<(std::ostream& out, const Told& told) {
  for (const Words& command : told.commands) {
    for (const std::string& argument : command) out << '[' << argument << ']';
    out << ' ';
  }
  return out << told.error;
}

// All commands that are whole. False after an error.
bool Drain(RespReader* reader, Told* told) {
  std::vector<absl::string_view> arguments = {"left over"};
  while (true) {
    switch (reader->Next(&arguments)) {
      case RespReader::Result::kCommand:
        EXPECT_FALSE(arguments.empty());
        told->commands.emplace_back(arguments.begin(), arguments.end());
        break;
      case RespReader::Result::kNeedMore:
        EXPECT_TRUE(arguments.empty());
        return true;
      case RespReader::Result::kProtocolError:
        EXPECT_TRUE(arguments.empty());
        told->error = std::string(reader->error());
        return false;
    }
  }
}

Told TellPieces(const std::vector<absl::string_view>& pieces, bool authenticated = true) {
  RespReader reader;
  reader.set_authenticated(authenticated);
  Told told;
  for (const absl::string_view piece : pieces) {
    reader.Append(piece);
    if (!Drain(&reader, &told)) break;
  }
  return told;
}

Told Tell(absl::string_view bytes, bool authenticated = true) {
  return TellPieces({bytes}, authenticated);
}

// At once, byte by byte, and cut in two everywhere.
void ExpectTold(absl::string_view bytes, const Told& expected, bool authenticated = true) {
  EXPECT_EQ(Tell(bytes, authenticated), expected) << bytes;
  std::vector<absl::string_view> single;
  for (size_t i = 0; i < bytes.size(); ++i) single.push_back(bytes.substr(i, 1));
  EXPECT_EQ(TellPieces(single, authenticated), expected) << "byte by byte: " << bytes;
  for (size_t cut = 1; cut < bytes.size(); ++cut) {
    EXPECT_EQ(TellPieces({bytes.substr(0, cut), bytes.substr(cut)}, authenticated), expected)
        << "cut at " << cut << ": " << bytes;
  }
}

void ExpectCommands(absl::string_view bytes, const std::vector<Words>& commands) {
  ExpectTold(bytes, {commands, ""});
  ExpectTold(bytes, {commands, ""}, /*authenticated=*/false);
}

void ExpectError(absl::string_view bytes, absl::string_view what, bool authenticated = true) {
  ExpectTold(bytes, {{}, absl::StrCat("ERR Protocol error: ", what)}, authenticated);
}

std::string ErrorOf(const std::string& bytes, bool authenticated = true) {
  const Told told = Tell(bytes, authenticated);
  EXPECT_TRUE(told.commands.empty());
  return told.error;
}

std::string Encode(const Words& command) {
  std::string out = absl::StrCat("*", command.size(), "\r\n");
  for (const std::string& argument : command) {
    absl::StrAppend(&out, "$", argument.size(), "\r\n", argument, "\r\n");
  }
  return out;
}

TEST(RespReader, ReadsArraysOfBulks) {
  ExpectCommands("*1\r\n$4\r\nPING\r\n", {{"PING"}});
  ExpectCommands("*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$0\r\n\r\n", {{"SET", "k", ""}});
  ExpectCommands("*2\r\n$3\r\nGET\r\n$6\r\n\r\n$1\r\n\r\n", {{"GET", "\r\n$1\r\n"}});
  ExpectCommands("*1\r\n$10\r\n0123456789\r\n", {{"0123456789"}});
  const std::string nul("*1\r\n$3\r\na\0b\r\n", 13);
  ExpectCommands(nul, {{std::string("a\0b", 3)}});
}

TEST(RespReader, DoesNotLookAtWhatRedisDoesNotLookAt) {
  ExpectCommands("*1\rX$4\rYPINGab", {{"PING"}});
}

TEST(RespReader, ReadsPipelines) {
  ExpectCommands("*1\r\n$1\r\na\r\n*2\r\n$1\r\nb\r\n$2\r\ncc\r\nPING\r\n*1\r\n$1\r\nd\r\n",
                 {{"a"}, {"b", "cc"}, {"PING"}, {"d"}});
  ExpectCommands("*1\r\n$1\r\nx\r\na\nb\n*1\r\n$1\r\nc\r\n", {{"x"}, {"a"}, {"b"}, {"c"}});
}

TEST(RespReader, PassesOverEmptyRequests) {
  ExpectCommands("*0\r\n*-1\r\n*-9223372036854775808\r\n\r\n\n \t\v\f\r\n*1\r\n$1\r\na\r\n*0\r\n",
                 {{"a"}});
}

TEST(RespReader, SplitsInlineCommands) {
  ExpectCommands("PING\r\n", {{"PING"}});
  ExpectCommands("PING\n", {{"PING"}});
  ExpectCommands("  get \t key  \r\r\n", {{"get", "key"}});
  ExpectCommands("a\vb\fc\r\n", {{"a\vb\fc"}});
  ExpectCommands("\v\fa \fb\r\n", {{"a", "b"}});
  ExpectCommands("a\rb\r\n", {{"a", "b"}});
  ExpectCommands("$4 \xff\r\n", {{"$4", "\xff"}});
  ExpectCommands("a *1\r\nb\n", {{"a", "*1"}, {"b"}});
}

TEST(RespReader, UnquotesInlineArguments) {
  ExpectCommands("a \"b c\"  'd e'\r\n", {{"a", "b c", "d e"}});
  ExpectCommands("\"\" ''\r\n", {{"", ""}});
  ExpectCommands(R"("\n\r\t\b\a\q\"\\\'")"
                 "\r\n",
                 {{"\n\r\t\b\aq\"\\'"}});
  ExpectCommands("\"\\x41\\xfF\\x4g\\x\\x0\"\r\n", {{"A\xffx4gxx0"}});
  ExpectCommands("\"\\x00\\x0d\\x0a\"\n", {{std::string("\0\r\n", 3)}});
  ExpectCommands(R"('\'\n\x41"\\ ')"
                 "\n",
                 {{R"('\n\x41"\\ )"}});
  ExpectCommands("a\"b c\" 'd'\vx\r\n", {{"ab c", "d", "x"}});
  ExpectCommands("\"a\rb\"\n", {{"a\rb"}});
}

TEST(RespReader, RefusesUnbalancedQuotes) {
  for (const char* line : {"\"", "'", "a\"", "a'b", "\"a\"b", "'a'b", "\"a\"'b'", "\"\\", "\"\\\"",
                           "'\\'", "\"\\x4", "'\\"}) {
    ExpectError(absl::StrCat(line, "\r\n"), "unbalanced quotes in request");
    ExpectError(absl::StrCat(line, "\n"), "unbalanced quotes in request", false);
  }
}

TEST(RespReader, RefusesLengthsThatAreNone) {
  for (const char* length :
       {"", "-", "-0", "+1", "01", "00", "--1", " 1", "1 ", "1a", "a", "0x1", "1.0", "00000001",
        "12345678a", "9223372036854775808", "-9223372036854775809", "18446744073709551617",
        "111111111111111111111111111111"}) {
    ExpectError(absl::StrCat("*", length, "\r\n"), "invalid multibulk length");
    ExpectError(absl::StrCat("*1\r\n$", length, "\r\n"), "invalid bulk length");
  }
  ExpectError("*\r\nPING\r\n", "invalid multibulk length");
  ExpectError("*1\r\n$\r\n\r\n", "invalid bulk length");
  ExpectError("*2147483648\r\n", "invalid multibulk length", false);
  ExpectError("*1\r\n$-1\r\n", "invalid bulk length");
  ExpectError("*1\r\n$2147483648\r\n", "invalid bulk length", false);
}

TEST(RespReader, RefusesWhatIsNoBulk) {
  ExpectError("*1\r\n:1\r\n", "expected '$', got ':'");
  ExpectError("*2\r\nPING\r\n", "expected '$', got 'P'");
  ExpectError("*1\r\n*1\r\n", "expected '$', got '*'");
  ExpectError("*1\r\n\r\n", "expected '$', got '\r'");
  ExpectError("*1\r\n\n1\r\n", "expected '$', got '\n'");
  ExpectError("*1\r\n\xff\r\n", "expected '$', got '\xff'");
  ExpectTold("*1\r\n$1\r\na\r\n*2\r\n$1\r\nb\r\n#1\r\n",
             {{{"a"}}, "ERR Protocol error: expected '$', got '#'"});
}

TEST(RespReader, AnErrorIsToldWhenItsLineIsWhole) {
  EXPECT_EQ(Tell("*1\r\nPING"), Told());
  EXPECT_EQ(Tell("*1\r\nPING\r"), Told());
  EXPECT_EQ(Tell("*x"), Told());
  EXPECT_EQ(Tell("*x\r"), Told());
}

TEST(RespReader, AnErrorStays) {
  RespReader reader;
  Told told;
  reader.Append("PING \"\r\nPING\r\n");
  EXPECT_FALSE(Drain(&reader, &told));
  EXPECT_FALSE(Drain(&reader, &told));
  reader.Append("*1\r\n$4\r\nPING\r\n");
  EXPECT_FALSE(Drain(&reader, &told));
  EXPECT_EQ(told, (Told{{}, "ERR Protocol error: unbalanced quotes in request"}));
}

TEST(RespReader, BoundsTheLengthOfLines) {
  constexpr size_t kMax = limits::kRespLineBytesMax;
  const std::string most(kMax, 'x');
  EXPECT_EQ(Tell(most + "\n"), (Told{{{most}}, ""}));
  EXPECT_EQ(Tell(most), Told());
  EXPECT_EQ(ErrorOf(most + "x"), "ERR Protocol error: too big inline request");
  EXPECT_EQ(ErrorOf(most + "x\n"), "ERR Protocol error: too big inline request");
  EXPECT_EQ(Tell(absl::StrCat("*", most.substr(1))), Told());
  EXPECT_EQ(ErrorOf(absl::StrCat("*", most)), "ERR Protocol error: too big mbulk count string");
  EXPECT_EQ(ErrorOf(absl::StrCat("*", most.substr(1), "\r\n")),
            "ERR Protocol error: invalid multibulk length");
  EXPECT_EQ(Tell(absl::StrCat("*1\r\n$", most.substr(1))), Told());
  EXPECT_EQ(ErrorOf(absl::StrCat("*1\r\n$", most)),
            "ERR Protocol error: too big bulk count string");
}

TEST(RespReader, ANulHidesTheEndOfItsLine) {
  for (const std::string& start : {std::string("\0", 1), std::string("*\0", 2),
                                   std::string("*1\r\n\0", 5), std::string("*1\r\n$1\0", 7)}) {
    EXPECT_EQ(Tell(start + "\r\nPING\r\n*1\r\n$4\r\nPING\r\n"), Told());
    std::string flood = start;
    while (flood.size() < limits::kRespLineBytesMax + 10) absl::StrAppend(&flood, "PING\r\n");
    EXPECT_EQ(ErrorOf(flood).substr(0, 27), "ERR Protocol error: too big");
  }
}

TEST(RespReader, BoundsTheRequestsOfStrangers) {
  const Words ten(limits::kRespStrangerArgumentsMax, "a");
  Words eleven = ten;
  eleven.emplace_back("a");
  ExpectTold(Encode(ten), {{ten}, ""}, false);
  ExpectError(Encode(eleven), "unauthenticated multibulk length", false);
  ExpectTold(Encode(eleven), {{eleven}, ""});
  ExpectError("*2147483647\r\n", "unauthenticated multibulk length", false);

  const Words most = {std::string(limits::kRespStrangerBulkBytesMax, 'x')};
  const Words more = {std::string(limits::kRespStrangerBulkBytesMax + 1, 'x')};
  EXPECT_EQ(Tell(Encode(most), false), (Told{{most}, ""}));
  EXPECT_EQ(Tell(Encode(more), false).error, "ERR Protocol error: unauthenticated bulk length");
  EXPECT_EQ(Tell(Encode(more)), (Told{{more}, ""}));
  ExpectError(absl::StrCat("*1\r\n$", limits::kRespBulkBytesMax, "\r\n"),
              "unauthenticated bulk length", false);
}

TEST(RespReader, ACommandMayLiftTheBoundsOfTheNext) {
  const std::string big = Encode(Words(11, "a"));
  RespReader reader;
  std::vector<absl::string_view> arguments;
  reader.Append(absl::StrCat("AUTH secret\r\n", big, "RESET\r\n", big));
  ASSERT_EQ(reader.Next(&arguments), RespReader::Result::kCommand);
  reader.set_authenticated(true);
  ASSERT_EQ(reader.Next(&arguments), RespReader::Result::kCommand);
  EXPECT_EQ(arguments.size(), 11u);
  ASSERT_EQ(reader.Next(&arguments), RespReader::Result::kCommand);
  reader.set_authenticated(false);
  EXPECT_EQ(reader.Next(&arguments), RespReader::Result::kProtocolError);
}

TEST(RespReader, BoundsArgumentsAndRequests) {
  const Words most = {std::string(limits::kRespBulkBytesMax, 'x')};
  EXPECT_EQ(Tell(Encode(most)), (Told{{most}, ""}));
  ExpectError(absl::StrCat("*1\r\n$", limits::kRespBulkBytesMax + 1, "\r\n"),
              "invalid bulk length");
  ExpectTold(absl::StrCat("*", limits::kRespArgumentsMax, "\r\n"), Told());
  ExpectError(absl::StrCat("*", limits::kRespArgumentsMax + 1, "\r\n"), "invalid multibulk length");
}

TEST(RespReader, BoundsWholeRequests) {
  const std::string piece(limits::kRespBulkBytesMax, 'x');
  Words command(limits::kRespRequestBytesMax / piece.size(), piece);
  const size_t beyond = Encode(command).size() - limits::kRespRequestBytesMax;
  command.back().resize(piece.size() - beyond);
  const std::string most = Encode(command);
  ASSERT_EQ(most.size(), limits::kRespRequestBytesMax);
  EXPECT_EQ(Tell(absl::StrCat(most, most)), (Told{{command, command}, ""}));
  const absl::string_view pieces(most);
  EXPECT_EQ(TellPieces({pieces.substr(0, most.size() - 5), pieces.substr(most.size() - 5)}),
            (Told{{command}, ""}));

  command.back().push_back('x');
  const std::string error = absl::StrCat("ERR Protocol error: too big request, at most ",
                                         limits::kRespRequestBytesMax, " bytes");
  const std::string more = Encode(command);
  EXPECT_EQ(ErrorOf(more), error);
  // Told as soon as the length is there.
  const size_t header = more.size() - command.back().size() - 2;
  EXPECT_EQ(ErrorOf(more.substr(0, header)), error);
  EXPECT_EQ(Tell(more.substr(0, header - 1)), Told());
}

TEST(RespReader, ManySmallArgumentsAreBoundedByTheRequest) {
  std::string bytes = absl::StrCat("*", limits::kRespArgumentsMax, "\r\n");
  while (bytes.size() < limits::kRespRequestBytesMax + 6) bytes += "$0\r\n\r\n";
  EXPECT_EQ(ErrorOf(bytes).substr(0, 35), "ERR Protocol error: too big request");
}

TEST(RespReader, ArgumentsOfSeveralCommandsLiveTogether) {
  RespReader reader;
  reader.Append("*2\r\n$3\r\nGET\r\n$1\r\na\r\nget \"b\"\n*2\r\n$3\r\nGET\r\n$1\r\nc");
  std::vector<absl::string_view> first;
  std::vector<absl::string_view> second;
  std::vector<absl::string_view> third;
  ASSERT_EQ(reader.Next(&first), RespReader::Result::kCommand);
  ASSERT_EQ(reader.Next(&second), RespReader::Result::kCommand);
  ASSERT_EQ(reader.Next(&third), RespReader::Result::kNeedMore);
  EXPECT_EQ(first, (std::vector<absl::string_view>{"GET", "a"}));
  EXPECT_EQ(second, (std::vector<absl::string_view>{"get", "b"}));
}

TEST(RespReader, CountsWhatIsNotRead) {
  RespReader reader;
  std::vector<absl::string_view> arguments;
  EXPECT_EQ(reader.buffered(), 0u);
  reader.Append("PING\nPI");
  EXPECT_EQ(reader.buffered(), 7u);
  ASSERT_EQ(reader.Next(&arguments), RespReader::Result::kCommand);
  EXPECT_EQ(reader.buffered(), 2u);
}

TEST(RespReader, WipesAnArgument) {
  RespReader reader;
  std::vector<absl::string_view> arguments;
  reader.Append("AUTH \"p\\x41ss\" 'word' \n");
  ASSERT_EQ(reader.Next(&arguments), RespReader::Result::kCommand);
  ASSERT_EQ(arguments, (std::vector<absl::string_view>{"AUTH", "pAss", "word"}));
  reader.Wipe(arguments[1]);
  reader.Wipe(arguments[1].substr(0, 0));
  EXPECT_EQ(arguments[0], "AUTH");
  EXPECT_EQ(arguments[1], std::string(4, '\0'));
  EXPECT_EQ(arguments[2], "word");
  // Nor is anything left of how it was quoted.
  const absl::string_view between(arguments[1].data(), 9);
  EXPECT_EQ(between, std::string(9, '\0'));
}

TEST(RespReader, WhatAMoveLeavesOfAPasswordIsWiped) {
  RespReader reader;
  std::vector<absl::string_view> arguments;
  std::string pings;
  while (pings.size() < limits::kRespBufferBytesMin - 100) pings += "PING\n";
  reader.Append(absl::StrCat(pings, "AUTH secret"));
  while (reader.Next(&arguments) == RespReader::Result::kCommand) continue;
  const absl::Span<char> space = reader.Space(1000);
  EXPECT_EQ(reader.memory(), limits::kRespBufferBytesMin);
  EXPECT_EQ(absl::string_view(space.data(), space.size()).find("secret"), absl::string_view::npos);
  reader.Append("\n");
  ASSERT_EQ(reader.Next(&arguments), RespReader::Result::kCommand);
  EXPECT_EQ(arguments, (std::vector<absl::string_view>{"AUTH", "secret"}));
}

}  // namespace
}  // namespace keyturn
