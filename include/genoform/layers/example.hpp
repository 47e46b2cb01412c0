#pragma once
#include <cstdint>
#include <string_view>

#include "genoform/core/part.hpp"
#include "genoform/layers/ffn.hpp"
#include "genoform/layers/layer.hpp"
#include "genoform/layers/norm.hpp"
#include "genoform/model/declaration.hpp"
#include "genoform/ops/dense.hpp"

#include "genoform/core/hide_macros.hpp"

/// A layer to copy: everything that the library asks of one (required), and everything that it looks for (optional).
/// No model contains it; tests/reference/example_layer.cpp checks it.
namespace genoform::inner::layers {

template <class... Options>
struct Example;

/// y = W_out (u * swish(g)), u and g the halves of W_in x + b. x, y: [N, D]; N tokens are B sequences of T, one after the other.
///
/// A layer is a plain value: its members are its options, and it holds no tensor. The same value stands at many places of a model
/// and writes its operations once for each shape, pass and place, in dry runs too; what belongs to one place is in Weights and
/// Saved. It calls no back end and reads no number: it only writes operations into `ops`, the stream, and gets opaque handles.
struct ExampleLayer : Normed {  // optional: Pre, Post and Inner among its options; a layer without it is normed by Pre<RmsNorm>
  /// Optional, required in a text: the word for it. No two kinds may have the same.
  static constexpr std::string_view name = "Example";

  /// Optional, required with options: the type that a user writes, `Example<Hidden<64>, Bias>`.
  template <class... Options>
  using type = Example<Options...>;

  /// Optional: true where every operation that reads the input x, or dy, takes bf16. It then gets them in what the activations of
  /// the model are made of. Without it, or false, they are always in the number type of the back end.
  static constexpr bool reads_bf16 = true;

  int hidden = by_width;  ///< by_width: left out, until a model around it is known
  bool bias = false;

  /// Optional: a row for each option, in the order in which they are printed. A row names the tag of the option (a template of
  /// numbers, a word, a choice) and the member that it sets, and may have a default that depends on the options before it and on
  /// the model. Parser, printer, types, messages and the search are derived from it. Beside it a layer may have `violation(const
  /// ModelContext&) const`, which says what options forbid each other or the width: see layers/attention.hpp.
  static constexpr auto options() {
    using L = ExampleLayer;
    return Table{count<Hidden, &L::hidden>(
                     [](const L&, const ModelContext& model) { return model.width > 0 ? 2 * model.width : by_width; }),
                 flag<Bias, &L::bias>()};
  }
  /// Required with options: layers with the same options are the same kind of layer.
  friend constexpr bool operator==(const ExampleLayer&, const ExampleLayer&) = default;

  /// Required, may be empty: the handles of what it declares. It is made empty, filled by declare, and read from then on.
  struct Weights {
    Tensor in, in_bias, out;
  };
  /// Required, may be empty: the handles of what the forward pass keeps for the backward pass of the same place.
  struct Saved {
    Tensor both;   ///< u and g side by side [N, 2H]
    Tensor gated;  ///< [N, H]
  };

  /// Required. Declares parameters, and state that is not trained, in the order in which they lie in memory and files; the name
  /// of each is unique in the layer. d.width() is D, d.vocab() and d.context() are 0 where nobody has said them. It runs many
  /// times, also when nothing is allocated, and must do the same each time.
  constexpr void declare(Weights& w, Declaration& d) const {
    const std::int64_t D = d.width();
    w.in = d.matrix("example.in.weight", 2 * std::int64_t{hidden}, D, Initializer::fan_in(D));
    if (bias) w.in_bias = d.vector("example.in.bias", 2 * std::int64_t{hidden}, Initializer::constant(0));
    w.out = d.matrix("example.out.weight", D, hidden, Initializer::fan_in(hidden));
  }

  /// Required. Writes all of y, and only reads x: others need it. ops.keep(rows, columns) gives a tensor that lives until the
  /// backward pass of this place is over, ops.scratch(rows, columns) one that lives until the end of this function's sub-layer;
  /// neither is zeroed. Position t may not depend on later positions; where a layer cannot keep that in training, ops.training()
  /// tells the passes apart. ops.step has the tokens of the step and the auxiliary loss that may be added to.
  template <class Ops>
  constexpr void forward(Ops& ops, const Weights& w, Saved& s, Tensor x, Tensor y) const {
    s.both = ops.keep(x.rows, w.in.rows, ops.activations());
    s.gated = ops.keep(x.rows, hidden, ops.activations());
    ops(op::Linear{.x = x, .w = w.in, .bias = w.in_bias, .y = s.both});
    ops(op::Activate{.f = op::Function::swish, .u = half(s.both, 0), .gate = half(s.both, 1), .y = s.gated});
    ops(op::Linear{.x = s.gated, .w = w.out, .y = y});
  }

  /// Required. From dy, the gradient of the loss by y, writes all of dx, that by x, and adds the gradients of its parameters to
  /// gradient(w...), which other layers or micro-batches may have added to. x is what forward got. It may overwrite what is in
  /// Saved, but neither x nor dy. testing::check_gradients compares it with differences of the loss.
  template <class Ops>
  constexpr void backward(Ops& ops, const Weights& w, const Saved& s, Tensor x, Tensor dy, Tensor dx) const {
    const Tensor d_gated = ops.scratch(x.rows, hidden, ops.activations()),
                 d_both = ops.scratch(x.rows, w.in.rows, ops.activations());
    ops(op::LinearWeightGradient{.x = s.gated, .dy = dy, .dw = gradient(w.out)});
    ops(op::LinearInputGradient{.dy = dy, .w = w.out, .dx = d_gated});
    ops(op::ActivateGradient{.f = op::Function::swish,
                             .u = half(s.both, 0),
                             .gate = half(s.both, 1),
                             .y = s.gated,
                             .dy = d_gated,
                             .du = half(d_both, 0),
                             .dgate = half(d_both, 1)});
    ops(op::LinearWeightGradient{.x = x, .dy = d_both, .dw = gradient(w.in), .dbias = gradient(w.in_bias)});
    ops(op::LinearInputGradient{.dy = d_both, .w = w.in, .dx = dx});
  }

  // Optional: `constexpr void after_step(auto& ops, const Weights& w) const` writes what happens once after each step of the
  // optimizer, to state that declare() has asked for (d.state): what a router remembers. It has no tokens and no scratch. See
  // layers/routers/loss_free.hpp.

 private:
  constexpr Tensor half(Tensor both, int which) const { return both.column_range(which * std::int64_t{hidden}, hidden); }
};

/// Required with options: the type that stands in a Block.
template <class... Options>
struct Example : Part<ExampleLayer, Options...> {};

}  // namespace genoform::inner::layers

#include "genoform/core/restore_macros.hpp"
