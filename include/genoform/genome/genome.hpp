#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "genoform/core/pointers.hpp"
#include "genoform/core/result.hpp"
#include "genoform/genome/check.hpp"
#include "genoform/genome/message.hpp"
#include "genoform/genome/parse.hpp"
#include "genoform/genome/tree.hpp"

#include "genoform/core/hide_macros.hpp"

namespace genoform::inner::genome {

/// The kinds that a text may use: the library's, and those that were added.
class KindNames {
 public:
  template <class Layers = BuiltinLayers>  // a template, so that a program that reads no text pays nothing for the tables
  KindNames() {
    for (const Kind& kind : run_time_kinds_of<Layers>()) kinds_.push_back(kind);
  }

  /// Adds the kind of a layer struct, `kinds.add<ShiftLayer>()`, or a router of your own, `kinds.add<MoeWith<MyRouter>>()`. A
  /// name that is taken is an error.
  template <class L>
  Result<void> add() {
    if constexpr (kind_entries::Variant<L>)
      if (const std::string_view word = taken_word<L>(); !word.empty())
        return Error{ErrorKind::usage, "the word \"" + std::string(word) + "\" of \"" + std::string(L::name) +
                                           "\" exists already; give yours another name"};
    const std::size_t same = find_kind(kinds_, L::name);
    const bool joins = same < kinds_.size() && kinds_[same].is_variant && kind_entries::Variant<L>;
    if ((same < kinds_.size() && !joins) || is_taken(L::name))
      return Error{ErrorKind::usage, "a kind named \"" + std::string(L::name) + "\" exists already; give yours another name"};
    kinds_.push_back(kind_of<L>);
    return {};
  }
  std::span<const Kind> all() const { return kinds_; }

 private:
  /// A word that would select L, but that kinds of its name have already; empty: none.
  template <class L>
  std::string_view taken_word() const {
    struct Words final : WordList {
      std::vector<std::string_view> all;
      void add(std::string_view word) override { all.push_back(word); }
    } words;
    for (const Kind& kind : kinds_)
      if (kind.name == L::name) kind.words(words, {});
    std::string_view taken;
    L::selected_by::each_word([&](std::string_view word) {
      if (std::find(words.all.begin(), words.all.end(), word) != words.all.end()) taken = word;
    });
    return taken;
  }
  static bool is_taken(std::string_view name) {
    for (const grammar::Alias& alias : grammar::aliases)
      if (alias.word == name) return true;
    return name == "Decoder" || name == "Body" || name == "Stack" || name == "Block" || name == ParallelNorms::name ||
           name == "Program";  // reserved (docs/formats/model.md, section 7)
  }

  std::vector<Kind> kinds_;
};

/// A model, or a part of one, at run time: read from a text or made of values, checked, and printed in its one canonical form.
/// Immutable and cheap to copy; several threads may read one. To edit it, copy its tree() and make a genome of that.
class Genome {
 public:
  /// Reads a text. The error is one line that starts with LINE:COLUMN. Kinds of your own are known where they were added:
  ///   KindNames kinds;
  ///   kinds.add<ShiftLayer>().value();         // the struct of a layer, not its template: Block<Shift<Steps<2>>>
  ///   kinds.add<MoeWith<MyRouter>>().value();  // a router: Block<Moe<MyRouter, Experts<4>>>
  ///   Result<Genome> genome = Genome::parse("Block<Shift<Steps<2>>>", kinds);
  /// A program that also builds models adds them to Kinds<Backend> (registry/kinds.hpp), which has parse() and build().
  template <class Layers = BuiltinLayers>
  static Result<Genome> parse(std::string_view text) {
    return parse(text, run_time_kinds_of<Layers>());
  }
  static Result<Genome> parse(std::string_view text, const KindNames& kinds) { return parse(text, kinds.all()); }
  static Result<Genome> parse(std::string_view text, std::span<const Kind> kinds) {
    text = text.substr(0, grammar::longest_text + 1);
    std::vector<Node> nodes;
    nodes.reserve(96);  // enough for most
    const grammar::SyntaxError syntax = grammar::Parser(text, nodes).parse();
    if (!syntax.none()) return grammar::error_of(text, syntax);
    grammar::Checker checker(nodes, kinds);
    const CheckResult found = checker.check();
    if (!found.fine()) return grammar::error_of(text, nodes, kinds, found);
    const Genome genome(genome_trees::Reader(nodes, kinds).read(checker.decoder()), kinds);
    if (genome.is_too_large()) return grammar::error_of(text, nodes, kinds, {rules::TooManyParameters{}, 0});
    return genome;
  }

