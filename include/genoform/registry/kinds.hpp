#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "genoform/core/pointers.hpp"
#include "genoform/core/result.hpp"
#include "genoform/cost/cost.hpp"
#include "genoform/genome/genome.hpp"
#include "genoform/model/any_layer.hpp"
#include "genoform/model/basic_model.hpp"
#include "genoform/model/model.hpp"

#include "genoform/core/hide_macros.hpp"

namespace genoform::inner::registry {

/// The kinds that a program can build models of on a back end, by name. A plain value: no static initialisers, nothing global.
template <class Backend>
class Kinds {
 public:
  /// Adds the kind of a layer struct, `kinds.add<ShiftLayer>()`, or a router of your own, `kinds.add<MoeWith<MyRouter>>()`. A
  /// name that is taken throws Exception.
  template <class Layer>
  Kinds& add() {
    names_.template add<Layer>().value();
    add_maker<Layer>();
    return *this;
  }

  /// The names that a text may use, those of the added kinds included.
  const KindNames& names() const { return names_; }
  /// Reads a text in which the added kinds may stand too.
  Result<Genome> parse(std::string_view text) const { return Genome::parse(text, names_); }

  /// The model of a genome, with initial values of the seed; the same bits as Model<Net, Backend> of the same text.
  Result<BasicModel<Backend>> build(const Genome& genome, ModelOptions<Backend> options = {}) const {
    if (!genome.is_model()) return Error{ErrorKind::input, "a part cannot be trained; put it into a Decoder<...>"};
    try {
      const DecoderLayer sizes = with_sizes(genome.decoder(), options.vocab, options.width, options.context);
      const Result<Genome> sized = genome.with_sizes(sizes.vocab, sizes.width, sizes.context);
      if (!sized) return sized.error();
      Result<UniquePtr<AnyNetwork<Backend>>> network = network_of(*sized);
      if (!network) return network.error();
      BasicModel<Backend> model(sizes, std::move(*network), genome.text(), options.storage, std::move(options.backend));
      model.start(options.seed, options.initialize);
      model.set_router_training(options.routers);
      return model;
    } catch (const Exception& failure) { return failure.error(); }
  }

  /// The network of a genome with all its sizes, without a model: for memory_needed() and rehearse().
  Result<UniquePtr<AnyNetwork<Backend>>> network_of(const Genome& genome) const {
    if (!genome.is_model() || !genome.has_sizes())
      return Error{ErrorKind::input, "the network of a model needs a Decoder with Vocab, Width and Context"};
    Result<AnyBlocks<Backend>> blocks = blocks_of(genome);
    if (!blocks) return blocks.error();
    using Network = DecoderNetwork<AnyBlocks<Backend>>;
    UniquePtr<AnyNetwork<Backend>> network =
        make_unique_ptr<NetworkOf<Backend, Network>>(Network(genome.decoder(), std::move(*blocks)));
    Declaration d(network->model_context());
    network->declare(d);
    return network;
  }

  /// The cost of a genome with all its sizes, for a shape (context 0: its Context). The same dry run as cost_of<Net>().
  Result<Cost> cost_of(const Genome& genome, std::int64_t batch = 1, std::int64_t context = 0,
                       const PassLayout& layout = {}) const {
    if (!genome.is_model() || !genome.has_sizes())
      return Error{ErrorKind::input, "the cost of a model needs a Decoder with Vocab, Width and Context"};
    Result<AnyBlocks<Backend>> blocks = blocks_of(genome);
    if (!blocks) return blocks.error();
    DecoderNetwork<AnyBlocks<Backend>> network(genome.decoder(), std::move(*blocks));
    return cost_of_network<Recorder<Backend>>(network, {batch, context > 0 ? context : genome.decoder().context}, layout);
  }

  /// The named tensors of a genome with all its sizes, without a model.
  Result<std::vector<TensorInfo>> tensors_of(const Genome& genome) const {
    if (!genome.is_model() || !genome.has_sizes())
      return Error{ErrorKind::input, "the tensors of a model need a Decoder with Vocab, Width and Context"};
    Result<AnyBlocks<Backend>> blocks = blocks_of(genome);
    if (!blocks) return blocks.error();
    DecoderNetwork<AnyBlocks<Backend>> network(genome.decoder(), std::move(*blocks));
    TensorList list;
    Declaration d(network.model_context(), &list);
    network.declare(d);
    return std::move(list.tensors);
  }

 private:
  using Layer = ErasedLayer<Backend>;
  struct Maker {
    const SubLayerKind* kind;
    Layer (*make)(const SubLayer&, const ModelContext&);
  };

  template <class L>
  void add_maker() {
    makers_.push_back({&sub_layer_kind<L>, [](const SubLayer& sub_layer, const ModelContext& model_context) {
                         return Layer::of(resolved(sub_layer.get<L>(), model_context));
                       }});
  }
  template <class... Layers>
  void add_makers(List<Layers...>) {
    (add_maker<Layers>(), ...);
  }

  Result<Layer> layer_of(const SubLayer& sub_layer, const ModelContext& model_context) const {
    if (sub_layer.is_parallel()) return parallel_of(sub_layer, model_context);
    for (const Maker& maker : makers_)
      if (maker.kind == &sub_layer.kind()) return maker.make(sub_layer, model_context);
    return Error{ErrorKind::input,
                 "the kind \"" + std::string(sub_layer.name()) + "\" is not among the kinds that this program can build"};
  }
  Result<Layer> parallel_of(const SubLayer& sub_layer, const ModelContext& model_context) const {
    std::vector<Layer> layers;
    for (const SubLayer& part : sub_layer.parts) {
      Result<Layer> layer = layer_of(part, model_context);
      if (!layer) return layer.error();
      layers.push_back(std::move(*layer));
    }
    using Parts = AnyParts<Backend>;
    return Layer::of(ParallelLayer<Parts>{sub_layer.get<ParallelNorms>(), Parts(std::move(layers))});
  }

  Result<AnyBlocks<Backend>> blocks_of(const Genome& genome) const {
    AnyBlocks<Backend> blocks;
    for (const GenomeStack& stack : genome.tree().stacks)
      for (std::int64_t i = 0; i < stack.count; ++i) {
        typename AnyBlocks<Backend>::Block block;
        for (const SubLayer& sub_layer : stack.sub_layers) {
          Result<Layer> layer = layer_of(sub_layer, genome.model_context());
          if (!layer) return layer.error();
          block.add(std::move(*layer));
        }
        blocks.add(std::move(block));
      }
    return blocks;
  }

  KindNames names_;
  std::vector<Maker> makers_;

  template <class B>
  friend Kinds<B> builtin_kinds();
};

/// The library's kinds on a back end, filled from the list of their layer structs.
template <class Backend>
Kinds<Backend> builtin_kinds() {
  Kinds<Backend> kinds;
  kinds.add_makers(BuiltinLayers{});
  return kinds;
}

}  // namespace genoform::inner::registry

namespace genoform {
using inner::registry::builtin_kinds;
using inner::registry::Kinds;
}  // namespace genoform

#include "genoform/core/restore_macros.hpp"

#ifdef GENOFORM_COMPILED
#include "genoform/compiled/registry.hpp"
#endif
