#pragma once
#include <cstdint>
#include <vector>

#include "genoform/backend/memories.hpp"
#include "genoform/core/tensor.hpp"
#include "genoform/ops/arena.hpp"
#include "genoform/ops/count.hpp"
#include "genoform/ops/gradient_writers.hpp"
#include "genoform/ops/joins.hpp"
#include "genoform/ops/observer.hpp"
#include "genoform/ops/operation_list.hpp"

namespace genoform::inner::ops {

/// Where the residual stream lies after a sub-layer: blocks are counted through all stacks, places in the block, both from 0.
struct OutputLocation {
  std::int64_t block = 0, place = 0;
  Tensor tensor;  ///< [N, D]
};

/// A back end whose weight gradients heed op::LinearWeightGradient::zero_before.
template <class Backend>
concept OverwritesGradients = Backend::overwrites_gradients;

/// The sink that counts every operation and, once it has a list to write to, prepares it on a back end and appends it there.
/// Dry run and recording are one type: layers are compiled once for both.
template <class Backend>
class Recorder : public Count {
 public:
  Recorder() = default;
  /// `zero_before`: what weight gradients that may overwrite what is there are given to read; absent: none may.
  Recorder(const Backend& backend, const Memories<typename Backend::Real>& memories, Tensor zero_before = {})
      : backend_(&backend), memories_(&memories), zero_before_(zero_before) {}

  /// Call it with null at the end: the last operation may still wait for the next.
  void write_to(OperationList* list) {
    release_waiting();
    list_ = list;
  }

  template <class Op>
  void operator()(const Op& op);
  std::vector<OutputLocation>& outputs() { return outputs_; }
  GradientWriters& gradient_writers() { return writers_; }

  // What a stream tells besides operations.
  void note_output(std::int64_t block, std::int64_t place, Tensor y) { outputs_.push_back({block, place, y}); }
  void note_sub_layer(std::int64_t block, std::int64_t place) {
    release_waiting();
    if (Observer* const observer = observer_of(list_)) observer->enter_sub_layer(block, place);
  }
  void note_recomputation(bool begins) {
    release_waiting();
    if (Observer* const observer = observer_of(list_)) observer->enter_recomputation(begins);
  }
  void note_allocation(const Tensor& t, bool kept, const Arena& arena) {
    if (Observer* const observer = observer_of(list_))
      observer->allocate({.phase = list_->phase(), .tensor = t, .kept = kept, .top = arena.mark()});
  }

 private:
  static Observer* observer_of(const OperationList* list) { return list != nullptr ? list->observer() : nullptr; }

  template <class Op>
  void prepare(Op op) {
    if constexpr (OverwritesGradients<Backend>) {
      if constexpr (requires { op.zero_before; })
        if (writers_.overwrite(op.dw)) op.zero_before = zero_before_;
      const OperationInfo info = info_of(op);
      writers_.add(info.reads);
      writers_.add(info.writes);
    }
    list_->add(*backend_, op, *memories_);
  }
  [[gnu::cold, gnu::noinline]] void release_waiting() {
    waiting_.release([&](const auto& op) { prepare(op); });
  }

  const Backend* backend_ = nullptr;
  const Memories<typename Backend::Real>* memories_ = nullptr;
  Tensor zero_before_;
  GradientWriters writers_;
  OperationList* list_ = nullptr;
  WaitingOperations<joins_of<Backend>> waiting_;
  std::vector<OutputLocation> outputs_;
};

/// Outside the class for the reason of OperationList::add().
template <class Backend>
template <class Op>
void Recorder<Backend>::operator()(const Op& op) {
  Count::operator()(op);
  if (list_ == nullptr || waiting_.join(op)) return;
  release_waiting();
  if (!waiting_.hold(op)) prepare(op);
}

}  // namespace genoform::inner::ops
