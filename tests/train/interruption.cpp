#include "nets.hpp"
#include "tests/catch.hpp"

using namespace training;

namespace {

const TrainOptions options{.steps = 3, .batch = 4, .learning_rate = 3e-3f, .accumulate = 2, .windows = 8};

/// Says yes at one of the questions, counted from 1, and no at all others.
struct Once {
  int at = 0, asked = 0;
  bool operator()() { return ++asked == at; }
};

}  // namespace

TEST_CASE("a step that is left between two operations changes nothing, and is taken again to the same bits") {
  Model<Routed, Cpu> undisturbed({.seed = 1});
  Trainer straight(undisturbed, options);
  while (straight.steps_done() < options.steps) straight.step(text()).value();

  Once once;
  Model<Routed, Cpu> model({.seed = 1});
  TrainOptions asking = options;
  asking.interrupted = [&once] { return once(); };
  Trainer trainer(model, asking);
  int interruptions = 0;
  while (trainer.steps_done() < options.steps) {
    const int steps = trainer.steps_done();
    const std::vector<float> parameters = copied(model.parameters()), state = copied(model.state());
    for (int question = 1; trainer.steps_done() == steps; question += 7) {
      once = {.at = question};
      const Result<Step> step = trainer.step(text());
      if (trainer.steps_done() > steps) break;  // it asked less often than that
      ++interruptions;
      REQUIRE(step.error().error_kind == ErrorKind::interrupted);
      REQUIRE(copied(model.parameters()) == parameters);
      REQUIRE(copied(model.state()) == state);
    }
  }
  CHECK(interruptions > 50);
  CHECK(copied(model.parameters()) == copied(undisturbed.parameters()));
  CHECK(copied(model.state()) == copied(undisturbed.state()));
}

TEST_CASE("a validation that is interrupted says so, and the step before it stays") {
  bool stop = false;
  Model<Mixed, Cpu> model({.seed = 1});
  TrainOptions asking = options;
  asking.interrupted = [&stop] { return stop; };
  Trainer trainer(model, asking);
  trainer.step(text()).value();
  stop = true;
  CHECK(trainer.validate(text()).error().error_kind == ErrorKind::interrupted);
  stop = false;
  CHECK(trainer.validate(text()).ok());
  CHECK(trainer.steps_done() == 1);
}
