#include <cmath>
#include <cstdio>
#include <map>
#include <string>
#include <vector>

#include "common.hpp"
#include "genoform/models/zoo.hpp"
#include "genoform/report/json.hpp"
#include "genoform/report/text_table.hpp"
#include "genoform/train.hpp"
#include "models.hpp"

namespace command {

namespace {

using namespace genoform;
using namespace genoform::inner;

struct Options {
  std::string name, data;
  bool text = false, reduced = false, json = false;
  int train = 0;
};

std::vector<models::Known> chosen(const std::string& name) {
  std::vector<models::Known> some;
  for (const models::Known& known : models::zoo())
    if (known.name.find(name) != std::string_view::npos) some.push_back(known);
  if (some.empty()) usage_error("zoo: no architecture has \"" + name + "\" in its name; without NAME all are listed");
  return some;
}

struct Figures {
  double parameters = 0, activated = 0;  ///< counted as the paper counts, so that they can be compared
  Cost cost;
  double flops_per_token = 0;
};

Figures figures_of(const models::Known& known) {
  const Genome genome = read_genome(std::string(known.text));
  const DecoderLayer& sizes = genome.decoder();
  const double embedding = known.counts_embedding ? 0.0 : static_cast<double>(sizes.vocab) * sizes.width;
  Figures f{.cost = cost_of(genome, 1, sizes.context)};
  f.parameters = static_cast<double>(f.cost.parameters) - embedding;
  f.activated = static_cast<double>(f.cost.activated_parameters) - embedding;
  f.flops_per_token = static_cast<double>(f.cost.forward_flops) / sizes.context;
  return f;
}

/// "+1.2 %", or nothing where nothing was published.
std::string deviation(double ours, double published) {
  if (published == 0) return {};
  char text[32];
  std::snprintf(text, sizeof text, "%+.1f %%", 100 * (ours / published - 1));
  return text;
}

void print_table(const std::vector<models::Known>& some) {
  TextTable table({"name", "parameters", "published", "", "activated", "published", "", "FLOPs a token", "note"});
  const auto published = [](double n) { return n == 0 ? std::string() : with_unit(n); };
  for (const models::Known& known : some) {
    const Figures f = figures_of(known);
    table.add({std::string(known.name), with_unit(f.parameters), published(known.parameters),
               deviation(f.parameters, known.parameters), with_unit(f.activated), published(known.activated),
               deviation(f.activated, known.activated), with_unit(f.flops_per_token), std::string(known.note)});
  }
  std::fputs(table.text().c_str(), stdout);
  std::puts("Published figures are rounded: a row without a note is within 2 % of them.");
}

void print_json(const std::vector<models::Known>& some) {
  for (const models::Known& known : some) {
    const Figures f = figures_of(known);
    JsonObject json;
    json.add("name", known.name).add("model", known.text).add("reduced", known.reduced);
    json.add("parameters", f.cost.parameters).add("activated_parameters", f.cost.activated_parameters);
    json.add("forward_flops_per_token", f.flops_per_token);
    json.add("published_parameters", known.parameters > 0 ? known.parameters : NAN)
        .add("published_activated_parameters", known.activated > 0 ? known.activated : NAN)
        .add("published_with_embedding", known.counts_embedding)
        .add("note", known.note);
    std::printf("%s\n", json.text().c_str());
  }
}

/// Trains each reduced form once on a text, whatever sizes share it; 5 when a loss does not fall.
int train_all(const std::vector<models::Known>& some, const Options& o) {
  if (o.data.empty()) usage_error("zoo: --train needs --data");
  const Corpus corpus = Corpus::from_file(o.data);
  std::map<std::string_view, std::string> names;  // of each form
  for (const models::Known& known : some) {
    std::string& all = names[known.reduced];
    all += (all.empty() ? "" : ", ") + std::string(known.name);
  }
  int fallen = 0;
  for (const auto& [form, name] : names) {
    const auto model = make_model(read_genome(std::string(form)), 1, {.threads = 1});
    Trainer trainer(*model, {.steps = o.train, .batch = 8, .learning_rate = 3e-3f, .windows = 64});
    const double before = trainer.validate(corpus);
    double after = before;
    for (const Step& step : trainer.run(corpus))
      if (step.was_validated()) after = step.validation;
    const bool falls = after < before;
    fallen += falls ? 1 : 0;
    std::printf("%-4s %6.3f -> %.3f bits/byte after %d steps  %s\n", falls ? "ok" : "FAIL", before, after, o.train, name.c_str());
  }
  const int all = static_cast<int>(names.size());
  std::printf("%d of %d losses fell, for %d architectures\n", fallen, all, static_cast<int>(some.size()));
  return fallen == all ? 0 : static_cast<int>(ErrorKind::not_finite);
}

int run(const Options& o) {
  const std::vector<models::Known> some = chosen(o.name);
  if (o.train > 0) return train_all(some, o);
  if (o.json) {
    print_json(some);
  } else if (o.text || o.reduced) {
    for (const models::Known& known : some) {
      const std::string_view text = o.reduced ? known.reduced : known.text;
      std::printf("%.*s\n", static_cast<int>(text.size()), text.data());
    }
  } else {
    print_table(some);
  }
  return 0;
}

}  // namespace

void add_zoo(CLI::App& program, Commands& commands) {
  auto [app, o] = add_command<Options>(program, commands, "zoo",
                                       "List the named architectures: parameters and FLOPs, beside what their papers say.",
                                       "  genoform zoo\n"
                                       "  genoform zoo Primer                    those with Primer in their name\n"
                                       "  genoform zoo 'GPT-2 124M' --text       its text, for train, inspect and bench\n"
                                       "  genoform zoo --train 50 --data novel.txt    fifty steps of each at a reduced size",
                                       run);
  app->add_option("NAME", o->name, "only those whose name contains this");
  app->add_flag("--text", o->text, "print canonical texts only");
  app->add_flag("--reduced", o->reduced, "print the texts of the same structures at a size that trains within seconds");
  add_number(*app, "--train", o->train, "train the reduced forms for so many steps; each loss must fall", at_least(1));
  app->add_option("--data", o->data, "with --train: a text file, or a folder with train.txt, val.txt and test.txt");
  app->add_flag("--json", o->json, "print a JSON object a line");
}

}  // namespace command
