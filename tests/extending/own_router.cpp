#include "tests/extending/own_router.hpp"

#include <cmath>
#include <filesystem>
#include <string>

#include "genoform/backend/cpu.hpp"
#include "genoform/genoform.hpp"
#include "genoform/model/model.hpp"
#include "genoform/registry/kinds.hpp"
#include "genoform/search/space/block_space.hpp"
#include "genoform/testing/check_gradients.hpp"
#include "genoform/train.hpp"
#include "tests/catch.hpp"

using namespace genoform;
using namespace genoform::extend;
using mine::Fair, mine::Plain;
namespace rules = genoform::inner::rules;

namespace {

using Net = Decoder<Stack<Block<Attention<Heads<2>>, Moe<Fair<2>, Experts<4>, Hidden<16>>, Moe<Top2, Experts<4>, Hidden<16>>>, 2>,
                    Vocab<256>, Width<16>, Context<16>>;

// A type needs no registration.
static_assert(text_of<Moe<Experts<4>, Fair<2>>> == "Moe<Fair<2>, Experts<4>>");
static_assert(std::same_as<canonical_t<Moe<Experts<8>, Fair<3>>>, Moe<Fair<3>>>);
static_assert(std::same_as<Moe<Top2>::layer_type, MoeLayer>);
static_assert(std::same_as<Moe<Fair<3>>::layer_type, MoeWith<Fair<3>>>);
static_assert(
    std::same_as<type_of<"Block<Moe<Fair<2>, Experts<4>>, Moe<Plain>, Moe<Top1>>", List<MoeWith<Fair<1>>, MoeWith<Plain>>>,
                 Block<Moe<Fair<2>, Experts<4>>, Moe<Plain>, Moe<Top1>>>);
static_assert(cost_of<Net>().state_elements > 0);

KindNames with_own_routers() {
  KindNames names;
  names.add<MoeWith<Fair<1>>>().value();
  names.add<MoeWith<Plain>>().value();
  return names;
}

Kinds<Cpu> kinds() {
  Kinds<Cpu> kinds = builtin_kinds<Cpu>();
  kinds.add<MoeWith<Fair<1>>>().add<MoeWith<Plain>>();
  return kinds;
}

std::string error_of(const std::string& text) {
  const Result<Genome> genome = Genome::parse(text, with_own_routers());
  return genome ? "no error: " + genome->text() : genome.error().message;
}

const Corpus& corpus() {
  static const Corpus text = Corpus::from_text(synthetic_text(20000, 3));
  return text;
}

std::vector<float> parameters_of(BasicModel<Cpu>& model) { return {model.parameters().begin(), model.parameters().end()}; }

}  // namespace

TEST_CASE("a router of one's own is read, printed and checked like the library's") {
  const Result<Genome> genome = Genome::parse("Block<Moe<Experts<4>, Fair<2>>, Moe<Plain>, Moe<Top1>>", with_own_routers());
  REQUIRE(genome);
  CHECK(genome->text() == "Block<Moe<Fair<2>, Experts<4>>, Moe<Plain>, Moe<Top1>>");
  const std::vector<SubLayer>& sub_layers = genome->tree().stacks.at(0).sub_layers;
  CHECK(sub_layers[0].get<MoeWith<Fair<1>>>().router.k == 2);
  CHECK_FALSE(sub_layers[0].is<MoeLayer>());
  CHECK_FALSE(sub_layers[0].is<MoeWith<Plain>>());
  CHECK(sub_layers[2].get<MoeLayer>().router == MoeLayer::Router::of<Top1>());
  CHECK_FALSE(Genome::parse("Block<Moe<Fair<2>>>"));
}

TEST_CASE("errors know a router of one's own, its words and its rules") {
  CHECK(error_of("Moe<Fiar<2>>").starts_with("1:5: \"Fiar\": this is not an option of this part; allowed: Top1, Top2, TopK,"));
  CHECK(error_of("Moe<Fiar<2>>").ends_with("Inner, Fair, Plain; did you mean \"Fair\"?"));
  CHECK(error_of("Moe<Fair<2>, Experts<1>>") == "1:5: \"Fair\": " + std::string(rules::ChoicesOfRouter::sentence));
  CHECK(error_of("Moe<Fair<2>, Capacity<50>>") == "1:14: \"Capacity\": Fair drops no token; leave Capacity out");
  CHECK(error_of("Moe<Fair>") == "1:5: \"Fair\": " + std::string(rules::NeedsNumber::sentence));
  CHECK(error_of("Moe<Plain<2>>") == "1:5: \"Plain\": " + std::string(rules::NoArguments::sentence));
  CHECK(error_of("Moe<Experts<4>>") == "1:1: \"Moe\": " + std::string(rules::RouterMissing::sentence));
  for (const char* text : {"Moe<Top1, Fair<2>>", "Moe<Top1, Plain>"})
    CHECK(error_of(text).ends_with(": " + std::string(rules::GivenTwice::sentence)));
  CHECK(error_of("Moe<Fair<2>, Top1>").find(rules::GivenTwice::sentence) != std::string::npos);
  CHECK(error_of("Moe<Fair<2>, Plain>").find(rules::GivenTwice::sentence) != std::string::npos);
}

