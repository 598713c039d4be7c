#include "tests/support/seed.h"

#include <cstdio>
#include <cstdlib>
#include <random>
#include <string>

namespace keyturn {

uint64_t TestSeed() {
  const char* const given = std::getenv("KEYTURN_SEED");
  const uint64_t seed = given != nullptr ? std::stoull(given) : std::random_device{}();
  std::printf("KEYTURN_SEED=%llu\n", static_cast<unsigned long long>(seed));
  return seed;
}

int TestCount(const char* variable, int otherwise) {
  const char* const given = std::getenv(variable);
  return given != nullptr ? std::stoi(given) : otherwise;
}

}  // namespace keyturn
