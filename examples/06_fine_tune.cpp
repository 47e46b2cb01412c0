// Fine-tuning: a model that knows a text learns to tell forward from backward text. It gets two tokens more, for the answers, and
// a block more; what it knew is frozen, and only the answer of a sequence counts in the loss.
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <numbers>
#include <string>

#include "genoform/backend/cpu.hpp"
#include "genoform/genoform.hpp"
#include "genoform/train.hpp"

using namespace genoform;

constexpr int context_length = 32, batch_size = 16;
template <int Blocks, int Tokens>
using Net = Decoder<Stack<Block<Attention<Heads<2>>, Ffn<SqReLU>>, Blocks>, Vocab<Tokens>, Width<64>, Context<context_length>>;
using Pretrained = Net<2, 256>;
using Tuned = Net<3, 258>;
constexpr Token forward_answer = 256, backward_answer = 257;

/// Windows of a text, every second one backward; all targets but the last are masked, that is below 0.
void fill_questions(TokenView text, std::uint64_t seed, std::int64_t index, std::span<Token> tokens, std::span<Token> targets) {
  Batches(text, batch_size, context_length, seed).fill(static_cast<std::uint64_t>(index), tokens, targets);
  std::ranges::fill(targets, -1);
  for (std::size_t row = 0; row < batch_size; ++row) {
    const auto sequence = tokens.subspan(row * context_length, context_length);
    const bool is_backward = row % 2 == 1;
    if (is_backward) std::ranges::reverse(sequence);
    targets[row * context_length + context_length - 1] = is_backward ? backward_answer : forward_answer;
  }
}

/// Bits per answer on questions from text that was not trained on.
double bits_of(Model<Tuned, Cpu>& model, const Corpus& text) {
  std::vector<Token> tokens(batch_size * context_length), targets(tokens.size());
  double nats = 0;
  for (int i = 0; i < 16; ++i) {
    fill_questions(text.validation(), 2, i, tokens, targets);
    nats += model.evaluate(tokens, targets, batch_size).main / 16;
  }
  return nats / std::numbers::ln2;
}

int main() {
  const Corpus text = Corpus::from_text(synthetic_text(200'000, 1));
  const std::string folder = (std::filesystem::temp_directory_path() / "genoform_06_fine_tune").string();
  {
    Model<Pretrained, Cpu> model({.seed = 1});
    Trainer trainer(model, {.steps = 150, .batch = batch_size, .learning_rate = 4e-3f, .windows = 64});
    for (const Step& step : trainer.run(text))
      if (step.was_validated()) std::printf("pretrained: %.2f bits per byte\n", step.validation);
    save(model, folder).value();
  }
  Model<Tuned, Cpu> model({.seed = 2});
  const LoadReport report = load(model, folder, {.partial = true});
  std::printf("%zu tensors loaded, %zu new\n", report.loaded.size(), report.missing.size());
  for (const std::string& name : report.other_shape) std::printf("%s has another shape\n", name.c_str());
  // It has rows for two tokens more: those of the bytes are taken over by hand.
  const Safetensors weights = read_safetensors(folder + "/model.safetensors");
  std::ranges::copy(weights.as_f32("embedding.weight").value(), model.parameter("embedding.weight").begin());

  Trainer trainer(
      model, {.steps = 100, .batch = batch_size, .learning_rate = 3e-3f, .windows = 0, .frozen = {"blocks.0.*", "blocks.1.*"}});
  std::printf("before: %.1f bits per answer\n", bits_of(model, text));
  const BatchSource questions{.fill = [&](std::int64_t index, std::span<Token> tokens, std::span<Token> targets) {
    fill_questions(text.train(), 1, index, tokens, targets);
  }};
  for (const Step& step : trainer.run(questions)) static_cast<void>(step);
  std::printf("after:  below %s bit per answer\n", bits_of(model, text) < 0.1 ? "0.1" : "1");
  const std::string first = "blocks.0.1.ffn.up.weight";
  std::printf("the first block is %s\n",
              std::ranges::equal(weights.as_f32(first).value(), model.parameter(first)) ? "as it was" : "changed");
  std::filesystem::remove_all(folder);
}
