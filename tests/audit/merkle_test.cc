#include "audit/merkle.h"

#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "base/coding.h"
#include "crypto/mac.h"

namespace keyturn {
namespace {

// RFC 6962, section 2.1, written down as it stands there.
std::string Reference(const std::vector<std::string>& leaves) {
  if (leaves.empty()) return Sha256("");
  if (leaves.size() == 1) return Sha256(std::string(1, '\0') + leaves[0]);
  size_t k = 1;
  while (k * 2 < leaves.size()) k *= 2;
  const auto middle = leaves.begin() + static_cast<long>(k);
  return Sha256(
      absl::StrCat("\x01", Reference({leaves.begin(), middle}), Reference({middle, leaves.end()})));
}

TEST(MerkleTree, AgreesWithTheDefinitionAtEverySize) {
  MerkleTree tree;
  std::vector<std::string> leaves;
  for (int i = 0; i < 130; ++i) {
    ASSERT_EQ(tree.Root(), Reference(leaves)) << i;
    leaves.push_back(absl::StrCat("leaf", i));
    tree.Add(leaves.back());
    // Taken up again from its edge, it goes on alike.
    tree = MerkleTree(tree.size(), tree.edge());
  }
}

TEST(MerkleTree, KnownAnswers) {  // the certificate-transparency project's test vectors
  MerkleTree tree;
  EXPECT_EQ(HexEncode(tree.Root()),
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  tree.Add("");
  EXPECT_EQ(HexEncode(tree.Root()),
            "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d");
  tree.Add(std::string(1, '\0'));
  EXPECT_EQ(HexEncode(tree.Root()),
            "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125");
}

}  // namespace
}  // namespace keyturn
