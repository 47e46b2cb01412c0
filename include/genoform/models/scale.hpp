#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "genoform/core/result.hpp"
#include "genoform/genome/canonical.hpp"
#include "genoform/genome/genome.hpp"

#include "genoform/core/hide_macros.hpp"

/// From a searched block to its larger relatives: the rules of Brainformer and GLaM, for types and for genomes.
namespace genoform::models {

/// A factor times / over; 2 is {2}, 8/3 is {8, 3}.
struct Factor {
  std::int64_t times = 1, over = 1;

  constexpr bool divides(std::int64_t n) const { return n * times % over == 0; }
  constexpr int of(int n) const { return static_cast<int>(n * times / over); }
};

/// How the sizes of a model grow. Sizes that the text leaves to their defaults are spelled out first, so that nothing grows by
/// another rule than these.
struct Scale {
  Factor stacks{};    ///< blocks of each stack
  Factor width{};     ///< Width and every Hidden
  Factor heads{};     ///< Heads and KvHeads
  Factor head_dim{};  ///< HeadDim
  int experts = 0;    ///< experts of every sparse layer; 0: as they are
};

/// Brainformer (Zhou et al., 2023): a block found at the 100M scale is stacked 3, 6 and 8 times, with widths times 1, 2 and 4,
/// and has 32, 64 and 64 experts. `Scale` of a single block; that head widths grow, not their number, is our choice (the paper is
/// silent).
inline constexpr Scale brainformer_100m{{3}, {1}, {1}, {1}, 32}, brainformer_1b{{6}, {2}, {1}, {2}, 64},
    brainformer_8b{{8}, {4}, {1}, {4}, 64};
/// GLaM (Du et al., 2022), from 0.1B: 12, 24 and 32 layers; widths 768, 2048, 4096; heads 12 x 64, 16 x 128, 32 x 128.
inline constexpr Scale glam_to_1_7b{{2}, {8, 3}, {4, 3}, {2}, 0}, glam_to_8b{{8, 3}, {16, 3}, {8, 3}, {2}, 0};

namespace scale_rules {

/// The factor of the options of that name; null for those that do not grow.
constexpr const Factor* factor_of(const Scale& scale, std::string_view word) {
  if (word == "Hidden" || word == "Width") return &scale.width;
  if (word == "Heads" || word == "KvHeads") return &scale.heads;
  if (word == "HeadDim") return &scale.head_dim;
  return nullptr;
}

/// Calls f(word, number) for each option of a layer that is one number.
template <class L>
constexpr void each_number(L& layer, auto f) {
  each_row<L>([&](const auto& row) {
    using Row = std::remove_cvref_t<decltype(row)>;
    if constexpr (requires { Row::allowed::word; })
      if constexpr (std::is_same_v<std::remove_cvref_t<decltype(layer.*Row::member)>, int>)
        f(std::string_view(Row::allowed::word), layer.*Row::member);
  });
}

/// The word of the first size that does not come out whole; empty when all do. `layer` has all its sizes.
template <class L>
constexpr std::string_view uneven(L layer, const Scale& scale) {
  std::string_view found;
  each_number(layer, [&](std::string_view word, int& n) {
    const Factor* factor = factor_of(scale, word);
    if (factor != nullptr && !factor->divides(n) && found.empty()) found = word;
  });
  return found;
}

template <class L>
constexpr L scaled(L layer, const Scale& scale) {
  each_number(layer, [&](std::string_view word, int& n) {
    if (const Factor* factor = factor_of(scale, word)) n = factor->of(n);
    if (word == "Experts" && scale.experts > 0) n = scale.experts;
  });
  return layer;
}

/// What a part finds around it while a Decoder type D grows (genome/canonical.hpp).
template <class D, Scale S>
struct Growing {
  static constexpr ModelContext model_context = scaled(D::value, S).model_context();
  static constexpr auto prepared(auto value) {
    const auto whole = resolved(value, D::value.model_context());
    if (!uneven(whole, S).empty()) throw "a size of this sub-layer times its factor of the Scale is not an integer";
    return scaled(whole, S);
  }
  static constexpr int count(int n) { return S.stacks.of(n); }
};
template <class D, Scale S>
struct GrownDecoder {
  static constexpr DecoderLayer value = scaled(D::value, S);
  static constexpr ModelContext model_context{};
};

template <class D, Scale S>
struct Scaled {
  static_assert(D::value.width > 0, "a model needs its Width to be scaled: sizes left to their defaults are spelled out first");
  using body = typename type_forms::BodyForm<typename block_rules::StacksOf<typename D::body>::type>::type;
  using type = typename type_forms::DecoderForm<typename type_forms::Canonical<body, Growing<D, S>>::type,
                                                decltype(type_forms::shown_options<GrownDecoder<D, S>>())>::type;
};

/// A sub-layer that has grown; an Error names what does not come out whole.
template <class Layers>
Result<SubLayer> scaled_sub_layer(SubLayer sub_layer, const Scale& scale, const ModelContext& model_context) {
  if (sub_layer.is_parallel()) {
    for (SubLayer& part : sub_layer.parts) {
      Result<SubLayer> grown = scaled_sub_layer<Layers>(part, scale, model_context);
      if (!grown) return grown.error();
      part = *grown;
    }
    return sub_layer;
  }
  std::string wrong;
  const bool is_known = sub_layer.resolved(model_context).visit<Layers>([&](const auto& whole) {
    if (const std::string_view word = uneven(whole, scale); !word.empty())
      wrong = text_of_layer(whole, model_context) + ": its " + std::string(word);
    sub_layer = scaled(whole, scale);
  });
  if (!is_known) return Error{ErrorKind::input, "the kind \"" + std::string(sub_layer.name()) + "\" cannot be scaled here"};
  if (!wrong.empty()) return Error{ErrorKind::input, wrong + " times its factor of the scale is not an integer"};
  return sub_layer;
}

}  // namespace scale_rules

/// The larger relative of a Decoder type: `scaled_t<Found, brainformer_1b>`. Sizes that do not come out whole do not compile.
template <class D, Scale S>
using scaled_t = typename scale_rules::Scaled<D, S>::type;

/// The same of a genome: a Decoder with its Width. Errors: a part; a size that does not come out whole.
template <class Layers = BuiltinLayers>
Result<Genome> scaled(const Genome& genome, const Scale& scale) {
  if (!genome.is_model() || genome.decoder().width == 0)
    return Error{ErrorKind::input, "only a Decoder with its Width can be scaled; put the block into one"};
  if (!scale_rules::uneven(genome.decoder(), scale).empty())
    return Error{ErrorKind::input, "Width times its factor of the scale is not an integer"};
  GenomeTree tree = genome.tree();
  tree.options = scale_rules::scaled(genome.decoder(), scale);
  for (GenomeStack& stack : tree.stacks) {
    for (SubLayer& sub_layer : stack.sub_layers) {
      Result<SubLayer> grown = scale_rules::scaled_sub_layer<Layers>(sub_layer, scale, genome.model_context());
      if (!grown) return grown.error();
      sub_layer = *grown;
    }
    if (!scale.stacks.divides(stack.count))
      return Error{ErrorKind::input,
                   "a stack of " + std::to_string(stack.count) + " times its factor of the scale is not an integer"};
    stack.count = stack.count * scale.stacks.times / scale.stacks.over;
  }
  return Genome::from_tree(std::move(tree), genome.kinds());
}

}  // namespace genoform::models

namespace genoform {
using models::scaled;
using models::scaled_t;
}  // namespace genoform

#include "genoform/core/restore_macros.hpp"
