#include "genoform/testing/laws.hpp"
#include "genoform/backend/cpu.hpp"
#include "genoform/genoform.hpp"
#include "tests/catch.hpp"
#include "tests/layers/shift_layer.hpp"

using namespace genoform;
using namespace genoform::inner;
using testing::Laws;
using testing::laws_of;

namespace {

constexpr Laws all{};
/// The laws of a pool: a choice depends on later positions and on other sequences.
constexpr Laws pooled{.causal = false, .batch_independent = false};

/// Declares its laws of training and of evaluation, and both are measured.
template <class T, class Backend = Reference>
void require_laws(const Laws& training, const Laws& evaluation) {
  INFO(text_of<T>);
  for (const std::uint64_t seed : {1U, 2U}) {
    const testing::Sizes sizes = testing::random_sizes(seed);
    REQUIRE(laws_of<T, Backend>(Pass::train, sizes, seed) == training);
    REQUIRE(laws_of<T, Backend>(Pass::evaluate, sizes, seed) == evaluation);
  }
}

/// Reads the future: rows are shifted by one to earlier positions, across the ends of the sequences.
struct PeekLayer {
  static constexpr std::string_view name = "Peek";
  struct Weights {};
  struct Saved {};
  constexpr void declare(Weights&, Declaration&) const {}
  template <class Ops>
  constexpr void forward(Ops& ops, const Weights&, Saved&, Tensor x, Tensor y) const {
    ops(op::Copy{.x = x.row_range(1, x.rows - 1), .y = y.row_range(0, y.rows - 1)});
    ops(op::Copy{.x = x.row_range(0, 1), .y = y.row_range(y.rows - 1, 1)});
  }
  template <class Ops>
  constexpr void backward(Ops& ops, const Weights&, const Saved&, Tensor, Tensor dy, Tensor dx) const {
    ops(op::Copy{.x = dy.row_range(0, dy.rows - 1), .y = dx.row_range(1, dx.rows - 1)});
    ops(op::Copy{.x = dy.row_range(dy.rows - 1, 1), .y = dx.row_range(0, 1)});
  }
};

using Net = Decoder<
    Stack<Block<Attention<Heads<2>, HeadDim<4>, DConv<3>>, Moe<ExpertChoice, Experts<3>, Hidden<5>>, Ffn<SqReLU, Hidden<9>>>, 2>>;

}  // namespace

TEST_CASE("attention, feed-forward layers and a layer of one's own keep all laws") {
  require_laws<Attention<Heads<3>, HeadDim<4>, DConv<3>>>(all, all);
  require_laws<Attention<Heads<4>, KvHeads<2>, HeadDim<3>, NoPos>>(all, all);
  require_laws<Ffn<SwiGlu, Hidden<7>>>(all, all);
  require_laws<tests::ShiftLayer>(all, all);
}

TEST_CASE("a layer that reads the future is found") {
  REQUIRE_FALSE(laws_of<PeekLayer>(Pass::train).causal);
  REQUIRE_FALSE(laws_of<PeekLayer>(Pass::train).batch_independent);
  REQUIRE(laws_of<PeekLayer>(Pass::train).deterministic);
}

TEST_CASE("token choice without a limit keeps all laws, since every token chooses for itself") {
  require_laws<Moe<Top1, Experts<3>, Hidden<5>>>(all, all);
  require_laws<Moe<Top2, Experts<4>, Hidden<5>>>(all, all);
}

TEST_CASE("a finite capacity breaks batch independence in training, and evaluation lifts it") {
  // First choices are served in token order, second choices after all of them: those depend on later tokens too.
  REQUIRE(laws_of<Moe<Top1, Experts<2>, Hidden<5>, Capacity<50>>>(Pass::train) ==
          Laws{.causal = true, .batch_independent = false});
  REQUIRE(laws_of<Moe<Top2, Experts<3>, Hidden<5>, Capacity<60>>>(Pass::train) == pooled);
  REQUIRE(laws_of<Moe<Top1, Experts<2>, Hidden<5>, Capacity<50>>>(Pass::evaluate) == all);
  REQUIRE(laws_of<Moe<Top2, Experts<3>, Hidden<5>, Capacity<60>>>(Pass::evaluate) == all);
}

TEST_CASE("expert choice is not causal while it trains and is in evaluation") {
  require_laws<Moe<ExpertChoice, Experts<3>, Hidden<5>>>(pooled, all);
  require_laws<Net>(pooled, all);
}

TEST_CASE("the laws hold on the CPU back end too") {
  require_laws<Decoder<Stack<Block<Attention<Heads<2>, HeadDim<4>, DConv<3>>, Moe<Top2, Experts<3>, Hidden<5>>>, 2>>, Cpu>(all,
                                                                                                                           all);
  require_laws<Net, Cpu>(pooled, all);
}
