#pragma once
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <fstream>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "genoform/core/decimal.hpp"
#include "genoform/core/result.hpp"
#include "genoform/io/json_fields.hpp"

#include "genoform/core/hide_macros.hpp"

namespace genoform::search {

/// How the results of a ResultTable came about: the JSON object in its first line, after "# ".
struct TableSetup {
  double budget = 0.15;            ///< seconds of a whole training on the clock
  double flops_per_second = 3e10;  ///< the clock: a training step takes its useful FLOPs over this
  std::vector<int> points{};       ///< after which parts of a training losses were measured, in `whole`ths of its steps, rising
  int whole = 120;
  int seeds = 3;  ///< 1 to `seeds`, each for all genomes: of initial values and of the order of the data
  int batch = 4, context = 32;
  int windows = 96;             ///< of the validation text, and of the test text
  double learning_rate = 4e-3;  ///< constant, without a warm-up: the loss at a point is that of a training which ends there
  std::string data{};           ///< fingerprint of the text

  template <class Self, class Visit>
  static void fields(Self& self, Visit visit) {
    visit("budget", self.budget);
    visit("flops_per_second", self.flops_per_second);
    visit("points", self.points);
    visit("whole", self.whole);
    visit("seeds", self.seeds);
    visit("batch", self.batch);
    visit("context", self.context);
    visit("windows", self.windows);
    visit("learning_rate", self.learning_rate);
    visit("data", self.data);
  }

  /// The second line of a table: the names of its columns.
  std::string columns() const {
    std::string line = "text\tseed\tparameters\tactivated_parameters\tbytes\tstep_seconds";
    for (const int point : points)
      for (const char* column : {"steps", "validation", "test"}) line += "\t" + std::string(column) + "_" + std::to_string(point);
    return line;
  }
};

/// What one training of a genome came to: a line of a table.
struct TableRow {
  struct Point {
    std::int64_t steps = 0;
    double validation = 0, test = 0;  ///< bits per byte
  };
  std::string text;
  int seed = 0;
  std::int64_t parameters = 0, activated_parameters = 0, bytes = 0;
  double step_seconds = 0;  ///< of a training step, by the clock
  std::vector<Point> points;

  /// The losses after so many steps, between two points along the logarithm of the steps. Throws Exception (input) outside of
  /// the points; one step before the first is that point, since shares of the steps are rounded.
  Point at(std::int64_t steps) const {
    const auto after =
        std::lower_bound(points.begin(), points.end(), steps, [](const Point& p, std::int64_t s) { return p.steps < s; });
    if (after == points.end() || (after == points.begin() && after->steps > steps + 1))
      throw Exception({ErrorKind::input, text + ": the table has its losses from " + std::to_string(points.front().steps) +
                                             " to " + std::to_string(points.back().steps) + " steps, not at " +
                                             std::to_string(steps)});
    if (after->steps == steps || after == points.begin()) return *after;
    const Point &a = *(after - 1), &b = *after;
    const auto log = [](std::int64_t s) { return std::log(static_cast<double>(s)); };
    const double part = (log(steps) - log(a.steps)) / (log(b.steps) - log(a.steps));
    return {steps, a.validation + part * (b.validation - a.validation), a.test + part * (b.test - a.test)};
  }

  /// The line, without its end.
  std::string line() const {
    std::string line = text;
    const auto add = [&](const std::string& field) { line += "\t" + field; };
    for (const std::int64_t number : {std::int64_t{seed}, parameters, activated_parameters, bytes}) add(std::to_string(number));
    add(fixed_text(step_seconds, 9));
    for (const Point& p : points) {
      add(std::to_string(p.steps));
      add(fixed_text(p.validation, 5));
      add(fixed_text(p.test, 5));
    }
    return line;
  }
};

namespace result_table {

/// Takes one field after the other from a line.
class Fields {
 public:
  explicit Fields(std::string_view line) : left_(line) {}
  std::string_view next() {
    const std::size_t end = std::min(left_.find('\t'), left_.size());
    const std::string_view field = left_.substr(0, end);
    left_.remove_prefix(std::min(end + 1, left_.size()));
    return field;
  }
  /// The next field, when it is a number; else fine() is false from now on.
  template <class Number>
  Number number() {
    const auto found = number_of<Number>(next());
    is_fine_ = is_fine_ && found;
    return found.value_or(Number{});
  }
  bool is_fine() const { return is_fine_ && left_.empty(); }

