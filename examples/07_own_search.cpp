// A search on an evaluator of one's own: any function from a genome to a loss; here a toy that likes gated, narrow feed-forward
// layers and few sub-layers. Nothing is trained and no back end is included.
#include <cstdio>

#include "genoform/search/clock/constant_oracle.hpp"
#include "genoform/search/space/block_space.hpp"
#include "genoform/search/strategy/evolution.hpp"
#include "genoform/search/study.hpp"

using namespace genoform::search;

int main() {
  const BlockSpace space;
  const Evolution evolution({.initial = 20, .population = 30, .tournament = 8});
  const ConstantOracle oracle(1e-3);
  FunctionEvaluator evaluator([](const TrainRequest& r) {
    const bool is_gated = r.text.find("Glu<Swish>") != r.text.npos, is_narrow = r.text.find("Hidden<64>") != r.text.npos;
    return 2.0 + (is_gated ? 0 : 0.5) + (is_narrow ? 0 : 0.25) + 0.001 * static_cast<double>(r.text.size());
  });
  InProcessWorkers workers(evaluator);
  const char* plain = "Decoder<Stack<Block<Attention<Heads<2>>, Ffn<ReLU>>, 2>, Vocab<256>, Width<64>, Context<64>>";
  const Study study{space, evolution, oracle, {{"Transformer", plain, true}}, workers, {.seed = 7}};
  const Report report = study.run({.genomes = 150});
  std::printf("%d genomes\n%s\n", report.genomes(), report.winner()->line().c_str());
}
