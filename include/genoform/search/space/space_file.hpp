#pragma once
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include <toml++/toml.h>

#include "genoform/core/nearest.hpp"
#include "genoform/core/result.hpp"
#include "genoform/core/utf8.hpp"
#include "genoform/io/quote.hpp"
#include "genoform/models/zoo.hpp"
#include "genoform/search/space/baselines.hpp"
#include "genoform/search/space/block_space.hpp"
#include "genoform/search/space/option_genes.hpp"

#include "genoform/core/hide_macros.hpp"

/// Spaces as TOML files. It needs toml++ (Debian: libtomlplusplus-dev) and takes seconds to compile: include it in one file.
namespace genoform::search {

/// Makes a space of the text of a file (docs/formats/space.md). `file`: its name in errors. Throws Exception with
/// FILE:LINE:COLUMN, what was found and what is allowed.
inline BlockSpaceOptions read_space(std::string_view text, const std::string& file);

namespace space_file {

/// Reads values of TOML, and says where one is not as it must be.
class Values {
 public:
  explicit Values(std::string file) : file_(std::move(file)) {}

  using Words = std::initializer_list<std::string_view>;

  [[noreturn]] void refuse(const toml::source_region& where, const std::string& what) const {
    throw Exception({ErrorKind::input,
                     file_ + ":" + std::to_string(where.begin.line) + ":" + std::to_string(where.begin.column) + ": " + what});
  }
  [[noreturn]] void refuse(const toml::node& node, const std::string& what) const { refuse(node.source(), what); }

  /// Refuses keys that the table does not have.
  void check_keys(const toml::table& table, const std::string& what, Words allowed) const {
    for (const auto& [key, node] : table) {
      if (std::find(allowed.begin(), allowed.end(), key.str()) != allowed.end()) continue;
      std::string message = in_quotes(key.str()) + ": no key of " + what + "; allowed: ";
      for (const std::string_view word : allowed) message += (word == *allowed.begin() ? "" : ", ") + std::string(word);
      refuse(key.source(), message + guess(key.str(), allowed));
    }
  }
  /// The value of a key that must be there.
  const toml::node& needed(const toml::table& table, const char* key, const std::string& what) const {
    if (const toml::node* node = table.get(key)) return *node;
    refuse(table, what + " needs the key \"" + key + "\"");
  }

  std::string string(const toml::node& node, const char* what) const {
    if (!node.is_string()) wrong(node, what, "a string");
    return *node.value<std::string>();
  }
  bool boolean(const toml::node& node, const char* what) const {
    if (!node.is_boolean()) wrong(node, what, "true or false");
    return *node.value<bool>();
  }
  int integer(const toml::node& node, const char* what, int low, int high) const {
    const std::string allowed = "an integer from " + std::to_string(low) + " to " + std::to_string(high);
    if (!node.is_integer()) wrong(node, what, allowed);
    const std::int64_t value = *node.value<std::int64_t>();
    if (value < low || value > high) refuse(node, std::string(what) + ": " + std::to_string(value) + "; allowed is " + allowed);
    return static_cast<int>(value);
  }
  double weight(const toml::node& node) const {
    const bool is_number = node.is_integer() || node.is_floating_point();
    const double value = is_number ? *node.value<double>() : -1;
    if (!(value >= 0) || value > 1e6) wrong(node, "weight", "a number from 0 to 1000000");
    return value;
  }
  /// A list with one element at least.
  const toml::array& list(const toml::node& node, const char* what) const {
    if (!node.is_array()) wrong(node, what, "a list, as in [1, 2]");
    if (node.as_array()->empty()) refuse(node, std::string(what) + ": the list is empty; give one value at least");
    return *node.as_array();
  }
  const toml::table& table(const toml::node& node, const char* what) const {
    if (!node.is_table()) wrong(node, what, "a table");
    return *node.as_table();
  }
  std::vector<std::string> strings(const toml::node& node, const char* what) const {
    std::vector<std::string> all;
    for (const toml::node& element : list(node, what)) {
      all.push_back(string(element, what));
      if (std::find(all.begin(), all.end() - 1, all.back()) != all.end() - 1)
        refuse(element, std::string(what) + ": " + in_quotes(all.back()) + " is given twice");
    }
    return all;
  }
  /// Two integers, [minimum, maximum].
  std::pair<int, int> range(const toml::node& node, const char* what, int high) const {
    const toml::array& both = list(node, what);
    if (both.size() != 2) refuse(node, std::string(what) + ": two integers are needed, [minimum, maximum]");
    const int low = integer(both[0], what, 1, high);
    return {low, integer(both[1], what, low, high)};
  }

  template <class Candidates>
  static std::string guess(std::string_view word, const Candidates& candidates) {
    inner::core::Nearest nearest(word);
    for (const std::string_view candidate : candidates) nearest.add(candidate);
    return nearest.best().empty() ? "" : "; did you mean \"" + std::string(nearest.best()) + "\"?";
  }

