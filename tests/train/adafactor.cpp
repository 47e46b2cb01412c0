#include <algorithm>
#include <cmath>
#include <numeric>

#include "genoform/backend/reference.hpp"
#include "nets.hpp"
#include "tests/catch.hpp"

using namespace training;

namespace {

double mean_square(std::span<const double> x) {
  double sum = 0;
  for (const double v : x) sum += v * v;
  return sum / static_cast<double>(x.size());
}

/// Adafactor on one tensor, written from the paper alone: full matrices of moments are rebuilt from their sums every step.
struct PlainAdafactor {
  Adafactor o;
  std::size_t blocks, rows, columns;
  bool factored, decays;
  std::vector<double> row_sums, column_sums, squares, momentum;

  PlainAdafactor(const Adafactor& options, const TensorInfo& info)
      : o(options),
        blocks(info.shape.size() == 3 ? static_cast<std::size_t>(info.shape[0]) : 1),
        rows(static_cast<std::size_t>(info.tensor.rows) / blocks),
        columns(static_cast<std::size_t>(info.tensor.columns)),
        factored(info.shape.size() > 1 && info.shape.back() >= o.factor_from && static_cast<std::int64_t>(rows) >= o.factor_from),
        decays(info.decays),
        row_sums(blocks * rows),
        column_sums(blocks * columns),
        squares(blocks * rows * columns),
        momentum(squares.size()) {}

  void step(int t, double learning_rate, std::span<const double> g, std::span<double> w) {
    const double beta2 =
        o.beta2 > 0 ? o.beta2 * (1 - std::pow(o.beta2, t - 1)) / (1 - std::pow(o.beta2, t)) : 1 - std::pow(t, -o.exponent);
    std::vector<double> added(g.size()), u(g.size());
    for (std::size_t i = 0; i < g.size(); ++i) added[i] = (1 - beta2) * (g[i] * g[i] + o.epsilon1);
    for (double& v : row_sums) v *= beta2;
    for (double& v : column_sums) v *= beta2;
    for (std::size_t i = 0; i < g.size(); ++i) {
      row_sums[i / columns] += added[i];
      column_sums[i / (rows * columns) * columns + i % columns] += added[i];
      squares[i] = beta2 * squares[i] + added[i];
    }
    for (std::size_t i = 0; i < g.size(); ++i) {
      const std::size_t block = i / (rows * columns);
      const auto first = row_sums.begin() + static_cast<std::ptrdiff_t>(block * rows);
      const double all = std::accumulate(first, first + static_cast<std::ptrdiff_t>(rows), 0.0);
      const double v = factored ? row_sums[i / columns] * column_sums[block * columns + i % columns] / all : squares[i];
      u[i] = g[i] / std::sqrt(v);
    }
    const double clipped = o.update_clip > 0 ? std::max(1.0, std::sqrt(mean_square(u)) / o.update_clip) : 1.0;
    const double scale = o.relative ? std::max(o.epsilon2, std::sqrt(mean_square(w))) : 1.0;
    for (std::size_t i = 0; i < g.size(); ++i) {
      momentum[i] = o.beta1 * momentum[i] + (1 - o.beta1) * learning_rate * scale / clipped * u[i];
      w[i] -= momentum[i] + (decays ? learning_rate * o.weight_decay * w[i] : 0);
    }
  }
};

/// Gradients whose size changes from tensor to tensor and from step to step.
double wave(std::size_t i, int step) { return std::sin(static_cast<double>(i) * 0.7 + step) * (1 + 0.5 * (step % 3)); }

void follows_the_paper(const Adafactor& options) {
  Model<Mixed, Reference> model({.seed = 5});
  const auto optimizer = options.bind(model);
  std::vector<double> w = copied(model.parameters());
  std::vector<PlainAdafactor> plain;
  for (const TensorInfo& info : model.tensors())
    if (info.tensor.memory == Memory::weights) plain.emplace_back(options, info);
  for (int step = 1; step <= 20; ++step) {
    double squares = 0;
    for (std::size_t i = 0; i < w.size(); ++i) squares += std::pow(model.gradients()[i] = wave(i, step), 2);
    REQUIRE(optimizer->gradient_norm() == Approx(std::sqrt(squares)));
    const std::vector<double> g = copied(model.gradients());
    optimizer->update(step, 0.02);
    REQUIRE(std::ranges::all_of(model.gradients(), [](double x) { return x == 0; }));
    std::size_t next = 0;
    for (const TensorInfo& info : model.tensors()) {
      if (info.tensor.memory != Memory::weights) continue;
      const auto first = static_cast<std::size_t>(info.tensor.offset), size = static_cast<std::size_t>(info.tensor.size());
      plain[next++].step(step, 0.02, std::span<const double>(g).subspan(first, size), std::span(w).subspan(first, size));
    }
  }
  double worst = 0;
  for (std::size_t i = 0; i < w.size(); ++i) worst = std::max(worst, std::abs(w[i] - model.parameters()[i]));
  REQUIRE(worst < 1e-12);
}

const TrainOptions options{.steps = 12,
                           .batch = 4,
                           .learning_rate = 0.02f,
                           .accumulate = 2,
                           .optimizer = Adafactor{.beta1 = 0.5, .weight_decay = 0.01, .factor_from = 1},
                           .validate_every = 4,
                           .windows = 8};

}  // namespace

