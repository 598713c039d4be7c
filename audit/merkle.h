// The Merkle tree hash of RFC 6962 (section 2.1) over entries as they come: the roots of the
// perfect subtrees on the right edge are enough to add a leaf and to give the root. Not
// thread-safe.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace keyturn {

class MerkleTree {
 public:
  MerkleTree() = default;
  // From `edge()` of a tree of that size. REQUIRES: as many hashes as `size` has bits set.
  MerkleTree(uint64_t size, std::vector<std::string> edge) : size_(size), edge_(std::move(edge)) {}

  void Add(absl::string_view entry);
  uint64_t size() const { return size_; }
  // Roots of the perfect subtrees, largest first.
  const std::vector<std::string>& edge() const { return edge_; }
  // 32 bytes; the hash of nothing for an empty tree.
  std::string Root() const;

 private:
  uint64_t size_ = 0;
  std::vector<std::string> edge_;
};

}  // namespace keyturn
