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
using namespace genoform::inner;

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
        cpu.prepare(op::Attend{.q = part(x, 0),
                               .k = part(x, 1),
                               .v = part(x, 2),
                               .y = y,
                               .log_sum_exps = sums,
                               .sizes = {.heads = 2, .kv_heads = 2, .head_dim = 16, .context = 64}},
                    memories),
        cpu.prepare(op::AttendGradient{.q = part(x, 0),
                                       .k = part(x, 1),
                                       .v = part(x, 2),
                                       .y = y,
                                       .log_sum_exps = sums,
                                       .dy = dy,
                                       .dq = part(dx, 0),
                                       .dk = part(dx, 1),
                                       .dv = part(dx, 2),
                                       .sizes = {.heads = 2, .kv_heads = 2, .head_dim = 16, .context = 64}},
                    memories),
        cpu.prepare(op::Rotate{.x = x, .head_dim = 16, .context = 64}, memories),
        cpu.prepare(op::CausalConvolution{.x = x, .w = filter_width, .y = dx, .context = 64}, memories),
        cpu.prepare(op::CausalConvolutionGradient{.x = x, .w = filter_width, .dy = x, .dx = dx, .dw = dw, .context = 64},
                    memories),
        cpu.prepare(op::Normalize{.statistic = op::Statistic::rms, .x = x, .w = w, .statistics = stats, .y = dx}, memories),
        cpu.prepare(
            op::NormalizeGradient{
                .statistic = op::Statistic::rms, .x = x, .w = w, .statistics = stats, .dy = x, .dx = dx, .dw = w},
            memories),
        cpu.prepare(op::CrossEntropy{.logits = x, .targets = targets, .scale = scale, .loss = loss, .dlogits = dx}, memories),
        cpu.prepare(op::SumOfSquares{.x = x, .sum = loss}, memories),
        cpu.prepare(op::Attend{.q = part(x, 0),
                               .k = part(x, 1),
                               .v = part(x, 2),
                               .y = y,
                               .log_sum_exps = sums,
                               .bias = bias,
                               .sizes = {.heads = 2, .kv_heads = 2, .head_dim = 16, .context = 64, .window = 9}},
                    memories),
        cpu.prepare(op::AttendGradient{.q = part(x, 0),
                                       .k = part(x, 1),
                                       .v = part(x, 2),
                                       .y = y,
                                       .log_sum_exps = sums,
                                       .dy = dy,
                                       .dq = part(dx, 0),
                                       .dk = part(dx, 1),
                                       .dv = part(dx, 2),
                                       .bias = bias,
                                       .dbias = dbias,
                                       .sizes = {.heads = 2, .kv_heads = 2, .head_dim = 16, .context = 64, .window = 9}},
                    memories),
        cpu.prepare(op::RelativeBias{.table = table, .y = bias, .distance = 20}, memories),
        cpu.prepare(op::RelativeBiasGradient{.dy = dbias, .dtable = table, .distance = 20}, memories),
        cpu.prepare(op::NormalizeHeads{.x = y, .scales = sums, .head_dim = 16}, memories),
        cpu.prepare(op::NormalizeHeadsGradient{.y = y, .scales = sums, .dy = dy, .dx = dy, .head_dim = 16}, memories),
        cpu.prepare(op::AddSinusoid{.x = x, .context = 64}, memories),
        cpu.prepare(op::AddPositions{.table = x.row_range(0, 64), .x = dx, .context = 64}, memories),
        cpu.prepare(op::AddPositionsGradient{.dy = dx, .dtable = x.row_range(0, 64), .context = 64}, memories),
        cpu.prepare(op::ScaleBy{.x = x, .y = x, .factor = 0.5}, memories),
        cpu.prepare(op::Clear{.y = dx}, memories)};
    const auto entered = cpu.enter();
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
        cpu.prepare(op::RandomFeatures{.kernel = kernel, .x = x, .w = features, .y = q, .heads = 2}, memories),
        cpu.prepare(
            op::RandomFeaturesGradient{
                .kernel = kernel, .x = x, .w = features, .y = q, .dy = dq, .dx = dx, .heads = 2, .shifted = true},
            memories),
        cpu.prepare(op::LinearAttend{.q = q,
                                     .k = k,
                                     .shift = shift,
                                     .v = v,
                                     .y = y,
                                     .reciprocal = reciprocal,
                                     .sizes = {.heads = 2, .kv_heads = 1, .head_dim = 8, .context = 80},
                                     .features = 24},
                    memories),
        cpu.prepare(op::LinearAttendGradient{.q = q,
                                             .k = k,
                                             .shift = shift,
                                             .v = v,
                                             .y = y,
                                             .reciprocal = reciprocal,
                                             .dy = dx,
                                             .dq = dq,
                                             .dk = dk,
                                             .dv = dv,
                                             .sizes = {.heads = 2, .kv_heads = 1, .head_dim = 8, .context = 80},
                                             .features = 24},
                    memories),
        cpu.prepare(op::ScaleOffset{.x = x, .w = scale, .b = scale, .y = qk}, memories),
        cpu.prepare(op::ScaleOffsetGradient{.x = x, .w = scale, .dy = qk, .dx = dx, .dw = scale, .db = scale}, memories),
        cpu.prepare(op::SquaredReluAttend{.q = half(qk, 0), .k = half(qk, 1), .v = x, .y = y, .length = 80, .context = 80},
                    memories),
        cpu.prepare(op::SquaredReluAttendGradient{.q = half(qk, 0),
                                                  .k = half(qk, 1),
                                                  .v = x,
                                                  .dy = y,
                                                  .dq = half(dq, 0),
                                                  .dk = half(dq, 1),
                                                  .dv = dx,
                                                  .length = 80,
                                                  .context = 80},
                    memories)};
    const auto entered = cpu.enter();
    for (const auto& call : calls) call();  // OpenMP creates its threads in the first parallel region
    allocations = 0;
    counting = true;
    for (const auto& call : calls) call();
    counting = false;
    CHECK(allocations == 0);
  }
}
