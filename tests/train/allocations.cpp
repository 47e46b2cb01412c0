#include "counted_new.hpp"
#include "nets.hpp"
#include "tests/catch.hpp"

using namespace training;

TEST_CASE("after the first step a training step allocates nothing, logging included") {
  using cpu::Precision;
  for (const auto& [cpu, optimizer] : {std::pair<CpuOptions, OptimizerChoice>({.threads = 1}, AdamW{}),
                                       {{.threads = 2}, AdamW{}},
                                       {{.threads = 2, .thread_invariant = true}, AdamW{}},
                                       {{.threads = 1, .precision = Precision::bf16}, AdamW{}},
                                       {{.threads = 2, .precision = Precision::bf16}, AdamW{}},
                                       {{.threads = 1}, Adafactor{.factor_from = 1}},
                                       {{.threads = 2}, Adafactor{.beta1 = 0.9, .factor_from = 1}}}) {
    const ScratchFolder folder("allocations");
    Model<Mixed, Cpu> model({.seed = 1, .backend = Cpu(cpu)});
    Trainer trainer(model,
                    {.steps = 10, .batch = 4, .accumulate = 2, .optimizer = optimizer, .windows = 0, .log = folder.path()});
    trainer.step(text()).value();
    allocations::ours = 0;
    allocations::of_libraries = 0;
    allocations::counts = true;
    for (int i = 0; i < 5; ++i) (void)trainer.step(text()).ok();
    allocations::counts = false;
    INFO("oneDNN and OpenMP made " << allocations::of_libraries << " allocations of their own");
    REQUIRE(allocations::ours == 0);
  }
}

TEST_CASE("no router allocates in a training step, with noise and losses of routers") {
  Model<Routed, Cpu> model({.seed = 1, .routers = {.z_loss = 1e-3, .jitter = 0.1, .seed = 1}});
  Trainer trainer(model, {.steps = 10, .batch = 4, .accumulate = 2, .windows = 0});
  trainer.step(text()).value();
  allocations::ours = 0;
  allocations::counts = true;
  for (int i = 0; i < 5; ++i) (void)trainer.step(text()).ok();
  allocations::counts = false;
  REQUIRE(allocations::ours == 0);
}