namespace mine {
struct Top2 : Word<"Top2"> {
  static constexpr int choices = 1;
  static constexpr TopKRouting routing(int, std::int64_t percent) { return {{{{1, percent}}}, false}; }
};
struct FfnRouter : Word<"Experts"> {
  static constexpr int choices = 1;
  static constexpr TopKRouting routing(int, std::int64_t percent) { return {{{{1, percent}}}, false}; }
};
}  // namespace mine

TEST_CASE("a router whose word is taken is refused") {
  KindNames names = with_own_routers();
  CHECK(names.add<MoeWith<mine::Top2>>().error().message ==
        "the word \"Top2\" of \"Moe\" exists already; give yours another name");
  CHECK_FALSE(names.add<MoeWith<mine::FfnRouter>>());
  CHECK_FALSE(names.add<MoeWith<Plain>>());
}

TEST_CASE("the gradients of a router of one's own are right") {
  const auto check = testing::check_gradients<Moe<Fair<2>, Experts<3>, Hidden<5>>>();
  INFO(check);
  CHECK(check.elements > 0);
  CHECK(check.error < 2e-6);
}

TEST_CASE("a type and a text with a router of one's own train to the same bits") {
  Model<Net, Cpu> fixed({.seed = 3});
  const Kinds<Cpu> known = kinds();
  BasicModel<Cpu> built = known.build(known.parse(text_of<Net>).value(), {.seed = 3}).value();
  Trainer a(fixed, {.steps = 4, .batch = 4, .windows = 0});
  Trainer b(built, {.steps = 4, .batch = 4, .windows = 0});
  for (int i = 0; i < 4; ++i) CHECK(a.step(corpus())->bits_per_byte == b.step(corpus())->bits_per_byte);
  CHECK(parameters_of(fixed) == parameters_of(built));
}

TEST_CASE("what a router of one's own remembers is saved, resumed and loaded") {
  const std::string folder = (std::filesystem::temp_directory_path() / "genoform_own_router").string();
  std::filesystem::remove_all(folder);
  const TrainOptions options{.steps = 6, .batch = 4, .windows = 0};
  Model<Net, Cpu> whole({.seed = 1});
  Trainer uninterrupted(whole, options);
  for (const Step& step : uninterrupted.run(corpus())) CHECK(std::isfinite(step.bits_per_byte));

  Model<Net, Cpu> first({.seed = 1});
  Trainer broken_off(first, options);
  for (int i = 0; i < 3; ++i) broken_off.step(corpus()).value();
  broken_off.save(folder).value();
  Model<Net, Cpu> second({.seed = 9});
  Trainer resumed(second, options);
  resumed.resume(folder).value();
  for (const Step& step : resumed.run(corpus())) CHECK(std::isfinite(step.bits_per_byte));
  CHECK(parameters_of(second) == parameters_of(whole));

  save(whole, folder).value();
  const Kinds<Cpu> known = kinds();
  BasicModel<Cpu> loaded = known.build(known.parse(text_of<Net>).value()).value();
  load(loaded, folder).value();
  int debts = 0;
  for (const TensorInfo& info : loaded.tensors()) {
    if (!info.name.ends_with("moe.debt")) continue;
    ++debts;
    float sum = 0;
    for (const float debt : loaded.values(info)) sum += std::abs(debt);
    CHECK(sum > 0);
  }
  CHECK(debts == 2);
  std::filesystem::remove_all(folder);
}

TEST_CASE("a search space may hold a router of one's own") {
  search::BlockSpaceOptions options{.min_layers = 1, .max_layers = 2, .min_total = 1, .needed_kinds = {}};
  options.names = with_own_routers();
  const auto routed = []<class Layer>(Layer plain, typename Layer::Router router) {
    plain.router = router;
    return search::KindGenes{plain, 1.0, {search::option_gene<&Layer::experts>("experts", {4, 16}, true)}};
  };
  using FairMoe = MoeWith<Fair<1>>;
  options.kinds = {routed(FairMoe{}, FairMoe::Router::of<Fair<2>>()), routed(MoeWith<Plain>{}, {}),
                   routed(MoeLayer{}, MoeLayer::Router::of<Top1>())};
  const search::BlockSpace space(options);
  int seen = 0;
  for (std::uint64_t i = 0; i < 40; ++i) {
    search::RandomStream samples(Random(7, stream_of("test")), i << 32);
    const std::string text = space.random(samples);
    REQUIRE(space.check(text).ok());
    REQUIRE(space.check(space.mutate(text, samples)).ok());
    seen += text.find("Fair<2>") != std::string::npos ? 1 : 0;
  }
  CHECK(seen > 5);
}