TEST_CASE("20 steps of Adafactor follow the paper on every tensor, experts one by one") {
  follows_the_paper({.factor_from = 1});
  follows_the_paper({.beta1 = 0.9, .weight_decay = 0.1, .factor_from = 30});
  follows_the_paper({.beta2 = 0.99, .update_clip = 0, .relative = false, .factor_from = 1});
  follows_the_paper(Adafactor::glam());
}

TEST_CASE("Adafactor remembers rows and columns of matrices, every square of the rest, and momentum only where it is used") {
  Model<Mixed, Reference> model;
  const auto shape_of = [](const Optimizer<Reference>& o, const std::string& name) {
    for (const OptimizerState& s : o.state())
      if (s.name == name) return s.shape;
    return std::vector<std::int64_t>();
  };
  using Shape = std::vector<std::int64_t>;
  const Adafactor all{.factor_from = 24}, with_momentum{.beta1 = 0.9, .factor_from = 24};
  const auto optimizer = all.bind(model);
  REQUIRE(shape_of(*optimizer, "adafactor.r.embedding.weight") == Shape{256});
  REQUIRE(shape_of(*optimizer, "adafactor.c.embedding.weight") == Shape{32});
  REQUIRE(shape_of(*optimizer, "adafactor.r.blocks.1.0.moe.up.weight") == Shape{4, 24});
  REQUIRE(shape_of(*optimizer, "adafactor.c.blocks.1.0.moe.up.weight") == Shape{4, 32});
  REQUIRE(shape_of(*optimizer, "adafactor.v.blocks.0.1.moe.router.weight") == Shape{4, 32});
  REQUIRE(shape_of(*optimizer, "adafactor.v.norm.weight") == Shape{32});
  REQUIRE(shape_of(*optimizer, "adafactor.m.norm.weight").empty());
  REQUIRE(shape_of(*with_momentum.bind(model), "adafactor.m.blocks.1.0.moe.up.weight") == Shape{4, 24, 32});
}

TEST_CASE("an optimizer says beforehand how much memory it takes") {
  Model<Mixed, Reference> model;
  const auto state_elements = [](const Optimizer<Reference>& o) {
    std::int64_t sum = 0;
    for (const OptimizerState& s : o.state()) sum += s.tensor.size();
    return sum;
  };
  const Adafactor factored{.beta1 = 0.9, .factor_from = 1};
  REQUIRE(factored.elements(model.tensors()) == state_elements(*factored.bind(model)) + 9 + 256 + 32);
  REQUIRE(AdamW{}.elements(model.tensors()) == state_elements(*AdamW{}.bind(model)) + 9);
  REQUIRE(Adafactor{.factor_from = 1}.elements(model.tensors()) < AdamW{}.elements(model.tensors()) / 4);
}

