#include "tests/backend/scene.hpp"

using namespace genoform;
using namespace genoform::inner;

namespace {
constexpr op::Function functions[] = {op::Function::identity, op::Function::relu, op::Function::gelu, op::Function::swish,
                                      op::Function::squared_relu};
}

TEST_CASE("copying and adding elements leaves the gaps between rows alone") {
  on_every_cpu(10, [](const Cpu& cpu, Scene& scene) {
    const auto rows = scene.number(1, 70), columns = scene.number(1, 400);
    const Tensor x = scene.real(rows, columns), y = scene.real(rows, columns), z = scene.real(rows, columns),
                 w = scene.real(rows, columns);
    const Tensor a = scene.packed(rows, columns), b = scene.packed(rows, columns);
    scene.agree(cpu, 1e-6, op::Copy{.x = x, .y = y}, op::Add{.x = x, .y = z}, op::Clear{.y = w}, op::Add{.x = a, .y = b},
                op::Copy{.x = b, .y = a}, op::Clear{.y = b});
  });
}

TEST_CASE("products agree with sums in double, with gaps, bias, epilogue and accumulation") {
  on_every_cpu(12, [](const Cpu& cpu, Scene& scene) {
    const auto n = scene.number(1, 70), in = scene.number(1, 70), out = scene.number(1, 70);
    const Tensor x = scene.real(n, in), w = scene.real(out, in), bias = scene.real(1, out), y = scene.real(n, out),
                 z = scene.real(n, out);
    const Tensor s = scene.real(n, out), dy = scene.real(n, out), dx = scene.real(n, in), ds = scene.real(n, in);
    const Tensor dw = scene.real(out, in), dbias = scene.real(1, out), du = scene.real(out, in);
    scene.agree(
        cpu, 1e-5, op::Linear{.x = x, .w = w, .y = y}, op::Linear{.x = x, .w = w, .bias = bias, .y = z, .f = op::Function::relu},
        op::Linear{.x = x, .w = w, .y = s, .f = op::Function::squared_relu}, op::LinearInputGradient{.dy = dy, .w = w, .dx = dx},
        op::LinearInputGradient{.dy = dy, .w = w, .dx = ds, .accumulate = true},
        op::LinearWeightGradient{.x = x, .dy = dy, .dw = dw, .dbias = dbias},
        op::LinearWeightGradient{.x = x, .dy = dy, .dw = du});
  });
}

TEST_CASE("products that are cut into slabs agree, by rows and by columns") {
  for (const auto set : sets_of_products())
    for (CpuOptions options : {CpuOptions{.threads = 2}, {.threads = 3}, {.threads = 1, .thread_invariant = true}})
      for (std::uint64_t seed = 0; seed < 4; ++seed) {
        options.instruction_set = set;
        Scene scene(seed);
        const auto n = scene.number(120, 240), in = scene.number(120, 240), out = scene.number(120, 240);
        const Tensor x = scene.real(n, in, 0.3), w = scene.real(out, in, 0.3), bias = scene.real(1, out), y = scene.real(n, out),
                     z = scene.real(n, out), added = scene.real(n, out), sum = scene.packed(n, out);
        const Tensor dy = scene.real(n, out, 0.3), dx = scene.real(n, in), ds = scene.real(n, in), dw = scene.real(out, in),
                     dbias = scene.real(1, out), packed = scene.packed(n, out);
        const Tensor undone = scene.packed(n, in, [&](std::int64_t, std::int64_t) { return std::max(0.0, scene.normal()); });
        scene.agree(Cpu(options), 1e-5, op::Linear{.x = x, .w = w, .bias = bias, .y = y, .f = op::Function::squared_relu},
                    op::Linear{.x = x, .w = w, .y = z, .added = added},
                    op::Linear{.x = x, .w = w, .bias = bias, .y = sum, .added = packed},
                    op::LinearInputGradient{.dy = dy, .w = w, .dx = ds, .accumulate = true},
                    op::LinearInputGradient{.dy = dy, .w = w, .dx = dx, .output = undone, .f = op::Function::relu},
                    op::LinearWeightGradient{.x = x, .dy = dy, .dw = dw, .dbias = dbias});
      }
}

TEST_CASE("embedding rows are found and their gradients gathered") {
  on_every_cpu(6, [](const Cpu& cpu, Scene& scene) {
    const auto n = scene.number(1, 300), v = scene.number(2, 30), d = scene.number(1, 150);
    const Tensor tokens = scene.index(n, 1, 0, v - 1), table = scene.real(v, d), y = scene.real(n, d), dtable = scene.real(v, d);
    scene.agree(cpu, 1e-6, op::Embed{.tokens = tokens, .table = table, .y = y},
                op::EmbedGradient{.tokens = tokens, .dy = y, .dtable = dtable});
  });
}

