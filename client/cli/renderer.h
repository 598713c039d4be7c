// Templates: texts in which each {{ keyturn://PATH#FIELD }} stands for a value. Other programs' use
// of the same braces is left as it is. Not thread-safe.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "client/cli/shell.h"

namespace keyturn::cli {

// Once per template. What it holds is wiped when it goes.
class Renderer {
 public:
  explicit Renderer(Shell& shell) : shell_(shell) {}
  ~Renderer();
  Renderer(const Renderer&) = delete;
  Renderer& operator=(const Renderer&) = delete;

  // All or nothing: an error names the line and the reference that cannot be read.
  absl::Status Render(absl::string_view source);

  absl::string_view text() const { return text_; }
  size_t references() const { return values_.size(); }
  // What was put in, each once; valid as long as this.
  std::vector<absl::string_view> Values() const;

 private:
  absl::Status Append(absl::string_view text);

  Shell& shell_;
  std::map<std::string, std::string> values_;  // by reference, each read once
  std::string text_;
  int line_ = 1;
};

}  // namespace keyturn::cli
