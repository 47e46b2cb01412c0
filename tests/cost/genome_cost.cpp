// The cost of a genome from its tree: the figures of the model, without the model.
#include "genoform/cost/genome_cost.hpp"

#include <string>

#include "genoform/backend/dry_run.hpp"
#include "genoform/genoform.hpp"
#include "genoform/registry/kinds.hpp"
#include "genoform/search/strategy/random_stream.hpp"
#include "tests/catch.hpp"

using namespace genoform;
using namespace genoform::inner;

namespace {

/// Random models of every kind, with norms, Parallels and several stacks.
class RandomModels {
 public:
  explicit RandomModels(std::uint64_t index) : samples_(Random(3, 1), index << 32) {}

  Genome next() {
    for (;;) {
      GenomeTree tree;
      tree.options = {.vocab = 32, .width = pick({32, 48, 64}), .context = pick({8, 20, 32})};
      tree.options.untied = chance(3);
      tree.options.positions.kind = chance(4)   ? InputPositionsKind::learned
                                    : chance(4) ? InputPositionsKind::shared_bias
                                                : InputPositionsKind::none;
      if (chance(4)) tree.options.logit_scale.kind = LogitScaleKind::width_rsqrt;
      const int stacks = pick({1, 1, 2, 3});
      for (int s = 0; s < stacks; ++s) tree.stacks.push_back(stack());
      if (const Result<Genome> genome = Genome::from_tree(tree)) return *genome;
    }
  }

 private:
  int pick(std::initializer_list<int> values) { return values.begin()[samples_.below(values.size())]; }
  bool chance(std::size_t n) { return samples_.below(n) == 0; }

  GenomeStack stack() {
    GenomeStack stack{.count = pick({1, 2, 5}), .sub_layers = {}};
    const int layers = pick({1, 2, 3, 5});
    for (int i = 0; i < layers; ++i)
      stack.sub_layers.push_back(chance(5) ? SubLayer::parallel({layer(false), layer(false)}, norms()) : layer(true));
    return stack;
  }
  Normed norms() {
    if (chance(2)) return {};
    const auto norm = [&] { return Norm{static_cast<NormKind>(samples_.below(4))}; };
    return {.pre = norm(), .post = norm(), .inner = norm()};
  }
  SubLayer layer(bool has_norms) {
    switch (samples_.below(9)) {
      case 0:
      case 1: {
        AttentionLayer l;
        l.heads = pick({0, 1, 2, 4});
        l.kv_heads = pick({0, 1});
        l.dconv = pick({0, 0, 3});
        l.qk_norm = chance(4);
        l.window = pick({0, 0, 7});
        return normed(l, has_norms);
      }
      case 2: {
        FfnLayer l;
        l.activation = {static_cast<ActivationKind>(samples_.below(5)), chance(2)};
        l.hidden = pick({0, 24, 100});
        l.bias = chance(3);
        return normed(l, has_norms);
      }
      case 3:
      case 4: {
        const char* routers[] = {"Top1", "Top2", "ExpertChoice", "Hash", "Base", "LossFree<2>", "ExpertThreshold"};
        SubLayer l = Genome::parse("Moe<" + std::string(routers[samples_.below(7)]) + ", Experts<4>, Shared<" +
                                   std::to_string(samples_.below(2)) + ">>")
                         ->tree()
                         .stacks[0]
                         .sub_layers[0];
        return normed(l.get<MoeLayer>(), has_norms);
      }
      case 5: return normed(SynthesizerLayer{}, has_norms);
      case 6: return normed(GauLayer{}, has_norms);
      case 7: return normed(ConvLayer{}, has_norms);
      default: return normed(SpatialGateLayer{}, has_norms);
    }
  }
  template <class L>
  SubLayer normed(L layer, bool has_norms) {
    if (has_norms) static_cast<Normed&>(layer) = norms();
    return layer;
  }

  search::RandomStream samples_;
};

}  // namespace

TEST_CASE("the cost of a genome from its tree is that of its model, for 200 random models and every layout") {
  const Kinds<DryRun> kinds = builtin_kinds<DryRun>();
  const PassLayout layouts[] = {
      {}, {.recompute = true}, {.hold = true}, {.hold = true, .recompute = true}, {.activations = ElementType::bf16}};
  GenomeCosts<> costs[] = {GenomeCosts<>(layouts[0]), GenomeCosts<>(layouts[1]), GenomeCosts<>(layouts[2]),
                           GenomeCosts<>(layouts[3]), GenomeCosts<>(layouts[4])};
  for (std::uint64_t i = 0; i < 200; ++i) {
    const Genome genome = RandomModels(i).next();
    INFO(genome.text());
    const std::size_t layout = i % 5;
    const Cost found = costs[layout].cost_of(genome, 3).value(), model = kinds.cost_of(genome, 3, 0, layouts[layout]).value();
    CHECK(found.parameters == model.parameters);
    CHECK(found.activated_parameters == model.activated_parameters);
    CHECK(found.state_elements == model.state_elements);
    CHECK(found.forward_flops == model.forward_flops);
    CHECK(found.workspace_elements == model.workspace_elements);
    CHECK(found.kept_elements == model.kept_elements);
    CHECK(costs[layout].walk(genome, 3)->tensors == static_cast<std::int64_t>(kinds.tensors_of(genome)->size()));
    CHECK(cost_of(genome, 2, 8).value() == kinds.cost_of(genome, 2, 8).value());
  }
}

TEST_CASE("a genome without all its sizes has no cost, nor has a kind that was not added") {
  CHECK_FALSE(cost_of(*Genome::parse("Decoder<Block<Ffn<SqReLU>>, Width<32>>")));
  CHECK_FALSE(cost_of(*Genome::parse("Block<Ffn<SqReLU>>")));
}
