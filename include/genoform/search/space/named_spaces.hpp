#pragma once
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "genoform/core/compiled_functions.hpp"
#include "genoform/search/space/block_space.hpp"
#include "genoform/search/space/option_genes.hpp"
#include "genoform/search/space/presets.hpp"

#include "genoform/core/hide_macros.hpp"

namespace genoform::search {

/// Table 1 of the Brainformer paper (Zhou et al., 2023): 8 sub-layers of attention, dense or sparse feed-forward. An eighth of
/// its sizes: widths, hidden widths, and heads times head size (12, 16 and 20 heads of 64 channels become 3, 4 and 5 of 32); 8
/// experts.
GENOFORM_SEARCH_INLINE BlockSpaceOptions brainformer_space();

/// Every kind, router and option of the library.
GENOFORM_SEARCH_INLINE BlockSpaceOptions wide_space();

/// A space with a name.
struct NamedSpace {
  std::string_view name, what;
  BlockSpaceOptions (*options)();
};

/// What a search takes when it is told nothing.
inline constexpr std::string_view default_space = "hybrid";

inline std::span<const NamedSpace> named_spaces() {
  static const NamedSpace all[] = {
      {"hybrid", "attention, dense and sparse feed-forward in any order, with Primer's convolution and norms",
       [] { return BlockSpaceOptions{}; }},
      {"transformer", "attention and feed-forward in turn", [] { return transformer_space(); }},
      {"primer-ez", "the same with a convolution of 3 positions and squared ReLU", [] { return primer_ez_space(); }},
      {"glam", "attention and feed-forward in turn, every other sparse", [] { return glam_space(); }},
      {"brainformer", "Table 1 of the Brainformer paper, an eighth of its sizes", [] { return brainformer_space(); }},
      {"wide", "every kind, router and option of the library", [] { return wide_space(); }}};
  return all;
}

#if GENOFORM_SEARCH_BODIES

namespace named_spaces_parts {

using Texts = std::vector<std::string>;

/// A gene as texts.
struct TextGene {
  std::string name;
  Texts values;
  bool ordered = false;
  std::size_t part = 0;
};
constexpr bool scale = true;

inline KindGenes kind(const SubLayer& plain, double weight, const std::vector<TextGene>& genes) {
  KindGenes made{plain, weight, {}};
  for (const TextGene& g : genes) made.genes.push_back(option_gene_of(plain, g.name, g.values, g.ordered, g.part)->gene);
  return made;
}

/// "Heads<1>", "Heads<2>", ...; 0 stands for the option left out.
inline Texts counts(const std::string& option, std::initializer_list<int> numbers) {
  Texts texts;
  for (const int n : numbers) texts.push_back(n == 0 ? "" : option + "<" + std::to_string(n) + ">");
  return texts;
}
inline Texts operator+(Texts a, const Texts& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}
/// The words of a choice of the library.
template <class Choices>
Texts words() {
  Texts texts;
  Choices::each_word([&](std::string_view word) { texts.emplace_back(word); });
  return texts;
}
inline Texts inside(const std::string& option, const Texts& words) {
  Texts texts;
  for (const std::string& word : words) texts.push_back(option + "<" + word + ">");
  return texts;
}
inline Texts activations() { return words<ActivationWords::Plain>() + inside("Glu", words<ActivationWords::Plain>()); }

/// Each kind of norm before a sub-layer, before and in its branch, or after it; and none.
inline Texts norms() {
  Texts texts{"Pre<NoNorm>"};
  for (const std::string& norm : words<Norm::choices>())
    if (norm != NoNorm::word)
      texts = texts + Texts{"Pre<" + norm + ">", "Pre<" + norm + ">, Inner<" + norm + ">", "Post<" + norm + ">"};
  return texts;
}
/// Those that take a number with 1 and 2 choices.
template <class... Rs>
Texts routers_of(List<Rs...>) {
  Texts texts;
  const auto add = [&]<class R>(Type<R>) {
    if constexpr (routers::takes_number<R>)
      texts = texts + counts(std::string(R::word), {1, 2});
    else
      texts.emplace_back(R::word);
  };
  (add(Type<Rs>{}), ...);
  return texts;
}

inline TextGene heads() { return {"heads", counts("Heads", {1, 2, 4, 8}), scale}; }
inline TextGene key_heads() { return {"key heads", counts("KvHeads", {0, 2, 1}), scale}; }
inline TextGene head_size() { return {"head size", counts("HeadDim", {0, 8, 16, 32}), scale}; }
inline TextGene norm() { return {"norm", norms()}; }
inline TextGene bias() { return {"bias", {"", "Bias"}}; }
inline TextGene activation() { return {"activation", activations()}; }
inline TextGene plain_activation() { return {"activation", words<PlainActivation::choices>()}; }
inline TextGene rotary() { return {"position", words<RotaryPosition::choices>()}; }
inline TextGene position() { return {"position", words<PositionWords::Plain>() + Texts{"RelBias<16, 64>"}}; }
inline TextGene hidden(std::initializer_list<int> widths) { return {"hidden", counts("Hidden", widths), scale}; }

inline std::vector<KindGenes> mixers() {
  return {
      kind(AttentionLayer{}, 1,
           {heads(),
            head_size(),
            key_heads(),
            {"convolution", counts("DConv", {0, 3, 5, 7}), scale},
            position(),
            {"shared queries", {"", "SharedQk"}},
            {"window", counts("Window", {0, 32, 16, 8}), scale},
            {"normed queries", {"", "QkNorm"}},
            norm()}),
      kind(LinearAttentionLayer{}, 0.2,
           {heads(),
            head_size(),
            key_heads(),
            {"features", counts("Features", {0, 16, 32, 64}), scale},
            {"kernel", words<AttentionKernel::choices>()},
            rotary(),
            norm()}),
      kind(SynthesizerLayer{}, 0.2,
           {{"logits", words<Logits::choices>()},
            heads(),
            head_size(),
            {"rank", counts("Rank", {0, 4, 8}), scale},
            {"bias by distance", {"", "RelBias<16, 64>"}},
            norm()}),
      kind(GauLayer{}, 0.3,
           {plain_activation(),
            hidden({64, 96, 128, 192, 256}),
            {"head size", counts("HeadDim", {16, 32, 64}), scale},
            {"length", counts("Length", {0, 32, 128})},
            bias(),
            rotary(),
            norm()}),
      kind(SpatialGateLayer{}, 0.2,
           {activation(), hidden({64, 128, 192, 256, 384, 512}), {"heads", counts("Heads", {1, 2, 4}), scale}, bias(), norm()}),
      kind(TokenMixLayer{}, 0.2, {activation(), {"heads", counts("Heads", {1, 2, 4}), scale}, bias(), norm()}),
      kind(ConvLayer{}, 0.2,
           {plain_activation(),
            hidden({0, 64, 128, 192, 256}),
            {"side", counts("Side", {0, 16, 32, 64}), scale},
            {"taps", counts("Taps", {3, 5, 7, 11}), scale},
            {"side taps", counts("SideTaps", {3, 5, 7}), scale},
            {"last taps", counts("LastTaps", {3, 5, 7}), scale},
            bias(),
            {"middle norm", inside("Middle", words<Norm::choices>())},
            norm()})};
}

inline std::vector<KindGenes> feed_forward() {
  return {kind(FfnLayer{}, 1, {activation(), hidden({64, 96, 128, 192, 256, 384, 512}), bias(), norm()}),
          kind(MoeLayer{}, 0.5,
               {{"router", routers_of(BuiltinRouters::list{})},
                {"experts", counts("Experts", {4, 8, 16}), scale},
                activation(),
                hidden({32, 64, 96, 128, 192, 256}),
                {"capacity", counts("Capacity", {0, 100, 150, 200, 300, 400})},
                {"shared experts", {"", "Shared<1>", "Shared<2>"}, scale},
                norm()})};
}

/// Attention beside a feed-forward layer, as in PaLM.
inline KindGenes side_by_side() {
  const auto of_part = [](std::size_t part, const std::string& name, TextGene gene) {
    gene.name = name + " " + gene.name;
    gene.part = part;
    return gene;
  };
  return kind(SubLayer::parallel({AttentionLayer{}, FfnLayer{}}), 0.3,
              {of_part(1, "attention", heads()), of_part(1, "attention", {"convolution", counts("DConv", {0, 3, 5}), scale}),
               of_part(2, "feed-forward", activation()), of_part(2, "feed-forward", hidden({64, 128, 256, 512})), norm()});
}

}  // namespace named_spaces_parts

GENOFORM_SEARCH_INLINE BlockSpaceOptions brainformer_space() {
  using namespace named_spaces_parts;
  const Texts activations{"ReLU", "GeLU", "Glu<ReLU>", "Glu<GeLU>"};
  const TextGene wide = hidden({192, 256, 384, 512}), function{"activation", activations};
  const TextGene of_heads{"heads", {"Heads<3>, HeadDim<32>", "Heads<4>, HeadDim<32>", "Heads<5>, HeadDim<32>"}, scale};
  BlockSpaceOptions options{.widths = {64, 96, 128},
                            .min_layers = 8,
                            .max_layers = 8,
                            .max_repeats = 3,
                            .min_total = 8,
                            .max_total = 24,
                            .needed_kinds = {}};
  options.kinds = {
      kind(AttentionLayer{}, 1, {of_heads}), kind(FfnLayer{}, 1, {function, wide}),
      kind(
          MoeLayer{}, 1,
          {{"router", {"Top2", "ExpertChoice"}}, {"capacity", counts("Capacity", {100, 200, 300, 400}), scale}, function, wide})};
  return options;
}

GENOFORM_SEARCH_INLINE BlockSpaceOptions wide_space() {
  using namespace named_spaces_parts;
  BlockSpaceOptions options;
  options.kinds = mixers();
  options.needed_kinds.clear();
  for (const KindGenes& mixer : options.kinds) options.needed_kinds.push_back(mixer.name());
  for (const KindGenes& other : feed_forward()) options.kinds.push_back(other);
  options.kinds.push_back(side_by_side());
  options.model = kind(DecoderLayer{}, 1,
                       {{"positions", inside("Positions", words<InputPositionsWords::Plain>() + Texts{"SharedRelBias<16, 64>"})},
                        {"final norm", inside("FinalNorm", words<Norm::choices>())},
                        {"output", {"", "Untied"}},
                        {"logit scale", Texts{""} + inside("LogitScale", words<LogitScaling::choices>())}});
  return options;
}

#endif

}  // namespace genoform::search

#include "genoform/core/restore_macros.hpp"
