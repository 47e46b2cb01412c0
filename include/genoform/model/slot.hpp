#pragma once
#include <cstdint>
#include <string>
#include <utility>

#include "genoform/model/declaration.hpp"
#include "genoform/model/norm_position.hpp"
#include "genoform/ops/arena.hpp"
#include "genoform/ops/operations.hpp"
#include "genoform/ops/stream.hpp"

namespace genoform::inner::model {

/// The norms of a sub-layer; a user's layer without any gets the default, Pre<RmsNorm> (docs/formats/model.md, section 1.2).
template <class Layer>
constexpr Normed norms_of(const Layer& layer) {
  if constexpr (requires { static_cast<const Normed&>(layer); })
    return layer;
  else
    return Normed{};
}

/// What the input of a layer and the gradient of its output may be made of: a layer whose `reads_bf16` is true takes what the
/// model's activations are.
template <class Layer>
constexpr ElementType input_of(const Layer& layer, ElementType activations) {
  if constexpr (requires { layer.reads_bf16; })
    return layer.reads_bf16 ? activations : ElementType::real;
  else
    return ElementType::real;
}

/// Where a block that is recomputed starts from: its input, its output, and what was kept when it began.
struct BlockRun {
  Tensor x, y;
  Arena::Mark kept;
};

/// The three norms of a sub-layer with their tensors.
struct NormPositions {
  constexpr explicit NormPositions(const Normed& norms) : pre(norms.pre), inner(norms.inner), post(norms.post) {}

  constexpr void declare(Declaration& d) {
    pre.declare(d, "pre");
    inner.declare(d, "inner");
    post.declare(d, "post");
  }

  NormPosition pre, inner, post;
};

/// A sub-layer in its place: the layer, its tensors, its norms and the residual sum, x <- post(x + inner(f(pre(x)))).
/// In a model the layer is an ErasedLayer (any_layer.hpp); constant expressions count the operations of the layer itself.
template <class Layer>
class Slot {
 public:
  constexpr explicit Slot(Layer layer) : layer_(std::move(layer)), norms_(norms_of(layer_)) {}

  constexpr const Layer& layer() const { return layer_; }

  constexpr void declare(Declaration& d) {
    norms_.declare(d);
    layer_.declare(weights_, d);
  }

  /// y = post(x + inner(f(pre(x)))); x, y [N, D], different tensors.
  template <class Ops>
  constexpr void forward(Ops& ops, Tensor x, Tensor y) {
    ops.note_layer(layer_);
    kept_ = ops.arena().mark();
    x_ = x;
    h_ = norms_.pre.exists() ? ops.keep(x.rows, x.columns, input_of(layer_, ops.activations())) : x;
    norms_.pre.forward(ops, x, h_);
    sum_ = norms_.post.exists() ? ops.keep(x.rows, x.columns) : y;
    branch_ = norms_.inner.exists() ? ops.keep(x.rows, x.columns) : sum_;
    layer_.forward(ops, weights_, saved_, h_, branch_);
    norms_.inner.forward(ops, branch_, sum_);
    ops(op::Add{.x = x, .y = sum_});
    norms_.post.forward(ops, sum_, y);
    ops.arena().release_scratch(kept_);
  }

  /// d [N, D]: on entry the gradient of y, on return that of x.
  template <class Ops>
  constexpr void backward(Ops& ops, Tensor d) {
    ops.note_layer(layer_);
    const auto mark = ops.arena().mark();
    norms_.post.backward(ops, sum_, d, d, false);
    Tensor d_branch = d;
    if (norms_.inner.exists()) {
      d_branch = ops.scratch(d.rows, d.columns);
      norms_.inner.backward(ops, branch_, d, d_branch, false);
    }
    if (const ElementType read = input_of(layer_, ops.activations()); read != ElementType::real) {
      const Tensor rounded = ops.scratch(d.rows, d.columns, read);
      ops(op::Copy{.x = d_branch, .y = rounded});
      d_branch = rounded;
    }
    const Tensor d_h = ops.scratch(d.rows, d.columns);
    layer_.backward(ops, weights_, saved_, h_, d_branch, d_h);
    if (norms_.pre.exists())
      norms_.pre.backward(ops, x_, d_h, d, true);
    else
      ops(op::Add{.x = d_h, .y = d});
    ops.arena().release_scratch(mark);
    ops.arena().release_kept(kept_);
  }

  /// What a layer does once after each optimizer step (router state); most do nothing.
  template <class Ops>
  constexpr void after_step(Ops& ops) {
    if constexpr (requires { layer_.after_step(ops, weights_); }) layer_.after_step(ops, weights_);
  }

 private:
  Layer layer_;
  NormPositions norms_;
  typename Layer::Weights weights_{};
  typename Layer::Saved saved_{};
  Arena::Mark kept_;
  Tensor x_, h_, branch_, sum_;
};

}  // namespace genoform::inner::model
