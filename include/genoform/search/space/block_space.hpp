#pragma once
#include <algorithm>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "genoform/genome/genome.hpp"
#include "genoform/search/space/genes.hpp"
#include "genoform/search/space/mutation.hpp"
#include "genoform/search/space/space.hpp"

namespace genoform::search {

/// The sizes and gene tables of a BlockSpace; the defaults are Table 1 of the Brainformer paper scaled to a proxy
/// (reference: Zhou et al., 2023, section 3), with norms, experts, key heads and Primer's convolution beside it.
struct BlockSpaceOptions {
  int vocab = 256, context = 64;
  std::vector<int> widths{48, 64, 96, 128};
  int min_layers = 2, max_layers = 8;     ///< sub-layers of a block; equal: the count is fixed
  int max_repeats = 4;                    ///< blocks of a model
  int min_total = 3, max_total = 12;      ///< sub-layers of a model
  std::string needed_kind = "Attention";  ///< every block has at least one; "" for none
  KindNames names{};                      ///< the kinds that texts may use; a kind of your own joins here and in `kinds`
  std::vector<KindGenes> kinds = default_kinds();

  static std::vector<KindGenes> default_kinds();
};

/// Stacks of one block of a few sub-layers, as Brainformer searches them: which kinds, in which order, with which options.
class BlockSpace : public Space {
 public:
  explicit BlockSpace(BlockSpaceOptions options = {}) : options_(std::move(options)) {
    if (options_.widths.empty() || options_.kinds.empty() || options_.min_layers < 1 ||
        options_.max_layers < options_.min_layers || options_.max_total < std::max(options_.min_total, options_.min_layers) ||
        options_.max_repeats < 1)
      throw Exception({ErrorKind::usage,
                       "the block space is empty: it needs a width, a kind and room for one block within the bounds of a model"});
  }

  const BlockSpaceOptions& options() const { return options_; }
  std::string kind() const override { return "block"; }
  nlohmann::json describe() const override;

  std::string random(RandomStream& samples) const override {
    for (int tries = 0; tries < max_tries; ++tries)
      if (const auto text = canonical(random_genes(samples))) return *text;
    throw Exception({ErrorKind::usage, "the block space has no legal genome; check its tables against spec/model.md"});
  }
  std::string mutate(const std::string& parent, RandomStream& samples) const override {
    const BlockGenes from = read(parent);
    for (int tries = 0; tries < max_tries; ++tries) {
      BlockGenes genes = from;
      if (!mutate_genes(genes, tables(), samples)) continue;
      const auto text = canonical(genes);
      if (text && *text != parent) return *text;
    }
    throw Exception({ErrorKind::usage, "the block space has one genome only: " + parent});
  }
  Result<void> check(const std::string& text) const override {
    const Result<BlockGenes> genes = read(text);
    return genes ? Result<void>() : Result<void>(genes.error());
  }

  /// The genes of a canonical text, or why it has none in this space.
  Result<BlockGenes> read(const std::string& text) const;
  /// The text as the genes say it; may spell out defaults, or break a rule of the language.
  std::string spell(const BlockGenes& genes) const;
  /// The canonical text, when the genes are legal and within the bounds of the space.
  std::optional<std::string> canonical(const BlockGenes& genes) const {
    if (!within_bounds(genes)) return std::nullopt;
    const Result<Genome> genome = Genome::parse(spell(genes), options_.names);
    if (!genome) return std::nullopt;
    return genome->text();
  }

 private:
  static constexpr int max_tries = 100000;

  GeneTables tables() const { return {options_.kinds, options_.widths.size(), static_cast<std::size_t>(options_.max_repeats)}; }

  bool within_bounds(const BlockGenes& genes) const {
    const int layers = static_cast<int>(genes.layers.size());
    const int total = layers * static_cast<int>(genes.repeats);
    const bool has_needed =
        options_.needed_kind.empty() || std::any_of(genes.layers.begin(), genes.layers.end(), [&](const SubLayerGenes& l) {
          return options_.kinds[l.kind].name == options_.needed_kind;
        });
    return has_needed && layers >= options_.min_layers && layers <= options_.max_layers && total >= options_.min_total &&
           total <= options_.max_total && static_cast<int>(genes.repeats) <= options_.max_repeats;
  }

  BlockGenes random_genes(RandomStream& samples) const {
    BlockGenes genes{.width = samples.below(options_.widths.size()),
                     .repeats = 1 + samples.below(static_cast<std::size_t>(options_.max_repeats)),
                     .layers = {}};
    const auto choices = static_cast<std::size_t>(options_.max_layers - options_.min_layers + 1);
    const std::size_t layers = static_cast<std::size_t>(options_.min_layers) + samples.below(choices);
    for (std::size_t i = 0; i < layers; ++i) genes.layers.push_back(random_layer(tables(), samples));
    return genes;
  }

  std::string model_text(std::string_view block, const std::string& repeats, const std::string& width) const {
    return "Decoder<Stack<" + std::string(block) + ", " + repeats + ">, Vocab<" + std::to_string(options_.vocab) + ">, Width<" +
           width + ">, Context<" + std::to_string(options_.context) + ">>";
  }
  Result<SubLayerGenes> read_layer(const std::string& text, const std::string& width) const;

