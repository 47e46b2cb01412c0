#include "genoform/models/zoo.hpp"

#include <cstdint>
#include <set>
#include <string>
#include <string_view>

#include "genoform/cost/cost.hpp"
#include "genoform/cost/genome_cost.hpp"
#include "genoform/genome/genome.hpp"
#include "tests/catch.hpp"

using namespace genoform;
using namespace genoform::inner;
using namespace genoform::models;

namespace {

constexpr std::int64_t rounded(std::int64_t n, std::int64_t unit) { return (n + unit / 2) / unit; }

// Primer's table counts matrices and the tied embedding: norms and the table of relative positions are left out.
template <template <Size> class Family, Size S, std::int64_t norm_vectors>
constexpr std::int64_t matrices = parameters<Family<S>> - norm_vectors* S.width - 32 * S.heads;
template <Size S>
using Relu = Transformer<S, ReLU>;
static_assert(rounded(matrices<Relu, transformer_35m, 2 * 13>, 100'000) == 353);
static_assert(rounded(matrices<Relu, transformer_110m, 2 * 25>, 100'000) == 1096);
static_assert(rounded(matrices<Relu, transformer_537m, 2 * 49>, 100'000) == 5362);
static_assert(rounded(matrices<TransformerPlus, transformer_plus_35m, 13>, 100'000) == 353);
static_assert(rounded(matrices<Relu, transformer_1_9b, 2 * 49>, 10'000'000) == 188);

// What Primer adds: three filter elements for each channel of q, k and v; the shared form has one convolution less, and biases.
static_assert(parameters<PrimerEz<primer_35m>> - parameters<Relu<transformer_35m>> == 6 * 3 * 3 * 512);
static_assert(parameters<Primer<primer_35m>> - parameters<PrimerEz<primer_35m>> == 6 * (2048 + 512) - 6 * 3 * 512);

// GLaM's formula, L/2 (2 * 4 M heads dim + 3 M H + 2 E M H), for every row of its table: the rest is embedding, norms,
// routers and tables of relative positions.
template <Size S>
constexpr std::int64_t glam_formula(std::int64_t experts) {
  const std::int64_t attention = std::int64_t{4} * S.width * S.heads * S.head_dim, matrix = std::int64_t{S.width} * S.hidden;
  return S.layers / 2 * (2 * attention + 3 * matrix + 2 * experts * matrix);
}
template <Size S>
constexpr std::int64_t glam_beside = std::int64_t{S.vocab} * S.width +
                                     (2 * S.layers + 1) * std::int64_t{S.width} + S.layers / 2 * std::int64_t{S.experts} * S.width
                                     + 32 * S.layers* std::int64_t{S.heads};
template <Size S>
constexpr bool glam_row = parameters<Glam<S>> == glam_formula<S>(S.experts) + glam_beside<S>&& activated_parameters<Glam<S>> ==
                          glam_formula<S>(2) + glam_beside<S>;
namespace rows = zoo_entries;
static_assert(glam_row<rows::glam_0_1b_16> && glam_row<rows::glam_0_1b_32> && glam_row<rows::glam_0_1b_64> &&
              glam_row<rows::glam_0_1b_128>);
static_assert(glam_row<rows::glam_1_7b_32> && glam_row<rows::glam_1_7b_64> && glam_row<rows::glam_1_7b_128> &&
              glam_row<rows::glam_1_7b_256>);
static_assert(glam_row<rows::glam_8b_64> && glam_row<glam_64b_64e>);
// The dense rows: three matrices in every FFN.
template <Size S>
constexpr bool glam_dense_row = parameters<GlamDense<S>> == S.layers*(std::int64_t{4} * S.width * S.heads * S.head_dim +
                                                                      std::int64_t{3} * S.width * S.hidden) +
                                                                std::int64_t{S.vocab} * S.width +
                                                                (2 * S.layers + 1) * std::int64_t{S.width} +
                                                                32 * S.layers* std::int64_t{S.heads};
static_assert(glam_dense_row<rows::glam_0_1b_0> && glam_dense_row<rows::glam_1_7b_0> && glam_dense_row<rows::glam_8b_0> &&
              glam_dense_row<glam_137b>);

// The reconstructed blocks of Brainformer against its table, in millions of parameters without the embedding; where it counts one
// expert a token for block 2, four sparse layers are subtracted.
template <template <Size> class Family, Size S>
constexpr std::int64_t total = rounded(parameters<Family<S>> - std::int64_t{S.vocab} * S.width, 10'000'000);
template <template <Size> class Family, Size S>
constexpr std::int64_t activated = rounded(activated_parameters<Family<S>> - std::int64_t{S.vocab} * S.width, 1'000'000);
constexpr bool within(std::int64_t found, std::int64_t printed, std::int64_t percent) {
  return 100 * found <= (100 + percent) * printed && 100 * found >= (100 - percent) * printed;
}
static_assert(within(total<Brainformer1, brainformer1_1b_64e>, 3000, 1) &&
              within(activated<Brainformer1, brainformer1_1b_64e>, 1380, 1));
static_assert(within(total<Brainformer1, brainformer1_8b_64e>, 15800, 2) &&
              within(activated<Brainformer1, brainformer1_8b_64e>, 7400, 1));
static_assert(within(total<Brainformer2, brainformer2_100m_32e>, 333, 2) &&
              within(activated<Brainformer2, brainformer2_100m_32e>, 266, 1));
static_assert(within(total<Brainformer2, brainformer2_1b_64e>, 5200, 1));
static_assert(within(activated<Brainformer2, brainformer2_1b_64e> - rounded(std::int64_t{6} * 4 * 2 * 2048 * 8192, 1'000'000),
                     1310, 1));

// The scaling study of Primer: widths of 384, 512 and 1024, hidden widths of 4, 8 and 12 times that, 6, 9 and 12 layers.
constexpr Size study(int width, int times, int layers) {
  return {.layers = layers,
          .width = width,
          .hidden = times * width,
          .heads = width / 64,
          .head_dim = 64,
          .vocab = 32128,
          .context = 64};
}
constexpr Size smallest = study(384, 4, 6), largest = study(1024, 12, 12);
static_assert(rounded(matrices<Relu, smallest, 2 * 13>, 10'000) == 2295);
static_assert(rounded(matrices<Relu, largest, 2 * 25>, 100'000) == 3852);

}  // namespace

TEST_CASE("every named architecture has a name of its own, is a whole model, and its text is canonical") {
  std::set<std::string_view> names;
  for (const Known& known : zoo()) {
    INFO(known.name);
    CHECK(names.insert(known.name).second);
    for (const std::string_view text : {known.text, known.reduced}) {
      const Result<Genome> genome = Genome::parse(text);
      REQUIRE(genome.ok());
      CHECK(genome->is_model());
      CHECK(genome->has_sizes());
      CHECK(genome->text() == text);
    }
  }
}

TEST_CASE("a named architecture is within 2 % of its published counts, or says why it is not") {
  const auto near = [](double count, double published) {
    return published == 0 || (count > 0.98 * published && count < 1.02 * published);
  };
  for (const Known& known : zoo()) {
    const Genome genome = Genome::parse(known.text).value();
    const double embedding = known.counts_embedding ? 0.0 : static_cast<double>(genome.decoder().vocab) * genome.decoder().width;
    const Cost cost = cost_of(genome).value();
    const double count = static_cast<double>(cost.parameters) - embedding;
    const double activated = static_cast<double>(cost.activated_parameters) - embedding;
    INFO(known.name << ": " << count << ", published " << known.parameters << "; activated " << activated << ", published "
                    << known.activated);
    CHECK(((near(count, known.parameters) && near(activated, known.activated)) || !known.note.empty()));
  }
}

TEST_CASE("the reduced forms keep the order of their sub-layers and are small") {
  for (const Known& known : zoo()) {
    const Genome whole = Genome::parse(known.text).value(), reduced = Genome::parse(known.reduced).value();
    INFO(known.name);
    CHECK(whole.tree().stacks.size() == reduced.tree().stacks.size());
    for (std::size_t i = 0; i < whole.tree().stacks.size(); ++i) {
      const GenomeStack a = whole.tree().stacks[i], b = reduced.tree().stacks[i];
      REQUIRE(a.sub_layers.size() == b.sub_layers.size());
      for (std::size_t j = 0; j < a.sub_layers.size(); ++j) CHECK(a.sub_layers[j].name() == b.sub_layers[j].name());
    }
    CHECK(cost_of(reduced).value().parameters < 1'000'000);
  }
}
