#pragma once
#include <cstdint>
#include <string_view>

#include "genoform/layers/norm.hpp"
#include "genoform/model/declaration.hpp"
#include "genoform/ops/dense.hpp"

namespace genoform::inner::model {

/// A norm in its place (pre, inner, post of a sub-layer, or the final one) with its tensors; does nothing for NoNorm.
/// Every layer has three of them, so what they do is compiled once and not inlined: it runs when a recording is made.
class NormPosition {
 public:
  constexpr explicit NormPosition(Norm norm) : norm_(norm) {}

  constexpr bool exists() const { return norm_.kind != NormKind::none; }

  /// `width`: of the rows, 0: that of the residual stream.
  [[gnu::cold, gnu::noinline]] constexpr void declare(Declaration& d, std::string_view place, std::int64_t width = 0) {
    if (!exists()) return;
    if (width == 0) width = d.width();
    weight_ = d.vector({place, ".weight"}, width, Initializer::constant(1));
    if (has_bias()) bias_ = d.vector({place, ".bias"}, width, Initializer::constant(0));
  }

  template <class Ops>
  [[gnu::cold, gnu::noinline]] constexpr void forward(Ops& ops, Tensor x, Tensor y) {
    if (!exists()) return;
    statistics_ = ops.keep(x.rows, 2);
    ops(op::Normalize{.statistic = statistic(), .x = x, .w = weight_, .b = bias_, .statistics = statistics_, .y = y});
  }

  /// dx is overwritten, or added to when `accumulate`; dx may be dy.
  template <class Ops>
  [[gnu::cold, gnu::noinline]] constexpr void backward(Ops& ops, Tensor x, Tensor dy, Tensor dx, bool accumulate) const {
    if (!exists()) return;
    ops(op::NormalizeGradient{.statistic = statistic(),
                              .x = x,
                              .w = weight_,
                              .statistics = statistics_,
                              .dy = dy,
                              .dx = dx,
                              .dw = gradient(weight_),
                              .db = gradient(bias_),
                              .accumulate = accumulate});
  }

 private:
  constexpr bool has_bias() const { return norm_.kind != NormKind::rms; }
  constexpr op::Statistic statistic() const {
    return norm_.kind == NormKind::rms      ? op::Statistic::rms
           : norm_.kind == NormKind::primer ? op::Statistic::primer
                                            : op::Statistic::layer;
  }

  Norm norm_;
  Tensor weight_, bias_, statistics_;
};

}  // namespace genoform::inner::model