 private:
  [[noreturn]] void wrong(const toml::node& node, const char* what, const std::string& allowed) const {
    const char* found = node.is_table()            ? "a table"
                        : node.is_array()          ? "a list"
                        : node.is_string()         ? "a string"
                        : node.is_integer()        ? "an integer"
                        : node.is_floating_point() ? "a number"
                        : node.is_boolean()        ? "true or false"
                                                   : "a date or time";
    refuse(node, std::string(what) + ": found " + found + "; allowed is " + allowed);
  }

  std::string file_;
};

/// What a seed says: the text of a known architecture, or its own.
inline std::string seed_text(const Values& values, const toml::node& node) {
  const std::string seed = values.string(node, "seeds");
  if (seed.find('<') != std::string::npos) return seed;
  std::vector<std::string> names;
  for (const Baseline& baseline : proxy_baselines({})) {
    if (baseline.name == seed) return baseline.text;
    names.push_back(baseline.name);
  }
  std::string message = in_quotes(seed) + ": no architecture has this name; allowed: ";
  for (const std::string& name : names) message += name + ", ";
  for (const models::Known& known : models::zoo()) {
    if (known.name == seed) return std::string(known.text);
    names.emplace_back(known.name);
  }
  values.refuse(node, message + "a name of `genoform zoo`, or a text" + Values::guess(seed, names));
}

class Reader {
 public:
  Reader(const toml::table& root, const Values& values) : root_(root), values_(values) {}

  BlockSpaceOptions read() {
    values_.check_keys(root_, "a space",
                       {"widths", "sub_layers", "pattern", "max_blocks", "model_sub_layers", "needs", "seeds", "model", "kinds"});
    options_.kinds.clear();
    options_.needed_kinds.clear();
    read_kinds();
    if (const toml::node* node = root_.get("model")) read_model(values_.table(*node, "model"));
    read_sizes();
    read_names();
    check_bounds();
    read_seeds();
    return std::move(options_);
  }

 private:
  static constexpr int max_layers = 500;  // what is longer makes texts that are too long to read

  void read_sizes() {
    options_.widths.clear();
    for (const toml::node& node : values_.list(values_.needed(root_, "widths", "a space"), "widths")) {
      const int width = values_.integer(node, "widths", 1, inner::core::max_number);
      if (!options_.widths.empty() && width <= options_.widths.back()) values_.refuse(node, "widths: they must rise");
      options_.widths.push_back(width);
    }
    if (const toml::node* node = root_.get("sub_layers"))
      std::tie(options_.min_layers, options_.max_layers) = values_.range(*node, "sub_layers", max_layers);
    if (const toml::node* node = root_.get("max_blocks"))
      options_.max_repeats = values_.integer(*node, "max_blocks", 1, max_layers);
    if (const toml::node* node = root_.get("model_sub_layers"))
      std::tie(options_.min_total, options_.max_total) = values_.range(*node, "model_sub_layers", max_layers);
  }

  void read_kinds() {
    double sum = 0;
    const toml::node& kinds = values_.needed(root_, "kinds", "a space");
    for (const toml::node& node : values_.list(kinds, "kinds")) {
      const toml::table& table = values_.table(node, "kinds");
      values_.check_keys(table, "a kind", {"layer", "weight", "genes"});
      const toml::node& layer = values_.needed(table, "layer", "a kind");
      KindGenes kind{read_layer(layer), 1, {}};
      for (const KindGenes& other : options_.kinds)
        if (is_alike(other.plain, kind.plain)) values_.refuse(layer, "layer: " + kind.name() + " is given twice");
      if (const toml::node* weight = table.get("weight")) kind.weight = values_.weight(*weight);
      sum += kind.weight;
      if (const toml::node* genes = table.get("genes")) read_genes(*genes, kind);
      options_.kinds.push_back(std::move(kind));
    }
    if (!(sum > 0)) values_.refuse(kinds, "kinds: every weight is 0; give one that is more");
  }
  SubLayer read_layer(const toml::node& node) const {
    const std::string text = values_.string(node, "layer");
    const Result<Genome> genome = Genome::parse(text);
    if (!genome) values_.refuse(node, "layer: " + gene_options::in_value(text, genome.error()).message);
    if (genome->tree().form != GenomeTree::Form::sub_layer)
      values_.refuse(node, "layer: " + in_quotes(text) + " is no sub-layer; allowed is one, as in Attention<>");
    return genome->tree().stacks[0].sub_layers[0];
  }

  void read_model(const toml::table& table) {
    values_.check_keys(table, "the model", {"options", "genes"});
    if (const toml::node* node = table.get("options")) {
      const std::string text = values_.string(*node, "options");
      const auto options = gene_options::read_options(text, DecoderLayer{});
      if (!options) values_.refuse(*node, "options: " + options.error().message);
      refuse_sizes(*node, options->rows);
      options_.model.plain = options->layer;
    }
    if (const toml::node* genes = table.get("genes")) read_genes(*genes, options_.model);
  }
  /// The first three options of a Decoder are sizes, which do not belong here.
  void refuse_sizes(const toml::node& node, std::uint64_t rows) const {
    if ((rows & 7U) != 0) values_.refuse(node, "model: Width has its key \"widths\"; Vocab and Context are those of the text");
  }

