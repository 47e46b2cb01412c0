#include <bit>
#include <cmath>

#include "genoform/backend/cpu/machine/cpu_report.hpp"
#include "genoform/backend/cpu/machine/peak.hpp"
#include "tests/backend/scene.hpp"

using namespace genoform;
using namespace genoform::inner;
using cpu::onednn::Layout;
using cpu::onednn::Product;
using cpu::onednn::ProductShape;

namespace {
Layout rows(std::int64_t r, std::int64_t c, std::int64_t gap = 0) { return {r, c, c + gap, 1}; }

/// The three products of a linear layer.
std::vector<ProductShape> shapes(std::int64_t n, std::int64_t in, std::int64_t out, std::int64_t gap) {
  return {{.a = rows(n, in, gap),
           .b = rows(out, in).transposed(),
           .c = rows(n, out, gap),
           .bias = false,
           .accumulate = false,
           .f = op::Function::squared_relu},
          {.a = rows(n, in, gap), .b = rows(out, in).transposed(), .c = rows(n, out, gap), .bias = true, .accumulate = false},
          {.a = rows(n, out, gap), .b = rows(out, in), .c = rows(n, in, gap), .bias = false, .accumulate = true},
          {.a = rows(n, out, gap).transposed(), .b = rows(n, in, gap), .c = rows(out, in), .bias = false, .accumulate = true}};
}
}  // namespace

TEST_CASE("oneDNN picks no slow implementation for any product") {
  const Cpu cpu;
  const auto entered = cpu.enter();
  for (const std::int64_t n : {1, 16, 48, 768})
    for (const auto& [in, out] : std::vector<std::pair<std::int64_t, std::int64_t>>{
             {64, 192}, {128, 512}, {512, 128}, {128, 8}, {96, 250}, {1, 7}, {33, 1}})
      for (const std::int64_t gap : {0, 256})
        for (const ProductShape& shape : shapes(n, in, out, gap)) {
          const Product product(shape);
          INFO(n << " x " << in << " -> " << out << ": " << product.implementation());
          CHECK_FALSE(product.slow());
        }
}

TEST_CASE("the exponential is within two units in the last place") {
  for (const auto set : cpu::all_instruction_sets) {
    if (!cpu::available(set)) continue;
    std::vector<float> x, y;
    for (float v = -87.3F; v < 88.3F; v += 0.00097F) x.push_back(v);
    y.resize(x.size());
    cpu::kernels_of(set).exponentials(x.data(), y.data(), static_cast<std::int64_t>(x.size()));
    std::int64_t worst = 0;
    for (std::size_t i = 0; i < x.size(); ++i) {
      const auto exact = static_cast<float>(std::exp(static_cast<double>(x[i])));
      worst = std::max<std::int64_t>(worst, std::abs(std::bit_cast<std::int32_t>(exact) - std::bit_cast<std::int32_t>(y[i])));
    }
    INFO(cpu::name_of(set));
    CHECK(worst <= 2);
  }
}

TEST_CASE("the exponential of NaN is NaN and that of large negative numbers is zero") {
  const float x[] = {NAN, -INFINITY, -200.0F, 0.0F};
  for (const auto set : cpu::all_instruction_sets) {
    if (!cpu::available(set)) continue;
    float y[4];
    cpu::kernels_of(set).exponentials(x, y, 4);
    CHECK(std::isnan(y[0]));
    CHECK(y[1] == 0.0F);
    CHECK(y[2] == 0.0F);
    CHECK(y[3] == 1.0F);
  }
}

TEST_CASE("own kernels give the same bits for one and two threads") {
  const Cpu one({.threads = 1}), two({.threads = 2});
  const std::int64_t n = 768, d = 96;
  const auto same = [&](auto... ops) {
    // A scene that is not compared with the reference: only the bits of both runs count.
    return [ops..., &one, &two](Scene& scene) { return scene.after(one, ops...) == scene.after(two, ops...); };
  };
  Scene scene(11);
  const Tensor x = scene.packed(n, d), w = scene.packed(1, d), stats = scene.packed(n, 2), y = scene.packed(n, d),
               dx = scene.packed(n, d);
  const Tensor dw = scene.packed(1, d), filter_width = scene.packed(d, 3), dtaps = scene.packed(d, 3), sum = scene.packed(1, 1),
               loss = scene.packed(1, 1);
  const Tensor targets = scene.index(n, 1, 0, d - 1), scale = scene.packed(1, 1), dtable = scene.packed(d, d);
  CHECK(same(
      op::Normalize{.statistic = op::Statistic::rms, .x = x, .w = w, .statistics = stats, .y = y},
      op::NormalizeGradient{.statistic = op::Statistic::rms, .x = x, .w = w, .statistics = stats, .dy = y, .dx = dx, .dw = dw},
      op::CausalConvolutionGradient{.x = x, .w = filter_width, .dy = y, .dx = dx, .dw = dtaps, .context = 64},
      op::SumOfSquares{.x = x, .sum = sum},
      op::CrossEntropy{.logits = x, .targets = targets, .scale = scale, .loss = loss, .dlogits = dx},
      op::EmbedGradient{.tokens = targets, .dy = x, .dtable = dtable})(scene));
}

TEST_CASE("a copy of a Cpu has scratch of its own and bad options are refused") {
  CHECK_THROWS_AS(Cpu({.threads = -1}), Exception);
  const Cpu original;
  const Cpu copy(original);
  Scene scene(5);
  const Tensor x = scene.packed(70, 33), w = scene.packed(5, 33), y = scene.packed(70, 5);
  CHECK(scene.after(original, op::Linear{.x = x, .w = w, .y = y}) == scene.after(copy, op::Linear{.x = x, .w = w, .y = y}));
}

TEST_CASE("the report names the instruction sets of the processor and the peak is plausible") {
  const cpu::CpuReport cpu_report = cpu::cpu_report();
  CHECK(cpu_report.processors.usable() >= 1);
  CHECK(cpu_report.instruction_sets.front() == "portable");
  CHECK(cpu_report.onednn.find('.') != std::string::npos);
  CHECK(cpu_report.products.size() == 8);
  CHECK_FALSE(cpu_report.slow_products);
  for (const auto precision : {cpu::Precision::f32, cpu::Precision::bf16}) {
    CHECK(cpu::peak(precision, 1, 2.0) > 1.0);
    CHECK(cpu::peak(precision, 2, 2.0) > 1.0);
    for (const cpu::InstructionSet set : cpu::all_instruction_sets)
      if (cpu::available(set)) CHECK(cpu::peak(precision, 1, 2.0, set) > 1.0);
  }
}
