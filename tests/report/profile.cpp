#include "genoform/report/profile.hpp"

#include <numeric>

#include "genoform/backend/cpu.hpp"
#include "genoform/genoform.hpp"
#include "genoform/model/model.hpp"
#include "genoform/train/adamw.hpp"
#include "tests/catch.hpp"

using namespace genoform;
using namespace genoform::inner;

namespace {

using Net = Decoder<Stack<Block<Attention<Heads<2>>, Ffn<SqReLU>>, 2>, Vocab<11>, Width<16>, Context<8>>;

/// The parameters after some steps, watched or not.
std::vector<float> trained(Profile* profile) {
  Model<Net, Cpu> model({.seed = 1});
  model.observe(profile);
  const auto optimizer = AdamW{}.bind(model);
  std::vector<Token> tokens(24);
  std::iota(tokens.begin(), tokens.end(), Token{-5});
  for (Token& token : tokens) token = (token + 11) % 11;
  for (int step = 1; step <= 3; ++step) {
    model.zero_gradients();
    model.loss_and_gradient(tokens, tokens, 3);
    static_cast<void>(optimizer->gradient_norm());
    optimizer->update(step, 1e-2);
    model.after_step();
    if (profile != nullptr) profile->end_step(1);
  }
  return {model.parameters().begin(), model.parameters().end()};
}

}  // namespace

TEST_CASE("a model that is watched computes the same bits") {
  Profile profile;
  CHECK(trained(&profile) == trained(nullptr));
}

TEST_CASE("a profile has a row for each kind of operation, and for each shape where FLOPs are useful") {
  Profile profile;
  static_cast<void>(trained(&profile));
  const Profile::Step step = profile.step();
  CHECK(step.seconds == Approx(1));
  std::vector<std::string> linears;
  double norms = 0, updates = 0;
  for (const Profile::Row& row : step.rows) {
    CHECK(row.seconds > 0);
    if (row.phase == "forward" && row.name == "linear") linears.push_back(row.shapes);
    if (row.phase == "backward" && row.name == "normalize_gradient") norms += row.calls;
    if (row.phase == "optimizer" && row.name == "adamw_update") updates += row.calls;
  }
  std::sort(linears.begin(), linears.end());
  CHECK(linears == std::vector<std::string>{"24x16 11x16 24x11", "24x16 16x16", "24x16 48x16 24x48", "24x16 64x16 24x64",
                                            "24x64 16x64 24x16"});
  CHECK(norms == Approx(5));
  CHECK(updates >= 1);
}

TEST_CASE("a call that was added without its operation runs in a list that is watched") {
  Profile profile;
  OperationList calls;
  calls.observe(&profile, Phase::forward);
  int runs = 0;
  calls.add([&runs] { ++runs; });
  calls.run();
  CHECK(runs == 1);
}
