#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "genoform/backend/cpu/products/bf16_product.hpp"
#include "genoform/core/random.hpp"
#include "tests/catch.hpp"

using namespace genoform;
using namespace genoform::inner;

namespace {

struct Matrix {
  std::int64_t rows, columns, stride;
  std::vector<float> elements;

  Matrix(std::int64_t r, std::int64_t c, std::int64_t gap, const Random& random) : rows(r), columns(c), stride(c + gap) {
    for (std::int64_t i = 0; i < rows * stride; ++i)
      elements.push_back(static_cast<float>(random.normal(static_cast<std::uint64_t>(i))));
  }
  float& at(std::int64_t r, std::int64_t c) { return elements[static_cast<std::size_t>(r * stride + c)]; }
  double operator()(std::int64_t r, std::int64_t c) const {
    return static_cast<double>(elements[static_cast<std::size_t>(r * stride + c)]);
  }
};

enum class Top { none, bias, added, accumulated, derivative };
struct Problem {
  std::int64_t rows, columns, depth;
  bool a_transposed, b_transposed;
  Top top;
  op::Function f;
};

Problem problem(std::uint64_t seed) {
  const Random random(seed, 21);
  std::uint64_t sampled = 0;
  const auto below = [&](std::uint64_t n) { return static_cast<std::int64_t>(random.below(sampled++, n)); };
  constexpr op::Function functions[] = {op::Function::identity, op::Function::relu, op::Function::squared_relu};
  Problem p{.rows = 1 + below(150),
            .columns = 1 + below(150),
            .depth = 1 + below(seed % 4 == 0 ? 1100 : 100),  // longer than a slice, and than one pass over the tiles
            .a_transposed = below(2) == 1,
            .b_transposed = below(2) == 1,
            .top = static_cast<Top>(below(5)),
            .f = functions[below(3)]};
  if (below(2) == 1) p.depth = cpu::in_tiles(p.depth) * cpu::product_tile;  // left tiles are packed ahead
  if (p.top == Top::added || p.top == Top::accumulated) p.f = op::Function::identity;
  if (p.top == Top::derivative && p.f == op::Function::identity) p.f = op::Function::gelu;
  return p;
}

/// A product by tiles, compared with the same in double.
struct Compared {
  double worst = 0;     ///< |found - expected| over the sum of |a b|, before f
  bool outside = true;  ///< whether the gaps between the rows of c were left alone
};

Compared compare(int threads, std::uint64_t seed, const Problem& p) {
  const auto gap = static_cast<std::int64_t>(seed % 3);
  const Matrix a(p.a_transposed ? p.depth : p.rows, p.a_transposed ? p.rows : p.depth, gap, Random(seed, 1));
  const Matrix b(p.b_transposed ? p.columns : p.depth, p.b_transposed ? p.depth : p.columns, gap, Random(seed, 2));
  const Matrix before(p.rows, p.columns, 1, Random(seed, 3)), bias(1, p.columns, 0, Random(seed, 4)),
      added(p.rows, p.columns, 2, Random(seed, 6));
  Matrix c = before, derivative_of(p.rows, p.columns, gap, Random(seed, 5));
  for (float& y : derivative_of.elements) y = std::max(y, 0.0F);
  const cpu::Bf16ProductArgs work{.a = a.elements.data(),
                                  .b = b.elements.data(),
                                  .c = c.elements.data(),
                                  .a_stride = a.stride,
                                  .b_stride = b.stride,
                                  .c_stride = c.stride,
                                  .rows = p.rows,
                                  .columns = p.columns,
                                  .depth = p.depth,
                                  .a_transposed = p.a_transposed,
                                  .b_transposed = p.b_transposed,
                                  .accumulate = p.top == Top::accumulated,
                                  .f = p.f,
                                  .bias = p.top == Top::bias ? bias.elements.data() : nullptr,
                                  .added = p.top == Top::added ? added.elements.data() : nullptr,
                                  .added_stride = added.stride,
                                  .derivative_of = p.top == Top::derivative ? derivative_of.elements.data() : nullptr,
                                  .derivative_stride = derivative_of.stride,
                                  .split = true};
  cpu::Context context(threads, cpu::best_instruction_set(), cpu::Precision::f32);
  const cpu::Bf16Product product(context, work);
  product.run(context, work);

  Compared all;
  for (std::int64_t r = 0; r < p.rows; ++r) {
    for (std::int64_t i = 0; i < p.columns; ++i) {
      double sum = 0, sizes = 0;
      for (std::int64_t k = 0; k < p.depth; ++k) {
        const double term = (p.a_transposed ? a(k, r) : a(r, k)) * (p.b_transposed ? b(i, k) : b(k, i));
        sum += term, sizes += std::abs(term);
      }
      const double y = derivative_of(r, i);
      double derivative = 1;
      if (p.top == Top::derivative)
        derivative = p.f == op::Function::relu ? (y > 0) : p.f == op::Function::gelu ? y : 2 * std::sqrt(y);
      sum *= derivative, sizes *= std::abs(derivative);
      if (p.top == Top::bias) sum += bias(0, i), sizes += std::abs(bias(0, i));
      if (p.top == Top::added) sum += added(r, i), sizes += std::abs(added(r, i));
      if (p.top == Top::accumulated) sum += before(r, i), sizes += std::abs(before(r, i));
      if (p.top != Top::derivative && p.f != op::Function::identity) {
        if (p.f == op::Function::squared_relu) sizes *= 2 * std::max(sum, 0.0) + sizes * 1e-6;
        sum = std::max(sum, 0.0);
        if (p.f == op::Function::squared_relu) sum *= sum;
      }
      if (sizes > 0) all.worst = std::max(all.worst, std::abs(c(r, i) - sum) / sizes);
    }
    for (std::int64_t i = p.columns; i < c.stride; ++i) all.outside &= c(r, i) == before(r, i);
  }
  return all;
}

bool splits() { return cpu::split_products(cpu::best_instruction_set()) != nullptr; }

}  // namespace

