#pragma once
#include <cstdint>

#include "genoform/backend/cpu/context.hpp"
#include "genoform/backend/cpu/products/bf16_product.hpp"
#include "genoform/backend/cpu/products/full_product.hpp"
#include "genoform/backend/memories.hpp"
#include "genoform/core/tensor.hpp"

namespace genoform::cpu {

using FloatMemories = Memories<float>;

constexpr bool is_bf16(const Tensor& t) { return t.element_type == ElementType::bf16; }
/// A number that may be absent.
constexpr bool is_set(const std::int32_t* element) { return element != nullptr && *element != 0; }

/// The same product into a c that counts as 0.
constexpr Bf16ProductArgs replacing(Bf16ProductArgs args) {
  args.accumulate = false;
  return args;
}

/// c = f(a b + bias), or c += a b, or c = a b + bias + added, or c = (a b) f'(u) by derivative_of. Either factor may be stored
/// transposed.
struct ProductOf {
  Tensor a, b, c;
  bool a_transposed = false, b_transposed = false;
  Tensor bias{};
  bool accumulate = false;
  op::Function f = op::Function::identity;
  Tensor derivative_of{}, added{};
  bool exact = false;  ///< computed in f32 whatever the precision of the context
};

inline onednn::Layout layout_of(const Tensor& t) { return {t.rows, t.columns, t.stride, 1}; }
inline onednn::Layout layout_of(const Tensor& t, bool transposed) {
  return transposed ? layout_of(t).transposed() : layout_of(t);
}

[[gnu::cold, gnu::noinline]] inline onednn::ProductShape shape_of(const ProductOf& p) {
  return {.a = layout_of(p.a, p.a_transposed),
          .b = layout_of(p.b, p.b_transposed),
          .c = layout_of(p.c),
          .bias = p.bias.exists(),
          .accumulate = p.accumulate,
          .f = p.derivative_of.exists() ? op::Function::identity : p.f};
}

/// Whether a context multiplies matrices of these sizes in bf16 or Split. Split is used only where it is faster than oneDNN: it
/// multiplies whole tiles and packs the right operand for every product.
inline bool multiplied_in_tiles(const Context& context, std::int64_t rows, std::int64_t columns, std::int64_t depth) {
  if (context.in_bf16() || context.products() == nullptr) return context.in_bf16();
  const std::int64_t whole = product_tile * product_tile * product_tile * in_tiles(rows) * in_tiles(columns) * in_tiles(depth);
  return rows >= 2 * product_tile && 2 * whole <= 3 * rows * columns * depth;
}

[[gnu::cold, gnu::noinline]] inline Bf16ProductArgs bf16_args(const ProductOf& p, const FloatMemories& m, bool split) {
  return {.a = m.address(p.a),
          .b = m.address(p.b),
          .c = m.address(p.c),
          .a_stride = p.a.stride,
          .b_stride = p.b.stride,
          .c_stride = p.c.stride,
          .rows = p.c.rows,
          .columns = p.c.columns,
          .depth = p.a_transposed ? p.a.rows : p.a.columns,
          .a_short = is_bf16(p.a),
          .b_short = is_bf16(p.b),
          .c_short = is_bf16(p.c),
          .a_transposed = p.a_transposed,
          .b_transposed = p.b_transposed,
          .accumulate = p.accumulate,
          .f = p.f,
          .bias = m.reals(p.bias),
          .added = m.reals(p.added),
          .added_stride = p.added.stride,
          .derivative_of = m.address(p.derivative_of),
          .derivative_stride = p.derivative_of.stride,
          .split = split};
}

/// A product of one operation, in the precision of its context.
class Product {
 public:
  [[gnu::cold, gnu::noinline]] Product(Context& context, const FloatMemories& m, const ProductOf& p)
      : args_(bf16_args(p, m, !context.in_bf16())) {
    if (!p.exact && multiplied_in_tiles(context, args_.rows, args_.columns, args_.depth)) {
      by_tiles_ = Bf16Product(context, args_);
      return;
    }
    const auto at = [](const void* elements) { return static_cast<const float*>(elements); };
    full_ = make_unique_ptr<FullProduct>(context, shape_of(p),
                                         ProductAddresses{at(args_.a), at(args_.b), args_.bias, static_cast<float*>(args_.c)},
                                         p.a_transposed && p.accumulate && !p.bias.exists());
  }

  /// `zero_before`: a c that is added to counts as 0, whatever it contains.
  [[gnu::noinline]] void run(const Context& context, bool zero_before = false) const {
    if (!full_) return by_tiles_.run(context, zero_before ? replacing(args_) : args_);
    if (zero_before) context.clear({static_cast<float*>(args_.c), args_.rows, args_.columns, args_.c_stride});
    full_->run(context, [&](std::int64_t row, std::int64_t last_row, std::int64_t column, std::int64_t last_column) {
      if (args_.derivative_of != nullptr) undo(context, row, last_row, column, last_column);
      if (args_.added != nullptr) add(context, row, last_row, column, last_column);
    });
  }

 private:
  /// Calls body(row, column, count) over a part of c, as one run of elements if neither c nor the operand of row stride
  /// `stride` has gaps.
  template <class Body>
  void over_part(std::int64_t row, std::int64_t last_row, std::int64_t column, std::int64_t last_column, std::int64_t stride,
                 const Body& body) const {
    if (last_column - column == stride && args_.c_stride == stride) return body(row, column, (last_row - row) * stride);
    for (; row < last_row; ++row) body(row, column, last_column - column);
  }

  /// After oneDNN's product: multiplies it by the derivative, in place.
  void undo(const Context& context, std::int64_t row, std::int64_t last_row, std::int64_t column,
            std::int64_t last_column) const {
    const auto* y = static_cast<const float*>(args_.derivative_of);
    over_part(row, last_row, column, last_column, args_.derivative_stride,
              [&](std::int64_t r, std::int64_t i, std::int64_t count) {
                float* const place = static_cast<float*>(args_.c) + r * args_.c_stride + i;
                context.kernel<&Kernels::activate_gradient>()(args_.f, nullptr, y + r * args_.derivative_stride + i, place, place,
                                                              count);
              });
  }

  /// After oneDNN's product: adds what is added to it.
  void add(const Context& context, std::int64_t row, std::int64_t last_row, std::int64_t column, std::int64_t last_column) const {
    over_part(row, last_row, column, last_column, args_.added_stride, [&](std::int64_t r, std::int64_t i, std::int64_t count) {
      context.kernel<&Kernels::add>()(args_.added + r * args_.added_stride + i,
                                      static_cast<float*>(args_.c) + r * args_.c_stride + i, count);
    });
  }

  Bf16ProductArgs args_;
  Bf16Product by_tiles_;
  UniquePtr<FullProduct> full_;
};

}  // namespace genoform::cpu