TEST_CASE("norms agree forward and backward") {
  on_every_cpu(12, [](const Cpu& cpu, Scene& scene) {
    const auto n = scene.number(1, 200), d = scene.number(1, 70);
    for (const auto statistic : {op::Statistic::rms, op::Statistic::layer}) {
      if (statistic == op::Statistic::layer && d < 4) continue;  // the variance of a few elements may be almost 0
      const Tensor x = scene.real(n, d), w = scene.real(1, d),
                   b = statistic == op::Statistic::layer ? scene.real(1, d) : Tensor{};
      const Tensor stats = scene.real(n, 2), y = scene.real(n, d), dy = scene.real(n, d), dx = scene.real(n, d),
                   dz = scene.real(n, d);
      const Tensor dw = scene.real(1, d), db = b.exists() ? scene.real(1, d) : Tensor{};
      scene.agree(cpu, 2e-5, op::Normalize{.statistic = statistic, .x = x, .w = w, .b = b, .statistics = stats, .y = y},
                  op::NormalizeGradient{
                      .statistic = statistic, .x = x, .w = w, .statistics = stats, .dy = dy, .dx = dx, .dw = dw, .db = db},
                  op::NormalizeGradient{.statistic = statistic,
                                        .x = x,
                                        .w = w,
                                        .statistics = stats,
                                        .dy = dy,
                                        .dx = dz,
                                        .dw = dw,
                                        .db = db,
                                        .accumulate = true});
    }
  });
}

TEST_CASE("activations and gated pairs agree forward and backward") {
  on_every_cpu(4, [](const Cpu& cpu, Scene& scene) {
    for (const auto f : functions) {
      const auto n = scene.number(1, 40), width = scene.number(1, 70);
      const Tensor u = scene.real(n, width, 3.0), gate = scene.real(n, width, 3.0), y = scene.real(n, width),
                   z = scene.real(n, width);
      const Tensor dy = scene.real(n, width), du = scene.real(n, width), dv = scene.real(n, width), dgate = scene.real(n, width);
      scene.agree(
          cpu, 4e-6, op::Activate{.f = f, .u = u, .y = y}, op::ActivateGradient{.f = f, .u = u, .y = y, .dy = dy, .du = du},
          op::Activate{.f = f, .u = u, .gate = gate, .y = z},
          op::ActivateGradient{.f = f, .u = u, .gate = gate, .y = z, .dy = dy, .du = dv, .dgate = dgate},
          op::ActivateGradient{.f = f, .u = u, .y = y, .dy = dy, .du = dy}, op::Activate{.f = f, .u = u, .gate = gate, .y = u});
      const Tensor derivative = scene.real(n, width), x = scene.real(n, width, 3.0);
      scene.agree(cpu, 4e-6, op::Activate{.f = f, .u = gate, .y = y, .derivative = derivative},
                  op::Activate{.f = f, .u = x, .y = z, .derivative = x});
    }
  });
}

TEST_CASE("the gradients of relu and squared relu need their output alone") {
  on_every_cpu(2, [](const Cpu& cpu, Scene& scene) {
    for (const auto f : {op::Function::relu, op::Function::squared_relu}) {
      const Tensor u = scene.packed(9, 33), dy = scene.packed(9, 33), du = scene.packed(9, 33);
      scene.agree(cpu, 1e-6, op::Activate{.f = f, .u = u, .y = u}, op::ActivateGradient{.f = f, .y = u, .dy = dy, .du = du});
    }
  });
}

TEST_CASE("softmax agrees forward and backward, in place too") {
  on_every_cpu(8, [](const Cpu& cpu, Scene& scene) {
    const auto n = scene.number(1, 70), v = scene.number(1, 70);
    const Tensor x = scene.real(n, v, 4.0), y = scene.real(n, v), dy = scene.real(n, v), dx = scene.real(n, v);
    scene.agree(cpu, 2e-6, op::Softmax{.x = x, .y = y}, op::SoftmaxGradient{.y = y, .dy = dy, .dx = dx},
                op::SoftmaxGradient{.y = y, .dy = dy, .dx = dy}, op::Softmax{.x = x, .y = x});
  });
}

TEST_CASE("cross entropy counts only rows with a target, in place too") {
  on_every_cpu(8, [](const Cpu& cpu, Scene& scene) {
    const auto n = scene.number(1, 200), v = scene.number(2, 300);
    const Tensor logits = scene.real(n, v, 3.0), targets = scene.index(n, 1, -1, v - 1), scale = scene.packed(1, 1),
                 loss = scene.packed(1, 1);
    const Tensor other = scene.packed(1, 1), dlogits = scene.real(n, v), none = scene.index(n, 1, -1, -1),
                 nothing = scene.packed(1, 1);
    scene.agree(cpu, 3e-6, op::CrossEntropy{.logits = logits, .targets = targets, .scale = scale, .loss = other},
                op::CrossEntropy{.logits = logits, .targets = none, .scale = scale, .loss = nothing, .dlogits = dlogits},
                op::CrossEntropy{.logits = logits, .targets = targets, .scale = scale, .loss = loss, .dlogits = dlogits},
                op::CrossEntropy{.logits = logits, .targets = targets, .scale = scale, .loss = loss, .dlogits = logits});
  });
}
