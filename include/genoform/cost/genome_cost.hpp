#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "genoform/cost/cost.hpp"
#include "genoform/cost/replay.hpp"
#include "genoform/genome/genome.hpp"

#include "genoform/core/hide_macros.hpp"

namespace genoform::inner::cost {

/// What genomes cost for one shape of a training step, without making a model: each distinct sub-layer is walked once,
/// remembered, and added up. The figures are those of cost_of<Net>() and of the model. `Sink`: what counts the operations, Count
/// or a type derived from it that adds up with +=. A layer struct needs what a model asks of it (declare, forward, backward).
template <class Sink = Count>
class GenomeCosts {
 public:
  explicit GenomeCosts(const PassLayout& layout = {}, Sink empty = {}) : layout_(layout), empty_(std::move(empty)) {
    add_all(BuiltinLayers{});
  }

  /// Adds a kind of your own.
  template <class Layer>
  GenomeCosts& add() {
    kinds_.push_back({&sub_layer_kind<Layer>,
                      [](const SubLayer& sub_layer, const replay::Setting& setting, bool in_parallel, const Sink& empty) {
                        return replay::walk_layer(resolved(sub_layer.get<Layer>(), setting.model_context), setting, in_parallel,
                                                  empty);
                      }});
    return *this;
  }

  /// What the walk through a training step finds.
  struct Walk {
    Cost cost;
    std::int64_t tensors = 0;  ///< trained ones and state
    Sink work;                 ///< of all operations
  };

  /// The cost of a genome with all its sizes for a shape (context 0: its Context).
  Result<Cost> cost_of(const Genome& genome, std::int64_t batch = 1, std::int64_t context = 0) {
    const Result<Walk> found = walk(genome, batch, context);
    return found ? Result<Cost>(found->cost) : found.error();
  }
  /// The same with the work of the operations.
  Result<Walk> walk(const Genome& genome, std::int64_t batch = 1, std::int64_t context = 0) {
    if (!genome.is_model() || !genome.has_sizes())
      return Error{ErrorKind::input, "the cost of a model needs a Decoder with Vocab, Width and Context"};
    try {
      return walk_model(genome.tree(), {batch, context > 0 ? context : genome.decoder().context});
    } catch (const Exception& refused) { return refused.error(); }
  }

 private:
  static constexpr std::size_t max_remembered = 4096;  // sub-layers; then all are forgotten, so that memory stays bounded

  using Layer = replay::WalkedLayer<Sink>;
  struct Walker {
    const SubLayerKind* kind;
    Layer (*walk)(const SubLayer&, const replay::Setting&, bool in_parallel, const Sink&);
  };
  struct Key {
    SubLayer sub_layer;
    ModelContext model_context;
    Shape shape;
    Tensor table;  ///< of the shared bias
    std::size_t hash = 0;
    friend bool operator==(const Key& a, const Key& b) {
      const ModelContext &m = a.model_context, &n = b.model_context;
      return m.width == n.width && m.vocab == n.vocab && m.context == n.context && m.positions == n.positions &&
             a.shape == b.shape && a.table == b.table && a.sub_layer == b.sub_layer;
    }
  };
  struct Hash {
    std::size_t operator()(const Key& key) const { return key.hash; }
  };

  std::size_t hash_of(const Key& key) {
    spelling_.clear();
    key.sub_layer.spell(key.model_context, spelling_);
    auto hash = static_cast<std::size_t>(key.model_context.width) + static_cast<std::size_t>(key.shape.tokens());
    for (const Node& node : spelling_.tree()) {  // of a word, its ends tell enough
      const auto word = node.word.empty() ? 0U
                                          : static_cast<std::size_t>(node.word.front()) * 256U +
                                                static_cast<std::size_t>(node.word.back()) + 65536U * node.word.size();
      hash = (hash ^ word ^ static_cast<std::size_t>(node.number)) * 1099511628211U;
    }
    return hash;
  }

  template <class... Layers>
  void add_all(List<Layers...>) {
    (add<Layers>(), ...);
  }

