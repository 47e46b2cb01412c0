#pragma once
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "genoform/core/utf8.hpp"
#include "genoform/report/charts/chart.hpp"
#include "genoform/report/svg.hpp"

/// Pieces of an HTML page. A name that ends in `html` is markup; all other text is escaped here.
namespace genoform::search::html {

/// Text of unknown origin for a page: valid UTF-8 without control characters, and nothing that a browser takes for markup.
inline std::string escaped(std::string_view text) { return svg::escaped(visible(text)); }

inline std::string element(const char* tag, const std::string& inner_html, std::string_view look = {}) {
  const std::string attributes = look.empty() ? "" : " class=\"" + std::string(look) + "\"";
  return "<" + std::string(tag) + attributes + ">" + inner_html + "</" + tag + ">";
}
inline std::string paragraph(std::string_view text, std::string_view look = {}) {
  return element("p", escaped(text), look) + "\n";
}
inline std::string code(std::string_view text) { return element("code", escaped(text)); }
/// A block to copy: one click selects all of it.
inline std::string code_block(std::string_view text) { return "<pre tabindex=\"0\"><code>" + escaped(text) + "</code></pre>\n"; }

/// Two drawings of one thing, of which the page shows the one that fits. draw(charts::Size) returns an image.
template <class Draw>
std::string figure(const std::string& caption_html, const std::vector<std::string>& series, Draw draw) {
  return "<figure>" + (series.empty() ? std::string() : charts::legend(series)) + "<div class=\"on-wide\">" + draw(charts::wide) +
         "</div><div class=\"on-narrow\">" + draw(charts::narrow) + "</div><figcaption>" + caption_html +
         "</figcaption></figure>\n";
}

/// A table; it scrolls in itself where the page is narrower.
class Table {
 public:
  struct Column {
    std::string title;
    bool is_number = false;
  };
  Table(std::string caption, std::vector<Column> columns) : caption_(std::move(caption)), columns_(std::move(columns)) {}

  void add(const std::vector<std::string>& row) {
    rows_html_ += "<tr>";
    for (std::size_t i = 0; i < columns_.size(); ++i) {
      const std::string text = escaped(i < row.size() ? row[i] : "");
      rows_html_ += i == 0 ? "<th scope=\"row\">" + text + "</th>" : element("td", text, columns_[i].is_number ? "number" : "");
    }
    rows_html_ += "</tr>\n";
  }
  std::string html() const {
    std::string head;
    for (const Column& column : columns_)
      head +=
          "<th scope=\"col\"" + std::string(column.is_number ? " class=\"number\"" : "") + ">" + escaped(column.title) + "</th>";
    return "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"" + escaped(caption_) + "\"><table><caption>" +
           escaped(caption_) + "</caption><thead><tr>" + head + "</tr></thead>\n<tbody>" + rows_html_ +
           "</tbody></table></div>\n";
  }

 private:
  std::string caption_, rows_html_;
  std::vector<Column> columns_;
};

/// A table of rows below these titles, whose first `words` columns are words, the others numbers. columns_of(row): its texts.
template <class Titles, class Rows, class ColumnsOf>
std::string table_of(const char* caption, const Titles& titles, std::size_t words, const Rows& rows, ColumnsOf columns_of) {
  std::vector<Table::Column> columns;
  for (const char* title : titles) columns.push_back({title, columns.size() >= words});
  Table table(caption, std::move(columns));
  for (const auto& row : rows) table.add(columns_of(row));
  return table.html();
}

}  // namespace genoform::search::html
