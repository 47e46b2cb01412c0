// A layer of one's own with options: in a type, in a text, in a checkpoint and in a search. No file of the library changes.
#include <algorithm>
#include <cmath>
#include <filesystem>
#include <string>
#include <vector>

#include "genoform/backend/cpu.hpp"
#include "genoform/genoform.hpp"
#include "genoform/registry/kinds.hpp"
#include "genoform/search/space/block_space.hpp"
#include "genoform/search/strategy/evolution.hpp"
#include "genoform/testing/check_gradients.hpp"
#include "genoform/testing/compare_backends.hpp"
#include "genoform/train.hpp"
#include "tests/catch.hpp"

namespace mine {

using namespace genoform;
using namespace genoform::extend;

// 1. The words of the options: a number and a flag.
template <int N>
struct Channels : Numbers<"Channels", N> {};
struct Biased : Word<"Biased"> {};

template <class... Options>
struct Bottleneck;

/// 2. The layer: y = Wup relu(Wdown x + b)^2 through a few channels. x, y: [N, D].
struct BottleneckLayer : Normed {  // Normed: the options Pre, Post and Inner
  static constexpr std::string_view name = "Bottleneck";
  template <class... Options>
  using type = Bottleneck<Options...>;  // the template that its text names

  int channels = by_width;
  bool bias = false;

  /// One row an option, in canonical order. The default of Channels depends on the width: a quarter of it.
  static constexpr auto options() {
    using L = BottleneckLayer;
    return Table{
        count<Channels, &L::channels, 1, 4096>([](const L&, const ModelContext& model) { return model.width / 4; }),
        flag<Biased, &L::bias>(),
    };
  }

  struct Weights {
    Tensor down, down_bias, up;
  };
  struct Saved {
    Tensor activated;  // [N, channels]: relu(u)^2, from which its derivative follows
  };

