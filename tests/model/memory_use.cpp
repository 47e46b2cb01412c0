#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "genoform/backend/cpu.hpp"
#include "genoform/backend/dry_run.hpp"
#include "genoform/genoform.hpp"
#include "genoform/model/model.hpp"
#include "genoform/registry/kinds.hpp"
#include "genoform/report/kept_memory.hpp"
#include "genoform/train/adamw.hpp"
#include "tests/catch.hpp"

using namespace genoform;
using namespace genoform::inner;

namespace {

const std::vector<std::string>& texts() {
  static const std::vector<std::string> all{
      "Decoder<Stack<Block<Attention<Heads<4>, KvHeads<2>, DConv<3>, Rope>, Ffn<SwiGlu, Bias>>, 3>, Vocab<64>, Width<32>, "
      "Context<24>>",
      "Decoder<Stack<Block<Moe<Top2, Experts<4>, Hidden<24>>, Moe<ExpertChoice, Experts<4>>, Moe<Base, Experts<2>>>, 2>, "
      "Vocab<64>, Width<16>, Context<24>>",
      "Decoder<Body<Stack<Block<Attn, Parallel<Ffn<SqReLU>, Moe<ExpertThreshold, Experts<3>>, Inner<RmsNorm>>>, 2>, "
      "Stack<Block<Synthesizer<>, LinearAttention<>, Gau<>>, 1>>, Vocab<64>, Width<32>, Context<24>, FinalNorm<NoNorm>>"};
  return all;
}

double mebibytes(std::int64_t bytes) { return static_cast<double>(bytes) / (1 << 20); }

std::int64_t elements_of(const KeptMemory& memory, bool recomputed) {
  std::int64_t elements = 0;
  for (const KeptTensor& t : memory.tensors())
    if (t.recomputed == recomputed) elements += t.elements;
  return elements;
}

}  // namespace

TEST_CASE("the memory that a model reports in advance is what it has when it is prepared") {
  const Kinds<Cpu> kinds = builtin_kinds<Cpu>();
  const Shape shape{5, 24};
  for (const std::string& text : texts())
    for (const Cpu& cpu : {Cpu({.threads = 1}), Cpu({.threads = 3}), Cpu({.threads = 3, .thread_invariant = true}),
                           Cpu({.threads = 3, .precision = cpu::Precision::bf16})})
      for (const bool recompute : {false, true})
        for (const Pass pass : {Pass::train, Pass::evaluate}) {
          INFO(text << " in " << name_of(cpu.precision()) << " on " << cpu.threads() << " threads");
          const auto network = kinds.network_of(Genome::parse(text)).value();
          const PassLayout layout{.recompute = recompute && pass == Pass::train, .activations = cpu.activations()};
          const MemoryUse planned = memory_needed(*network, cpu, shape, pass, layout);
          BasicModel<Cpu> model = kinds.build(Genome::parse(text), {.backend = cpu});
          model.set_recompute(recompute);
          CHECK(model.memory_needed(shape, pass) == planned);
          CHECK(model.memory().workspace == 0);
          model.prepare(shape, pass);
          CHECK(model.memory() == planned);
          CHECK(planned.scratch > 0);
          CHECK(planned.workspace == 4 * model.plan(shape, pass).workspace_elements);
          const std::vector<Token> tokens(static_cast<std::size_t>(shape.tokens()), 1);
          if (pass == Pass::train)
            (void)model.loss_and_gradient(tokens, tokens, shape.batch);
          else
            (void)model.evaluate(tokens, tokens, shape.batch);
          CHECK(model.memory() == planned);
        }
}

