#pragma once
#include <cstdint>
#include <type_traits>
#include <utility>
#include <vector>

#include "genoform/backend/memories.hpp"
#include "genoform/core/tensor.hpp"
#include "genoform/ops/arena.hpp"
#include "genoform/ops/count.hpp"
#include "genoform/ops/dense.hpp"
#include "genoform/ops/gradient_writers.hpp"
#include "genoform/ops/operation_list.hpp"

namespace genoform {

/// Where the residual stream lies after a sub-layer: blocks are counted through all stacks, places in the block, both from 0.
struct OutputLocation {
  std::int64_t block = 0, place = 0;
  Tensor tensor;  ///< [N, D]
};

/// A back end that an observer listens to while a program is made (backend/observed.hpp).
template <class Backend>
concept IsObserved = requires(const Backend& backend) {
  backend.observer();
};

/// A back end whose weight gradients heed op::LinearWeightGradient::zero_before.
template <class Backend>
concept ReplacesGradients = Backend::replaces_gradients;

/// The sink that counts every operation and, once it has a list to write to, prepares it on a back end and appends it there.
/// Dry run and recording are one type: layers are compiled once for both.
template <class Backend>
class Recorder : public Count {
 public:
  Recorder() = default;
  /// `zero_before`: what weight gradients that may replace what is there are given to read; absent: none may.
  Recorder(const Backend& backend, const Memories<typename Backend::Real>& memories, Tensor zero_before = {})
      : backend_(&backend), memories_(&memories), zero_before_(zero_before) {}

  /// Call it with null at the end: the last operation may still wait for the next.
  void write_to(OperationList* calls) {
    finish_waiting();
    calls_ = calls;
  }

  template <class Op>
  void operator()(const Op& op) {
    Count::operator()(op);
    if (calls_ == nullptr) return;
    if constexpr (std::is_same_v<Op, op::Add>)
      if (waits_ && waiting_.takes(op)) {
        waiting_.added = op.x;
        return finish_waiting();
      }
    finish_waiting();
    waits_ = std::is_same_v<Op, op::Linear>;
    if constexpr (std::is_same_v<Op, op::Linear>)
      waiting_ = op;
    else
      prepare(op);
  }
  void note_output(std::int64_t block, std::int64_t place, Tensor y) { outputs_.push_back({block, place, y}); }
  std::vector<OutputLocation>& outputs() { return outputs_; }
  GradientWriters& gradient_writers() { return writers_; }

  void note_sub_layer(std::int64_t block, std::int64_t place) requires IsObserved<Backend> {
    if (calls_ != nullptr) backend_->observer().enter_sub_layer(block, place);
  }
  void note_again(bool begins) requires IsObserved<Backend> {
    if (calls_ != nullptr) backend_->observer().enter_again(begins);
  }
  void note_taken(const Tensor& t, bool kept, const Arena& arena) requires IsObserved<Backend> {
    if (calls_ != nullptr) backend_->observer().take(t, kept, arena);
  }

 private:
  template <class Op>
  void prepare(Op op) {
    if constexpr (ReplacesGradients<Backend>) {
      if constexpr (requires { op.zero_before; })
        if (writers_.replace(op.dw)) op.zero_before = zero_before_;
      for (const Tensor& t : op.tensors()) writers_.add(t);
    }
    calls_->add(*backend_, op, *memories_);
  }
  void finish_waiting() {
    if (std::exchange(waits_, false)) prepare(waiting_);
  }

  const Backend* backend_ = nullptr;
  const Memories<typename Backend::Real>* memories_ = nullptr;
  Tensor zero_before_;
  GradientWriters writers_;
  OperationList* calls_ = nullptr;
  op::Linear waiting_{};  ///< the last product, as long as a sum behind it may join it
  bool waits_ = false;
  std::vector<OutputLocation> outputs_;
};

}  // namespace genoform