TEST_CASE("an update by Adafactor has the same bits for any number of threads") {
  const auto after = [](int threads) {
    Model<Mixed, Cpu> model({.seed = 5, .backend = Cpu({.threads = threads})});
    const auto optimizer = Adafactor{.factor_from = 1}.bind(model);
    for (int step = 1; step <= 3; ++step) {
      for (std::size_t i = 0; i < model.gradients().size(); ++i) model.gradients()[i] = static_cast<float>(wave(i, step));
      (void)optimizer->gradient_norm();
      optimizer->update(step, 0.02);
    }
    return copied(model.parameters());
  };
  REQUIRE(after(1) == after(2));
}

TEST_CASE("a run with Adafactor that is resumed equals the uninterrupted one bit for bit") {
  const ScratchFolder folder("resume_adafactor");
  require_resumes_to_the_same_bits<Mixed>(options, folder);

  Model<Mixed, Cpu> model({.seed = 99});
  TrainOptions other = options;
  other.optimizer = AdamW{};
  Trainer with_adamw(model, other);
  REQUIRE(with_adamw.resume(folder.path()).error().message.find("the run has optimizer adafactor beta1 0.5") !=
          std::string::npos);
}

TEST_CASE("a small model learns a text with Adafactor and the papers' schedule") {
  Model<Mixed, Cpu> model({.seed = 1});
  Trainer trainer(model, {.steps = 120,
                          .batch = 8,
                          .learning_rate = 0.03f,
                          .schedule = {.kind = Schedule::Kind::reciprocal_square_root, .warm_up = 60},
                          .optimizer = Adafactor{.factor_from = 1},
                          .validate_every = 60,
                          .windows = 32});
  std::vector<double> validation;
  for (const Step& s : trainer.run(text()))
    if (s.was_validated()) validation.push_back(s.validation);
  REQUIRE(validation.size() == 2);
  REQUIRE(validation[1] < validation[0]);
  REQUIRE(validation[1] < 4.2);
}

TEST_CASE("Adafactor leaves frozen tensors alone, decay included") {
  Model<Dense, Cpu> model({.seed = 1});
  const std::vector<float> before = copied(model.parameters());
  Trainer trainer(model, {.steps = 3,
                          .batch = 2,
                          .learning_rate = 0.02f,
                          .optimizer = Adafactor{.beta1 = 0.9, .weight_decay = 0.1, .factor_from = 1},
                          .windows = 0,
                          .frozen = {"blocks.0.*"}});
  for (const Step& s : trainer.run(text())) REQUIRE(std::isfinite(s.gradient_norm));
  for (const TensorInfo& info : model.tensors()) {
    INFO(info.name);
    const auto now = model.values(info);
    const bool same = std::equal(now.begin(), now.end(), before.begin() + static_cast<std::ptrdiff_t>(info.tensor.offset));
    REQUIRE(same == info.name.starts_with("blocks.0."));
  }
}

TEST_CASE("settings of Adafactor that make no sense are refused") {
  Model<Dense, Cpu> model;
  REQUIRE_THROWS_WITH(Adafactor{.beta1 = 1}.bind(model), Catch::Contains("beta1"));
  REQUIRE_THROWS_WITH(Adafactor{.beta2 = 1}.bind(model), Catch::Contains("beta2"));
  REQUIRE_THROWS_WITH(Adafactor{.epsilon1 = 0}.bind(model), Catch::Contains("epsilon1"));
  REQUIRE_THROWS_WITH(Adafactor{.factor_from = 0}.bind(model), Catch::Contains("factored"));
  REQUIRE_THROWS_WITH(Trainer(model, {.optimizer = Adafactor{.weight_decay = -1}}), Catch::Contains("decay"));
}
