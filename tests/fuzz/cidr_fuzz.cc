// Addresses and blocks of addresses: what parses is printed and parses as the same, and a block
// contains an address if the bits of its prefix agree. The input is a block, a blank, an address.
#include "auth/cidr.h"

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "tests/fuzz/fuzz.h"

namespace keyturn::fuzz {
namespace {

// From the block's text alone, bit by bit.
bool NaiveContains(const std::string& block, const IpAddress& address) {
  const std::vector<std::string> parts = absl::StrSplit(block, '/');
  const IpAddress network = Must(IpAddress::Parse(parts[0]), "a printed network parses");
  int prefix = 0;
  Require(absl::SimpleAtoi(parts[1], &prefix), "a printed prefix is a number");
  if (network.bytes().size() != address.bytes().size()) return false;
  for (int bit = 0; bit < prefix; ++bit) {
    const auto at = static_cast<size_t>(bit / 8);
    const int differ = network.bytes()[at] ^ address.bytes()[at];
    if ((differ >> (7 - bit % 8) & 1) != 0) return false;
  }
  return true;
}

void CheckAddress(absl::string_view text, const IpAddress& address) {
  Require(text.find_first_not_of("0123456789abcdefABCDEF:.") == absl::string_view::npos,
          "an address has digits, ':' and '.' only");
  const std::string printed = address.ToString();
  Require(Must(IpAddress::Parse(printed), "a printed address parses") == address, "as itself");
  const bool v4 = address.bytes().size() == 4;
  const std::string peer =
      v4 ? absl::StrCat("ipv4:", printed, ":1") : absl::StrCat("ipv6:%5B", printed, "%5D:1");
  Require(IpAddress::FromGrpcPeer(peer) == address, "a peer's address");
}

}  // namespace

void FuzzCidr(absl::string_view input) {
  (void)IpAddress::FromGrpcPeer(input).present();
  const std::pair<absl::string_view, absl::string_view> parts =
      absl::StrSplit(input, absl::MaxSplits(' ', 1));
  const absl::StatusOr<IpAddress> address = IpAddress::Parse(parts.second);
  if (address.ok()) CheckAddress(parts.second, *address);
  const absl::StatusOr<Cidr> block = Cidr::Parse(parts.first);
  if (!block.ok()) return;
  Require(parts.first.find_first_not_of("0123456789abcdefABCDEF:./") == absl::string_view::npos,
          "a block has digits, ':', '.' and '/' only");
  const Cidr again = Must(Cidr::Parse(block->ToString()), "a printed block parses");
  Require(again.ToString() == block->ToString(), "as itself");
  Require(block->Covers(again) && again.Covers(*block), "a block covers itself");
  if (!address.ok()) return;
  Require(block->Contains(*address) == NaiveContains(block->ToString(), *address), "contains");
  const Cidr one = Must(Cidr::Parse(address->ToString()), "an address is a block of one");
  Require(block->Covers(one) == block->Contains(*address), "covers what it contains");
  Require(!block->Contains(IpAddress()), "no address is in no block");
}

}  // namespace keyturn::fuzz

FUZZ_TARGET(FuzzCidr)
