#include "audit/merkle.h"

#include "absl/strings/str_cat.h"
#include "crypto/mac.h"

namespace keyturn {
namespace {

std::string Node(absl::string_view left, absl::string_view right) {
  return Sha256(absl::StrCat(absl::string_view("\x01", 1), left, right));
}

}  // namespace

void MerkleTree::Add(absl::string_view entry) {
  edge_.push_back(Sha256(absl::StrCat(absl::string_view("\0", 1), entry)));
  // Each set bit that the addition carries over joins two subtrees of equal size.
  for (uint64_t bits = size_; (bits & 1) != 0; bits >>= 1) {
    std::string right = std::move(edge_.back());
    edge_.pop_back();
    edge_.back() = Node(edge_.back(), right);
  }
  ++size_;
}

std::string MerkleTree::Root() const {
  if (edge_.empty()) return Sha256("");
  std::string root = edge_.back();
  for (size_t i = edge_.size() - 1; i-- > 0;) root = Node(edge_[i], root);
  return root;
}

}  // namespace keyturn
