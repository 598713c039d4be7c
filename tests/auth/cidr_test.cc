#include "auth/cidr.h"

#include "tests/support/status.h"

namespace keyturn {
namespace {

TEST(Cidr, ContainsItsAddresses) {
  const auto contains = [](const char* block, const char* address) {
    return Cidr::Parse(block)->Contains(*IpAddress::Parse(address));
  };
  EXPECT_TRUE(contains("10.0.0.0/8", "10.255.1.2"));
  EXPECT_FALSE(contains("10.0.0.0/8", "11.0.0.0"));
  EXPECT_TRUE(contains("0.0.0.0/0", "203.0.113.9"));
  EXPECT_FALSE(contains("0.0.0.0/0", "::2"));
  EXPECT_TRUE(contains("192.0.2.7", "192.0.2.7"));
  EXPECT_FALSE(contains("192.0.2.7", "192.0.2.6"));
  EXPECT_TRUE(contains("192.0.2.128/25", "192.0.2.129"));
  EXPECT_FALSE(contains("192.0.2.128/25", "192.0.2.127"));
  EXPECT_TRUE(contains("2001:db8::/32", "2001:db8:ffff::1"));
  EXPECT_TRUE(contains("10.0.0.0/8", "::ffff:10.0.0.1"));
  EXPECT_FALSE(Cidr::Parse("0.0.0.0/0")->Contains(IpAddress()));
}

TEST(Cidr, RefusesBadForms) {
  for (const char* bad : {"", "/8", "10.0.0.0/", "10.0.0.0/33", "10.0.0.1/8", "10.0.0.0/-1",
                          "10.0.0.0/08x", "10.0.0/8", "::1/64", "2001:db8::/129", "host/8"}) {
    EXPECT_CODE(Cidr::Parse(bad), kInvalidArgument);
  }
}

TEST(Cidr, RefusesWhatFollowsANul) {
  const std::string nul(1, '\0');
  EXPECT_CODE(IpAddress::Parse("10.0.0.1" + nul + "x"), kInvalidArgument);
  EXPECT_CODE(IpAddress::Parse("::1" + nul), kInvalidArgument);
  EXPECT_CODE(Cidr::Parse("10.0.0.0" + nul + "x/8"), kInvalidArgument);
}

TEST(IpAddress, HasANetworkThatIsCountedAsOneSource) {
  const auto network = [](absl::string_view text) {
    return std::string(IpAddress::Parse(text)->network());
  };
  EXPECT_EQ(network("10.1.2.3"), std::string("\x0a\x01\x02", 3));
  EXPECT_EQ(network("10.1.2.3"), network("10.1.2.200"));
  EXPECT_NE(network("10.1.2.3"), network("10.1.3.3"));
  EXPECT_EQ(network("::ffff:10.1.2.3"), network("10.1.2.3"));
  EXPECT_EQ(network("2001:db8:1:2::1").size(), 8u);
  EXPECT_EQ(network("2001:db8:1:2::1"), network("2001:db8:1:2:ffff:ffff:ffff:ffff"));
  EXPECT_NE(network("2001:db8:1:2::1"), network("2001:db8:1:3::1"));
  EXPECT_EQ(IpAddress().network(), "");
}

TEST(IpAddress, ReadsGrpcPeers) {
  EXPECT_EQ(IpAddress::FromGrpcPeer("ipv4:192.0.2.1:4711").ToString(), "192.0.2.1");
  EXPECT_EQ(IpAddress::FromGrpcPeer("ipv6:%5B::1%5D:4711").ToString(), "::1");
  EXPECT_EQ(IpAddress::FromGrpcPeer("ipv6:[2001:db8::1]:1").ToString(), "2001:db8::1");
  EXPECT_EQ(IpAddress::FromGrpcPeer("ipv6:%5Bfe80::1%25eth0%5D:1").ToString(), "fe80::1");
  for (const char* none : {"", "unix:", "unix:/run/x.sock", "ipv4:", "ipv4:x:1", "dns:a:1"}) {
    EXPECT_FALSE(IpAddress::FromGrpcPeer(none).present()) << none;
  }
}

}  // namespace
}  // namespace keyturn
