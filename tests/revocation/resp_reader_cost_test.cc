// What reading requests costs in memory and work, however they come.
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/limits.h"
#include "revocation/resp_reader.h"

namespace keyturn {
namespace {

constexpr size_t kReadBytes = 16 * limits::kKiB;  // as a server asks room for

// A reader that is fed as from a socket. Memory must stay what the most that was held allows.
class FedReader {
 public:
  FedReader() { reader_.set_authenticated(true); }

  RespReader& reader() { return reader_; }

  // How many commands `bytes` completed, when they come in pieces of that size.
  size_t Feed(absl::string_view bytes, size_t piece) {
    size_t commands = 0;
    while (!bytes.empty()) {
      const absl::Span<char> space = reader_.Space(kReadBytes);
      EXPECT_GE(space.size(), kReadBytes);
      const size_t size = std::min({piece, bytes.size(), space.size()});
      std::copy_n(bytes.begin(), size, space.begin());
      reader_.Added(size);
      bytes.remove_prefix(size);
      held_ += size;
      held_most_ = std::max(held_most_, held_);
      while (reader_.Next(&arguments_) == RespReader::Result::kCommand) {
        ++commands;
        held_ = reader_.buffered();
      }
      EXPECT_LT(reader_.memory(),
                5 * held_most_ + 2 * kReadBytes + 2 * limits::kRespBufferBytesMin);
    }
    return commands;
  }

