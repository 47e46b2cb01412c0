#pragma once
#include <bit>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "genoform/dna/graph.hpp"

#include "genoform/core/hide_macros.hpp"

namespace genoform::dna {

namespace fingerprint {

/// Mixes a number into a hash (the finalizer of SplitMix64, Steele et al. 2014).
constexpr std::uint64_t mixed(std::uint64_t hash, std::uint64_t number) {
  std::uint64_t z = (hash ^ number) + 0x9E3779B97F4A7C15U;
  z = (z ^ (z >> 30U)) * 0xBF58476D1CE4E5B9U;
  z = (z ^ (z >> 27U)) * 0x94D049BB133111EBU;
  return z ^ (z >> 31U);
}

/// What a node does, without its inputs.
inline std::uint64_t of_node(const GraphNode& node) {
  std::uint64_t hash = mixed(static_cast<std::uint64_t>(node.kind), static_cast<std::uint64_t>(node.primitive));
  hash = mixed(hash, std::bit_cast<std::uint64_t>(node.constant));
  return mixed(hash, static_cast<std::uint64_t>(node.shape.width));
}

/// Of each node what it computes, where all weights are one.
inline std::vector<std::uint64_t> of_values(const Graph& graph) {
  std::vector<std::uint64_t> hashes;
  for (const GraphNode& node : graph.nodes) {
    std::uint64_t hash = of_node(node);
    for (const int input : node.inputs) hash = mixed(hash, hashes[static_cast<std::size_t>(input)]);
    hashes.push_back(hash);
  }
  return hashes;
}

}  // namespace fingerprint

/// The nodes of a graph in an order that does not depend on that of the instructions: each after its inputs, from the result on,
/// the inputs of a commutative primitive by what they compute.
inline std::vector<int> canonical_order(const Graph& graph) {
  const std::vector<std::uint64_t> values = fingerprint::of_values(graph);
  std::vector<int> order, open{static_cast<int>(graph.nodes.size()) - 1};
  std::vector<char> state(graph.nodes.size(), 0);  // 1: its inputs are open, 2: done
  while (!open.empty()) {
    const auto n = static_cast<std::size_t>(open.back());
    if (state[n] > 0) {
      open.pop_back();
      if (state[n] == 1) order.push_back(static_cast<int>(n));
      state[n] = 2;
      continue;
    }
    state[n] = 1;
    std::vector<int> inputs = graph.nodes[n].inputs;
    if (graph.nodes[n].is_commutative() &&
        values[static_cast<std::size_t>(inputs[1])] < values[static_cast<std::size_t>(inputs[0])])
      std::swap(inputs[0], inputs[1]);
    for (std::size_t i = inputs.size(); i-- > 0;)
      if (state[static_cast<std::size_t>(inputs[i])] == 0) open.push_back(inputs[i]);
  }
  return order;
}

/// A number that equal graphs share, whatever the order of their instructions, their subprograms and what does not reach the
/// result.
inline std::uint64_t fingerprint_of(const Graph& graph) {
  const std::vector<int> order = canonical_order(graph);
  std::vector<std::uint64_t> place(graph.nodes.size());
  std::uint64_t hash = fingerprint::mixed(static_cast<std::uint64_t>(graph.width), static_cast<std::uint64_t>(graph.context));
  for (std::size_t i = 0; i < order.size(); ++i) {
    const GraphNode& node = graph.nodes[static_cast<std::size_t>(order[i])];
    place[static_cast<std::size_t>(order[i])] = i;
    hash = fingerprint::mixed(hash, fingerprint::of_node(node));
    std::vector<std::uint64_t> inputs;
    for (const int input : node.inputs) inputs.push_back(place[static_cast<std::size_t>(input)]);
    if (node.is_commutative() && inputs[1] < inputs[0]) std::swap(inputs[0], inputs[1]);
    for (const std::uint64_t input : inputs) hash = fingerprint::mixed(hash, input);
  }
  return hash;
}

}  // namespace genoform::dna

#include "genoform/core/restore_macros.hpp"
