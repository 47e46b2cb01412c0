#pragma once
#include <cstdint>
#include <vector>

#include "genoform/backend/device_memory.hpp"
#include "genoform/backend/memories.hpp"
#include "genoform/core/memory.hpp"
#include "genoform/core/tensor.hpp"
#include "genoform/model/plan.hpp"
#include "genoform/ops/gradient_writers.hpp"
#include "genoform/ops/operation_list.hpp"
#include "genoform/ops/pass.hpp"
#include "genoform/ops/recorder.hpp"

namespace genoform::inner::model {

/// What a model has prepared for one shape and pass: the operation lists of its phases and the memory that they work in.
template <class Backend>
struct Recording {
  using Real = typename Backend::Real;

  Shape shape;
  Pass pass = Pass::train;
  PassLayout layout;
  RouterTraining routers;
  Plan plan;
  device::Buffer<Backend> workspace;
  device::SharedBuffer<Backend> inputs, results;
  Memories<Real> memories;
  OperationList forward, loss, backward;
  OperationList clear_gradients;  ///< zeros for the gradients that a backward pass does not overwrite, to be run before it
  Tensor in;                      ///< input of a part [N, D]; a decoder reads tokens instead
  Tensor out;                     ///< logits of a decoder, output of a part
  HostBuffer<Real> out_image;     ///< `out` as the host last read it, where it cannot be read in its place
  std::vector<OutputLocation> outputs;
  std::vector<ElementRange> overwritten;  ///< gradients that the backward pass overwrites in GradientMode::overwrite
  std::int64_t run = 0;                   ///< when it ran last, counted over all recordings of the model

  OperationList& list(Phase phase) { return phase == Phase::forward ? forward : phase == Phase::loss ? loss : backward; }
};

}  // namespace genoform::inner::model