 private:
  RespReader reader_;
  std::vector<absl::string_view> arguments_;
  size_t held_ = 0;
  size_t held_most_ = 0;
};

std::string Bulk(absl::string_view bytes) {
  return absl::StrCat("$", bytes.size(), "\r\n", bytes, "\r\n");
}

TEST(RespReaderCost, LengthsThatAreAnnouncedTakeNoMemory) {
  for (const std::string& bytes :
       {absl::StrCat("*", limits::kRespArgumentsMax, "\r\n"),
        absl::StrCat("*", limits::kRespArgumentsMax, "\r\n$", limits::kRespBulkBytesMax, "\r\n"),
        absl::StrCat("*", limits::kRespArgumentsMax, "\r\n$1\r\na\r\n$", limits::kRespBulkBytesMax,
                     "\r\nabc")}) {
    RespReader reader;
    reader.set_authenticated(true);
    std::vector<absl::string_view> arguments;
    reader.Append(bytes);
    ASSERT_EQ(reader.Next(&arguments), RespReader::Result::kNeedMore);
    EXPECT_LE(reader.memory(), limits::kRespBufferBytesMin + 64);
    EXPECT_LE(arguments.capacity(), 4u);
    reader.Space(1);
    EXPECT_LE(reader.memory(), limits::kRespBufferBytesMin + 64);
  }
}

TEST(RespReaderCost, MemoryFollowsWhatCame) {
  std::string small = "*100000\r\n";
  for (int i = 0; i < 100'000; ++i) small += "$0\r\n\r\n";
  const std::string big = absl::StrCat("*1\r\n", Bulk(std::string(limits::kRespBulkBytesMax, 'x')));
  for (const size_t piece : {size_t{1}, size_t{7}, size_t{1000}, kReadBytes, 4 * limits::kMiB}) {
    for (const std::string& bytes : {small, big}) {
      FedReader fed;
      EXPECT_EQ(fed.Feed(bytes, piece), 1u);
      EXPECT_EQ(fed.Feed("PING\r\n", piece), 1u);
      EXPECT_LE(fed.reader().memory(), limits::kRespBufferBytesKept);
      fed.reader().ReleaseMemory();
      EXPECT_EQ(fed.reader().memory(), 0u);
      EXPECT_EQ(fed.Feed("PING\r\n", piece), 1u);
    }
  }
}

TEST(RespReaderCost, MemoryFallsThoughTheBufferIsNeverEmpty) {
  FedReader fed;
  const std::string big = Bulk(std::string(limits::kRespBulkBytesMax, 'x'));
  EXPECT_EQ(fed.Feed(absl::StrCat("*1\r\n", big, "PI"), kReadBytes), 1u);
  EXPECT_GT(fed.reader().memory(), limits::kRespBulkBytesMax);
  for (int i = 0; i < 200'000; ++i) ASSERT_EQ(fed.Feed("NG\r\nPI", kReadBytes), 1u);
  EXPECT_LE(fed.reader().memory(), 2 * kReadBytes);
}

TEST(RespReaderCost, ReleasedMemoryLosesNothing) {
  RespReader reader;
  std::vector<absl::string_view> arguments;
  for (const absl::string_view piece : {"*2\r\n$3\r\nGET\r\n$1", "\r\n", "k", "\r", "\nPI"}) {
    reader.Append(piece);
    if (reader.Next(&arguments) == RespReader::Result::kCommand) {
      EXPECT_EQ(arguments, (std::vector<absl::string_view>{"GET", "k"}));
      ASSERT_EQ(reader.Next(&arguments), RespReader::Result::kNeedMore);
    }
    reader.ReleaseMemory();
    EXPECT_GT(reader.memory(), 0u);
  }
  reader.Append("NG\n");
  ASSERT_EQ(reader.Next(&arguments), RespReader::Result::kCommand);
  EXPECT_EQ(arguments, (std::vector<absl::string_view>{"PING"}));
}

TEST(RespReaderCost, WorkIsLinearHoweverSmallThePieces) {
  const std::string x(limits::kRespBulkBytesMax, 'x');
  std::string many = "*20000\r\n";
  for (int i = 0; i < 20'000; ++i) many += Bulk("k");
  std::string pipeline;
  for (int i = 0; i < 5'000; ++i)
    absl::StrAppend(&pipeline, "*-1\r\n*2\r\n", Bulk("k"), Bulk("vv"));
  const std::string line = absl::StrCat(x.substr(0, limits::kRespLineBytesMax), "\n");
  const std::string hidden = absl::StrCat(std::string(1, '\0'), line.substr(2));
  const std::string heads = absl::StrCat("*1\r\n$", line.substr(10));
  for (const std::string& bytes :
       {absl::StrCat("*1\r\n", Bulk(x)), absl::StrCat("*3\r\n", Bulk("SET"), Bulk("k"), Bulk(x)),
        many, pipeline, line, hidden, heads}) {
    for (const size_t piece : {size_t{1}, size_t{3}, size_t{100}, size_t{1460}, kReadBytes}) {
      FedReader fed;
      fed.Feed(bytes, piece);
      EXPECT_LE(fed.reader().work(), 6 * bytes.size() + 4 * kReadBytes)
          << bytes.substr(0, 20) << ", " << bytes.size() << " bytes in pieces of " << piece;
    }
  }
}

TEST(RespReaderCost, APipelineIsMovedOncePerRead) {
  const std::string command = absl::StrCat("*2\r\n", Bulk("GET"), Bulk(std::string(40, 'k')));
  std::string pipeline;
  for (int i = 0; i < 10'000; ++i) pipeline += command;
  FedReader fed;
  EXPECT_EQ(fed.Feed(pipeline, kReadBytes), 10'000u);
  const uint64_t reads = pipeline.size() / kReadBytes + 1;
  EXPECT_LE(fed.reader().work(), pipeline.size() + reads * 3 * command.size());
}

TEST(RespReaderCost, NothingIsAllocatedBeforeAByteIsToCome) {
  RespReader reader;
  std::vector<absl::string_view> arguments;
  EXPECT_EQ(reader.Next(&arguments), RespReader::Result::kNeedMore);
  reader.Append("");
  EXPECT_EQ(reader.Next(&arguments), RespReader::Result::kNeedMore);
  EXPECT_EQ(reader.memory(), 0u);
  reader.ReleaseMemory();
}

}  // namespace
}  // namespace keyturn
