#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "genoform/core/compiled_functions.hpp"
#include "genoform/core/result.hpp"
#include "genoform/genome/genome.hpp"
#include "genoform/io/quote.hpp"
#include "genoform/search/space/genes.hpp"

#include "genoform/core/hide_macros.hpp"

/// Genes from options as the language writes them, such as "Pre<LayerNorm>, Inner<LayerNorm>".
namespace genoform::search {

/// A gene, and the options that it sets.
struct OptionGene {
  Gene gene;
  std::uint64_t rows = 0;  ///< bit i: row i of the table of the kind
};

/// A gene of a kind of the library (or of the model: a DecoderLayer) whose values are options, each text none, one or several.
/// A value sets every option that any value of the gene names: what it does not name itself is left to its default. `part`: of a
/// Parallel, from 1; 0: of the sub-layer itself. The error says which value is wrong and what the kind takes.
GENOFORM_SEARCH_INLINE Result<OptionGene> option_gene_of(const SubLayer& plain, std::string name,
                                                         const std::vector<std::string>& values, bool ordered = false,
                                                         std::size_t part = 0);

namespace gene_options {

/// What genes of texts may belong to.
using Layers = inner::concat_t<inner::genome::BuiltinLayers, List<ParallelNorms, DecoderLayer>>;

/// Options of a layer as they were read.
template <class L>
struct ReadOptions {
  L layer;
  std::uint64_t rows = 0;  ///< those that are named
  std::string text;        ///< without aliases
};

/// An error of the parser without its position, which is one in a text that nobody wrote.
inline Error in_value(const std::string& value, const Error& error) {
  const std::size_t position = error.message.find(": ");
  return {ErrorKind::input, in_quotes(value) + ": " + error.message.substr(position + 2)};
}

template <class L>
Result<ReadOptions<L>> read_options(const std::string& value, const L& plain) {
  namespace grammar = inner::genome::grammar;
  const std::string text = std::string(L::name) + "<" + value + ">";
  std::vector<Node> nodes;
  if (const grammar::SyntaxError syntax = grammar::Parser(std::string_view(text), nodes).parse(); !syntax.none())
    return in_value(value, grammar::error_of(text, syntax));
  ReadOptions<L> options{plain, 0, {}};
  const Tree tree = nodes;
  for (int c = first_child(0); c < end_of(tree, 0); c = next_sibling(tree, c))
    if (const CheckResult found = part_rules::read_argument(tree, c, options.layer, options.rows); !found.fine())
      return in_value(value, grammar::error_of(text, tree, run_time_kinds_of<BuiltinLayers>(), found));
  options.text = text_of_nodes(tree).substr(L::name.size() + 1);
  options.text.pop_back();
  return options;
}

}  // namespace gene_options

#if GENOFORM_SEARCH_BODIES

namespace gene_options {

/// Sets the options `all` of a layer: those that the value names to what it says, the others to their defaults, which may follow
/// from the former.
template <class L>
void set_options(L& layer, const ReadOptions<L>& value, std::uint64_t all) {
  std::uint64_t bit = 1;
  each_row<L>([&](const auto& row) {
    constexpr auto member = std::remove_cvref_t<decltype(row)>::member;
    if ((all & bit) != 0) layer.*member = (value.rows & bit) != 0 ? value.layer.*member : L{}.*member;
    bit <<= 1;
  });
  bit = 1;
  each_row<L>([&](const auto& row) {
    constexpr auto member = std::remove_cvref_t<decltype(row)>::member;
    if ((all & ~value.rows & bit) != 0 && !row.is_open(layer.*member)) layer.*member = row.otherwise(layer, ModelContext{});
    bit <<= 1;
  });
}

/// Does the layer have every option that the value names as the value has it?
template <class L>
bool has_options(const L& layer, const ReadOptions<L>& value) {
  bool has = true;
  std::uint64_t bit = 1;
  each_row<L>([&](const auto& row) {
    constexpr auto member = std::remove_cvref_t<decltype(row)>::member;
    has = has && ((value.rows & bit) == 0 || layer.*member == value.layer.*member);
    bit <<= 1;
  });
  return has;
}

/// Does a value leave out an option that has no default, such as the router of a Moe, though another value names it?
template <class L>
bool misses_option(std::uint64_t rows, std::uint64_t all) {
  bool misses = false;
  std::uint64_t bit = 1;
  each_row<L>([&](const auto& row) {
    using Row = std::remove_cvref_t<decltype(row)>;
    if constexpr (requires { typename Row::missing; }) misses = misses || (all & ~rows & bit) != 0;
    bit <<= 1;
  });
  return misses;
}

template <class L>
Result<OptionGene> gene_of(const L& plain, const std::vector<std::string>& values, std::size_t part) {
  OptionGene made;
  std::vector<ReadOptions<L>> read;
  for (const std::string& value : values) {
    Result<ReadOptions<L>> options = read_options(value, plain);
    if (!options) return options.error();
    made.rows |= options->rows;
    read.push_back(*std::move(options));
  }
  for (const ReadOptions<L>& options : read) {
    if (misses_option<L>(options.rows, made.rows))
      return Error{ErrorKind::input,
                   in_quotes(options.text) + ": this value must name the option without a default that others name"};
    const auto set = [options, all = made.rows, part](SubLayer& sub_layer) {
      SubLayer& target = part == 0 ? sub_layer : sub_layer.parts[part - 1];
      set_options(target.template get<L>(), options, all);
    };
    const auto may_be_set = [options, part](const SubLayer& whole) {
      return has_options(part == 0 ? whole.get<L>() : whole.parts[part - 1].template get<L>(), options);
    };
    made.gene.values.push_back({options.text, set, may_be_set});
  }
  return made;
}

}  // namespace gene_options

GENOFORM_SEARCH_INLINE Result<OptionGene> option_gene_of(const SubLayer& plain, std::string name,
                                                         const std::vector<std::string>& values, bool ordered, std::size_t part) {
  if (part > plain.parts.size())
    return Error{ErrorKind::input, "a part of " + std::to_string(plain.parts.size()) + " has no number " + std::to_string(part)};
  const SubLayer& target = part == 0 ? plain : plain.parts[part - 1];
  Result<OptionGene> made =
      Error{ErrorKind::usage, in_quotes(target.name()) + " is no kind of the library; make its genes in C++"};
  target.visit<gene_options::Layers>([&](const auto& layer) { made = gene_options::gene_of(layer, values, part); });
  if (!made) return made;
  made->gene.name = std::move(name);
  made->gene.ordered = ordered;
  made->gene.part = part;
  return made;
}

#endif

}  // namespace genoform::search

#include "genoform/core/restore_macros.hpp"
