#pragma once
#include <cstdint>
#include <utility>

#include "genoform/backend/memories.hpp"
#include "genoform/model/declaration.hpp"
#include "genoform/model/plan.hpp"
#include "genoform/model/recording.hpp"
#include "genoform/ops/operation_list.hpp"
#include "genoform/ops/pass.hpp"
#include "genoform/ops/recorder.hpp"
#include "genoform/ops/stream.hpp"

namespace genoform::inner::model {

/// A network without its type: what BasicModel and Module need of it.
template <class Backend>
class AnyNetwork {
 public:
  virtual ~AnyNetwork() = default;
  virtual void declare(Declaration& d) = 0;
  virtual ModelContext model_context() const = 0;
  virtual std::int64_t out_columns() const = 0;
  virtual Plan plan(Shape shape, Pass pass, const PassLayout& layout, const RouterTraining& routers) = 0;
  virtual void record(const Backend& backend, Recording<Backend>& recording) = 0;
  virtual void record_after_step(const Backend& backend, const Memories<typename Backend::Real>& memories,
                                 OperationList& list) = 0;
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
  void record(const Backend& backend, Recording<Backend>& recording) override {
    Stream<Recorder<Backend>> ops(recording.shape, recording.pass, recording.plan.workspace_elements,
                                  Recorder<Backend>(backend, recording.memories, step_tensors(recording.shape).zero_before),
                                  recording.routers, recording.layout);
    recording.out = walk(network_, ops, [&](Phase phase) { ops.sink().write_to(&recording.list(phase)); });
    ops.sink().write_to(nullptr);
    recording.overwritten = ops.sink().gradient_writers().overwritten();
    if (recording.layout.hold) recording.outputs = std::move(ops.sink().outputs());
    if constexpr (requires { network_.input(); }) recording.in = network_.input();
  }
  void record_after_step(const Backend& backend, const Memories<typename Backend::Real>& memories, OperationList& list) override {
    Stream<Recorder<Backend>> ops(Shape{}, Pass::train, 0, Recorder<Backend>(backend, memories));
    ops.sink().write_to(&list);
    network_.after_step(ops);
    ops.sink().write_to(nullptr);
  }

 private:
  Network network_;
};

}  // namespace genoform::inner::model
