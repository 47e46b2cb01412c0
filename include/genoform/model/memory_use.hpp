#pragma once
#include <cstdint>

#include "genoform/core/memory.hpp"
#include "genoform/model/any_network.hpp"
#include "genoform/model/declaration.hpp"
#include "genoform/model/plan.hpp"
#include "genoform/ops/observer.hpp"
#include "genoform/ops/operation_list.hpp"
#include "genoform/ops/pass.hpp"

namespace genoform {

/// Bytes of memory of a model and one or more of its programs; what libraries allocate for themselves (the code of oneDNN's
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

/// Memories of programs that will not run: an address to start from, never read.
template <class Real>
Memories<Real> no_memories() {
  Memories<Real> memories;
  memories.base.fill(reinterpret_cast<Real*>(std::uintptr_t{64}));
  return memories;
}

/// Records one pass of a network on a back end without any memory, and drops it: what an observer, or a back end that measures,
/// learns from. The network must have been declared.
template <class Backend>
Plan rehearse(AnyNetwork<Backend>& network, const Backend& backend, Shape shape, Pass pass, const PassLayout& layout = {},
              const RouterTraining& routers = {}, Observer* observer = nullptr) {
  using Real = typename Backend::Real;
  Recording<Real> p;
  p.shape = shape;
  p.pass = pass;
  p.layout = layout;
  p.routers = routers;
  p.plan = network.plan(shape, pass, layout, routers);
  p.memories = no_memories<Real>();
  for (const Phase phase : {Phase::forward, Phase::loss, Phase::backward}) p.calls(phase).observe(observer, phase);
  network.record(backend, p);
  return p.plan;
}

/// The memory of a model and of its program of one pass, before any of it is allocated. Takes as long as preparing the program,
/// where the back end has scratch of its own. `also(measuring back end, parameters)` prepares what else is to run on it.
template <class Backend>
MemoryUse memory_needed(AnyNetwork<Backend>& network, const Backend& backend, Shape shape, Pass pass,
                        const PassLayout& layout = {}, const RouterTraining& routers = {},
                        void (*also)(const Backend&, std::int64_t) = nullptr) {
  using Real = typename Backend::Real;
  Declaration d(network.model_context());
  network.declare(d);
  const auto bytes = [](std::int64_t elements) { return HostBuffer<Real>::bytes_of(elements); };
  MemoryUse use{.parameters = bytes(d.parameters()),
                .gradients = bytes(d.parameters()),
                .state = bytes(d.state_elements()),
                .inputs = bytes(input_elements(shape)) + bytes(result_elements),
                .workspace = bytes(network.plan(shape, pass, layout, routers).workspace_elements)};
  if constexpr (requires { backend.measuring(); }) {
    const Backend measuring = backend.measuring();
    OperationList calls;
    network.record_after_step(measuring, no_memories<Real>(), calls);
    rehearse(network, measuring, shape, pass, layout, routers);
    if (also != nullptr) also(measuring, d.parameters());
    use.scratch = measuring.scratch_bytes();
  }
  return use;
}

}  // namespace genoform
