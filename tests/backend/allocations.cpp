#include <atomic>
#include <cstdlib>
#include <new>

#include "tests/backend/scene.hpp"

namespace {
std::atomic<bool> counting = false;
std::atomic<int> allocations = 0;
void* counted(std::size_t bytes) {
  if (counting) ++allocations;
  if (void* memory = std::malloc(bytes)) return memory;
  throw std::bad_alloc();
}
}  // namespace

void* operator new(std::size_t bytes) { return counted(bytes); }
void* operator new[](std::size_t bytes) { return counted(bytes); }
void* operator new(std::size_t bytes, const std::nothrow_t&) noexcept { return std::malloc(bytes); }  // std::stable_sort's buffer
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete[](void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::size_t) noexcept { std::free(memory); }

using namespace genoform;

TEST_CASE("running what was prepared allocates nothing outside of oneDNN") {
  std::vector<float> elements(1 << 18, 0.25F);
  Memories<float> memories;
  memories[Memory::workspace] = elements.data();
  std::int64_t end = 0;
  const auto place = [&](std::int64_t rows, std::int64_t columns) {
    const Tensor t = matrix(Memory::workspace, end, rows, columns);
    end += t.size();
    return t;
  };
  const Tensor x = place(128, 96), y = place(128, 32), dy = place(128, 32), dx = place(128, 96), sums = place(128, 2),
               filter_width = place(96, 3);
  const Tensor w = place(1, 96), stats = place(128, 2), loss = place(1, 1), scale = place(1, 1), targets = place(128, 1),
               dw = place(96, 3), bias = place(2, 64), dbias = place(2, 64), table = place(2, 8);
  std::fill_n(elements.begin() + targets.offset, targets.size(), 0.0F);  // as integers: target 0
  const auto part = [](const Tensor& t, std::int64_t i) { return t.column_range(32 * i, 32); };
  for (const int threads : {1, 2}) {
    const Cpu cpu({.threads = threads});
    const std::vector<std::function<void()>> calls = {
        cpu.prepare(op::Attend{part(x, 0), part(x, 1), part(x, 2), y, sums, 2, 2, 16, 64}, memories),
        cpu.prepare(op::AttendGradient{part(x, 0), part(x, 1), part(x, 2), y, sums, dy, part(dx, 0), part(dx, 1), part(dx, 2), 2,
                                       2, 16, 64},
                    memories),
        cpu.prepare(op::Rotate{x, 16, 64, false}, memories),
        cpu.prepare(op::CausalConvolution{x, filter_width, dx, 64}, memories),
        cpu.prepare(op::CausalConvolutionGradient{x, filter_width, x, dx, dw, 64}, memories),
        cpu.prepare(op::Normalize{op::Statistic::rms, x, w, {}, stats, dx}, memories),
        cpu.prepare(op::NormalizeGradient{op::Statistic::rms, x, w, stats, x, dx, w, {}, false}, memories),
        cpu.prepare(op::CrossEntropy{x, targets, scale, loss, dx}, memories),
        cpu.prepare(op::SumOfSquares{x, loss}, memories),
        cpu.prepare(op::Attend{part(x, 0), part(x, 1), part(x, 2), y, sums, 2, 2, 16, 64, bias, 9}, memories),
        cpu.prepare(op::AttendGradient{part(x, 0), part(x, 1), part(x, 2), y, sums, dy, part(dx, 0), part(dx, 1), part(dx, 2), 2,
                                       2, 16, 64, bias, dbias, 9},
                    memories),
        cpu.prepare(op::RelativeBias{table, bias, 20}, memories),
        cpu.prepare(op::RelativeBiasGradient{dbias, table, 20}, memories),
        cpu.prepare(op::NormalizeHeads{y, sums, 16}, memories),
        cpu.prepare(op::NormalizeHeadsGradient{y, sums, dy, dy, 16}, memories),
        cpu.prepare(op::AddSinusoid{x, 64}, memories),
        cpu.prepare(op::AddPositions{x.row_range(0, 64), dx, 64}, memories),
        cpu.prepare(op::AddPositionsGradient{dx, x.row_range(0, 64), 64}, memories),
        cpu.prepare(op::ScaleBy{x, x, 0.5}, memories),
        cpu.prepare(op::Clear{dx}, memories)};
    cpu.enter();
    for (const auto& call : calls) call();  // OpenMP creates its threads in the first parallel region
    allocations = 0;
    counting = true;
    for (const auto& call : calls) call();
    counting = false;
    CHECK(allocations == 0);
  }
}

TEST_CASE("running what was prepared of linear and gated attention allocates nothing") {
  std::vector<float> elements(1 << 18, 0.25F);
  Memories<float> memories;
  memories[Memory::workspace] = elements.data();
  std::int64_t end = 0;
  const auto place = [&](std::int64_t rows, std::int64_t columns) {
    const Tensor t = matrix(Memory::workspace, end, rows, columns);
    end += t.size();
    return t;
  };
  const Tensor x = place(160, 16), features = place(24, 8), q = place(160, 48), k = place(160, 24), v = place(160, 8);
  const Tensor shift = place(160, 1), y = place(160, 16), reciprocal = place(160, 2), dq = place(160, 48), dk = place(160, 24),
               dv = place(160, 8), dx = place(160, 16), scale = place(2, 16), qk = place(160, 32);
  for (const int threads : {1, 2}) {
    const Cpu cpu({.threads = threads});
    const auto kernel = op::FeatureKernel::softmax;
    const auto half = [](const Tensor& t, std::int64_t i) { return t.column_range(16 * i, 16); };
    const std::vector<std::function<void()>> calls = {
        cpu.prepare(op::RandomFeatures{kernel, x, features, q, {}, 2}, memories),
        cpu.prepare(op::RandomFeaturesGradient{kernel, x, features, q, dq, dx, 2, true}, memories),
        cpu.prepare(op::LinearAttend{q, k, shift, v, y, reciprocal, 2, 1, 24, 8, 80}, memories),
        cpu.prepare(op::LinearAttendGradient{q, k, shift, v, y, reciprocal, dx, dq, dk, dv, 2, 1, 24, 8, 80}, memories),
        cpu.prepare(op::ScaleOffset{x, scale, scale, qk}, memories),
        cpu.prepare(op::ScaleOffsetGradient{x, scale, qk, dx, scale, scale}, memories),
        cpu.prepare(op::SquaredReluAttend{half(qk, 0), half(qk, 1), x, y, 80, 80}, memories),
        cpu.prepare(op::SquaredReluAttendGradient{half(qk, 0), half(qk, 1), x, y, half(dq, 0), half(dq, 1), dx, 80, 80},
                    memories)};
    cpu.enter();
    for (const auto& call : calls) call();  // OpenMP creates its threads in the first parallel region
    allocations = 0;
    counting = true;
    for (const auto& call : calls) call();
    counting = false;
    CHECK(allocations == 0);
  }
}
