// What tests of faults have in common: chance that can be run again, no log lines about faults that
// are meant, and a keyring whose key file is on a real disk, the rest on one that can fail.
#pragma once

#include <gtest/gtest.h>

#include <random>

#include "base/log.h"
#include "keyring/keyring.h"
#include "tests/support/seed.h"
#include "tests/support/temp_dir.h"

namespace keyturn {

class FaultFixture : public testing::Test {
 protected:
  void SetUp() override {
    random_.seed(TestSeed());
    SetLogFd(-1);
    options_.directory = "/data";
    options_.key_file = dir_.File("unseal.key");
    options_.argon2 = {1, 64 * 1024};
  }
  void TearDown() override { SetLogFd(2); }

  std::mt19937_64 random_;
  TempDir dir_;
  KeyringOptions options_;
};

}  // namespace keyturn
