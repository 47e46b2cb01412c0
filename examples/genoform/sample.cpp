#include <algorithm>
#include <cmath>
#include <cstdio>
#include <numeric>

#include "common.hpp"
#include "genoform/core/random.hpp"
#include "genoform/data/tokenizer.hpp"
#include "genoform/genome/causality.hpp"
#include "models.hpp"

namespace command {

namespace {

using namespace genoform;
using namespace genoform::inner;

struct Options {
  std::string folder, prompt = "\n";
  int tokens = 400, top = 0;
  CpuOptions cpu{.threads = 0};
  double temperature = 0.8;
  std::uint64_t seed = 1;
};

/// Samples the next token from logits [V]; temperature 0 takes the largest. Ties go to the lower id.
Token sample(std::span<const float> logits, const Options& o, std::uint64_t index) {
  std::vector<int> order(logits.size());
  std::iota(order.begin(), order.end(), 0);
  const auto logit = [&](int id) { return logits[static_cast<std::size_t>(id)]; };
  std::ranges::stable_sort(order, [&](int a, int b) { return logit(a) > logit(b); });
  if (o.temperature == 0) return order.front();
  if (o.top > 0) order.resize(std::min(order.size(), static_cast<std::size_t>(o.top)));
  std::vector<double> sums;
  double sum = 0;
  for (const int id : order)
    sums.push_back(sum += std::exp(static_cast<double>(logit(id) - logit(order.front())) / o.temperature));
  const double at = Random(o.seed, stream_of("sample")).uniform(index) * sum;
  return order[std::min(order.size() - 1, static_cast<std::size_t>(std::ranges::upper_bound(sums, at) - sums.begin()))];
}

int run(const Options& o) {
  const Genome genome = genome_of_folder(o.folder);
  const std::string unfit = first_not_causal(genome);
  if (!unfit.empty())
    throw Exception(
        {ErrorKind::input, o.folder + ": " + unfit + " cannot be evaluated causally, so the model cannot write text"});
  const auto model = load_model(o.folder, o.cpu);
  const auto context = static_cast<std::size_t>(model->sizes().context), vocab = static_cast<std::size_t>(model->sizes().vocab);
  if (vocab < static_cast<std::size_t>(ByteTokenizer::vocabulary))
    throw Exception({ErrorKind::input, o.folder + ": a vocabulary of bytes is needed, Vocab<256>"});
  std::vector<Token> text = ByteTokenizer::encode(o.prompt), window(context);
  if (text.empty()) usage_error("--prompt: at least one byte is needed");
  std::fwrite(o.prompt.data(), 1, o.prompt.size(), stdout);
  for (int i = 0; i < o.tokens; ++i) {
    // What stands behind the last token does not matter to a causal model, so one shape serves every length.
    const std::size_t known = std::min(text.size(), context);
    std::copy(text.end() - static_cast<std::ptrdiff_t>(known), text.end(), window.begin());
    const auto logits =
        model->evaluate_logits(window, 1).subspan((known - 1) * vocab, static_cast<std::size_t>(ByteTokenizer::vocabulary));
    text.push_back(sample(logits, o, static_cast<std::uint64_t>(i)));
    std::putchar(text.back());
  }
  std::putchar('\n');
  return 0;
}

}  // namespace

void add_sample(CLI::App& program, Commands& commands) {
  auto [app, o] = add_command<Options>(program, commands, "sample", "Let a model folder write text.",
                                       "  genoform sample my-net --prompt 'It is a truth' --tokens 300 --temperature 0.7", run);
  app->add_option("FOLDER", o->folder, "a model folder")->required();
  app->add_option("--prompt", o->prompt, "the text to go on from (default: a new line)");
  add_number(*app, "--tokens", o->tokens, "how many to write", at_least(0))->capture_default_str();
  add_number(*app, "--temperature", o->temperature, "below 1: likelier words; 0: always the likeliest", at_least(0))
      ->capture_default_str();
  add_number(*app, "--top", o->top, "sample from this many likeliest tokens only (default: all)", at_least(1));
  add_number(*app, "--seed", o->seed, "of the sampling", any_number())->capture_default_str();
  add_cpu_options(*app, o->cpu);
}

}  // namespace command