TEST_CASE("a training run grows the process by no more than planned") {
  const Genome genome =
      Genome::parse("Decoder<Stack<Block<Attention<Heads<4>>, Moe<Top2, Experts<4>>>, 2>, Vocab<256>, Width<256>, Context<128>>");
  const Shape shape{16, 128};
  const Kinds<Cpu> kinds = builtin_kinds<Cpu>();
  {
    BasicModel<Cpu> warm = kinds.build(genome);  // libraries allocate on their first use
    warm.prepare({1, 16}, Pass::train);
  }
  const std::int64_t before = resident_memory();
  REQUIRE(before > 0);
  BasicModel<Cpu> model = kinds.build(genome);
  const double planned = mebibytes(model.memory_needed(shape, Pass::train).total() + 4 * AdamW{}.elements(model.tensors()));
  const auto optimizer = AdamW{}.bind(model);
  const std::vector<Token> tokens(static_cast<std::size_t>(shape.tokens()), 1);
  for (std::int64_t step = 1; step <= 2; ++step) {
    model.zero_gradients();
    (void)model.loss_and_gradient(tokens, tokens, shape.batch);
    (void)optimizer->gradient_norm();
    optimizer->update(step, 1e-3);
    model.after_step();
  }
  const double grown = mebibytes(resident_memory() - before);
  INFO("planned " << planned << " MiB, grown by " << grown << " MiB");
  CHECK(planned > 100);
  CHECK(grown < planned + 12);  // the code of oneDNN's primitives and the overhead of the allocator
  CHECK(grown > 0.9 * planned);
}

TEST_CASE("the report explains all tensors kept for the backward pass: their sum, the peak, and what reads them") {
  const Kinds<DryRun> kinds = builtin_kinds<DryRun>();
  const ElementType activations = GENERATE(ElementType::real, ElementType::bf16);
  for (const std::string& text : texts()) {
    INFO(text << (activations == ElementType::bf16 ? " in bf16" : ""));
    const auto network = kinds.network_of(Genome::parse(text)).value();
    KeptMemory keeps, recomputes;
    const Plan large = rehearse(*network, DryRun(), {5, 24}, Pass::train, {.activations = activations}, {}, &keeps);
    const Plan small =
        rehearse(*network, DryRun(), {5, 24}, Pass::train, {.recompute = true, .activations = activations}, {}, &recomputes);
    CHECK(elements_of(keeps, false) == large.kept_elements);
    CHECK(elements_of(keeps, true) == 0);
    CHECK(keeps.peak().elements() == large.workspace_elements);
    CHECK(recomputes.peak().elements() == small.workspace_elements);
    CHECK_FALSE(keeps.peak().operation.empty());
    CHECK(elements_of(recomputes, false) < small.kept_elements);
    CHECK(elements_of(recomputes, true) > 0);
    for (const KeptMemory* memory : {&keeps, &recomputes})
      for (const KeptTensor& t : memory->tensors()) {
        INFO("block " << t.block << " place " << t.place << ", made by " << t.made_by << ": " << t.why());
        CHECK_FALSE(t.made_by.empty());
        CHECK((t.starts_again || !t.read_by.empty()));
      }
  }
}

TEST_CASE("the reason of a kept tensor names the operations that read it") {
  const auto network =
      builtin_kinds<DryRun>()
          .network_of(Genome::parse("Decoder<Block<Ffn<SqReLU, Hidden<48>>>, Vocab<64>, Width<32>, Context<24>>"))
          .value();
  KeptMemory memory;
  rehearse(*network, DryRun(), {2, 24}, Pass::train, {}, {}, &memory);
  std::vector<std::string> lines;
  for (const KeptTensor& t : memory.tensors())
    lines.push_back(std::to_string(t.block) + " " + std::string(t.made_by) + " " + std::to_string(t.columns) + ": " + t.why());
  const std::vector<std::string> expected{
      "-1 embed 32: kept: normalize_gradient reads it",
      "0 linear 32: kept: normalize_gradient reads it",
      "0 normalize 32: kept: linear_weight_gradient reads it",
      "0 normalize 2: kept: normalize_gradient reads it",
      "0 linear 48: kept: linear_weight_gradient, linear_input_gradient read it",
      "-1 normalize 32: kept: linear_weight_gradient reads it",
      "-1 normalize 2: kept: normalize_gradient reads it",
      "-1 linear 64: overwritten in place by cross_entropy; kept: linear_weight_gradient, linear_input_gradient read it"};
  CHECK(lines == expected);
}

TEST_CASE("a model that does not fit is refused before anything of it is there") {
  // Parameters alone would fit, with their gradients they do not.
  const std::int64_t rows = available_memory() / 10 * 7 / 4 / 64;
  const std::string text = "Decoder<Block<Ffn<>>, Vocab<" + std::to_string(rows) + ">, Width<64>, Context<8>>";
  const auto model = builtin_kinds<Cpu>().build(Genome::parse(text));
  REQUIRE(!model);
  CHECK(model.error().error_kind == ErrorKind::resources);
  CHECK(model.error().message.starts_with("a model of "));
}