  void read_genes(const toml::node& node, KindGenes& kind) const {
    if (!node.is_array() || !node.as_array()->empty()) (void)values_.list(node, "genes");
    std::vector<OptionGene> genes;
    for (const toml::node& element : *node.as_array()) {
      OptionGene gene = read_gene(values_.table(element, "genes"), kind.plain);
      if (kind.plain.is<DecoderLayer>()) refuse_sizes(element, gene.rows);
      for (const OptionGene& other : genes) {
        if (other.gene.name == gene.gene.name) values_.refuse(element, "genes: " + in_quotes(gene.gene.name) + " is given twice");
        if (other.gene.part == gene.gene.part && (other.rows & gene.rows) != 0)
          values_.refuse(element, "genes: " + in_quotes(gene.gene.name) + " sets an option that " + in_quotes(other.gene.name) +
                                      " sets too");
      }
      genes.push_back(std::move(gene));
    }
    for (OptionGene& gene : genes) kind.genes.push_back(std::move(gene.gene));
  }
  OptionGene read_gene(const toml::table& table, const SubLayer& plain) const {
    values_.check_keys(table, "a gene", {"name", "values", "scale", "part"});
    std::string name = values_.string(values_.needed(table, "name", "a gene"), "name");
    const toml::node& node = values_.needed(table, "values", "a gene");
    const std::vector<std::string> texts = values_.strings(node, "values");
    const toml::node* scale = table.get("scale");
    const toml::node* part = table.get("part");
    const int parts = static_cast<int>(plain.parts.size());
    if (part != nullptr && parts == 0) values_.refuse(*part, "part: only a Parallel has parts");
    const std::size_t number = part == nullptr ? 0 : static_cast<std::size_t>(values_.integer(*part, "part", 1, parts));
    const bool ordered = scale != nullptr && values_.boolean(*scale, "scale");
    for (std::size_t i = 0; i < texts.size(); ++i)
      if (const auto one = option_gene_of(plain, name, {texts[i]}, ordered, number); !one)
        values_.refuse((*node.as_array())[i], "values: " + one.error().message);
    Result<OptionGene> gene = option_gene_of(plain, std::move(name), texts, ordered, number);
    if (!gene) values_.refuse(node, "values: " + gene.error().message);
    return *std::move(gene);
  }

  void read_names() {
    if (const toml::node* node = root_.get("needs")) options_.needed_kinds = names_of_kinds(*node, "needs", true);
    const toml::node* node = root_.get("pattern");
    if (node == nullptr) return;
    if (const toml::node* both = root_.get("sub_layers"))
      values_.refuse(*both, "sub_layers: the pattern says how many there are; leave one of the two out");
    options_.pattern = names_of_kinds(*node, "pattern", false);
    options_.min_layers = options_.max_layers = static_cast<int>(options_.pattern.size());
  }
  /// Names of kinds of this space; `of_parts`: also of the parts of a Parallel.
  std::vector<std::string> names_of_kinds(const toml::node& node, const char* what, bool of_parts) const {
    std::vector<std::string> names, known;
    for (const KindGenes& kind : options_.kinds) known.push_back(kind.name());
    for (const toml::node& element : values_.list(node, what)) {
      names.push_back(values_.string(element, what));
      const bool is_known = std::any_of(options_.kinds.begin(), options_.kinds.end(), [&](const KindGenes& kind) {
        return of_parts ? kind.has(names.back()) : kind.name() == names.back();
      });
      if (is_known) continue;
      std::string message = std::string(what) + ": " + in_quotes(names.back()) + " is none of the kinds; allowed: ";
      for (const std::string& name : known) message += (&name == &known.front() ? "" : ", ") + name;
      values_.refuse(element, message + Values::guess(names.back(), known));
    }
    return names;
  }

  void check_bounds() const {
    try {
      (void)BlockSpace(options_);
    } catch (const Exception& error) { values_.refuse(root_, error.what()); }
  }

  void read_seeds() {
    const toml::node* node = root_.get("seeds");
    if (node == nullptr) return;
    (void)values_.strings(*node, "seeds");
    for (const toml::node& element : *node->as_array()) {
      BlockSpaceOptions one = options_;
      one.seeds = {seed_text(values_, element)};
      try {
        (void)BlockSpace(one);
      } catch (const Exception& error) { values_.refuse(element, error.what()); }
      options_.seeds.push_back(one.seeds.front());
    }
  }

  const toml::table& root_;
  const Values& values_;
  BlockSpaceOptions options_;
};

}  // namespace space_file

inline BlockSpaceOptions read_space(std::string_view text, const std::string& file) {
  const space_file::Values values(file);
  try {
    const toml::table root = toml::parse(text);
    return space_file::Reader(root, values).read();
  } catch (const toml::parse_error& error) { values.refuse(error.source(), visible(error.description())); }
}

}  // namespace genoform::search

#include "genoform/core/restore_macros.hpp"
