#include "client/cli/table.h"

#include <libsmartcols/libsmartcols.h>

#include <cstdlib>

#include "absl/cleanup/cleanup.h"

namespace keyturn::cli {

std::string Table::ToString() const {
  if (rows_.empty()) return "";
  libscols_table* const table = scols_new_table();
  if (table == nullptr) return "";
  const absl::Cleanup release = [table] { scols_unref_table(table); };
  scols_table_set_termwidth(table, 1000);
  scols_table_enable_nowrap(table, 1);
  scols_table_set_column_separator(table, "  ");
  for (const std::string& name : columns_) {
    scols_table_new_column(table, name.c_str(), 0, SCOLS_FL_NOEXTREMES);
  }
  for (const std::vector<std::string>& row : rows_) {
    libscols_line* const line = scols_table_new_line(table, nullptr);
    for (size_t i = 0; i < row.size() && i < columns_.size(); ++i) {
      scols_line_set_data(line, i, row[i].empty() ? "-" : row[i].c_str());
    }
  }
  char* text = nullptr;
  if (scols_print_table_to_string(table, &text) != 0 || text == nullptr) return "";
  std::string out(text);
  std::free(text);
  if (out.empty() || out.back() != '\n') out.push_back('\n');
  return out;
}

}  // namespace keyturn::cli
