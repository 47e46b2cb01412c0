#pragma once
#include <algorithm>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "genoform/core/pointers.hpp"
#include "genoform/core/result.hpp"
#include "genoform/genome/check.hpp"
#include "genoform/genome/layer_text.hpp"
#include "genoform/genome/message.hpp"
#include "genoform/genome/parse.hpp"
#include "genoform/genome/print.hpp"
#include "genoform/model/own_tensors.hpp"

namespace genoform {

/// The kinds that a text may use: the library's, and those that were added.
class KindNames {
 public:
  template <class Layers = BuiltinLayers>  // a template, so that a program that reads no text pays nothing for the tables
  KindNames() {
    for (const Kind& kind : kinds_of<Layers>()) kinds_.push_back(kind);
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
           name == "Program";  // reserved (spec/model.md section 7)
  }

  std::vector<Kind> kinds_;
};

/// `count` times the same block; `sub_layers` are nodes of the genome.
struct GenomeStack {
  std::int64_t count = 1;
  std::vector<int> sub_layers;
};

/// A model, or a part of one, as a text at run time: parsed, checked, and printed in its one canonical form.
/// Immutable and cheap to copy; several threads may read one.
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
    return parse(text, kinds_of<Layers>());
  }
  static Result<Genome> parse(std::string_view text, const KindNames& kinds) { return parse(text, kinds.all()); }
  static Result<Genome> parse(std::string_view text, std::span<const Kind> kinds) {
    SharedPtr<Parsed> parsed;
    parsed->text.assign(text.substr(0, grammar::longest_text + 1));
    parsed->kinds.assign(kinds.begin(), kinds.end());
    const grammar::SyntaxError syntax = grammar::Parser(std::string_view(parsed->text), parsed->nodes).parse();
    if (!syntax.none()) return grammar::error_of(parsed->text, syntax);
    grammar::Checker checker(parsed->nodes, parsed->kinds);
    CheckResult check_result = checker.check();
    parsed->decoder = checker.decoder();
    Genome genome(std::move(parsed));
    if (check_result.fine() && genome.parameters() >= max_parameters) check_result = {rules::TooManyParameters{}, 0};
    if (!check_result.fine()) return grammar::error_of(genome.parsed_->text, genome.tree(), kinds, check_result);
    return genome;
  }

  /// The canonical text: two genomes are the same model when their texts are equal.
  std::string text() const { return print(decoder()); }

  /// Is this a whole model, Decoder<...>, or a part?
  bool is_model() const { return node_at(tree(), 0).word == DecoderLayer::name; }

  /// Sizes and options of the model; sizes that the text leaves open are 0, and all are in a part.
  const DecoderLayer& decoder() const { return parsed_->decoder; }

  /// Are vocabulary, width and context all given?
  bool has_sizes() const { return decoder().vocab > 0 && decoder().width > 0 && decoder().context > 0; }

  /// The same model with other sizes; 0 keeps what the text says. What depends on the width and was not written follows it.
  Result<Genome> with_sizes(int vocab, int width, int context) const {
    if (!is_model()) return Error{ErrorKind::usage, "a part has no sizes; put it into a Decoder<...>"};
    if (vocab < 0 || width < 0 || context < 0) return Error{ErrorKind::usage, "sizes are at least 1; 0 keeps what the text says"};
    DecoderLayer sized = decoder();
    if (vocab > 0) sized.vocab = vocab;
    if (width > 0) sized.width = width;
    if (context > 0) sized.context = context;
    return parse(print(sized), parsed_->kinds);
  }

  /// The stacks in order. A Block or a sub-layer alone is one stack of count 1.
  std::vector<GenomeStack> stacks() const {
    std::vector<GenomeStack> stacks;
    add_stacks(is_model() ? first_child(0) : 0, stacks);
    return stacks;
  }

  /// The parts of a sub-layer that is a Parallel, in order; any other has none.
  std::vector<int> parts(int node) const {
    std::vector<int> parts;
    if (kind_name(node) != ParallelNorms::name) return parts;
    for (int c = first_child(node); c < end_of(tree(), node); c = next_sibling(tree(), c))
      if (!parallel_rules::is_norm(kind_name(c))) parts.push_back(c);
    return parts;
  }
  /// The norms of a Parallel.
  ParallelNorms parallel_norms(int node) const { return parallel_rules::norms_at(tree(), node); }

  /// The name of a sub-layer's kind, as in "Moe".
  std::string_view kind_name(int node) const { return node_at(tree(), node).word; }

  /// What the sub-layers see of the model around them.
  ModelContext model_context() const { return is_model() ? decoder().model_context() : ModelContext{}; }

  /// Is a sub-layer of this layer struct?
  template <class L>
  bool is(int node) const {
    return kind_entries::is_of<L>(tree(), node);
  }
  /// A sub-layer as its layer struct; sizes that depend on the width are filled in where it is known. An error if the kind is
  /// another.
  template <class L>
  Result<L> read(int node) const {
    if (!is<L>(node))
      return Error{ErrorKind::usage, "\"" + std::string(kind_name(node)) + "\" was read as \"" + std::string(L::name) + "\""};
    return resolved(kind_entries::layer_at<L>(tree(), node), model_context());
  }

  /// Calls f(layer) with the sub-layer's struct, for the kind among Layers that it is of. False: it is of none of them.
  template <class Layers, class F>
  bool visit(int node, F&& f) const {
    return visit_one(Layers{}, node, f);
  }

  /// Trained numbers of the model, norms included; without a Vocab those of the embedding are left out, without a Width it is 0.
  double parameters() const {
    if (model_context().width == 0) return 0;
    double sum = is_model() ? static_cast<double>(own_parameters(decoder(), decoder().shares_bias() ? heads() : 0).sum()) : 0;
    for (const GenomeStack& stack : stacks())
      for (const int node : stack.sub_layers) sum += static_cast<double>(stack.count) * parameters_of(node);
    return sum;
  }

  /// The heads of the attention layers where the width is known: 0 when there are none, below 0 when they are not all the same.
  std::int64_t heads() const {
    part_rules::JoinedHeads joined;
    for (const GenomeStack& stack : stacks())
      for (const int node : stack.sub_layers) add_heads(joined, node);
    return joined.heads;
  }

  friend bool operator==(const Genome& a, const Genome& b) { return a.text() == b.text(); }

 private:
  struct Parsed {
    std::string text;
    std::vector<Node> nodes;  ///< with views into text
    std::vector<Kind> kinds;
    DecoderLayer decoder{};
  };

  explicit Genome(SharedPtr<Parsed> parsed) : parsed_(std::move(parsed)) {}

  Tree tree() const { return parsed_->nodes; }

  void add_heads(part_rules::JoinedHeads& joined, int node) const {
    const std::vector<int> parts = this->parts(node);
    if (parts.empty()) joined.add(kind_of_node(node).heads(tree(), node, model_context()));
    for (const int part : parts) add_heads(joined, part);
  }

  double parameters_of(int node, bool norms = true) const {
    const std::vector<int> parts = this->parts(node);
    if (parts.empty()) return kind_of_node(node).parameters(tree(), node, model_context(), norms);
    Declaration context_of_parts(model_context());
    NormPositions(parallel_norms(node)).declare(context_of_parts);
    double sum = static_cast<double>(context_of_parts.parameters());
    for (const int part : parts) sum += parameters_of(part, false);
    return sum;
  }

  std::string print(const DecoderLayer& sizes) const {
    return written([&](Writer& out) {
      grammar::Printer printer(tree(), parsed_->kinds, is_model() ? sizes.model_context() : ModelContext{}, out);
      if (is_model())
        printer.decoder(sizes);
      else
        printer.part(0);
    });
  }

  void add_stacks(int node, std::vector<GenomeStack>& stacks) const {
    const std::string_view word = kind_name(node);
    if (word == "Body") {
      for (int c = first_child(node); c < end_of(tree(), node); c = next_sibling(tree(), c)) add_stacks(c, stacks);
      return;
    }
    GenomeStack stack;
    if (word == "Stack") {
      node = first_child(node);
      stack.count = node_at(tree(), next_sibling(tree(), node)).number;
    }
    if (kind_name(node) == "Block")
      for (int c = first_child(node); c < end_of(tree(), node); c = next_sibling(tree(), c)) stack.sub_layers.push_back(c);
    else
      stack.sub_layers.push_back(node);
    stacks.push_back(std::move(stack));
  }

  const Kind& kind_of_node(int node) const { return parsed_->kinds[find_kind(parsed_->kinds, tree(), node)]; }

  template <class... Ls, class F>
  bool visit_one(List<Ls...>, int node, F& f) const {
    return ((is<Ls>(node) && (f(resolved(kind_entries::layer_at<Ls>(tree(), node), model_context())), true)) || ...);
  }

  SharedPtr<Parsed> parsed_;  // only read once it is made
};

}  // namespace genoform
