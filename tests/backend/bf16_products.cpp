#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <vector>

#include "genoform/backend/cpu/products/bf16_product.hpp"
#include "genoform/core/random.hpp"
#include "tests/catch.hpp"

using namespace genoform;
using namespace genoform::inner;
using cpu::Bf16;

namespace {

float number(Bf16 half) { return std::bit_cast<float>(static_cast<std::uint32_t>(half) << 16); }

/// A matrix whose elements are bf16 numbers, kept as both types, rows with gaps.
struct Matrix {
  std::int64_t rows, columns, stride;
  std::vector<float> floats;
  std::vector<Bf16> shorts;

  Matrix(std::int64_t r, std::int64_t c, std::int64_t gap, const Random& random) : rows(r), columns(c), stride(c + gap) {
    for (std::int64_t i = 0; i < rows * stride; ++i) {
      const auto bits = std::bit_cast<std::uint32_t>(static_cast<float>(random.normal(static_cast<std::uint64_t>(i)))) >> 16;
      shorts.push_back(static_cast<Bf16>(bits));
      floats.push_back(number(shorts.back()));
    }
  }
  const void* elements(bool as_short) const {
    return as_short ? static_cast<const void*>(shorts.data()) : static_cast<const void*>(floats.data());
  }
  double operator()(std::int64_t r, std::int64_t c) const {
    return static_cast<double>(floats[static_cast<std::size_t>(r * stride + c)]);
  }
};

struct Problem {
  std::int64_t rows, columns, depth;
  bool a_short, b_short, c_short, a_transposed, b_transposed, accumulate, with_bias, with_slope, with_added;
  op::Function f;
};

Problem problem(std::uint64_t seed) {
  const Random random(seed, 11);
  std::uint64_t sampled = 0;
  const auto below = [&](std::uint64_t n) { return static_cast<std::int64_t>(random.below(sampled++, n)); };
  const auto coin = [&] { return below(2) == 1; };
  constexpr op::Function functions[] = {op::Function::identity, op::Function::relu, op::Function::squared_relu};
  Problem p{.rows = 1 + below(140),
            .columns = 1 + below(140),
            .depth = 1 + below(seed % 4 == 0 ? 1500 : 100),  // longer than one pass over the tiles
            .a_short = coin(),
            .b_short = coin(),
            .c_short = coin(),
            .a_transposed = coin(),
            .b_transposed = coin(),
            .accumulate = coin(),
            .with_bias = coin(),
            .with_slope = coin(),
            .with_added = coin(),
            .f = functions[below(3)]};
  if (below(2) == 1) p.depth = cpu::in_tiles(p.depth) * cpu::product_tile;  // left tiles are packed ahead
  if (p.with_slope) p.accumulate = p.with_bias = p.with_added = false;
  if (p.with_added) p.f = op::Function::identity;
  if (p.with_slope && p.f == op::Function::identity) p.f = op::Function::relu;
  return p;
}

/// The expected product, in double.
double expected(const Problem& p, const Matrix& a, const Matrix& b, const Matrix& before, const Matrix& bias,
                const Matrix& derivative_of, const Matrix& added, std::int64_t r, std::int64_t c) {
  double sum = 0;
  for (std::int64_t k = 0; k < p.depth; ++k) sum += (p.a_transposed ? a(k, r) : a(r, k)) * (p.b_transposed ? b(c, k) : b(k, c));
  if (p.with_slope) {
    const double y = std::abs(derivative_of(r, c));
    return p.f == op::Function::relu ? (y > 0 ? sum : 0) : sum * 2 * std::sqrt(y);
  }
  if (p.with_bias) sum += bias(0, c);
  if (p.accumulate) sum += before(r, c);
  if (p.with_added) sum += added(r, c);
  if (p.f != op::Function::identity) sum = std::max(sum, 0.0);
  return p.f == op::Function::squared_relu ? sum * sum : sum;
}

void check(cpu::InstructionSet set, int threads, std::uint64_t seed, const Problem& p) {
  const auto gap = static_cast<std::int64_t>(seed % 3);
  const Matrix a(p.a_transposed ? p.depth : p.rows, p.a_transposed ? p.rows : p.depth, gap, Random(seed, 1));
  const Matrix b(p.b_transposed ? p.columns : p.depth, p.b_transposed ? p.depth : p.columns, gap, Random(seed, 2));
  const Matrix before(p.rows, p.columns, 1, Random(seed, 3)), bias(1, p.columns, 0, Random(seed, 4)),
      added(p.rows, p.columns, 2, Random(seed, 6));
  Matrix c = before, derivative_of(p.rows, p.columns, gap, Random(seed, 5));
  for (std::size_t i = 0; i < derivative_of.shorts.size(); ++i) {  // outputs of f are not negative
    derivative_of.shorts[i] = static_cast<Bf16>(static_cast<std::uint16_t>(derivative_of.shorts[i]) & 0x7FFF);
    derivative_of.floats[i] = number(derivative_of.shorts[i]);
  }
  const cpu::Bf16ProductArgs work{.a = a.elements(p.a_short),
                                  .b = b.elements(p.b_short),
                                  .c = const_cast<void*>(c.elements(p.c_short)),
                                  .a_stride = a.stride,
                                  .b_stride = b.stride,
                                  .c_stride = c.stride,
                                  .rows = p.rows,
                                  .columns = p.columns,
                                  .depth = p.depth,
                                  .a_short = p.a_short,
                                  .b_short = p.b_short,
                                  .c_short = p.c_short,
                                  .a_transposed = p.a_transposed,
                                  .b_transposed = p.b_transposed,
                                  .accumulate = p.accumulate,
                                  .f = p.f,
                                  .bias = p.with_bias ? bias.floats.data() : nullptr,
                                  .added = p.with_added ? added.floats.data() : nullptr,
                                  .added_stride = added.stride,
                                  .derivative_of = p.with_slope ? derivative_of.elements(p.c_short) : nullptr,
                                  .derivative_stride = derivative_of.stride};
  cpu::Context context(threads, set, cpu::Precision::bf16);
  const cpu::Bf16Product product(context, work);
  product.run(context, work);

  double largest = 1, worst = 0;
  for (std::int64_t r = 0; r < p.rows; ++r)
    for (std::int64_t i = 0; i < c.stride; ++i) {
      const auto at = static_cast<std::size_t>(r * c.stride + i);
      const double found = static_cast<double>(p.c_short ? number(c.shorts[at]) : c.floats[at]);
      const double right = i < p.columns ? expected(p, a, b, before, bias, derivative_of, added, r, i) : before(r, i);
      largest = std::max(largest, std::abs(right));
      worst = std::max(worst, std::abs(found - right));
    }
  INFO(cpu::name_of(set) << ", " << threads << " threads, problem " << seed << ": " << p.rows << " x " << p.depth << " x "
                         << p.columns);
  CHECK(worst <= largest * (p.c_short ? 1.0 / 256 : p.f == op::Function::squared_relu ? 2e-4 : 2e-5));
}

}  // namespace