  constexpr void declare(Weights& w, Declaration& d) const {
    w.down = d.matrix("bottleneck.down.weight", channels, d.width(), Initializer::fan_in(d.width()));
    if (bias) w.down_bias = d.vector("bottleneck.down.bias", channels, Initializer::constant(0));
    w.up = d.matrix("bottleneck.up.weight", d.width(), channels, Initializer::fan_in(channels));
  }
  constexpr void forward(auto& ops, const Weights& w, Saved& s, Tensor x, Tensor y) const {
    s.activated = ops.keep(x.rows, channels);
    ops(op::Linear{.x = x, .w = w.down, .bias = w.down_bias, .y = s.activated, .f = op::Function::squared_relu});
    ops(op::Linear{.x = s.activated, .w = w.up, .bias = {}, .y = y});
  }
  constexpr void backward(auto& ops, const Weights& w, const Saved& s, Tensor x, Tensor dy, Tensor dx) const {
    const Tensor d = ops.scratch(x.rows, channels);
    ops(op::LinearWeightGradient{.x = s.activated, .dy = dy, .dw = gradient(w.up), .dbias = {}});
    ops(op::LinearInputGradient{.dy = dy, .w = w.up, .dx = d, .output = s.activated, .f = op::Function::squared_relu});
    ops(op::LinearWeightGradient{.x = x, .dy = d, .dw = gradient(w.down), .dbias = gradient(w.down_bias)});
    ops(op::LinearInputGradient{.dy = d, .w = w.down, .dx = dx});
  }
};

/// 3. The type.
template <class... Options>
struct Bottleneck : Part<BottleneckLayer, Options...> {};

using Net = Decoder<Stack<Block<Attention<Heads<2>>, Bottleneck<Channels<12>, Biased>>, 2>, Vocab<256>, Width<32>, Context<16>>;

/// 4. The kinds that a program can read and build.
Kinds<Cpu> kinds() { return builtin_kinds<Cpu>().add<BottleneckLayer>(); }

Corpus corpus() { return Corpus::from_text(synthetic_text(20'000, 1)); }

}  // namespace mine

using namespace genoform;
using namespace genoform::extend;
using mine::Biased, mine::Bottleneck, mine::BottleneckLayer, mine::Channels, mine::Net;

// Options in any order; the canonical text has them in the order of the table and leaves defaults out.
static_assert(text_of<Bottleneck<Pre<LayerNorm>, Biased, Channels<8>>> == "Bottleneck<Channels<8>, Biased, Pre<LayerNorm>>");
static_assert(text_of<Decoder<Block<Bottleneck<Channels<8>>>, Width<32>>> == "Decoder<Stack<Block<Bottleneck<>>, 1>, Width<32>>");
static_assert(std::same_as<type_of<"Block<Bottleneck<Biased, Channels<8>>>", List<BottleneckLayer>>,
                           Block<Bottleneck<Channels<8>, Biased>>>);
static_assert(parameters<Decoder<Block<Bottleneck<>>, Vocab<8>, Width<32>, Context<4>>> == 8 * 32 + 2 * 8 * 32 + 2 * 32);

TEST_CASE("the gradients of a layer of one's own are right, and back ends agree on it") {
  CHECK(testing::check_gradients<Block<Bottleneck<Channels<5>, Biased>, Ffn<SqReLU>>>().error < 1e-6);
  CHECK(testing::compare_backends<Block<Bottleneck<Channels<5>, Biased>>, Cpu>().error < 1e-4);
}

TEST_CASE("a layer of one's own is read from a text, with the errors of the library's layers") {
  const auto kinds = mine::kinds();
  CHECK(kinds.parse("Block<Bottleneck<Biased, Channels<8>>>").value().text() == "Block<Bottleneck<Channels<8>, Biased>>");
  CHECK(kinds.parse("Block<Bottleneck<Channel<8>>>").error().message.find("did you mean \"Channels\"?") != std::string::npos);
  CHECK(kinds.parse("Block<Bottleneck<Channels<0>>>").error().message.find("allowed: 1 to 4096") != std::string::npos);

  BasicModel<Cpu> built = kinds.build(kinds.parse(text_of<Net>), {.seed = 7});
  Model<Net, Cpu> fixed({.seed = 7});
  CHECK(std::ranges::equal(built.parameters(), fixed.parameters()));
}

TEST_CASE("a run with a layer of one's own continues from a checkpoint to the same bits") {
  const std::string folder = (std::filesystem::temp_directory_path() / "genoform-own-layer").string();
  const TrainOptions options{.steps = 6, .batch = 4, .learning_rate = 3e-3f, .windows = 0};
  const Corpus text = mine::corpus();
  Model<Net, Cpu> whole({.seed = 1});
  Trainer all(whole, options);
  for (int step = 0; step < 6; ++step) {
    if (step == 3) all.save(folder).value();
    all.step(text).value();
  }
  BasicModel<Cpu> resumed = mine::kinds().build(mine::kinds().parse(text_of<Net>), {.seed = 2});
  Trainer rest(resumed, options);
  rest.resume(folder).value();
  for (int step = 3; step < 6; ++step) rest.step(text).value();
  CHECK(std::ranges::equal(whole.parameters(), resumed.parameters()));
  std::filesystem::remove_all(folder);
}

TEST_CASE("a layer of one's own is searched with genes of its own") {
  search::BlockSpaceOptions space_options{.context = 16, .widths = {16, 32}, .max_layers = 3, .max_repeats = 1};
  space_options.names.add<BottleneckLayer>().value();
  space_options.kinds = {{AttentionLayer{}, 1, {search::option_gene<&AttentionLayer::heads>("heads", {2, 4}, true)}},
                         {BottleneckLayer{},
                          1,
                          {search::option_gene<&BottleneckLayer::channels>("channels", {4, 16, 64}, true),
                           search::option_gene<&BottleneckLayer::bias>("bias", {false, true})}}};
  const search::BlockSpace space(space_options);
  const search::Evolution evolution({.initial = 4, .population = 4, .tournament = 2});
  const auto kinds = mine::kinds();
  const Corpus text = mine::corpus();

  std::vector<search::Scored> history;
  for (int n = 1; n <= 8; ++n) {
    search::RandomStream samples(Random(1, static_cast<std::uint64_t>(n)));
    const std::string genome = evolution.propose(space, history, samples).text;
    BasicModel<Cpu> model = kinds.build(kinds.parse(genome), {.seed = 1});
    Trainer trainer(model, {.steps = 3, .batch = 4, .learning_rate = 3e-3f, .windows = 8});
    for (const Step& step : trainer.run(text))
      if (step.was_validated()) history.push_back({n, genome, step.validation});
  }
  REQUIRE(history.size() == 8);
  bool has_own = false;
  for (const search::Scored& s : history) {
    INFO(s.text << ": " << s.fitness << " bits per byte");
    CHECK(space.check(s.text).ok());
    CHECK(std::isfinite(s.fitness));
    has_own = has_own || s.text.find("Bottleneck<") != std::string::npos;
  }
  CHECK(has_own);
}