TEST_CASE("f32 that is multiplied in three parts is as exact as f32, in any shape") {
  if (!splits()) {
    WARN("not checked: this processor has no AMX");
    return;
  }
  for (const int threads : {1, 2, 3})
    for (std::uint64_t seed = 0; seed < 80; ++seed) {
      const Problem p = problem(seed);
      const Compared all = compare(threads, seed, p);
      INFO(threads << " threads, problem " << seed << ": " << p.rows << " x " << p.depth << " x " << p.columns);
      CHECK(all.worst < 4e-7);  // a sum of f32 in any order: some roundings of 2^-24
      CHECK(all.outside);
    }
}

TEST_CASE("the three parts of an f32 lose none of its bits") {
  if (!splits()) {
    WARN("not checked: this processor has no AMX");
    return;
  }
  constexpr std::int64_t n = 64;
  Matrix a(n, n, 0, Random(1, 1)), one(n, n, 0, Random(1, 2)), c(n, n, 0, Random(1, 3));
  const Random random(7, 7);
  for (std::int64_t r = 0; r < n; ++r)
    for (std::int64_t i = 0; i < n; ++i) {
      one.at(r, i) = r == i ? 1.0F : 0.0F;
      const auto power = static_cast<int>(random.below(static_cast<std::uint64_t>(r * n + i), 160)) -
                         80;  // parts of less than 2^-126 would be lost
      a.at(r, i) = std::ldexp(a.at(r, i), power);
    }
  cpu::Context context(1, cpu::best_instruction_set(), cpu::Precision::f32);
  for (const bool a_transposed : {false, true})
    for (const bool first : {false, true}) {  // on which side of the product it is
      const Matrix &left = first ? a : one, &right = first ? one : a;
      const cpu::Bf16ProductArgs work{.a = left.elements.data(),
                                      .b = right.elements.data(),
                                      .c = c.elements.data(),
                                      .a_stride = n,
                                      .b_stride = n,
                                      .c_stride = n,
                                      .rows = n,
                                      .columns = n,
                                      .depth = n,
                                      .a_transposed = a_transposed,
                                      .split = true};
      cpu::Bf16Product(context, work).run(context, work);
      for (std::int64_t r = 0; r < n; ++r)
        for (std::int64_t i = 0; i < n; ++i) REQUIRE(c.at(r, i) == (first && a_transposed ? a.at(i, r) : a.at(r, i)));
    }
}