TEST_CASE("products in bf16 equal those of the rounded factors, of any shape and type, on every instruction set") {
  for (const cpu::InstructionSet set : cpu::all_instruction_sets) {
    if (!cpu::available(set)) continue;
    for (const int threads : {1, 2})
      for (std::uint64_t seed = 0; seed < 70; ++seed) check(set, threads, seed, problem(seed));
  }
}

TEST_CASE("weight gradients in bf16 that threads sum in parts equal those of the rounded factors") {
  for (const int threads : {1, 2, 3})
    for (std::uint64_t seed = 0; seed < 12; ++seed) {
      Problem p = problem(seed);
      p.depth += 300;
      p.a_transposed = p.accumulate = true;
      p.b_transposed = p.c_short = p.with_bias = p.with_slope = p.with_added = false;
      p.f = op::Function::identity;
      check(cpu::best_instruction_set(), threads, seed, p);
    }
}

TEST_CASE("rounding to bf16 goes to the nearest, ties to even, and NaN stays NaN") {
  const float in[] = {1.0F, 1.00390625F, 1.01171875F, -3.0e38F, NAN, INFINITY, 0.0F, 1.00390637F};
  const float out[] = {1.0F, 1.0F, 1.015625F, -3.0040553e38F, NAN, INFINITY, 0.0F, 1.0078125F};
  for (const cpu::InstructionSet set : cpu::all_instruction_sets) {
    if (!cpu::available(set)) continue;
    for (const std::int64_t count : {1, 3, 8}) {
      Bf16 halves[8] = {};
      float back[8] = {};
      cpu::bf16_kernels(set).narrow(in, halves, count);
      cpu::bf16_kernels(set).widen(halves, back, count);
      INFO(cpu::name_of(set));
      for (std::int64_t i = 0; i < count; ++i)
        if (std::isnan(out[i]))
          CHECK(std::isnan(back[i]));
        else
          CHECK(back[i] == Approx(out[i]).epsilon(1e-4));
    }
  }
}
