#pragma once
#include <cstdint>

#include "genoform/backend/device_memory.hpp"
#include "genoform/model/any_network.hpp"
#include "genoform/model/declaration.hpp"
#include "genoform/model/plan.hpp"
#include "genoform/ops/observer.hpp"
#include "genoform/ops/operation_list.hpp"
#include "genoform/ops/pass.hpp"

namespace genoform::inner::model {

/// Bytes of memory of a model and one or more of its recordings; what libraries allocate for themselves (the code of oneDNN's
/// primitives) is not in it.
struct MemoryUse {
  std::int64_t parameters = 0, gradients = 0;
  std::int64_t state = 0;      ///< what routers remember
  std::int64_t inputs = 0;     ///< tokens, targets and results
  std::int64_t workspace = 0;  ///< activations and scratch, by the plan
  std::int64_t scratch = 0;    ///< the back end's own, products' included

  constexpr std::int64_t total() const { return parameters + gradients + state + inputs + workspace + scratch; }
  friend constexpr bool operator==(const MemoryUse&, const MemoryUse&) = default;
};

/// Memories of recordings that will not run: an address to start from, never read.
template <class Real>
Memories<Real> no_memories() {
  Memories<Real> memories;
  memories.base.fill(reinterpret_cast<Real*>(std::uintptr_t{64}));
  return memories;
}

/// Makes one recording of a network on a back end without any memory, and drops it: what an observer, or a back end that
/// measures, learns from. The network must have been declared.
template <class Backend>
Plan rehearse(AnyNetwork<Backend>& network, const Backend& backend, Shape shape, Pass pass, const PassLayout& layout = {},
              const RouterTraining& routers = {}, Observer* observer = nullptr) {
  using Real = typename Backend::Real;
  Recording<Backend> r;
  r.shape = shape;
  r.pass = pass;
  r.layout = layout;
  r.routers = routers;
  r.plan = network.plan(shape, pass, layout, routers);
  r.memories = no_memories<Real>();
  for (const Phase phase : {Phase::forward, Phase::loss, Phase::backward}) r.list(phase).observe(observer, phase);
  network.record(backend, r);
  return r.plan;
}

/// The memory of a model and of its recording of one pass, before any of it is allocated. Takes as long as making the recording,
/// where the back end has scratch of its own. `also(measuring back end, parameters)` prepares what else is to run on it.
template <class Backend>
MemoryUse memory_needed(AnyNetwork<Backend>& network, const Backend& backend, Shape shape, Pass pass,
                        const PassLayout& layout = {}, const RouterTraining& routers = {},
                        void (*also)(const Backend&, std::int64_t) = nullptr) {
  using Real = typename Backend::Real;
  Declaration d(network.model_context());
  network.declare(d);
  const auto bytes = [](std::int64_t elements) { return device::Buffer<Backend>::bytes_of(elements); };
  MemoryUse use{.parameters = bytes(d.parameters()),
                .gradients = bytes(d.parameters()),
                .state = bytes(d.state_elements()),
                .inputs = bytes(input_elements(shape)) + bytes(result_elements),
                .workspace = bytes(network.plan(shape, pass, layout, routers).workspace_elements)};
  if constexpr (requires { backend.measuring(); }) {
    const Backend measuring = backend.measuring();
    OperationList after_step;
    network.record_after_step(measuring, no_memories<Real>(), after_step);
    rehearse(network, measuring, shape, pass, layout, routers);
    if (also != nullptr) also(measuring, d.parameters());
    use.scratch = measuring.scratch_bytes();
  }
  return use;
}

}  // namespace genoform::inner::model
