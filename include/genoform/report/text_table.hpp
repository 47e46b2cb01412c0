#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "genoform/core/decimal.hpp"

#include "genoform/core/hide_macros.hpp"

namespace genoform::inner::report {

/// Digits in groups of three: 1,234,567.
inline std::string grouped(std::int64_t n) {
  const std::string digits = std::to_string(n < 0 ? -n : n);
  std::string text(n < 0 ? 1 : 0, '-');
  for (std::size_t i = 0; i < digits.size(); ++i) {
    if (i > 0 && (digits.size() - i) % 3 == 0) text += ',';
    text += digits[i];
  }
  return text;
}

/// A count with three digits and a unit: 12.3 M; `step` is 1000, or 1024 with "B" for bytes.
inline std::string with_unit(double n, double step = 1000, const char* base = "") {
  const char* const units[] = {"", " k", " M", " G", " T", " P"};
  const char* const binary[] = {" ", " Ki", " Mi", " Gi", " Ti", " Pi"};
  std::size_t i = 0;
  for (; (n >= step || n <= -step) && i < 5; ++i) n /= step;
  const double size = n < 0 ? -n : n;
  const int digits = i == 0 || size >= 100 ? 0 : size >= 10 ? 1 : 2;
  return fixed_text(n, digits) + (step > 1000 ? binary[i] : units[i]) + base;
}
inline std::string bytes_text(std::int64_t bytes) { return with_unit(static_cast<double>(bytes), 1024, "B"); }

/// Rows of text in columns as wide as their widest entry; columns of numbers are aligned to the right.
class TextTable {
 public:
  explicit TextTable(std::vector<std::string> head) : rows_{std::move(head)} {}

  void add(std::vector<std::string> row) { rows_.push_back(std::move(row)); }
  std::string text() const {
    std::vector<std::size_t> widths;
    for (const auto& row : rows_) {
      widths.resize(std::max(widths.size(), row.size()));
      for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
    }
    std::string out;
    for (const auto& row : rows_) {
      std::string line;
      for (std::size_t i = 0; i < row.size(); ++i) {
        const std::string space(widths[i] - row[i].size(), ' ');
        line += (i == 0 ? "" : "  ") + (stands_right(i) ? space + row[i] : row[i] + space);
      }
      out += line.substr(0, line.find_last_not_of(' ') + 1) + "\n";
    }
    return out;
  }

 private:
  /// Declares a column of numbers, with its header.
  bool stands_right(std::size_t column) const {
    for (std::size_t r = 1; r < rows_.size(); ++r) {
      if (column >= rows_[r].size() || rows_[r][column].empty()) continue;
      const std::string& element = rows_[r][column];
      return element.find_first_of("0123456789") <= (element.find_first_of("+-.") == 0 ? 1U : 0U);
    }
    return false;
  }

  std::vector<std::vector<std::string>> rows_;
};

}  // namespace genoform::inner::report

#include "genoform/core/restore_macros.hpp"
