#pragma once
#include <cstdint>
#include <string_view>

#include "genoform/ops/dense.hpp"
#include "genoform/ops/operands.hpp"

/// The operations that give attention and the input their positions, and those on single heads. Rows are N = B*T tokens,
/// sequence after sequence; H heads of K channels.
namespace genoform::op {

/// y[h, n] = table[h, bucket(n)] for the distances n < T, or added to y when `accumulate`; table [H, buckets], y [H, T]. The
/// buckets are T5's in one direction, from `distance` on all in the last one (docs/formats/model.md section 2; host/bucket.hpp).
struct RelativeBias {
  static constexpr std::string_view name = "relative_bias";
  Tensor table, y;
  std::int64_t distance = 0;
  bool accumulate = false;
  constexpr bool fits() const { return table.rows == y.rows && table.columns >= 2 && distance > table.columns / 2; }
  constexpr std::int64_t flops() const { return 0; }
  constexpr Operands reads() const { return {table, only_if(accumulate, y)}; }
  constexpr Operands writes() const { return {y}; }
};

/// dtable[h, bucket(n)] += dy[h, n].
struct RelativeBiasGradient {
  static constexpr std::string_view name = "relative_bias_gradient";
  Tensor dy, dtable;
  std::int64_t distance = 0;
  constexpr bool fits() const { return dtable.rows == dy.rows && dtable.columns >= 2 && distance > dtable.columns / 2; }
  constexpr std::int64_t flops() const { return 0; }
  constexpr Operands reads() const { return {dy, dtable}; }
  constexpr Operands writes() const { return {dtable}; }
};

/// In place x = x * s per head, s = 1 / sqrt(mean(x^2) + 1e-6) over its K channels; x [N, heads*K], scales [N, heads] keeps s.
struct NormalizeHeads {
  static constexpr std::string_view name = "normalize_heads";
  Tensor x, scales;
  std::int64_t head_dim = 0;
  constexpr bool fits() const { return x.columns == scales.columns * head_dim && scales.rows == x.rows; }
  constexpr std::int64_t flops() const { return 0; }
  constexpr Operands reads() const { return {x}; }
  constexpr Operands writes() const { return {x, scales}; }
};

/// dx = s (dy - y mean(dy y)) per head, with y the output. A rotation after the norm rotates y and dy alike and keeps the mean,
/// so both may be taken after it: then dx is rotated too. dx may be dy.
struct NormalizeHeadsGradient {
  static constexpr std::string_view name = "normalize_heads_gradient";
  Tensor y, scales, dy, dx;
  std::int64_t head_dim = 0;
  constexpr bool fits() const {
    return same_shape(y, dy) && same_shape(dy, dx) && y.columns == scales.columns * head_dim && scales.rows == y.rows;
  }
  constexpr std::int64_t flops() const { return 0; }
  constexpr Operands reads() const { return {y, scales, dy}; }
  constexpr Operands writes() const { return {dx}; }
};

/// x[t, i] += sin(t * 10000^(-i/(D/2))), x[t, D/2 + i] += cos of the same angle, t from 0 in each sequence; x [N, D], D even.
struct AddSinusoid {
  static constexpr std::string_view name = "add_sinusoid";
  Tensor x;
  std::int64_t context = 0;
  constexpr bool fits() const { return x.columns % 2 == 0 && x.rows % context == 0; }
  constexpr std::int64_t flops() const { return 0; }
  constexpr Operands reads() const { return {x}; }
  constexpr Operands writes() const { return {x}; }
};

/// x[t] += table[t] in each sequence; a sequence may be shorter than the table. x [N, D], table [positions, D].
struct AddPositions {
  static constexpr std::string_view name = "add_positions";
  Tensor table, x;
  std::int64_t context = 0;
  constexpr bool fits() const { return table.columns == x.columns && context <= table.rows && x.rows % context == 0; }
  constexpr std::int64_t flops() const { return 0; }
  constexpr Operands reads() const { return {table, x}; }
  constexpr Operands writes() const { return {x}; }
};

/// dtable[t] += sum over the sequences of dy[t].
struct AddPositionsGradient {
  static constexpr std::string_view name = "add_positions_gradient";
  Tensor dy, dtable;
  std::int64_t context = 0;
  constexpr bool fits() const { return dtable.columns == dy.columns && context <= dtable.rows && dy.rows % context == 0; }
  constexpr std::int64_t flops() const { return 0; }
  constexpr Operands reads() const { return {dy, dtable}; }
  constexpr Operands writes() const { return {dtable}; }
};

/// y = factor * x; y may be x.
struct ScaleBy {
  static constexpr std::string_view name = "scale_by";
  Tensor x, y;
  double factor = 1;
  constexpr bool fits() const { return same_shape(x, y); }
  constexpr std::int64_t flops() const { return 0; }
  constexpr Operands reads() const { return {x}; }
  constexpr Operands writes() const { return {y}; }
};

/// dx = factor * dy; dx may be dy.
struct ScaleByGradient {
  static constexpr std::string_view name = "scale_by_gradient";
  Tensor dy, dx;
  double factor = 1;
  constexpr bool fits() const { return same_shape(dy, dx); }
  constexpr std::int64_t flops() const { return 0; }
  constexpr Operands reads() const { return {dy}; }
  constexpr Operands writes() const { return {dx}; }
};

}  // namespace genoform::op
