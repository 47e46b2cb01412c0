#pragma once
#include <cstdint>
#include <string_view>

#include "genoform/genoform.hpp"
#include "genoform/ops/operations.hpp"
#include "genoform/ops/stream.hpp"

namespace genoform::tests {

using namespace inner;

/// A sub-layer that the library does not know: y = W conv3(x), the depthwise convolution of DConv directly on the residual
/// stream.
struct ShiftLayer {
  static constexpr std::string_view name = "Shift";

  struct Weights {
    Tensor filter_width, mix;
  };
  struct Saved {
    Tensor shifted;
  };

  constexpr void declare(Weights& w, Declaration& d) const {
    w.filter_width = d.undecayed_matrix("shift.taps", d.width(), 3, Initializer::dconv());
    w.mix = d.matrix("shift.mix.weight", d.width(), d.width(), Initializer::fan_in(d.width()));
  }
  template <class Ops>
  constexpr void forward(Ops& ops, const Weights& w, Saved& s, Tensor x, Tensor y) const {
    s.shifted = ops.keep(x.rows, x.columns);
    ops(op::CausalConvolution{.x = x, .w = w.filter_width, .y = s.shifted, .context = ops.shape().context});
    ops(op::Linear{.x = s.shifted, .w = w.mix, .y = y});
  }
  template <class Ops>
  constexpr void backward(Ops& ops, const Weights& w, const Saved& s, Tensor x, Tensor dy, Tensor dx) const {
    const Tensor d_shifted = ops.scratch(x.rows, x.columns);
    ops(op::LinearWeightGradient{.x = s.shifted, .dy = dy, .dw = gradient(w.mix)});
    ops(op::LinearInputGradient{.dy = dy, .w = w.mix, .dx = d_shifted});
    ops(op::CausalConvolutionGradient{
        .x = x, .w = w.filter_width, .dy = d_shifted, .dx = dx, .dw = gradient(w.filter_width), .context = ops.shape().context});
  }
};

}  // namespace genoform::tests
