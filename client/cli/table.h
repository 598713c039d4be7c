// A table on standard output, laid out by libsmartcols: columns as wide as their contents, UTF-8
// aware, nothing cut off. Not thread-safe.
#pragma once

#include <string>
#include <vector>

namespace keyturn::cli {

class Table {
 public:
  explicit Table(std::vector<std::string> columns) : columns_(std::move(columns)) {}
  // As many cells as there are columns.
  void Add(std::vector<std::string> cells) { rows_.push_back(std::move(cells)); }
  size_t rows() const { return rows_.size(); }
  // With its header, "" without rows.
  std::string ToString() const;

 private:
  const std::vector<std::string> columns_;
  std::vector<std::vector<std::string>> rows_;
};

}  // namespace keyturn::cli