 private:
  std::string_view left_;
  bool is_fine_ = true;
};

/// None, where the line is not one of `points` points.
inline std::optional<TableRow> row_of(std::string_view line, std::size_t points) {
  Fields fields(line);
  TableRow row;
  row.text = fields.next();
  row.seed = fields.number<int>();
  row.parameters = fields.number<std::int64_t>();
  row.activated_parameters = fields.number<std::int64_t>();
  row.bytes = fields.number<std::int64_t>();
  row.step_seconds = fields.number<double>();
  for (std::size_t i = 0; i < points; ++i) {
    TableRow::Point p;
    p.steps = fields.number<std::int64_t>();
    p.validation = fields.number<double>();
    p.test = fields.number<double>();
    row.points.push_back(p);
  }
  return fields.is_fine() ? std::optional(std::move(row)) : std::nullopt;
}

}  // namespace result_table

/// The results of every genome of a small space, each trained with every seed: a benchmark of search methods that needs no
/// training. A file of lines that end with \n: "# " and the JSON of a TableSetup; the names of the columns; one line for each
/// genome and seed, its fields separated by tabs (benchmarks/search/table/README.md).
class ResultTable {
 public:
  /// Throws Exception (input) with file and line where it is no table, or where a genome lacks a seed.
  static ResultTable read(const std::string& file) {
    const auto refuse = [&](std::size_t line, const std::string& what) {
      throw Exception({ErrorKind::input, file + ":" + std::to_string(line) + ": " + what});
    };
    std::ifstream in(file, std::ios::binary);
    if (!in) throw Exception({ErrorKind::input, file + ": cannot be read"});
    std::string line;
    ResultTable table;
    if (!std::getline(in, line) || !line.starts_with("# {")) refuse(1, "not \"# {\" and the setup of a table of results");
    try {
      table.setup_ = from_json<TableSetup>(nlohmann::json::parse(line.substr(2)), "setup");
    } catch (const std::exception& error) { refuse(1, error.what()); }
    if (!std::getline(in, line) || line != table.setup_.columns()) refuse(2, "not the columns " + table.setup_.columns());
    for (std::size_t number = 3; std::getline(in, line); ++number) {
      auto row = result_table::row_of(line, table.setup_.points.size());
      if (!row) refuse(number, "not the numbers of " + std::to_string(table.setup_.points.size()) + " points");
      auto& rows = table.rows_[row->text];
      if (row->seed != static_cast<int>(rows.size()) + 1 || row->seed > table.setup_.seeds)
        refuse(number,
               "seed " + std::to_string(row->seed) + " of a genome that has " + std::to_string(rows.size()) + " seeds above");
      rows.push_back(*std::move(row));
    }
    for (const auto& [text, rows] : table.rows_)
      if (static_cast<int>(rows.size()) != table.setup_.seeds) refuse(1, text + " has " + std::to_string(rows.size()) + " seeds");
    if (table.rows_.empty()) refuse(3, "a table without a genome");
    return table;
  }

  const TableSetup& setup() const { return setup_; }
  /// By canonical text; the trainings of a genome in the order of their seeds.
  const std::map<std::string, std::vector<TableRow>>& genomes() const { return rows_; }
  /// The trainings of a genome. Throws Exception (input) where the table has none.
  const std::vector<TableRow>& of(const std::string& text) const {
    const auto found = rows_.find(text);
    if (found == rows_.end()) throw Exception({ErrorKind::input, text + ": not a genome of the table"});
    return found->second;
  }
  /// The losses of a genome after so many steps, the mean over the seeds.
  TableRow::Point mean(const std::string& text, std::int64_t steps) const {
    TableRow::Point mean{.steps = steps};
    const std::vector<TableRow>& rows = of(text);
    for (const TableRow& row : rows) {
      const TableRow::Point p = row.at(steps);
      mean.validation += p.validation / static_cast<double>(rows.size());
      mean.test += p.test / static_cast<double>(rows.size());
    }
    return mean;
  }

 private:
  TableSetup setup_;
  std::map<std::string, std::vector<TableRow>> rows_;
};

}  // namespace genoform::search

#include "genoform/core/restore_macros.hpp"
