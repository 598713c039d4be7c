// Hides known values in a stream of output, also when one is cut in two by the buffering of the
// program that writes it. Not thread-safe.
#pragma once

#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace keyturn::cli {

class Masker {
 public:
  // Values shorter than kShortest are left alone: they would hide half of every text. The views
  // outlive this.
  explicit Masker(std::vector<absl::string_view> values);

  static constexpr size_t kShortest = 4;

  // What can be shown of all that was fed so far; an end that may be the start of a value is held
  // back.
  std::string Feed(absl::string_view bytes);
  // The rest, at the end of the stream.
  std::string Finish();

 private:
  // Bytes at the end of `held_` from `from` on that a value may begin with.
  size_t Unsure(size_t from) const;
  std::string Take(bool at_end);

  std::vector<absl::string_view> values_;  // longest first
  std::string held_;
};

}  // namespace keyturn::cli
