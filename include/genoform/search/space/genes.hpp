#pragma once
#include <algorithm>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "genoform/core/result.hpp"

namespace genoform::search {

/// One choice of a part: alternatives of text, each some options ("" leaves them out). `ordered`: the values are a scale.
struct Gene {
  std::string name;
  std::vector<std::string> values;
  bool ordered = false;
};

/// A kind of sub-layer and its genes. `weight`: how often a random sub-layer is of this kind.
struct KindGenes {
  std::string name;
  double weight = 1;
  std::vector<Gene> genes;
};

/// A sub-layer as places in the tables: its kind, and the value of each gene of that kind.
struct SubLayerGenes {
  std::size_t kind = 0;
  std::vector<std::size_t> values;
  friend bool operator==(const SubLayerGenes&, const SubLayerGenes&) = default;
};

/// A stack of equal blocks as places in the tables.
struct BlockGenes {
  std::size_t width = 0;
  std::size_t repeats = 1;  ///< the number of blocks itself
  std::vector<SubLayerGenes> layers;
  friend bool operator==(const BlockGenes&, const BlockGenes&) = default;
};

/// A text taken apart at its outermost brackets: `Heads<4>` is the word Heads with the argument 4.
struct Split {
  std::string word;
  std::vector<std::string> arguments;
};

/// Takes a comma list apart; commas inside brackets belong to their part.
inline std::vector<std::string> split_list(std::string_view list) {
  std::vector<std::string> parts;
  int depth = 0;
  std::string part;
  for (const char c : list) {
    depth += (c == '<') - (c == '>');
    if (c == ',' && depth == 0) {
      parts.push_back(std::move(part));
      part.clear();
    } else if (c != ' ' || !part.empty()) {
      part += c;
    }
  }
  if (!part.empty()) parts.push_back(std::move(part));
  return parts;
}

/// Takes a canonical text apart; a word without brackets has no arguments.
inline Split split(std::string_view text) {
  const std::size_t open = text.find('<');
  if (open == std::string_view::npos) return {std::string(text), {}};
  return {std::string(text.substr(0, open)), split_list(text.substr(open + 1, text.rfind('>') - open - 1))};
}

/// The value of `gene` that stands in `options` with most options, if any does.
inline std::optional<std::size_t> written_value(const Gene& gene, const std::vector<std::string>& options) {
  std::optional<std::size_t> best;
  std::size_t maximum = 0;
  for (std::size_t v = 0; v < gene.values.size(); ++v) {
    const std::vector<std::string> wanted = split_list(gene.values[v]);
    const bool all = std::all_of(wanted.begin(), wanted.end(), [&](const std::string& w) {
      return std::find(options.begin(), options.end(), w) != options.end();
    });
    if (!all || wanted.size() <= maximum) continue;
    best = v;
    maximum = wanted.size();
  }
  return best;
}

/// `Kind<option, option>` with the options of every gene.
inline std::string text_of_layer(const KindGenes& kind, const std::vector<std::size_t>& values) {
  std::string options;
  for (std::size_t g = 0; g < kind.genes.size(); ++g) {
    const std::string& value = kind.genes[g].values[values[g]];
    if (!value.empty()) options += (options.empty() ? "" : ", ") + value;
  }
  return kind.name + "<" + options + ">";
}

}  // namespace genoform::search
