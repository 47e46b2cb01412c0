// A search space of one's own: depth, width and hidden width of a Transformer, as short codes of genes behind canonical texts.
#include <algorithm>
#include <array>
#include <cstddef>
#include <string>
#include <vector>

#include "genoform/cost/genome_cost.hpp"
#include "genoform/genoform.hpp"
#include "genoform/search/space/space.hpp"
#include "genoform/search/strategy/evolution.hpp"
#include "tests/catch.hpp"

namespace mine {

using namespace genoform;
using namespace genoform::extend;
using search::RandomStream;

/// Decoders of 1 to 6 equal blocks, four widths and three ratios of the hidden width to the width.
class Shapes : public search::Space {
 public:
  std::string kind() const override { return "shapes"; }
  nlohmann::json describe() const override { return {{"max_layers", max_layers}, {"widths", widths}, {"ratios", ratios}}; }
  std::string random(RandomStream& samples) const override {
    return text_of({1 + samples.below(max_layers), samples.below(widths.size()), samples.below(ratios.size())});
  }
  std::string mutate(const std::string& parent, RandomStream& samples) const override {
    const std::vector<Genes> neighbours = neighbours_of(genes_of(parent).value());
    return text_of(neighbours[samples.below(neighbours.size())]);
  }
  Result<void> check(const std::string& text) const override {
    const Result<Genes> genes = genes_of(text);
    return genes ? Result<void>() : Result<void>(genes.error());
  }

 private:
  struct Genes {
    std::size_t layers, width, ratio;  // width and ratio: indices
  };
  static constexpr std::size_t max_layers = 6;
  static constexpr std::array widths{16, 32, 64, 128};
  static constexpr std::array ratios{2, 4, 8};

  static std::string text_of(const Genes& genes) {
    const int width = widths[genes.width];
    const std::string text = "Decoder<Stack<Block<Attention<Heads<2>>, Ffn<SqReLU, Hidden<" +
                             std::to_string(width * ratios[genes.ratio]) + ">>>, " + std::to_string(genes.layers) +
                             ">, Vocab<256>, Width<" + std::to_string(width) + ">, Context<32>>";
    return Genome::parse(text).value().text();  // the canonical text: a hidden width that is the default is left out
  }
  /// The genes of a text; there are few, so all of them are compared.
  static Result<Genes> genes_of(const std::string& text) {
    for (std::size_t layers = 1; layers <= max_layers; ++layers)
      for (std::size_t width = 0; width < widths.size(); ++width)
        for (std::size_t ratio = 0; ratio < ratios.size(); ++ratio)
          if (const Genes genes{layers, width, ratio}; text_of(genes) == text) return genes;
    return Error{ErrorKind::input, "\"" + text + "\" is no genome of the space of shapes"};
  }
  static std::vector<Genes> neighbours_of(const Genes& g) {
    std::vector<Genes> all;
    if (g.layers > 1) all.push_back({g.layers - 1, g.width, g.ratio});
    if (g.layers < max_layers) all.push_back({g.layers + 1, g.width, g.ratio});
    if (g.width > 0) all.push_back({g.layers, g.width - 1, g.ratio});
    if (g.width + 1 < widths.size()) all.push_back({g.layers, g.width + 1, g.ratio});
    if (g.ratio > 0) all.push_back({g.layers, g.width, g.ratio - 1});
    if (g.ratio + 1 < ratios.size()) all.push_back({g.layers, g.width, g.ratio + 1});
    return all;
  }
};

/// In place of a training: the distance from 100,000 parameters, lower is better.
double fitness_of(const std::string& text) {
  const auto parameters = static_cast<double>(cost_of(Genome::parse(text).value())->parameters);
  return std::max(parameters / 1e5, 1e5 / parameters);
}

search::RandomStream stream(std::uint64_t n) { return search::RandomStream(Random(7, n)); }

}  // namespace mine

using namespace genoform;
using namespace genoform::extend;

TEST_CASE("a space of one's own gives genomes that depend on the random numbers alone, and mutations that change them") {
  const mine::Shapes space;
  for (std::uint64_t n = 0; n < 20; ++n) {
    auto samples = mine::stream(n), again = mine::stream(n);
    const std::string genome = space.random(samples);
    CHECK(genome == space.random(again));
    CHECK(space.check(genome).ok());
    const std::string child = space.mutate(genome, samples);
    CHECK(child != genome);
    CHECK(space.check(child).ok());
    CHECK(Genome::parse(child).value().text() == child);
  }
  CHECK_FALSE(space.check("Decoder<Block<Ffn<ReLU>>>").ok());
}

TEST_CASE("evolution finds the best genome of a space of one's own more often than random choice") {
  const mine::Shapes space;
  const search::Evolution evolution({.initial = 8, .population = 16, .tournament = 6});
  std::vector<search::Scored> history;
  for (int n = 1; n <= 60; ++n) {
    auto samples = mine::stream(static_cast<std::uint64_t>(n));
    const std::string genome = evolution.propose(space, history, samples).text;
    history.push_back({n, genome, mine::fitness_of(genome)});
  }
  const auto mean = [&](std::size_t first, std::size_t last) {
    double sum = 0;
    for (std::size_t i = first; i < last; ++i) sum += history[i].fitness;
    return sum / static_cast<double>(last - first);
  };
  CHECK(mean(40, 60) < 0.5 * mean(0, 8));
}
