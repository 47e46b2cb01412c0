#pragma once
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "genoform/core/tensor.hpp"
#include "genoform/ops/arena.hpp"
#include "genoform/ops/operation_info.hpp"

namespace genoform::inner::ops {

/// The parts of a training step, in the order in which they run; `update` is what follows the backward pass: the optimizer, and
/// what routers remember.
enum class Phase : std::uint8_t { forward, loss, backward, update };

constexpr std::string_view name_of(Phase phase) {
  switch (phase) {
    case Phase::forward: return "forward";
    case Phase::loss: return "loss";
    case Phase::backward: return "backward";
    case Phase::update: return "optimizer";
  }
  return {};
}

/// A tensor that gets its place in the workspace.
struct Allocation {
  Phase phase = Phase::forward;
  Tensor tensor;
  bool kept = false;  ///< for the backward pass; else until the end of the sub-layer
  Arena::Mark top;    ///< what is in use, with it
};

/// What watches a model: it is told what is recorded, in order, and runs every operation itself. Engine::observe and rehearse()
/// take one; Profile, KeptMemory and Trace are observers. Each function may be left out.
class Observer {
 public:
  /// What is recorded next belongs to this sub-layer; block -1: the model itself.
  virtual void enter_sub_layer(std::int64_t /*block*/, std::int64_t /*place*/) {}
  /// The forward pass of a block begins, or has ended, that runs again on the backward pass.
  virtual void enter_recomputation(bool /*begins*/) {}
  virtual void allocate(const Allocation&) {}
  /// An operation is recorded. Returns a number of the observer's choice, which run() is given.
  virtual std::size_t record(Phase, const OperationInfo&) { return 0; }
  /// An operation is to run: call operation(state), once.
  virtual void run(std::size_t /*number*/, void (*operation)(void*), void* state) { operation(state); }

 protected:
  ~Observer() = default;
};

}  // namespace genoform::inner::ops

namespace genoform::extend {
using inner::ops::Observer;
}  // namespace genoform::extend
