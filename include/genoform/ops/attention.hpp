#pragma once
#include <array>
#include <cstdint>
#include <string_view>

#include "genoform/ops/dense.hpp"

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
  constexpr auto tensors() const { return std::array{x}; }
};

/// The first `channels` channels of a convolution's output turn as by Rotate, in the same pass; with none, no channel does.
struct FusedRotation {
  std::int64_t channels = 0, head_dim = 0;
  constexpr bool fits(std::int64_t columns) const {
    return channels == 0 || (head_dim > 0 && head_dim % 2 == 0 && channels % head_dim == 0 && channels <= columns);
  }
  constexpr Rotate of(Tensor y, std::int64_t context, bool inverse) const {
    return {y.column_range(0, channels), head_dim, context, inverse};
  }
};

/// y[t, c] = sum_i w[c, i] * x[t - i, c], nothing before position 0 of a sequence, then turned; x, y [N, C], w [C, k].
/// reference/primer.md: multi-dconv.
struct CausalConvolution {
  static constexpr std::string_view name = "causal_convolution";
  Tensor x, w, y;
  std::int64_t context = 0;
  FusedRotation rotation{};
  constexpr bool fits() const {
    return same_shape(x, y) && w.rows == x.columns && x.rows % context == 0 && rotation.fits(y.columns);
  }
  constexpr std::int64_t flops() const { return 2 * x.rows * w.size(); }
  constexpr auto tensors() const { return std::array{x, w, y}; }
};

/// dx[t, c] = sum_i w[c, i] * dy[t + i, c] inside the sequence; dw[c, i] += sum_t dy[t, c] * x[t - i, c], with dy turned back
/// first. dx may be dy, and must be where channels turn.
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
  constexpr auto tensors() const { return std::array{x, w, dy, dx, dw}; }
};

/// The pairs of a query and a key that it sees in a sequence of T positions; with a window w position t sees t-w+1 .. t.
constexpr std::int64_t visible_pairs(std::int64_t context, std::int64_t window) {
  const std::int64_t w = window == 0 || window > context ? context : window;
  return w * (w + 1) / 2 + (context - w) * w;
}

/// Causal softmax attention: q [N, H*K], k and v [N, G*K], y [N, H*K]; query head h reads key head h / (H/G); scores / sqrt(K).
/// log_sum_exps [N, H] keeps log sum exp of each row of scores for the backward pass. bias [H, T] or absent: bias[h, t - s] is
/// added to the score of query t and key s. window 0: all the past.
struct Attend {
  static constexpr std::string_view name = "attend";
  Tensor q, k, v, y, log_sum_exps;
  std::int64_t heads = 0, kv_heads = 0, head_dim = 0, context = 0;
  Tensor bias{};
  std::int64_t window = 0;
  constexpr bool fits() const {
    return q.columns == heads * head_dim && k.columns == kv_heads * head_dim && same_shape(k, v) && same_shape(q, y) &&
           heads % kv_heads == 0 && log_sum_exps.columns == heads && q.rows % context == 0 &&
           (!bias.exists() || (bias.rows == heads && bias.columns == context));
  }
  /// Scores and mixing over the visible positions.
  constexpr std::int64_t flops() const { return 4 * heads * head_dim * (q.rows / context) * visible_pairs(context, window); }
  constexpr auto tensors() const { return std::array{q, k, v, y, log_sum_exps, bias}; }
};

/// dq, dk, dv are overwritten; so is dbias [H, T], where there is a bias.
struct AttendGradient {
  static constexpr std::string_view name = "attend_gradient";
  Tensor q, k, v, y, log_sum_exps, dy, dq, dk, dv;
  std::int64_t heads = 0, kv_heads = 0, head_dim = 0, context = 0;
  Tensor bias{}, dbias{};
  std::int64_t window = 0;
  constexpr bool fits() const {
    return same_shape(q, dq) && same_shape(k, dk) && same_shape(v, dv) && same_shape(y, dy) && same_shape(bias, dbias);
  }
  constexpr std::int64_t flops() const { return 8 * heads * head_dim * (q.rows / context) * visible_pairs(context, window); }
  constexpr auto tensors() const { return std::array{q, k, v, y, log_sum_exps, dy, dq, dk, dv, bias, dbias}; }
};

}  // namespace genoform::op
