#include "rotation/target/addresses.h"

#include "tests/support/status.h"

namespace keyturn {
namespace {

TEST(Addresses, PublicOnesMayBeConnectedTo) {
  for (const char* const address :
       {"1.1.1.1", "8.8.8.8", "100.63.255.255", "100.128.0.0", "172.15.0.1", "172.32.0.1",
        "192.0.3.0", "198.17.0.1", "223.255.255.255", "2606:4700::1111", "2a00:1450::1",
        "::ffff:8.8.8.8"}) {
    EXPECT_TRUE(MayConnect(address, {})) << address;
  }
}

TEST(Addresses, ThoseNearTheServerMayNot) {
  for (const char* const address : {"0.0.0.0",
                                    "10.0.0.1",
                                    "100.64.0.1",
                                    "127.0.0.1",
                                    "127.255.255.254",
                                    "169.254.169.254",
                                    "172.16.0.1",
                                    "172.31.255.255",
                                    "192.0.0.192",
                                    "192.168.1.1",
                                    "198.18.0.1",
                                    "224.0.0.1",
                                    "240.0.0.1",
                                    "255.255.255.255",
                                    "::",
                                    "::1",
                                    "::ffff:127.0.0.1",
                                    "::ffff:169.254.169.254",
                                    "::127.0.0.1",
                                    "fe80::1",
                                    "fd00:ec2::254",
                                    "fc00::1",
                                    "fec0::1",
                                    "ff02::1",
                                    "64:ff9b::7f00:1",
                                    "64:ff9b:1::1",
                                    "2001::1",
                                    "2001:db8::1",
                                    "2002:7f00:1::1",
                                    "100::1",
                                    "4000::1"}) {
    EXPECT_FALSE(MayConnect(address, {})) << address;
  }
}

TEST(Addresses, WhatIsAllowedMayBeConnectedTo) {
  const std::vector<Cidr> allowed = {*Cidr::Parse("10.1.0.0/16"), *Cidr::Parse("fd00::/8")};
  EXPECT_TRUE(MayConnect("10.1.2.3", allowed));
  EXPECT_TRUE(MayConnect("::ffff:10.1.2.3", allowed));
  EXPECT_TRUE(MayConnect("fd00::1", allowed));
  EXPECT_TRUE(MayConnect("8.8.8.8", allowed));
  EXPECT_FALSE(MayConnect("10.2.0.1", allowed));
  EXPECT_FALSE(MayConnect("127.0.0.1", allowed));
}

TEST(Addresses, WhatIsNoneMayNot) {
  const std::vector<Cidr> all = {*Cidr::Parse("0.0.0.0/0"), *Cidr::Parse("::/0")};
  for (const char* const text : {"", "localhost", "fe80::1%eth0", "1.1.1.1:443", "/run/socket"}) {
    EXPECT_FALSE(MayConnect(text, all)) << text;
  }
}

}  // namespace
}  // namespace keyturn
