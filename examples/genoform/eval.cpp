#include <algorithm>
#include <cstdio>
#include <numbers>

#include "common.hpp"
#include "genoform/data/corpus.hpp"
#include "genoform/report/json.hpp"
#include "genoform/train/evaluation.hpp"
#include "models.hpp"
#include "ngrams.hpp"

namespace command {

namespace {

using namespace genoform;
using namespace genoform::inner;

struct Options {
  std::string folder, data, part = "validation";
  int windows = 512, context = 0, ngrams = 0;
  CpuOptions cpu{.threads = 0};
  bool pool = false, json = false;
};

/// The loss as in training over the same windows, in nats: what the causal figure may be compared with.
double pool_nats(CpuModel& model, TokenView text, int windows, int context) {
  const auto t = static_cast<std::size_t>(context);
  const std::vector<std::size_t> starts = evaluation_windows(text, static_cast<std::size_t>(windows), t);
  std::vector<Token> tokens(64 * t), targets(64 * t);
  double sum = 0;
  for (std::size_t first = 0; first < starts.size(); first += 64) {
    const auto some = std::span(starts).subspan(first, std::min<std::size_t>(64, starts.size() - first));
    copy_windows(text, some, t, tokens, targets);
    sum += model
               .pool_loss(std::span(tokens).first(some.size() * t), std::span(targets).first(some.size() * t),
                          static_cast<std::int64_t>(some.size()))
               .main *
           static_cast<double>(some.size());
  }
  if (!math::is_finite(sum)) throw Exception({ErrorKind::not_finite, "the loss routed by pool is not finite"});
  return sum / static_cast<double>(starts.size());
}

/// n-grams on the same windows, counted on the first bytes of the training text.
NgramBits ngrams_of(const Corpus& corpus, TokenView text, const Options& o, int context) {
  const auto wanted = static_cast<std::size_t>(static_cast<double>(o.ngrams) / corpus.bytes_per_token());
  const TokenView counted = corpus.train().first(std::min(wanted, corpus.train().size()));
  return ngram_bits(corpus, text, static_cast<std::size_t>(o.windows), static_cast<std::size_t>(context),
                    [&](Ngram& ngram) { ngram.add(counted); });
}

int run(const Options& o) {
  const Corpus corpus = Corpus::from_file(o.data);
  const auto text = o.part == "train" ? corpus.train() : o.part == "test" ? corpus.test() : corpus.validation();
  const auto model = load_model(o.folder, o.cpu);
  const int context = o.context > 0 ? o.context : model->sizes().context;
  if (context > model->sizes().context)
    usage_error("--context " + std::to_string(context) + ": the model has Context<" + std::to_string(model->sizes().context) +
                ">");
  const double bits = 1 / std::numbers::ln2 / corpus.bytes_per_token();
  Evaluation<Cpu> evaluation(*model, context, o.windows);
  const Result<double> nats = evaluation.nats(text);
  if (!nats) throw Exception({nats.error().error_kind, o.data + ": " + nats.error().message});
  const double second_half = evaluation.nats(text, context / 2).value() * bits;
  const double pool = o.pool ? pool_nats(*model, text, o.windows, context) : 0;
  const NgramBits ngrams = o.ngrams > 0 ? ngrams_of(corpus, text, o, context) : NgramBits();
  if (o.json) {
    JsonObject json;
    json.add("bits_per_byte", *nats * bits).add("nats_per_token", *nats).add("second_half_bits_per_byte", second_half);
    if (o.pool) json.add("pool_bits_per_byte", pool * bits);
    for (std::size_t i = 0; i < ngrams.whole.size(); ++i) {
      const std::string order = "order_" + std::to_string(i + 1);
      json.add(order + "_bits_per_byte", ngrams.whole[i]).add(order + "_second_half_bits_per_byte", ngrams.second_half[i]);
    }
    json.add("part", o.part).add("windows", o.windows).add("context", context).add("model", model->text());
    std::printf("%s\n", json.text().c_str());
  } else {
    std::printf("%.4f bits per byte, causal, on %d windows of %d bytes of the %s text\n", *nats * bits, o.windows, context,
                o.part.c_str());
    std::printf("%.4f in the second half of each window, where %d bytes and more are seen\n", second_half, context / 2 + 1);
    if (o.pool) std::printf("%.4f bits per byte, pool\n", pool * bits);
    for (std::size_t i = 0; i < ngrams.whole.size(); ++i)
      std::printf(
          "%.4f bits per byte (%.4f in the second half), n-gram of order %zu on the first %d bytes of the training text\n",
          ngrams.whole[i], ngrams.second_half[i], i + 1, o.ngrams);
  }
  return 0;
}

}  // namespace

void add_eval(CLI::App& program, Commands& commands) {
  auto [app, o] =
      add_command<Options>(program, commands, "eval", "Measure the causal loss of a model folder on a text, in bits per byte.",
                           "  genoform eval my-net --data austen/\n"
                           "  genoform eval my-net --data novel.txt --part test --json\n"
                           "  genoform eval my-net --data austen/ --ngrams 1000000     beside what counting letters reaches",
                           run);
  app->add_option("FOLDER", o->folder, "a model folder")->required();
  app->add_option("--data", o->data, "a text file, split 90 / 5 / 5, or a folder with train.txt, val.txt and test.txt")
      ->required();
  app->add_option("--part", o->part, "which part of the text")
      ->check(CLI::IsMember({"train", "validation", "test"}))
      ->capture_default_str();
  add_number(*app, "--windows", o->windows, "windows, spread evenly over the text", from_to(1, max_windows))
      ->capture_default_str();
  add_number(*app, "--context", o->context, "positions of a window (default: the model's)", at_least(1));
  add_number(*app, "--ngrams", o->ngrams,
             "also print the loss of interpolated n-grams of orders 1 to 5 on the same windows, counted on so many bytes of the "
             "training text",
             at_least(1));
  add_cpu_options(*app, o->cpu);
  app->add_flag("--pool", o->pool, "also print the loss as in training, which routes by pool");
  app->add_flag("--json", o->json, "print a JSON object");
}

}  // namespace command
