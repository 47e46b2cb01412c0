#pragma once
#include <cstdint>
#include <string_view>

#include "genoform/ops/dense.hpp"
#include "genoform/ops/operands.hpp"

/// The operations that mix positions. Rows are N = B*T tokens, sequence after sequence; channel i of head h is column h*K + i.
namespace genoform::op {

/// Rotary positions in place: channels i and i + K/2 of each head by the angle t * 10000^(-2i/K), backwards when `inverse`. x [N,
/// heads*K].
struct Rotate {
  static constexpr std::string_view name = "rotate";
  Tensor x;
  std::int64_t head_dim = 0, context = 0;
  bool inverse = false;
  constexpr bool fits() const { return head_dim % 2 == 0 && x.columns % head_dim == 0 && x.rows % context == 0; }
  constexpr std::int64_t flops() const { return 0; }
  constexpr Operands reads() const { return {x}; }
  constexpr Operands writes() const { return {x}; }
};

/// The first `channels` channels of a convolution's output are rotated as by Rotate, in the same pass; 0: none.
struct FusedRotation {
  std::int64_t channels = 0, head_dim = 0;
  constexpr bool fits(std::int64_t columns) const {
    return channels == 0 || (head_dim > 0 && head_dim % 2 == 0 && channels % head_dim == 0 && channels <= columns);
  }
  constexpr Rotate of(Tensor y, std::int64_t context, bool inverse) const {
    return {.x = y.column_range(0, channels), .head_dim = head_dim, .context = context, .inverse = inverse};
  }
};

/// y[t, c] = sum_i w[c, i] * x[t - i, c], nothing before position 0 of a sequence, then rotated; x, y [N, C], w [C, k].
/// Primer's multi-dconv-head attention: So et al., arXiv 2109.08668.
struct CausalConvolution {
  static constexpr std::string_view name = "causal_convolution";
  Tensor x, w, y;
  std::int64_t context = 0;
  FusedRotation rotation{};
  constexpr bool fits() const {
    return same_shape(x, y) && w.rows == x.columns && x.rows % context == 0 && rotation.fits(y.columns);
  }
  constexpr std::int64_t flops() const { return 2 * x.rows * w.size(); }
  constexpr Operands reads() const { return {x, w}; }
  constexpr Operands writes() const { return {y}; }
};

/// dx[t, c] = sum_i w[c, i] * dy[t + i, c] inside the sequence; dw[c, i] += sum_t dy[t, c] * x[t - i, c], with dy
/// rotated back first. dx may be dy, and must be where channels are rotated.
struct CausalConvolutionGradient {
  static constexpr std::string_view name = "causal_convolution_gradient";
  Tensor x, w, dy, dx, dw;
  std::int64_t context = 0;
  FusedRotation rotation{};
  constexpr bool fits() const {
    return same_shape(x, dy) && same_shape(dy, dx) && same_shape(w, dw) && w.rows == x.columns && rotation.fits(dy.columns) &&
           (rotation.channels == 0 || dx == dy);
  }
  constexpr std::int64_t flops() const { return 4 * x.rows * w.size(); }
  constexpr Operands reads() const { return {x, w, dy, dw}; }
  constexpr Operands writes() const { return {dx, dw}; }
};

/// The pairs of a query and a key that it sees in a sequence of T positions; with a window w position t sees t-w+1 .. t.
constexpr std::int64_t visible_pairs(std::int64_t context, std::int64_t window) {
  const std::int64_t w = window == 0 || window > context ? context : window;
  return w * (w + 1) / 2 + (context - w) * w;
}

/// The sizes of causal attention: H query heads, of which H/G neighbours read one of the G key heads; K channels a head;
/// sequences of T positions, of which position t sees the last `window` up to t, or all of them where that is 0.
struct AttentionSizes {
  std::int64_t heads = 0, kv_heads = 0, head_dim = 0, context = 0, window = 0;

  constexpr bool fit(const Tensor& q) const {
    return kv_heads > 0 && heads % kv_heads == 0 && context > 0 && q.rows % context == 0;
  }
  constexpr std::int64_t sequences(const Tensor& q) const { return q.rows / context; }
};

/// Causal softmax attention: q [N, H*K], k and v [N, G*K], y [N, H*K]; scores are divided by sqrt(K). log_sum_exps [N, H] keeps
/// the log-sum-exp of each row of scores for the backward pass. bias [H, T] or absent: bias[h, t - s] is added to the score of
/// query t and key s.
struct Attend {
  static constexpr std::string_view name = "attend";
  Tensor q, k, v, y, log_sum_exps, bias{};
  AttentionSizes sizes;
  constexpr bool fits() const {
    return sizes.fit(q) && q.columns == sizes.heads * sizes.head_dim && k.columns == sizes.kv_heads * sizes.head_dim &&
           same_shape(k, v) && same_shape(q, y) && log_sum_exps.columns == sizes.heads &&
           (!bias.exists() || (bias.rows == sizes.heads && bias.columns == sizes.context));
  }
  /// Scores and mixing over the visible positions.
  constexpr std::int64_t flops() const { return 4 * q.columns * sizes.sequences(q) * visible_pairs(sizes.context, sizes.window); }
  constexpr Operands reads() const { return {q, k, v, bias}; }
  constexpr Operands writes() const { return {y, log_sum_exps}; }
};

/// dq, dk, dv are overwritten; so is dbias [H, T], where there is a bias.
struct AttendGradient {
  static constexpr std::string_view name = "attend_gradient";
  Tensor q, k, v, y, log_sum_exps, dy, dq, dk, dv, bias{}, dbias{};
  AttentionSizes sizes;
  constexpr bool fits() const {
    return sizes.fit(q) && same_shape(q, dq) && same_shape(k, dk) && same_shape(v, dv) && same_shape(y, dy) &&
           same_shape(bias, dbias);
  }
  constexpr std::int64_t flops() const { return 8 * q.columns * sizes.sequences(q) * visible_pairs(sizes.context, sizes.window); }
  constexpr Operands reads() const { return {q, k, v, y, log_sum_exps, dy, bias}; }
  constexpr Operands writes() const { return {dq, dk, dv, dbias}; }
};

}  // namespace genoform::op
