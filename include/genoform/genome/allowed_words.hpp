#pragma once
#include <initializer_list>
#include <span>
#include <string_view>

#include "genoform/genome/kind.hpp"
#include "genoform/genome/parse.hpp"
#include "genoform/model/decoder.hpp"
#include "genoform/model/parallel.hpp"

namespace genoform::inner::genome::grammar {

/// Tells a WordList which words may stand where a wrong one was found: those that a message lists, by add(), and others that a
/// writer may have meant, such as aliases, by add_unlisted().
class AllowedWordsVisitor {
 public:
  constexpr AllowedWordsVisitor(Tree tree, std::span<const Kind> kinds, WordList& words)
      : tree_(tree), kinds_(kinds), words_(words) {}

  constexpr void visit(const CheckResult& found) {
    find_parents(found.node);
    if (found.rule == rules::UnknownOption{})
      options_of(parent_, {});
    else if (found.rule == rules::UnknownWord{})
      options_of(grandparent_, node_at(tree_, parent_).word);
    else if (found.rule == rules::UnknownKind{})
      names();
    else if (found.rule == rules::ParallelForm{})
      parts();
    else if (found.rule == rules::NotAPart{})
      unlisted({"Decoder", "Body", "Stack", "Block"}), names();
    else if (found.rule == rules::DecoderForm{})
      unlisted({"Stack", "Body", "Block"});
    else if (found.rule == rules::BodyForm{})
      unlisted({"Stack"});
    else if (found.rule == rules::StackForm{})
      unlisted({"Block"});
    else if (found.rule == rules::GluForm{} && node_at(tree_, found.node).word != "Glu")
      ActivationWords::Plain::each_word([this](std::string_view word) { words_.add_unlisted(word); });
  }

 private:
  /// Adds to a list the words that a table tells, each with the aliases that stand for it.
  struct WithAliases final : WordList {
    WordList& words;
    constexpr explicit WithAliases(WordList& list) : words(list) {}
    constexpr void add(std::string_view word) override {
      words.add(word);
      for (const Alias& alias : aliases)
        if (alias.stands_for == word) words.add_unlisted(alias.word);
    }
    constexpr void add_unlisted(std::string_view word) override { words.add_unlisted(word); }
  };

  constexpr void find_parents(int node) {
    int at = 0;
    while (at != node) {
      grandparent_ = parent_;
      parent_ = at;
      int child = first_child(at);
      while (node >= end_of(tree_, child)) child = next_sibling(tree_, child);
      at = child;
    }
  }
  constexpr void options_of(int part, std::string_view inside) {
    WithAliases list(words_);
    const std::string_view name = node_at(tree_, part).word;
    for (const Kind& kind : kinds_)
      if (kind.name == name) kind.words(list, inside);
    if (find_kind(kinds_, name) < kinds_.size()) return;
    if (name == ParallelNorms::name)
      kind_entries::words_of<ParallelNorms>(list, inside);
    else
      kind_entries::words_of<DecoderLayer>(list, inside);
  }
  constexpr void kinds() {
    WithAliases list(words_);
    for (const Kind& kind : kinds_) list.add(kind.name);
  }
  constexpr void names() {
    kinds();
    words_.add(ParallelNorms::name);
  }
  /// What may stand in a Parallel.
  constexpr void parts() {
    kinds();
    WithAliases list(words_);
    kind_entries::words_of<ParallelNorms>(list, {});
  }
  constexpr void unlisted(std::initializer_list<std::string_view> words) {
    for (const std::string_view word : words) words_.add_unlisted(word);
  }

  Tree tree_;
  std::span<const Kind> kinds_;
  WordList& words_;
  int parent_ = 0, grandparent_ = 0;
};

constexpr void each_allowed_word(Tree tree, std::span<const Kind> kinds, const CheckResult& found, WordList& words) {
  AllowedWordsVisitor(tree, kinds, words).visit(found);
}

}  // namespace genoform::inner::genome::grammar
