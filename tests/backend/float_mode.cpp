#include <cfenv>
#include <limits>
#include <vector>

#include "genoform/backend/cpu.hpp"
#include "genoform/genoform.hpp"
#include "genoform/model/model.hpp"
#include "genoform/train/adafactor.hpp"
#include "tests/catch.hpp"

using namespace genoform;
using namespace genoform::inner;

namespace {

using Net = Decoder<Stack<Block<Attention<Heads<2>>, Moe<Top2, Experts<3>, Hidden<40>>>, 1>, Vocab<256>, Width<48>, Context<64>>;

/// Does this thread keep denormal numbers?
bool keeps_denormals() {
  volatile float small = std::numeric_limits<float>::min();
  volatile const float half = small / 2;
  return half != 0;
}
/// How many threads of the team do.
int team_that_keeps_denormals(int threads) {
  int count = 0;
#pragma omp parallel num_threads(threads) reduction(+ : count)
  count += keeps_denormals() ? 1 : 0;
  return count;
}

/// The gradients of a step, which an optimizer has used.
std::vector<float> step(int threads) {
  Model<Net, Cpu> model({.seed = 1, .backend = Cpu({.threads = threads})});
  std::vector<Token> tokens(8 * 64);
  for (std::size_t n = 0; n < tokens.size(); ++n) tokens[n] = static_cast<Token>(n * n % 256);
  model.loss_and_gradient(tokens, tokens, 8);
  const auto optimizer = Adafactor{.factor_from = 1}.bind(model);
  optimizer->update(1, 1e-3);
  return {model.gradients().begin(), model.gradients().end()};
}

}  // namespace

TEST_CASE("a model leaves the caller and his team the way they compute") {
  for (const int threads : {1, 3}) {
    REQUIRE(keeps_denormals());
    (void)step(threads);
    CHECK(keeps_denormals());
    CHECK(team_that_keeps_denormals(threads) == threads);
  }
}

TEST_CASE("a model computes the same bits however the caller rounds, and raises no flag of his") {
  const std::vector<float> expected = step(2);
  std::fesetround(FE_UPWARD);
  std::feclearexcept(FE_ALL_EXCEPT);
  const std::vector<float> upward = step(2);
  const int raised = std::fetestexcept(FE_INVALID | FE_DIVBYZERO), rounding = std::fegetround();
  std::fesetround(FE_TONEAREST);
  CHECK(rounding == FE_UPWARD);
  CHECK(raised == 0);
  CHECK(upward == expected);
}
