#pragma once
#include <algorithm>
#include <cstdint>
#include <utility>

#include "genoform/core/result.hpp"
#include "genoform/genome/genome.hpp"
#include "genoform/layers/ffn.hpp"
#include "genoform/layers/moe.hpp"

#include "genoform/core/hide_macros.hpp"

namespace genoform::inner::genome {

/// The dense layer with the arithmetic of a sparse one in a pool of N tokens: its hidden width is that of the experts times the
/// slots that a token fills at even load (Top2: 2 F; ExpertChoice of capacity 100 %: F), shared experts added.
inline FfnLayer dense_twin(const MoeLayer& moe, std::int64_t tokens) {
  const std::int64_t slots = with_routing(
      moe.router, moe.capacity, [&](const auto& routing) { return std::int64_t{routing.slots(tokens, moe.experts, true)}; });
  FfnLayer ffn;
  static_cast<Normed&>(ffn) = moe;
  ffn.activation = moe.activation;
  ffn.hidden = static_cast<int>(std::max<std::int64_t>((slots * moe.hidden + tokens / 2) / tokens, 1) + moe.shared * moe.hidden);
  return ffn;
}

/// The same model with a dense layer of equal arithmetic instead of every Moe: what routing costs is measured against it.
/// Equal to the model itself when that has no Moe. The genome must have all its sizes.
inline Result<Genome> dense_twin(const Genome& genome, std::int64_t tokens) {
  GenomeTree tree = genome.tree();
  const auto replace = [&](SubLayer& sub_layer) {
    const SubLayer whole = sub_layer.resolved(tree.model_context());
    if (const MoeLayer* moe = whole.get_if<MoeLayer>()) sub_layer = dense_twin(*moe, tokens);
  };
  for (GenomeStack& stack : tree.stacks)
    for (SubLayer& sub_layer : stack.sub_layers) {
      replace(sub_layer);
      for (SubLayer& part : sub_layer.parts) replace(part);
    }
  return Genome::from_tree(std::move(tree), genome.kinds());
}

}  // namespace genoform::inner::genome

#include "genoform/core/restore_macros.hpp"
