#pragma once
#include <string>

#include "genoform/genome/genome.hpp"

namespace genoform::inner::genome {

/// Does a sub-layer see only the past in evaluation (docs/formats/model.md, section 4)? A kind that does not says so:
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
  std::string found;
  const auto look = [&](const SubLayer& sub_layer) {
    bool causal = false;
    sub_layer.visit<Layers>([&](const auto& layer) { causal = evaluates_causally(layer); });
    if (!causal && found.empty()) found = sub_layer.name();
  };
  for (const GenomeStack& stack : genome.tree().stacks)
    for (const SubLayer& sub_layer : stack.sub_layers) {
      if (!sub_layer.is_parallel()) look(sub_layer);
      for (const SubLayer& part : sub_layer.parts) look(part);
    }
  return found;
}

}  // namespace genoform::inner::genome