  Walk walk_model(const GenomeTree& tree, Shape shape) {
    if (remembered_.size() > max_remembered) remembered_.clear();
    const replay::Setting setting = setting_of(tree, shape);
    DecoderNetwork<replay::WalkedBlocks<Sink>> network(tree.options, blocks_of(tree, setting));
    Declaration d(setting.model_context);
    network.declare(d);
    Stream<Sink> ops(shape, Pass::train, 0, empty_, {}, layout_);
    const Cost cost = cost_of_network(network, d, ops);
    return {cost, d.tensors(), ops.sink()};
  }

  replay::Setting setting_of(const GenomeTree& tree, Shape shape) const {
    replay::Setting setting{tree.model_context(), shape, layout_, {}};
    if (tree.options.shares_bias())
      setting.shared_bias = {matrix(Memory::weights, 0, genome_trees::heads(tree), tree.options.positions.buckets),
                             tree.options.positions.distance};
    return setting;
  }

  replay::WalkedBlocks<Sink> blocks_of(const GenomeTree& tree, const replay::Setting& setting) {
    std::size_t slots = 0, blocks = 0;
    for (const GenomeStack& stack : tree.stacks) {
      blocks += static_cast<std::size_t>(stack.count);
      slots += static_cast<std::size_t>(stack.count) * stack.sub_layers.size();
    }
    replay::WalkedBlocks<Sink> all(slots, blocks);
    std::vector<const replay::Piece<Sink>*> pieces;
    for (const GenomeStack& stack : tree.stacks) {
      pieces.clear();
      for (const SubLayer& sub_layer : stack.sub_layers) pieces.push_back(&piece_of(sub_layer, setting));
      for (std::int64_t i = 0; i < stack.count; ++i) all.add(pieces);
    }
    return all;
  }

  const replay::Piece<Sink>& piece_of(const SubLayer& sub_layer, const replay::Setting& setting) {
    Key key{sub_layer, setting.model_context, setting.shape, setting.shared_bias.table};
    key.hash = hash_of(key);
    if (const auto found = remembered_.find(key); found != remembered_.end()) return found->second;
    return remembered_.emplace(std::move(key), piece_of_walk(sub_layer, setting)).first->second;
  }

  replay::Piece<Sink> piece_of_walk(const SubLayer& sub_layer, const replay::Setting& setting) const {
    if (!sub_layer.is_parallel()) return replay::walk_slot(layer_of(sub_layer, setting, false), setting, empty_);
    std::vector<Layer> layers;
    for (const SubLayer& part : sub_layer.parts) layers.push_back(layer_of(part, setting, true));
    using Parts = replay::WalkedParts<Sink>;
    return replay::walk_slot(ParallelLayer<Parts>{sub_layer.get<ParallelNorms>(), Parts(std::move(layers))}, setting, empty_);
  }
  Layer layer_of(const SubLayer& sub_layer, const replay::Setting& setting, bool in_parallel) const {
    for (const Walker& walker : kinds_)
      if (walker.kind == &sub_layer.kind()) return walker.walk(sub_layer, setting, in_parallel, empty_);
    throw Exception({ErrorKind::input, "the kind \"" + std::string(sub_layer.name()) +
                                           "\" is not among those whose cost is known; add<" + std::string(sub_layer.name()) +
                                           "Layer>() adds one"});
  }

  PassLayout layout_;
  NodeList spelling_;  // kept for its memory
  Sink empty_;
  std::vector<Walker> kinds_;
  std::unordered_map<Key, replay::Piece<Sink>, Hash> remembered_;
};

/// The cost of a genome of the library's kinds with all its sizes, for a shape (context 0: its Context); no back end needed, no
/// model made. For many genomes keep a GenomeCosts.
inline Result<Cost> cost_of(const Genome& genome, std::int64_t batch = 1, std::int64_t context = 0) {
  return GenomeCosts<>().cost_of(genome, batch, context);
}

}  // namespace genoform::inner::cost

namespace genoform {
using inner::cost::cost_of;
}  // namespace genoform

namespace genoform::extend {
using inner::cost::GenomeCosts;
}  // namespace genoform::extend

#include "genoform/core/restore_macros.hpp"