  BlockSpaceOptions options_;
};

inline std::string BlockSpace::spell(const BlockGenes& genes) const {
  std::string layers;
  for (const SubLayerGenes& layer : genes.layers)
    layers += (layers.empty() ? "" : ", ") + text_of_layer(options_.kinds[layer.kind], layer.values);
  return model_text("Block<" + layers + ">", std::to_string(genes.repeats), std::to_string(options_.widths[genes.width]));
}

/// A gene that is not written stands for the value that changes nothing when it is written.
inline Result<SubLayerGenes> BlockSpace::read_layer(const std::string& text, const std::string& width) const {
  const Split layer = split(text);
  SubLayerGenes genes;
  while (genes.kind < options_.kinds.size() && options_.kinds[genes.kind].name != layer.word) ++genes.kind;
  if (genes.kind == options_.kinds.size())
    return Error{ErrorKind::input, "the kind " + layer.word + " is not in the search space"};
  const auto same = [&](const std::string& other) {
    const Result<Genome> a = Genome::parse(model_text("Block<" + text + ">", "1", width), options_.names);
    const Result<Genome> b = Genome::parse(model_text("Block<" + other + ">", "1", width), options_.names);
    return a && b && a->text() == b->text();
  };
  for (const Gene& gene : options_.kinds[genes.kind].genes) {
    std::optional<std::size_t> value = written_value(gene, layer.arguments);
    for (std::size_t v = 0; !value && v < gene.values.size(); ++v) {
      std::string spelled = gene.values[v];
      for (const std::string& argument : layer.arguments) spelled += (spelled.empty() ? "" : ", ") + argument;
      if (same(layer.word + "<" + spelled + ">")) value = v;
    }
    if (!value) return Error{ErrorKind::input, text + ": its " + gene.name + " is not in the search space"};
    genes.values.push_back(*value);
  }
  if (!same(text_of_layer(options_.kinds[genes.kind], genes.values)))
    return Error{ErrorKind::input, text + " is not in the search space"};
  return genes;
}

inline Result<BlockGenes> BlockSpace::read(const std::string& text) const {
  const Error not_here{ErrorKind::input, text + " is not in the search space"};
  const Split model = split(text);
  BlockGenes genes;
  std::string width;
  for (const std::string& argument : model.arguments) {
    const Split option = split(argument);
    if (option.word == "Width" && option.arguments.size() == 1) width = option.arguments[0];
  }
  const auto place =
      std::find_if(options_.widths.begin(), options_.widths.end(), [&](int w) { return std::to_string(w) == width; });
  if (model.word != "Decoder" || model.arguments.empty() || place == options_.widths.end()) return not_here;
  const Split stack = split(model.arguments[0]);
  if (stack.word != "Stack" || stack.arguments.size() != 2) return not_here;
  genes.width = static_cast<std::size_t>(place - options_.widths.begin());
  genes.repeats = std::stoul(stack.arguments[1]);
  for (const std::string& layer : split(stack.arguments[0]).arguments) {
    Result<SubLayerGenes> read = read_layer(layer, width);
    if (!read) return read.error();
    genes.layers.push_back(*std::move(read));
  }
  const std::optional<std::string> back = canonical(genes);
  if (!back || *back != text) return not_here;
  return genes;
}

inline nlohmann::json BlockSpace::describe() const {
  nlohmann::json kinds = nlohmann::json::object();
  for (const KindGenes& kind : options_.kinds) {
    nlohmann::json genes = nlohmann::json::object();
    for (const Gene& gene : kind.genes) genes[gene.name] = gene.values;
    kinds[kind.name] = std::move(genes);
  }
  return {{"vocab", options_.vocab},
          {"context", options_.context},
          {"widths", options_.widths},
          {"sub_layers", {options_.min_layers, options_.max_layers}},
          {"most_repeats", options_.max_repeats},
          {"sub_layers_of_model", {options_.min_total, options_.max_total}},
          {"kinds", std::move(kinds)}};
}

inline std::vector<KindGenes> BlockSpaceOptions::default_kinds() {
  const Gene activation{"activation", {"ReLU", "GeLU", "Swish", "SqReLU", "Glu<ReLU>", "Glu<GeLU>", "Glu<Swish>", "Glu<SqReLU>"}};
  const Gene norm{"norm",
                  {"Pre<RmsNorm>", "Pre<LayerNorm>", "Pre<RmsNorm>, Inner<RmsNorm>", "Pre<LayerNorm>, Inner<LayerNorm>",
                   "Post<RmsNorm>", "Post<LayerNorm>"}};
  const auto scale = [](const std::string& name, std::vector<std::string> values) { return Gene{name, std::move(values), true}; };
  return {
      {"Attention",
       1.0,
       {scale("heads", {"Heads<1>", "Heads<2>", "Heads<4>", "Heads<8>"}),
        scale("key heads", {"", "KvHeads<2>", "KvHeads<1>"}),
        scale("convolution", {"", "DConv<3>", "DConv<5>"}),
        {"position", {"Rope", "NoPos"}},
        norm}},
      {"Ffn",
       1.0,
       {activation,
        scale("hidden", {"Hidden<64>", "Hidden<96>", "Hidden<128>", "Hidden<192>", "Hidden<256>", "Hidden<384>", "Hidden<512>"}),
        norm}},
      {"Moe",
       0.5,
       {{"router", {"Top1", "Top2", "ExpertChoice"}},
        scale("experts", {"Experts<4>", "Experts<8>", "Experts<16>"}),
        activation,
        scale("hidden", {"Hidden<32>", "Hidden<64>", "Hidden<96>", "Hidden<128>", "Hidden<192>", "Hidden<256>"}),
        {"capacity", {"", "Capacity<100>", "Capacity<150>", "Capacity<200>"}},
        norm}}};
}

}  // namespace genoform::search
