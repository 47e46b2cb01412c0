#pragma once
#include <cstdint>

#include "genoform/model/decoder.hpp"
#include "genoform/model/network.hpp"
#include "genoform/model/plan.hpp"
#include "genoform/model/sample_blocks.hpp"

namespace genoform::inner::cost {

/// What an architecture costs, found by the dry run of the model itself; counts as in docs/formats/model.md, section 6.
struct Cost {
  std::int64_t parameters = 0;            ///< trainable parameters, a tied matrix once
  std::int64_t activated_parameters = 0;  ///< of them, those a token uses
  std::int64_t state_elements = 0;        ///< router state, not trained by gradient
  std::int64_t forward_flops = 0;         ///< useful FLOPs of a forward step of the shape; training takes three times that
  std::int64_t workspace_elements = 0;    ///< numbers of activations and scratch of a training step of the shape
  std::int64_t kept_elements = 0;         ///< of them, those kept for the backward pass

  constexpr std::int64_t training_flops() const { return 3 * forward_flops; }
  /// Bytes in single precision.
  constexpr std::int64_t weight_bytes() const { return 4 * parameters; }
  constexpr std::int64_t workspace_bytes() const { return 4 * workspace_elements; }
  constexpr std::int64_t kept_bytes() const { return 4 * kept_elements; }
  friend constexpr bool operator==(const Cost&, const Cost&) = default;
};

/// The cost of a network that was declared to `d`, by walking it once over a stream whose sink counts.
template <class Network, class Sink>
constexpr Cost cost_of_network(Network& network, const Declaration& d, Stream<Sink>& ops) {
  const Plan plan = plan_of(network, ops);
  return {.parameters = d.parameters(),
          .activated_parameters = d.activated_parameters(),
          .state_elements = d.state_elements(),
          .forward_flops = plan.forward_flops,
          .workspace_elements = plan.workspace_elements,
          .kept_elements = plan.kept_elements};
}

/// The cost of a network for one shape, by declaring it and walking it over a stream that ends in `Sink` (see plan_of).
template <class Sink = Count, class Network>
constexpr Cost cost_of_network(Network& network, Shape shape, const PassLayout& layout = {}) {
  Declaration d(network.model_context());
  network.declare(d);
  Stream<Sink> ops(shape, Pass::train, 0, Sink{}, {}, layout);
  return cost_of_network(network, d, ops);
}

/// The cost of a Decoder type with all its sizes for `batch` sequences of `context` positions (0: its Context). A constant
/// expression.
template <class Net>
constexpr Cost cost_of(std::int64_t batch = 1, std::int64_t context = 0, const PassLayout& layout = {}) {
  constexpr DecoderLayer sizes = decoder_of<Net>;
  static_assert(sizes.vocab > 0 && sizes.width > 0 && sizes.context > 0,
                "the cost of a model needs its Vocab, Width and Context");
  using Blocks = SampleBlocks<stacks_of<Net>>;
  DecoderNetwork<Blocks> network(sizes, Blocks(sizes.model_context()));
  return cost_of_network(network, {batch, context > 0 ? context : sizes.context}, layout);
}

/// The cost of a Block, a Stack or a single layer of `width` for a shape, in a model of that context.
template <class Part>
constexpr Cost cost_of_part(int width, Shape shape, const PassLayout& layout = {}) {
  using Blocks = SampleBlocks<stacks_of_part<Part>>;
  const ModelContext model_context{
      .width = width, .vocab = 0, .context = static_cast<int>(shape.context), .positions = false, .whole = true};
  PartNetwork<Blocks> network(model_context, Blocks(model_context));
  return cost_of_network(network, shape, layout);
}

/// Trainable parameters of a Decoder type.
template <class Net>
inline constexpr std::int64_t parameters = cost_of<Net>().parameters;
/// The trainable parameters that a token uses: the routed experts only as far as it is sent to them.
template <class Net>
inline constexpr std::int64_t activated_parameters = cost_of<Net>().activated_parameters;
/// Useful FLOPs of a forward step over one sequence of Context positions.
template <class Net>
inline constexpr std::int64_t forward_flops = cost_of<Net>().forward_flops;

}  // namespace genoform::inner::cost

namespace genoform {
using inner::cost::activated_parameters;
using inner::cost::Cost;
using inner::cost::cost_of;
using inner::cost::forward_flops;
using inner::cost::parameters;
}  // namespace genoform

namespace genoform::extend {
using inner::cost::cost_of_part;
}  // namespace genoform::extend
