#pragma once
#include <array>
#include <cstdint>

#include "genoform/core/bounds.hpp"
#include "genoform/core/part.hpp"
#include "genoform/layers/ffn.hpp"
#include "genoform/layers/hidden_activation.hpp"
#include "genoform/layers/norm.hpp"
#include "genoform/layers/plain_activation.hpp"
#include "genoform/model/declaration.hpp"
#include "genoform/model/norm_position.hpp"
#include "genoform/ops/attention.hpp"
#include "genoform/ops/stream.hpp"

#include "genoform/core/hide_macros.hpp"

namespace genoform::inner::layers {

/// The channels of the narrow branch.
template <int N>
struct Side : Numbers<"Side", N> {};
/// How many positions the three separable convolutions see.
template <int N>
struct Taps : Numbers<"Taps", N> {};
template <int N>
struct SideTaps : Numbers<"SideTaps", N> {};
template <int N>
struct LastTaps : Numbers<"LastTaps", N> {};
/// The norm between the branches and the last convolution.
template <class N>
struct Middle : Words<"Middle", N> {};

}  // namespace genoform::inner::layers

namespace genoform::inner::rules {
GENOFORM_RULE(SideWithinHidden, "the narrow branch of a Conv is added to the wide one; Side must be at most Hidden");
}  // namespace genoform::inner::rules

namespace genoform::inner::layers {

template <class... Options>
struct Conv;

/// The convolution block of the Evolved Transformer's decoder, all causal: y = sep(norm(act(sep(x)) + pad(sep(x)))), a separable
/// convolution being a depthwise one and a matrix; x, y: [N, D]. So et al., arXiv 1901.11117; docs/formats/model.md section 7.3.
struct ConvLayer : Normed {
  static constexpr std::string_view name = "Conv";
  template <class... Options>
  using type = Conv<Options...>;

  PlainActivation activation{ActivationKind::relu};
  int hidden = by_width, side = by_width;
  int filter_width = 11, side_taps = 7, last_taps = 7;
  bool bias = false;
  Norm middle{NormKind::layer};

  static constexpr auto options() {
    using L = ConvLayer;
    return Table{
        choice<&L::activation>(),
        count<Hidden, &L::hidden>([](const L&, const ModelContext& a) {
          return static_cast<int>(smaller_of<std::int64_t>(2 * std::int64_t{a.width}, max_number));
        }),
        count<Side, &L::side>([](const L&, const ModelContext& a) { return a.width > 0 ? larger_of(1, a.width / 2) : by_width; }),
        count<Taps, &L::filter_width>(),
        count<SideTaps, &L::side_taps>(),
        count<LastTaps, &L::last_taps>(),
        flag<Bias, &L::bias>(),
        wrapped<Middle, &L::middle>()};
  }

  constexpr auto violation(const ModelContext& a) const {
    const double wide = larger_of(a.width, 1);
    return Violations{refuse_if<rules::SideWithinHidden>(hidden > 0 && side > hidden, "Side", "Hidden"),
                      too_many_parameters(hidden * wide, "Hidden"), too_many_parameters(filter_width * wide, "Taps"),
                      too_many_parameters(side_taps * wide, "SideTaps"),
                      too_many_parameters(static_cast<double>(last_taps) * larger_of(hidden, 1), "LastTaps", "Hidden")};
  }
  friend constexpr bool operator==(const ConvLayer&, const ConvLayer&) = default;

  /// A separable convolution: depthwise, then a matrix.
  struct Separable {
    Tensor depthwise, weight, bias;
  };
  struct Weights {
    Separable wide, side, last;
    NormPosition middle{Norm{}};
  };
  struct Saved {
    Tensor wide_in, side_in, last_in;  ///< behind the depthwise convolutions
    Tensor u, activated;               ///< wide branch before and behind the activation (the same where the output is enough)
    Tensor sum, normed;                ///< of the branches; behind the norm
    NormPosition middle{Norm{}};
  };

  constexpr void declare(Weights& w, Declaration& d) const {
    const std::int64_t D = d.width();
    declare_separable(w.wide, d, {"conv.wide.dconv", "conv.wide.weight", "conv.wide.bias"}, D, hidden, filter_width);
    declare_separable(w.side, d, {"conv.side.dconv", "conv.side.weight", "conv.side.bias"}, D, side, side_taps);
    w.middle = NormPosition(middle);
    w.middle.declare(d, "conv.middle", hidden);
    declare_separable(w.last, d, {"conv.last.dconv", "conv.last.weight", "conv.last.bias"}, hidden, D, last_taps);
  }

