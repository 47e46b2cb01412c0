#pragma once
#include <string>
#include <vector>

#include "genoform/genome/genome.hpp"

namespace genoform {

/// Does a sub-layer see only the past in evaluation (spec/model.md section 4)? A kind that does not says so:
/// `static constexpr bool causal = false;` in its layer struct.
template <class Layer>
constexpr bool evaluates_causally(const Layer&) {
  if constexpr (requires { Layer::causal; })
    return Layer::causal;
  else
    return true;
}

/// The first kind of a genome that cannot be evaluated causally; empty when all can. `Layers`: the kinds that may stand in it.
template <class Layers = BuiltinLayers>
std::string first_not_causal(const Genome& genome) {
  for (const GenomeStack& stack : genome.stacks())
    for (const int node : stack.sub_layers) {
      const std::vector<int> parts = genome.parts(node);
      for (const int layer_node : parts.empty() ? std::vector<int>{node} : parts) {
        bool causal = false;
        genome.visit<Layers>(layer_node, [&](const auto& layer) { causal = evaluates_causally(layer); });
        if (!causal) return std::string(genome.kind_name(layer_node));
      }
    }
  return {};
}

}  // namespace genoform
