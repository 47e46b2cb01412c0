#pragma once
#include <cstdint>
#include <utility>

#include "genoform/core/tensor.hpp"
#include "genoform/ops/count.hpp"
#include "genoform/ops/observer.hpp"
#include "genoform/ops/pass.hpp"
#include "genoform/ops/stream.hpp"

namespace genoform::inner::model {

/// Walks a network once through the phases of a pass; the dry run, the recording and the trace all go this way. Returns the
/// output's handle.
template <class Network, class Ops, class Enter>
constexpr Tensor walk(Network& network, Ops& ops, Enter&& enter) {
  enter(Phase::forward);
  const Tensor out = network.forward(ops);
  if constexpr (requires { network.loss(ops); }) {
    enter(Phase::loss);
    network.loss(ops);
  }
  if (ops.training()) {
    enter(Phase::backward);
    if constexpr (requires { network.loss(ops); })
      network.backward(ops);
    else
      network.backward(ops, out);
  }
  return out;
}

/// What a dry run tells of one pass over one shape.
struct Plan {
  std::int64_t workspace_elements = 0;  ///< activations kept for the backward pass and scratch, together
  std::int64_t kept_elements = 0;       ///< the most that is kept for the backward pass at one time
  std::int64_t forward_flops = 0;       ///< useful FLOPs of the forward phase (docs/formats/model.md, section 6)
  std::int64_t operations = 0;
};

/// The plan of a pass, by a dry run over a stream whose sink counts.
template <class Network, class Sink>
constexpr Plan plan_of(Network& network, Stream<Sink>& ops) {
  Plan plan;
  walk(network, ops, [&](Phase phase) {
    if (phase == Phase::loss || (phase == Phase::backward && plan.forward_flops == 0)) plan.forward_flops = ops.sink().flops;
  });
  if (plan.forward_flops == 0) plan.forward_flops = ops.sink().flops;
  plan.workspace_elements = ops.arena().peak();
  plan.kept_elements = ops.arena().peak_kept();
  plan.operations = ops.sink().operations;
  return plan;
}

/// The same over a stream of its own. `Sink` counts when it is made from nothing: Count, also in constant expressions, or the
/// Recorder of a back end, which costs no second instantiation where the network is recorded as well.
template <class Sink = Count, class Network>
constexpr Plan plan_of(Network& network, Shape shape, Pass pass, const PassLayout& layout = {},
                       const RouterTraining& routers = {}) {
  Stream<Sink> ops(shape, pass, 0, Sink{}, routers, layout);
  return plan_of(network, ops);
}

}  // namespace genoform::inner::model
