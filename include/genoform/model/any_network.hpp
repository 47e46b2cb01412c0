#pragma once
#include <cstdint>
#include <utility>
#include <vector>

#include "genoform/backend/memories.hpp"
#include "genoform/core/memory.hpp"
#include "genoform/model/declaration.hpp"
#include "genoform/model/plan.hpp"
#include "genoform/ops/gradient_writers.hpp"
#include "genoform/ops/operation_list.hpp"
#include "genoform/ops/pass.hpp"
#include "genoform/ops/recorder.hpp"
#include "genoform/ops/stream.hpp"

namespace genoform {

/// Every operation of one pass over one shape, prepared, with the memory it works in.
template <class Real>
struct Recording {
  Shape shape;
  Pass pass = Pass::train;
  PassLayout layout;
  RouterTraining routers;
  Plan plan;
  HostBuffer<Real> workspace, inputs, results;
  Memories<Real> memories;
  OperationList forward, loss, backward;
  Tensor in;   ///< input of a part [N, D]; a decoder reads tokens instead
  Tensor out;  ///< logits of a decoder, output of a part
  std::vector<OutputLocation> outputs;
  std::vector<ElementRange> replaced;  ///< gradients that the backward pass replaces where they are to begin as 0
  std::int64_t run = 0;                ///< when it ran last, counted over all programs of the model

  OperationList& calls(Phase phase) { return phase == Phase::forward ? forward : phase == Phase::loss ? loss : backward; }
};

/// A network without its type: what BasicModel and Module need of it.
template <class Backend>
class AnyNetwork {
 public:
  virtual ~AnyNetwork() = default;
  virtual void declare(Declaration& d) = 0;
  virtual ModelContext model_context() const = 0;
  virtual std::int64_t out_columns() const = 0;
  virtual Plan plan(Shape shape, Pass pass, const PassLayout& layout, const RouterTraining& routers) = 0;
  virtual void record(const Backend& backend, Recording<typename Backend::Real>& program) = 0;
  virtual void record_after_step(const Backend& backend, const Memories<typename Backend::Real>& memories,
                                 OperationList& calls) = 0;
};

template <class Backend, class Network>
class NetworkOf final : public AnyNetwork<Backend> {
 public:
  explicit NetworkOf(Network network) : network_(std::move(network)) {}

  void declare(Declaration& d) override { network_.declare(d); }
  ModelContext model_context() const override { return network_.model_context(); }
  std::int64_t out_columns() const override { return network_.out_columns(); }
  Plan plan(Shape shape, Pass pass, const PassLayout& layout, const RouterTraining& routers) override {
    return plan_of<Recorder<Backend>>(network_, shape, pass, layout, routers);
  }
  void record(const Backend& backend, Recording<typename Backend::Real>& program) override {
    Stream<Recorder<Backend>> ops(program.shape, program.pass, program.plan.workspace_elements,
                                  Recorder<Backend>(backend, program.memories, step_tensors(program.shape).zero_before),
                                  program.routers, program.layout);
    program.out = walk(network_, ops, [&](Phase phase) { ops.sink().write_to(&program.calls(phase)); });
    ops.sink().write_to(nullptr);
    program.replaced = ops.sink().gradient_writers().replaced();
    if (program.layout.hold) program.outputs = std::move(ops.sink().outputs());
    if constexpr (requires { network_.input(); }) program.in = network_.input();
  }
  void record_after_step(const Backend& backend, const Memories<typename Backend::Real>& memories,
                         OperationList& calls) override {
    Stream<Recorder<Backend>> ops(Shape{}, Pass::train, 0, Recorder<Backend>(backend, memories));
    ops.sink().write_to(&calls);
    network_.after_step(ops);
    ops.sink().write_to(nullptr);
  }

 private:
  Network network_;
};

}  // namespace genoform
