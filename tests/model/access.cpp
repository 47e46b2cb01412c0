#include <cstdint>
#include <filesystem>
#include <fstream>
#include <regex>
#include <set>
#include <string>
#include <vector>

#include "genoform/backend/cpu.hpp"
#include "genoform/genoform.hpp"
#include "genoform/registry/kinds.hpp"
#include "genoform/testing/access_check.hpp"
#include "genoform/train/adafactor.hpp"
#include "genoform/train/adamw.hpp"
#include "tests/catch.hpp"

using namespace genoform;
using namespace genoform::inner;

namespace {

/// Together they have every mixer, router, norm and way to know positions.
const std::vector<std::string>& texts() {
  static const std::string sizes = ", Vocab<24>, Width<16>, Context<8>";
  static const std::vector<std::string> all{
      "Decoder<Block<Attention<Heads<2>, DConv<3>, Rope>, Attention<Heads<2>, QkNorm, Rope, SharedQk>, Ffn<SwiGlu, Bias>>" +
          sizes + ">",
      "Decoder<Block<Attention<Heads<4>, KvHeads<2>, RelBias<4, 6>, Window<4>, Inner<LayerNorm>>, Ffn<GeLU, Post<PrimerNorm>>>" +
          sizes + ", Untied, Positions<Learned>, LogitScale<WidthRsqrt>>",
      "Decoder<Block<LinearAttention<Heads<2>, Features<8>>, Gau<>, Conv<>, Parallel<Attn, Ffn<ReLU>>>" + sizes +
          ", Positions<Sinusoid>>",
      "Decoder<Block<Synthesizer<Heads<2>>, SpatialGate<>, TokenMix<>>" + sizes + ", Positions<SharedRelBias<4, 6>>>",
      "Decoder<Block<Moe<Top2, Experts<4>, Hidden<8>>, Moe<ExpertChoice, Experts<4>, Hidden<8>>, Moe<Hash, Experts<3>, "
      "Hidden<8>, Shared<2>>, Moe<TopK<3>, Experts<4>, Hidden<8>, Glu<Swish>>>" +
          sizes + ">",
      "Decoder<Block<Moe<Base, Experts<4>, Hidden<8>>, Moe<LossFree<2>, Experts<4>, Hidden<8>>, Moe<ExpertThreshold, "
      "Experts<3>, Hidden<8>>, Moe<ExpertThreshold, Experts<4>, Hidden<8>, Capacity<100>>>" +
          sizes + ">"};
  return all;
}

void train_model(BasicModel<Cpu>& model, const auto& settings) {
  const auto optimizer = settings.bind(model);
  std::vector<Token> tokens;
  for (std::int64_t i = 0; i < 16; ++i) tokens.push_back(static_cast<Token>(i % 5 == 3 ? -1 : i * 7 % 24));
  for (std::int64_t step = 1; step <= 2; ++step) {
    model.zero_gradients();
    for (int batch = 0; batch < 2; ++batch) (void)model.loss_and_gradient(tokens, tokens, 2);
    (void)optimizer->gradient_norm();
    optimizer->update(step, 1e-2);
    model.after_step();
  }
  (void)model.evaluate(tokens, tokens, 2);
}

/// The names in the operations' own headers.
std::set<std::string> all_operations() {
  std::set<std::string> names;
  const std::filesystem::path folder = std::filesystem::path(GENOFORM_TEST_DATA) / "../../include/genoform/ops";
  const std::regex declaration("string_view name = \"(\\w+)\"");
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    std::ifstream file(entry.path());
    for (std::string line; std::getline(file, line);)
      if (std::smatch match; std::regex_search(line, match, declaration)) names.insert(match[1]);
  }
  return names;
}

}  // namespace

TEST_CASE("operations touch only what they list, in every layer, router and optimizer, in f32 and bf16") {
  const Kinds<Cpu> kinds = builtin_kinds<Cpu>();
  std::set<std::string> missing = all_operations();
  REQUIRE(missing.size() > 70);
  for (const cpu::Precision precision : {cpu::Precision::f32, cpu::Precision::bf16})
    for (const std::string& text : texts()) {
      INFO(text << " in " << name_of(precision));
      testing::AccessCheck check(sizeof(float));
      BasicModel<Cpu> model = kinds.build(Genome::parse(text), {.backend = Cpu({.precision = precision})});
      model.set_router_training({.z_loss = 0.01, .jitter = 0.01});
      model.observe(&check);
      if (precision == cpu::Precision::f32)
        train_model(model, AdamW{});
      else
        train_model(model, Adafactor{.beta1 = 0.9, .factor_from = 8});
      CHECK(check.violations() == std::vector<std::string>{});
      for (const std::string& name : check.names()) missing.erase(name);
    }
  CHECK(missing == std::set<std::string>{});
}

namespace {

/// An operation that may lie about what it touches.
struct Sneaky {
  static constexpr std::string_view name = "sneaky";
  Tensor x, y, hidden;
  bool lists_read = true, lists_write = true;
  constexpr std::int64_t flops() const { return 0; }
  constexpr Operands reads() const { return {x, only_if(lists_read, hidden)}; }
  constexpr Operands writes() const { return {y, only_if(lists_write, hidden)}; }
};
struct SneakyBackend {
  auto prepare(const Sneaky& op, const Memories<float>& m) const {
    return [x = m.reals(op.x), y = m.reals(op.y), hidden = m.reals(op.hidden)] {
      *y = *x + *hidden;
      *hidden += 1;
    };
  }
};

std::string violation_of(const Sneaky& op) {
  float memory[] = {1, 2, 3};
  Memories<float> memories;
  memories[Memory::workspace] = memory;
  testing::AccessCheck check(sizeof(float));
  OperationList list;
  list.observe(&check, Phase::forward);
  list.add(SneakyBackend(), Sneaky{.x = op.x, .y = op.y, .hidden = op.hidden}, memories);  // what an honest one reaches
  list.add(SneakyBackend(), op, memories);
  list.run();
  CHECK(memory[1] == 5);  // as without a check
  CHECK(memory[2] == 5);
  return check.violations().empty() ? std::string() : check.violations().front();
}

}  // namespace

TEST_CASE("an operation that touches a tensor it does not list is found") {
  const Sneaky honest{.x = matrix(Memory::workspace, 0, 1, 1),
                      .y = matrix(Memory::workspace, 1, 1, 1),
                      .hidden = matrix(Memory::workspace, 2, 1, 1)};
  CHECK(violation_of(honest).empty());
  Sneaky op = honest;
  op.lists_write = false;
  CHECK(violation_of(op) == "sneaky writes, and does not list, element 2 of the memory workspace");
  op = honest;
  op.lists_read = false;
  CHECK(violation_of(op) == "sneaky reads something that it does not list, which changes element 1 of the memory workspace");
}
