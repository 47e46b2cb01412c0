#pragma once
#include <cstdint>
#include <string_view>

#include "genoform/core/tensor.hpp"
#include "genoform/ops/operands.hpp"

/// The dense operations: plain structs of handles, each with its shape rule, its useful FLOPs (docs/formats/model.md section 6)
/// and the tensors that it reads and writes. They are built with named fields; a field that has an initializer may be left out.
/// Shape letters: N tokens, D width, V vocabulary, T positions. Weight gradients are always added to what is there,
/// which an operation with `zero_before` may take as 0 where that element [1, 1] (an index; absent: never) is not 0.
namespace genoform::op {

/// Element-wise functions. `squared_relu` and `relu` need only their output on the backward pass, `gelu` and `swish` their
/// derivative f'(u).
enum class Function : std::uint8_t { identity, relu, gelu, swish, squared_relu };
/// What a norm divides by; `layer` and `primer` subtract the mean first. `primer`: the variance as mean(x(x - mean)), clamped at
/// 0; equal to that of `layer` in exact arithmetic. In bf16 or f32 that form loses the variance of large values (mean 100,
/// deviation 0.3) and may turn negative, so a back end in single precision computes it as `layer`.
enum class Statistic : std::uint8_t { rms, layer, primer };

constexpr bool same_shape(const Tensor& a, const Tensor& b) { return a.rows == b.rows && a.columns == b.columns; }
/// The same shape and element.
constexpr bool same_elements(const Tensor& a, const Tensor& b) { return same_shape(a, b) && a.element_type == b.element_type; }
/// Whether a product may make its result dx the gradient before f, of which `output` (or nothing) is known.
constexpr bool may_undo(Function f, const Tensor& output, const Tensor& dx, bool accumulate) {
  return !output.exists() || (same_elements(output, dx) && !accumulate && f != Function::identity);
}

/// y = 0 in every element.
struct Clear {
  static constexpr std::string_view name = "clear";
  Tensor y;
  constexpr bool fits() const { return y.exists(); }
  constexpr std::int64_t flops() const { return 0; }
  constexpr Operands reads() const { return {}; }
  constexpr Operands writes() const { return {y}; }
};

/// y = x; their elements may differ.
struct Copy {
  static constexpr std::string_view name = "copy";
  Tensor x, y;
  constexpr bool fits() const { return same_shape(x, y); }
  constexpr std::int64_t flops() const { return 0; }
  constexpr Operands reads() const { return {x}; }
  constexpr Operands writes() const { return {y}; }
};

/// y += x.
struct Add {
  static constexpr std::string_view name = "add";
  Tensor x, y;
  constexpr bool fits() const { return same_shape(x, y); }
  constexpr std::int64_t flops() const { return 0; }
  constexpr Operands reads() const { return {x, y}; }
  constexpr Operands writes() const { return {y}; }
};

/// y[n] = table[tokens[n]], 0 for padding (-1); tokens [N, 1] index, table [V, D], y [N, D].
struct Embed {
  static constexpr std::string_view name = "embed";
  Tensor tokens, table, y;
  constexpr bool fits() const { return tokens.rows == y.rows && table.columns == y.columns; }
  constexpr std::int64_t flops() const { return 0; }
  constexpr Operands reads() const { return {tokens, table}; }
  constexpr Operands writes() const { return {y}; }
};

/// dtable[tokens[n]] += dy[n], but for padding (-1).
struct EmbedGradient {
  static constexpr std::string_view name = "embed_gradient";
  Tensor tokens, dy, dtable;
  constexpr bool fits() const { return tokens.rows == dy.rows && dtable.columns == dy.columns; }
  constexpr std::int64_t flops() const { return 0; }
  constexpr Operands reads() const { return {tokens, dy, dtable}; }
  constexpr Operands writes() const { return {dtable}; }
};

/// y = f(x w^T + bias); x [N, in], w [out, in], bias [1, out] or absent, y [N, out]. `f` is identity, relu or squared_relu.
/// `exact`: in the number type of the back end, also where a model's other products are in bf16 (routers). `added` [N, out] or
/// absent comes on top (LinearAddsSum in ops/joins.hpp: the residual sum).
struct Linear {
  static constexpr std::string_view name = "linear";
  Tensor x, w, bias{}, y;
  Function f = Function::identity;
  bool exact = false;
  Tensor added{};
  constexpr bool fits() const {
    return (!added.exists() || same_shape(added, y)) && x.rows == y.rows && x.columns == w.columns && y.columns == w.rows &&
           (!bias.exists() || bias.columns == w.rows) && f != Function::gelu && f != Function::swish;
  }
  constexpr std::int64_t flops() const { return 2 * x.rows * w.size(); }
  constexpr Operands reads() const { return {x, w, bias, added}; }
  constexpr Operands writes() const { return {y}; }
};

/// dx = dy w, or dx += dy w when `accumulate`; with `output` [N, in], what f made of u on the way there (of gelu and swish the
/// derivative), dx = (dy w) f'(u).
struct LinearInputGradient {
  static constexpr std::string_view name = "linear_input_gradient";
  Tensor dy, w, dx;
  bool accumulate = false;
  Tensor output{};
  Function f = Function::identity;
  bool exact = false;
  constexpr bool fits() const {
    return dy.rows == dx.rows && dy.columns == w.rows && dx.columns == w.columns && may_undo(f, output, dx, accumulate);
  }
  constexpr std::int64_t flops() const { return 2 * dy.rows * w.size(); }
  constexpr Operands reads() const { return {dy, w, output, only_if(accumulate, dx)}; }
  constexpr Operands writes() const { return {dx}; }
};

/// dw += dy^T x and, where there is a bias, dbias += column sums of dy.
struct LinearWeightGradient {
  static constexpr std::string_view name = "linear_weight_gradient";
  Tensor x, dy, dw, dbias{};
  bool exact = false;
  Tensor zero_before{};  ///< of dw
  constexpr bool fits() const { return x.rows == dy.rows && dw.rows == dy.columns && dw.columns == x.columns; }
  constexpr std::int64_t flops() const { return 2 * x.rows * dw.size(); }
  constexpr Operands reads() const { return {x, dy, zero_before, dw, dbias}; }
  constexpr Operands writes() const { return {dw, dbias}; }
};

/// y = w * (x - mean) * scale + b per row; statistics [N, 2] keeps (mean, scale); mean is 0 for `rms`; epsilon 1e-6. No b for
/// `rms`.
struct Normalize {
  static constexpr std::string_view name = "normalize";
  Statistic statistic = Statistic::rms;
  Tensor x, w, b{}, statistics, y;
  constexpr bool fits() const {
    return same_shape(x, y) && w.columns == x.columns && statistics.rows == x.rows && statistics.columns == 2;
  }
  constexpr std::int64_t flops() const { return 0; }
  constexpr Operands reads() const { return {x, w, b}; }
  constexpr Operands writes() const { return {statistics, y}; }
};

/// The backward pass: dx (added to it when `accumulate`), dw +=, db +=.
struct NormalizeGradient {
  static constexpr std::string_view name = "normalize_gradient";
  Statistic statistic = Statistic::rms;
  Tensor x, w, statistics, dy, dx, dw, db{};
  bool accumulate = false;
  constexpr bool fits() const {
    return same_shape(x, dy) && same_shape(dy, dx) && dw.columns == x.columns && statistics.rows == x.rows;
  }
  constexpr std::int64_t flops() const { return 0; }
  constexpr Operands reads() const { return {x, w, statistics, dy, only_if(accumulate, dx), dw, db}; }
  constexpr Operands writes() const { return {dx, dw, db}; }
};

/// y = f(u), or f(gate) * u when there is a gate. u, gate, y [N, F], of one element; y may be u. Without a gate, `derivative` [N,
/// F] or absent = f'(u); it may be u if y is not.
struct Activate {
  static constexpr std::string_view name = "activate";
  Function f = Function::identity;
  Tensor u, gate{}, y, derivative{};
  constexpr bool fits() const {
    return same_elements(u, y) && (!gate.exists() || (same_elements(gate, y) && !derivative.exists())) &&
           (!derivative.exists() || same_elements(derivative, y));
  }
  constexpr std::int64_t flops() const { return 0; }
  constexpr Operands reads() const { return {u, gate}; }
  constexpr Operands writes() const { return {y, derivative}; }
};

/// From dy: du, and dgate where there is a gate; all of one element. Without a gate, relu, squared_relu and identity read only y
/// (u may be absent); gelu and swish read u, or where it is absent the derivative as y. du may be dy.
struct ActivateGradient {
  static constexpr std::string_view name = "activate_gradient";
  Function f = Function::identity;
  Tensor u{}, gate{}, y{}, dy, du, dgate{};
  constexpr bool fits() const {
    return same_elements(dy, du) && (!u.exists() || same_elements(u, dy)) && (!y.exists() || same_elements(y, dy)) &&
           (!gate.exists() || (same_elements(gate, dy) && same_elements(gate, dgate) && u.exists()));
  }
  constexpr std::int64_t flops() const { return 0; }
  constexpr Operands reads() const { return {u, gate, y, dy}; }
  constexpr Operands writes() const { return {du, dgate}; }
};

/// Mean cross entropy in nats over the rows with targets >= 0: loss [1, 1] = mean. logits [N, V], targets [N, 1] index.
/// With dlogits (may be the logits themselves): scale[0] * (softmax - onehot) / count, 0 in rows without a target.
struct CrossEntropy {
  static constexpr std::string_view name = "cross_entropy";
  Tensor logits, targets, scale, loss, dlogits{};
  constexpr bool fits() const { return logits.rows == targets.rows && (!dlogits.exists() || same_shape(dlogits, logits)); }
  constexpr std::int64_t flops() const { return 0; }
  constexpr Operands reads() const { return {logits, targets, scale}; }
  constexpr Operands writes() const { return {loss, dlogits}; }
};

/// Row-wise softmax; y may be x.
struct Softmax {
  static constexpr std::string_view name = "softmax";
  Tensor x, y;
  constexpr bool fits() const { return same_shape(x, y); }
  constexpr std::int64_t flops() const { return 0; }
  constexpr Operands reads() const { return {x}; }
  constexpr Operands writes() const { return {y}; }
};

/// dx = y * (dy - sum(y * dy)) per row; dx may be dy.
struct SoftmaxGradient {
  static constexpr std::string_view name = "softmax_gradient";
  Tensor y, dy, dx;
  constexpr bool fits() const { return same_shape(y, dy) && same_shape(dy, dx); }
  constexpr std::int64_t flops() const { return 0; }
  constexpr Operands reads() const { return {y, dy}; }
  constexpr Operands writes() const { return {dx}; }
};

}  // namespace genoform::op
