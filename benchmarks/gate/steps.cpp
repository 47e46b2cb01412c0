#include <valgrind/callgrind.h>

#include <memory>
#include <vector>

#include "genoform/backend/cpu.hpp"
#include "genoform/genoform.hpp"
#include "genoform/model/model.hpp"
#include "genoform/train/adamw.hpp"

/// A few training steps of two small models, whose instructions gate.py counts; one profile of valgrind's callgrind for each
/// model. The preparation of the models is not counted.
namespace {

using namespace genoform;
using namespace genoform::inner;

using Dense = Decoder<Stack<Block<Attention<Heads<4>, DConv<3>>, Ffn<SqReLU>>, 2>, Vocab<256>, Width<64>, Context<64>>;
using Sparse = Decoder<Stack<Block<Attention<Heads<2>>, Moe<ExpertChoice, Experts<4>>, Attention<Heads<2>>,
                                   Moe<Top2, SwiGlu, Experts<4>, Post<LayerNorm>>>,
                             1>,
                       Vocab<256>, Width<64>, Context<64>>;

template <class Net>
class Training {
 public:
  Training() : optimizer_(AdamW{}.bind(model_)), tokens_(4 * 64) {
    const Random random(1, stream_of("gate"));
    for (std::size_t i = 0; i < tokens_.size(); ++i) tokens_[i] = static_cast<Token>(random.below(i, 256));
  }
  void step() {
    model_.zero_gradients();
    model_.loss_and_gradient(tokens_, tokens_, 4);
    static_cast<void>(optimizer_->gradient_norm());
    optimizer_->update(++steps_, 1e-3);
    model_.after_step();
  }

 private:
  Model<Net, Cpu> model_{{.seed = 1}};
  std::unique_ptr<Optimizer<Cpu>> optimizer_;
  std::vector<Token> tokens_;
  std::int64_t steps_ = 0;
};

template <class Net>
void count(const char* name) {
  Training<Net> training;
  training.step();  // makes primitives
  CALLGRIND_START_INSTRUMENTATION;
  for (int i = 0; i < 3; ++i) training.step();
  CALLGRIND_STOP_INSTRUMENTATION;
  CALLGRIND_DUMP_STATS_AT(name);
}

}  // namespace

int main() {
  count<Dense>("dense");
  count<Sparse>("sparse");
}