  template <class Ops>
  constexpr void forward(Ops& ops, const Weights& w, Saved& s, Tensor x, Tensor y) const {
    const HiddenActivation act(activation);
    s.activated = ops.keep(x.rows, hidden);
    s.u = act.from_output() ? s.activated : ops.keep(x.rows, hidden);
    s.wide_in = ops.keep(x.rows, x.columns);
    convolve(ops, w.wide, x, s.wide_in, s.u, act.epilogue());
    if (!act.from_output()) ops(op::Activate{.f = act.f, .u = s.u, .y = s.activated});
    s.side_in = ops.keep(x.rows, x.columns);
    const Tensor narrow = ops.scratch(x.rows, side);
    convolve(ops, w.side, x, s.side_in, narrow);
    s.sum = ops.keep(x.rows, hidden);
    ops(op::Copy{.x = s.activated, .y = s.sum});
    ops(op::Add{.x = narrow, .y = s.sum.column_range(0, side)});
    s.middle = w.middle;
    s.normed = s.middle.exists() ? ops.keep(x.rows, hidden) : s.sum;
    s.middle.forward(ops, s.sum, s.normed);
    s.last_in = ops.keep(x.rows, hidden);
    convolve(ops, w.last, s.normed, s.last_in, y);
  }

  template <class Ops>
  constexpr void backward(Ops& ops, const Weights& w, const Saved& s, Tensor x, Tensor dy, Tensor dx) const {
    const HiddenActivation act(activation);
    const Tensor d_sum = ops.scratch(x.rows, hidden);
    convolve_backward(ops, w.last, s.normed, s.last_in, dy, d_sum);
    s.middle.backward(ops, s.sum, d_sum, d_sum, false);
    const Tensor dx_side = ops.scratch(x.rows, x.columns);
    convolve_backward(ops, w.side, x, s.side_in, d_sum.column_range(0, side), dx_side);
    const Tensor u = act.from_output() ? Tensor{} : s.u;
    ops(op::ActivateGradient{.f = act.f, .u = u, .y = s.activated, .dy = d_sum, .du = d_sum});
    convolve_backward(ops, w.wide, x, s.wide_in, d_sum, dx);
    ops(op::Add{.x = dx_side, .y = dx});
  }

 private:
  constexpr void declare_separable(Separable& made, Declaration& d, std::array<const char*, 3> names, std::int64_t in,
                                   std::int64_t out, std::int64_t positions) const {
    made.depthwise = d.undecayed_matrix(names[0], in, positions, Initializer::dconv());
    made.weight = d.matrix(names[1], out, in, Initializer::fan_in(in));
    if (bias) made.bias = d.vector(names[2], out, Initializer::constant(0));
  }
  template <class Ops>
  static constexpr void convolve(Ops& ops, const Separable& w, Tensor x, Tensor between, Tensor y,
                                 op::Function f = op::Function::identity) {
    ops(op::CausalConvolution{.x = x, .w = w.depthwise, .y = between, .context = ops.shape().context});
    ops(op::Linear{.x = between, .w = w.weight, .bias = w.bias, .y = y, .f = f});
  }
  template <class Ops>
  static constexpr void convolve_backward(Ops& ops, const Separable& w, Tensor x, Tensor between, Tensor dy, Tensor dx) {
    const Tensor d_between = ops.scratch(x.rows, x.columns);
    ops(op::LinearWeightGradient{.x = between, .dy = dy, .dw = gradient(w.weight), .dbias = gradient(w.bias)});
    ops(op::LinearInputGradient{.dy = dy, .w = w.weight, .dx = d_between});
    ops(op::CausalConvolutionGradient{
        .x = x, .w = w.depthwise, .dy = d_between, .dx = dx, .dw = gradient(w.depthwise), .context = ops.shape().context});
  }
};

template <class... Options>
struct Conv : Part<ConvLayer, Options...> {};

}  // namespace genoform::inner::layers

namespace genoform {
using inner::layers::Conv;
using inner::layers::LastTaps;
using inner::layers::Middle;
using inner::layers::Side;
using inner::layers::SideTaps;
using inner::layers::Taps;
}  // namespace genoform

#include "genoform/core/restore_macros.hpp"
