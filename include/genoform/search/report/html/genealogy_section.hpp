#pragma once
#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "genoform/search/report/html/family_tree.hpp"
#include "genoform/search/report/html/section.hpp"
#include "genoform/search/report/text_difference.hpp"

namespace genoform::search::html {

namespace genealogy {

/// What is equal on both sides of a change is cut to a few words.
inline std::string shortened(const std::vector<std::string>& words, bool is_first, bool is_last) {
  constexpr std::size_t kept = 6;
  const std::size_t head = is_first ? 0 : kept, tail = is_last ? 0 : kept;
  if (words.size() <= head + tail + 2) return text_of_words(words);
  const auto end = [&](std::size_t n) { return words.begin() + static_cast<std::ptrdiff_t>(n); };
  return text_of_words({words.begin(), end(head)}) + " … " + text_of_words({end(words.size() - tail), words.end()});
}

/// A mutation as the words that it removed and added.
inline std::string difference_html(const std::string& parent, const std::string& child) {
  const std::vector<TextChange> changes = text_difference(parent, child);
  std::string html;
  for (std::size_t i = 0; i < changes.size(); ++i) {
    const TextChange& c = changes[i];
    if (c.where == TextChange::Where::both)
      html += escaped(shortened(c.words, i == 0, i + 1 == changes.size()));
    else
      html += element(c.where == TextChange::Where::first ? "del" : "ins", escaped(text_of_words(c.words)));
  }
  return element("code", html);
}

inline std::string loss_text(const Trial& t) {
  if (t.loss) return bits(*t.loss);
  const std::optional<double> last = t.fitness();
  return last ? bits(*last) + " at a hurdle" : "no loss";
}
inline std::string title_of(const Trial& t) {
  return (t.phase == "baseline" ? "Baseline " + t.name + ", trial " : "Trial ") + std::to_string(t.number) + ": " + loss_text(t) +
         ", learning rate " + general_text(t.learning_rate) + (t.batch > 0 ? ", batch " + std::to_string(t.batch) : "");
}

inline std::string chain(const StudyPage& page, const Trial& last) {
  std::vector<const Trial*> line{&last};
  while (const Trial* parent = page.trial(line.back()->parent)) line.push_back(parent);
  std::string items;
  for (std::size_t i = line.size(); i-- > 0;) {
    const bool is_root = i + 1 == line.size();
    items += "<li>" + escaped(title_of(*line[i])) + "<br>" +
             (is_root ? code(line[i]->text) : difference_html(line[i + 1]->text, line[i]->text)) + "</li>\n";
  }
  return "<ol class=\"chain\">" + items + "</ol>\n";
}

}  // namespace genealogy

/// The parents of the best genome, and the family of the best ten.
inline std::string genealogy_section(const StudyPage& page) {
  const Trial* best = page.best_of_search();
  if (best == nullptr) return paragraph("The search has trained no genome to the end yet.");
  std::string html = paragraph("The best genome of the search is trial " + std::to_string(best->number) +
                               (best->parent == 0 ? ", which was drawn at random."
                                                  : ". Its line, from the first ancestor, with what each mutation "
                                                    "removed and added:"));
  html += genealogy::chain(page, *best);
  const FamilyTree tree(page, page.best_of_search(10));
  if (!tree.has_parents()) return html + paragraph("None of the ten best genomes has a parent: all were drawn at random.");
  std::string caption =
      "The ten best genomes of the search (filled) and their ancestors, each to the left of its children, with "
      "the numbers of their trials.";
  return html + figure(escaped(caption), {}, [&](charts::Size size) { return tree.text(size, caption); });
}

}  // namespace genoform::search::html