  /// Checks a tree by the rules of its text. The error is that of the canonical text of the tree: the same sentence, with
  /// LINE:COLUMN in that text. `kinds`: those that may stand in it.
  template <class Layers = BuiltinLayers>
  static Result<Genome> from_tree(GenomeTree tree) {
    return from_tree(std::move(tree), run_time_kinds_of<Layers>());
  }
  static Result<Genome> from_tree(GenomeTree tree, const KindNames& kinds) { return from_tree(std::move(tree), kinds.all()); }
  static Result<Genome> from_tree(GenomeTree tree, std::span<const Kind> kinds) {
    if (std::optional<Genome> genome = if_legal(tree, kinds)) return *std::move(genome);
    return refusal(tree, kinds);
  }
  /// The genome where from_tree() would give one: fast also where it would not, as no sentence is made.
  static std::optional<Genome> if_legal(GenomeTree tree, std::span<const Kind> kinds) {
    if (!tree.fits_form() || !genome_trees::knows(kinds, tree)) return std::nullopt;
    const NodeList nodes = spelled(tree);
    if (!grammar::Checker(nodes.tree(), kinds).check().fine() || is_too_long(nodes.tree())) return std::nullopt;
    const Genome genome(std::move(tree), kinds);
    return genome.is_too_large() ? std::nullopt : std::optional(genome);
  }

  /// The values of the genome.
  const GenomeTree& tree() const { return held_->tree; }
  /// The kinds that its text may use.
  std::span<const Kind> kinds() const { return held_->kinds; }

  /// The canonical text: two genomes are the same model when their texts are equal.
  std::string text() const { return text_of_nodes(spelled(tree()).tree()); }

  /// Is this a whole model, Decoder<...>, or a part?
  bool is_model() const { return tree().form == GenomeTree::Form::model; }

  /// Sizes and options of the model; sizes that the text leaves open are 0, and all are in a part.
  const DecoderLayer& decoder() const { return tree().options; }

  /// Are vocabulary, width and context all given?
  bool has_sizes() const { return decoder().vocab > 0 && decoder().width > 0 && decoder().context > 0; }

  /// The same model with other sizes; 0 keeps what the text says. What depends on the width and was not written follows it.
  Result<Genome> with_sizes(int vocab, int width, int context) const {
    if (!is_model()) return Error{ErrorKind::usage, "a part has no sizes; put it into a Decoder<...>"};
    if (vocab < 0 || width < 0 || context < 0) return Error{ErrorKind::usage, "sizes are at least 1; 0 keeps what the text says"};
    GenomeTree sized = tree();
    if (vocab > 0) sized.options.vocab = vocab;
    if (width > 0) sized.options.width = width;
    if (context > 0) sized.options.context = context;
    return from_tree(std::move(sized), kinds());
  }

  /// What the sub-layers see of the model around them.
  ModelContext model_context() const { return tree().model_context(); }

  /// Trainable parameters of the model, norms included; without a Vocab those of the embedding are left out, without a Width it
  /// is 0.
  double parameters() const { return genome_trees::parameters(tree()); }

  /// The heads of the attention layers where the width is known: 0 when there are none, below 0 when they are not all the same.
  std::int64_t heads() const { return genome_trees::heads(tree()); }

  /// Are they the same model, or the same part?
  friend bool operator==(const Genome& a, const Genome& b) { return a.tree().resolved() == b.tree().resolved(); }

 private:
  struct Held {
    GenomeTree tree;
    std::vector<Kind> kinds;
  };

  Genome(GenomeTree tree, std::span<const Kind> kinds) {
    held_->tree = std::move(tree);
    held_->kinds.assign(kinds.begin(), kinds.end());
  }

  bool is_too_large() const { return parameters() >= max_parameters; }

  static bool is_too_long(Tree nodes) {
    constexpr std::size_t shortest_long_text = grammar::longest_text / 64;  // no node is written with as many characters
    return nodes.size() > shortest_long_text && text_of_nodes(nodes).size() > grammar::longest_text;
  }

  [[gnu::cold, gnu::noinline]] static Error refusal(const GenomeTree& tree, std::span<const Kind> kinds) {
    if (!tree.fits_form())
      return {ErrorKind::usage,
              "a stack, block or sub-layer alone is one stack; block and sub-layer have the count 1, a sub-layer stands alone"};
    const Result<Genome> read = parse(text_of_nodes(spelled(tree).tree()), kinds);
    if (!read) return read.error();
    return {ErrorKind::usage,
            "a sub-layer of the tree is another struct than the kind of that name; give the kinds that it uses"};
  }

  SharedPtr<Held> held_;  // only read once it is made
};

}  // namespace genoform::inner::genome

namespace genoform {
using inner::genome::Genome;
using inner::genome::KindNames;
}  // namespace genoform

#include "genoform/core/restore_macros.hpp"

#ifdef GENOFORM_COMPILED
#include "genoform/compiled/genome.hpp"
#endif
