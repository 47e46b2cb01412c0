// A model of genoform in a trainer of one's own: own memory, own masked loss, own optimizer, frozen layers.
#include <genoform/backend/cpu.hpp>
#include <genoform/genoform.hpp>
#include <genoform/model/model.hpp>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <span>
#include <string_view>
#include <vector>

using Net = genoform::Decoder<
    genoform::Stack<genoform::Block<genoform::Attention<genoform::Heads<2>, genoform::DConv<3>>,
                                    genoform::Moe<genoform::ExpertChoice, genoform::Experts<4>, genoform::Hidden<32>>>,
                    2>,
    genoform::Vocab<32>, genoform::Width<32>, genoform::Context<16>>;
constexpr std::size_t vocab = 32;

/// Sequences that count up from somewhere; only the second half of each is asked for.
struct Batch {
  std::vector<genoform::Token> inputs, targets;
  std::vector<bool> counts;
};
Batch make_batch(std::uint64_t step, std::size_t sequences, std::size_t context) {
  Batch batch;
  for (std::size_t b = 0; b < sequences; ++b) {
    const auto first = genoform::extend::Random(3, step).below(b, vocab);
    for (std::size_t t = 0; t < context; ++t) {
      batch.inputs.push_back(static_cast<genoform::Token>((first + t) % vocab));
      batch.targets.push_back(static_cast<genoform::Token>((first + t + 1) % vocab));
      batch.counts.push_back(t >= context / 2);
    }
  }
  return batch;
}

/// Cross entropy with label smoothing over the tokens that count; writes its gradient. logits, gradient: [tokens, vocab].
double smoothed_loss(std::span<const float> logits, const Batch& batch, std::span<float> gradient) {
  constexpr double smoothing = 0.05;
  const auto counted = static_cast<double>(std::count(batch.counts.begin(), batch.counts.end(), true));
  double loss = 0;
  std::fill(gradient.begin(), gradient.end(), 0.0F);
  for (std::size_t n = 0; n < batch.targets.size(); ++n) {
    if (!batch.counts[n]) continue;
    const auto row = logits.subspan(n * vocab, vocab);
    const double max = *std::max_element(row.begin(), row.end());
    double sum = 0;
    for (const float logit : row) sum += std::exp(logit - max);
    for (std::size_t v = 0; v < vocab; ++v) {
      const double probability = std::exp(row[v] - max) / sum;
      const double wanted = smoothing / vocab + (v == static_cast<std::size_t>(batch.targets[n]) ? 1 - smoothing : 0);
      loss -= wanted * std::log(probability) / counted;
      gradient[n * vocab + v] = static_cast<float>((probability - wanted) / counted);
    }
  }
  return loss;
}

/// The first block stays as it is. tensors() also lists what routers remember, whose offsets count in another memory (state()):
/// only tensors in Memory::weights lie in the spans of parameters and gradients.
bool is_frozen(const genoform::TensorInfo& info) {
  return info.tensor.memory == genoform::extend::Memory::weights && info.name.rfind("blocks.0.", 0) == 0;
}
/// Where a tensor of Memory::weights lies in the parameters or gradients.
template <class T>
std::span<T> part_of(std::span<T> all, const genoform::TensorInfo& info) {
  return all.subspan(static_cast<std::size_t>(info.tensor.offset), static_cast<std::size_t>(info.tensor.size()));
}

/// Gradient descent with momentum over spans that the caller owns.
class Momentum {
 public:
  explicit Momentum(std::size_t size) : velocity_(size) {}
  void step(std::span<float> parameters, std::span<const float> gradients, float learning_rate) {
    for (std::size_t i = 0; i < parameters.size(); ++i) {
      velocity_[i] = 0.9F * velocity_[i] + gradients[i];
      parameters[i] -= learning_rate * velocity_[i];
    }
  }

 private:
  std::vector<float> velocity_;
};

int main() {
  std::vector<float> parameters(genoform::parameters<Net>), gradients(parameters.size());
  genoform::Model<Net, genoform::Cpu> model({.seed = 1, .storage = {parameters, gradients}});
  const std::vector<float> at_start = parameters;
  Momentum optimizer(parameters.size());

  const std::size_t sequences = 8, context = 16;
  std::vector<float> d_logits(sequences * context * vocab);
  double first = 0, last = 0;
  for (std::uint64_t step = 0; step < 150; ++step) {
    const Batch batch = make_batch(step, sequences, context);
    model.zero_gradients();
    last = smoothed_loss(model.logits(batch.inputs, sequences), batch, d_logits);
    model.backward(d_logits);
    for (const genoform::TensorInfo& info : model.tensors())
      if (is_frozen(info)) {
        const auto gradient = part_of(std::span<float>(gradients), info);
        std::fill(gradient.begin(), gradient.end(), 0.0F);
      }
    optimizer.step(parameters, gradients, 0.05F);
    model.after_step();
    if (step == 0) first = last;
  }
  bool kept = true;
  for (const genoform::TensorInfo& info : model.tensors())
    if (is_frozen(info)) {
      const auto now = part_of(std::span<const float>(parameters), info),
                 before = part_of(std::span<const float>(at_start), info);
      kept = kept && std::equal(now.begin(), now.end(), before.begin());
    }
  std::printf("loss %.3f -> %.3f, frozen block %s\n", first, last, kept ? "unchanged" : "CHANGED");
  return last < 0.5 * first && kept ? 0 : 1;
}
