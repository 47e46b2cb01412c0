#pragma once
#include <algorithm>
#include <cstddef>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "genoform/search/report/html/section.hpp"

#include "genoform/core/hide_macros.hpp"

namespace genoform::search::html {

/// Some trials with all their ancestors as a drawing: a column a generation, a row a leaf.
class FamilyTree {
 public:
  FamilyTree(const StudyPage& page, const std::vector<const Trial*>& best) : page_(page) {
    for (const Trial* t : best) {
      best_.insert(t->number);
      for (; t != nullptr; t = page.trial(t->parent))
        if (!members_.insert(t->number).second) break;
    }
    for (const int number : members_) {
      const int parent = page.trial(number)->parent;
      (members_.contains(parent) ? children_[parent] : roots_).push_back(number);
    }
    for (const int root : roots_) place(root, 0);
  }

  bool has_parents() const { return generations_ > 1; }

  std::string text(charts::Size size, const std::string& description) const {
    constexpr double row = 24, top = 14;
    const double left = 10, right = size.width - 84;
    const double column = generations_ > 1 ? std::min(90.0, (right - left) / static_cast<double>(generations_ - 1)) : 0;
    const auto x = [&](const Node& n) { return left + column * static_cast<double>(n.generation); };
    const auto y = [&](const Node& n) { return top + row * n.row; };
    svg::Canvas canvas;
    for (const auto& [parent, children] : children_)
      for (const int child : children) {
        const Node &from = nodes_.at(parent), &to = nodes_.at(child);
        const double bend = column / 2;
        canvas.line("edge", "M" + svg::number_text(x(from)) + " " + svg::number_text(y(from)) + "C" +
                                svg::number_text(x(from) + bend) + " " + svg::number_text(y(from)) + " " +
                                svg::number_text(x(to) - bend) + " " + svg::number_text(y(to)) + " " + svg::number_text(x(to)) +
                                " " + svg::number_text(y(to)));
      }
    for (const auto& [number, node] : nodes_) {
      const Trial& t = *page_.trial(number);
      const bool is_best = best_.contains(number), is_leaf = !children_.contains(number);
      canvas.group((t.phase == "baseline" ? t.name + ", trial " : "trial ") + std::to_string(number) + ": " + visible(t.text));
      canvas.circle(is_best ? "marker s0" : "ancestor", x(node), y(node), is_best ? 5 : 3.5);
      const std::string label = std::to_string(number) + (is_leaf && t.loss ? "  " + bits(*t.loss) : "");
      if (is_leaf)
        canvas.text(is_best ? "strong small" : "small note", x(node) + 9, y(node) + 4, label);
      else if (column >= 34)
        canvas.text("small note middle", x(node), y(node) - 7, label);
      canvas.end_group();
    }
    return svg::image("chart", size.width, top + row * rows_ + 4, "Family of the best genomes", description, canvas.body());
  }

 private:
  struct Node {
    int generation = 0;
    double row = 0;
  };

  /// A leaf takes the next row, a parent the middle of its children.
  double place(int number, int generation) {
    generations_ = std::max(generations_, generation + 1);
    double row = 0;
    if (const auto found = children_.find(number); found == children_.end()) {
      row = rows_++;
    } else {
      for (const int child : found->second) row += place(child, generation + 1);
      row /= static_cast<double>(found->second.size());
    }
    nodes_[number] = {generation, row};
    return row;
  }

  const StudyPage& page_;
  std::set<int> best_, members_;
  std::map<int, std::vector<int>> children_;
  std::vector<int> roots_;
  std::map<int, Node> nodes_;
  int generations_ = 0, rows_ = 0;
};

}  // namespace genoform::search::html

#include "genoform/core/restore_macros.hpp"
