#include "genoform/backend/cpu.hpp"
#include "genoform/genoform.hpp"
#include "genoform/testing/compare_backends.hpp"
#include "genoform/testing/laws.hpp"
#include "tests/catch.hpp"

using namespace genoform;
using namespace genoform::inner;
using testing::Laws;
using testing::laws_of;

namespace {

template <class... Ts>
void require_agreement() {
  const auto compare = [](auto type) {
    using T = typename decltype(type)::type;
    INFO(text_of<T>);
    for (const testing::Sizes& sizes : {testing::random_sizes(1), testing::Sizes{.width = 40, .batch = 3, .context = 19}}) {
      const auto worst = testing::compare_backends<T, Cpu>(sizes, 5);
      INFO(worst);
      REQUIRE(worst.error < 2e-5);
    }
  };
  (compare(Type<Ts>{}), ...);
}

constexpr Laws all{};
constexpr Laws pooled{.causal = false, .batch_independent = false};

/// The laws of a layer in training; in evaluation every router keeps all laws.
template <class T>
void require_laws(const Laws& training) {
  INFO(text_of<T>);
  const testing::Sizes sizes = testing::random_sizes(2);
  REQUIRE(laws_of<T>(Pass::train, sizes, 2) == training);
  REQUIRE(laws_of<T>(Pass::evaluate, sizes, 2) == all);
}

}  // namespace

TEST_CASE("the CPU back end agrees with the reference on every router") {
  require_agreement<Moe<Hash, Experts<4>, Hidden<17>>, Moe<Hash, Experts<3>, Hidden<9>, Glu<GeLU>, Capacity<70>>,
                    Moe<Base, Experts<4>, Hidden<17>>, Moe<Base, Experts<3>, Hidden<9>, Capacity<50>>,
                    Moe<LossFree<2>, Experts<5>, Hidden<9>>, Moe<LossFree<3>, Experts<4>, Hidden<7>, Glu<Swish>, Capacity<80>>,
                    Moe<ExpertThreshold, Experts<4>, Hidden<9>>,
                    Moe<ExpertThreshold, Experts<3>, Hidden<17>, Glu<Swish>, Capacity<80>>>();
}

TEST_CASE("the CPU back end agrees with the reference on shared experts") {
  require_agreement<Moe<Top2, Experts<4>, Hidden<9>, Shared<3>>, Moe<ExpertChoice, Experts<3>, Hidden<7>, Glu<GeLU>, Shared<1>>,
                    Moe<ExpertThreshold, Experts<3>, Hidden<7>, GeLU, Shared<2>>>();
}

TEST_CASE("routers without a pool keep all laws in training too") {
  require_laws<Moe<Hash, Experts<3>, Hidden<5>>>(all);
  require_laws<Moe<LossFree<2>, Experts<3>, Hidden<5>>>(all);
  require_laws<Moe<ExpertThreshold, Experts<3>, Hidden<5>, Shared<1>>>(all);
}

TEST_CASE("a balanced assignment and capacities depend on the whole pool in training") {
  require_laws<Moe<Base, Experts<3>, Hidden<5>>>(pooled);
  require_laws<Moe<LossFree<2>, Experts<3>, Hidden<5>, Capacity<60>>>(pooled);
  require_laws<Moe<ExpertThreshold, Experts<6>, Hidden<5>, Capacity<40>>>(pooled);
}
