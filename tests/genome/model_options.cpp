// Attention's and the model's options as types, texts and genomes.
#include <concepts>
#include <string>
#include <string_view>
#include <utility>

#include "genoform/backend/dry_run.hpp"
#include "genoform/cost/cost.hpp"
#include "genoform/genoform.hpp"
#include "genoform/model/model.hpp"
#include "genoform/report/diagram.hpp"
#include "tests/catch.hpp"

using namespace genoform;
using namespace genoform::inner;

namespace {

// Canonical order is that of the tables; what a model's positions make the default is left out.
static_assert(text_of<Attention<QkNorm, Window<64>, RelBias<32, 128>, SharedQk, DConv<3>, Heads<4>>> ==
              "Attention<Heads<4>, DConv<3>, SharedQk, RelBias<32, 128>, Window<64>, QkNorm>");
static_assert(text_of<Ffn<SqReLU, Bias, Inner<PrimerNorm>>> == "Ffn<SqReLU, Bias, Inner<PrimerNorm>>");
using Full = Decoder<Block<Attention<NoPos>, Attention<Rope>>, LogitScale<WidthRsqrt>, Untied, FinalNorm<PrimerNorm>,
                     Positions<SharedRelBias<32, 128>>, Context<64>, Width<128>>;
static_assert(text_of<Full> ==
              "Decoder<Stack<Block<Attention<>, Attention<Rope>>, 1>, Width<128>, Context<64>, "
              "Positions<SharedRelBias<32, 128>>, FinalNorm<PrimerNorm>, Untied, LogitScale<WidthRsqrt>>");
static_assert(std::same_as<canonical_t<Full>,
                           Decoder<Stack<Block<Attention<>, Attention<Rope>>, 1>, Width<128>, Context<64>,
                                   Positions<SharedRelBias<32, 128>>, FinalNorm<PrimerNorm>, Untied, LogitScale<WidthRsqrt>>>);
static_assert(std::same_as<type_of<"Decoder<Block<Attention<NoPos>, Attention<Rope>>, LogitScale<WidthRsqrt>, Untied, "
                                   "FinalNorm<PrimerNorm>, Positions<SharedRelBias<32,128>>, Context<64>, Width<128>>">,
                           canonical_t<Full>>);
static_assert(text_of<Decoder<Block<Attention<NoPos>>, Positions<Learned>>> ==
              "Decoder<Stack<Block<Attention<>>, 1>, Positions<Learned>>");
static_assert(text_of<Decoder<Block<Attention<Rope>>, Positions<Sinusoid>>> ==
              "Decoder<Stack<Block<Attention<Rope>>, 1>, Positions<Sinusoid>>");
static_assert(std::same_as<type_of<"Attention<QkNorm, Window<4>, RelBias<8, 20>, SharedQk>">,
                           Attention<SharedQk, RelBias<8, 20>, Window<4>, QkNorm>>);
static_assert(decoder_of<Full>.model_context().positions && !decoder_of<Decoder<Block<Attn>>>.model_context().positions);
static_assert(resolved(Attn::value, decoder_of<Full>.model_context()).position.kind == PositionKind::none);

std::string canonical(std::string_view text) {
  const Result<Genome> genome = Genome::parse(text);
  return genome ? genome->text() : genome.error().message;
}

}  // namespace

TEST_CASE("the options of attention and of a model are read in any order and printed in one") {
  const std::pair<const char*, const char*> spellings[] = {
      {"Attention<QkNorm,Window<64>,SharedQk,RelBias< 32 , 128 >>", "Attention<SharedQk, RelBias<32, 128>, Window<64>, QkNorm>"},
      {"Attention<SharedQk, KvHeads<2>, Heads<2>>", "Attention<Heads<2>, SharedQk>"},
      {"Ffn<Pre<PrimerNorm>>", "Ffn<SqReLU, Pre<PrimerNorm>>"},
      {"Decoder<Block<Attention<NoPos>>, Untied, Positions<Learned>>",
       "Decoder<Stack<Block<Attention<>>, 1>, Positions<Learned>, Untied>"},
      {"Decoder<Block<Attention<RelBias<2, 2>>>, Positions<Sinusoid>, LogitScale<WidthRsqrt>, Width<8>>",
       "Decoder<Stack<Block<Attention<RelBias<2, 2>>>, 1>, Width<8>, Positions<Sinusoid>, LogitScale<WidthRsqrt>>"},
      {"Decoder<Block<Attn, Attention<Heads<4>>>, Width<256>, Positions<SharedRelBias<3,2>>, FinalNorm<PrimerNorm>>",
       "Decoder<Stack<Block<Attention<>, Attention<>>, 1>, Width<256>, Positions<SharedRelBias<3, 2>>, FinalNorm<PrimerNorm>>"},
      {"Decoder<Block<Attn>, Positions<None>, Width<63>>",
       "1:15: \"Attn\": Rope rotates pairs of channels, so HeadDim must be even; give an even HeadDim or NoPos"},
      {"Decoder<Block<Attn>, Positions<Learned>, Width<63>>",
       "Decoder<Stack<Block<Attention<>>, 1>, Width<63>, Positions<Learned>>"},
  };
  for (const auto& [spelling, text] : spellings) {
    CHECK(canonical(spelling) == text);
    if (text[0] != '1') CHECK(canonical(text) == text);
  }
}

TEST_CASE("heads that a shared table needs alike are compared as soon as the width is known") {
  const Result<Genome> open = Genome::parse("Decoder<Block<Attention<Heads<2>>, Attention<>>, Positions<SharedRelBias<4, 6>>>");
  REQUIRE(open);
  CHECK(open->with_sizes(16, 128, 8));
  CHECK(open->with_sizes(16, 128, 8)->parameters() == 16 * 128 + 2 * (4 * 128 * 128 + 128) + 2 * 4 + 128);
  CHECK(open->with_sizes(16, 256, 8).error().message.find(std::string(rules::SharedBiasHeads::sentence)) != std::string::npos);
  using Open = Decoder<Block<Attention<Heads<2>>, Attention<>>, Positions<SharedRelBias<4, 6>>>;
  const auto built = [](int width) {
    return Model<Open, DryRun>({.vocab = 16, .width = width, .context = 8}).parameters().size();
  };
  CHECK(built(128) == 16 * 128 + 2 * (4 * 128 * 128 + 128) + 2 * 4 + 128);
  CHECK_THROWS_WITH(built(256), std::string(rules::SharedBiasHeads::sentence));
}

TEST_CASE("heads inside a Parallel count for a shared table") {
  using Beside = Decoder<Block<Parallel<Ffn<SqReLU>, Attention<Heads<2>>>, Attention<Heads<2>>>, Vocab<16>, Width<64>, Context<8>,
                         Positions<SharedRelBias<4, 6>>>;
  const Genome genome = *Genome::parse(text_of<Beside>);
  CHECK(genome.heads() == 2);
  CHECK(genome.parameters() == static_cast<double>(parameters<Beside>));
  static_assert(parameters<Beside> == 16 * 64 + (8 + 4 + 4) * 64 * 64 + 2 * 64 + 2 * 4 + 64);
  CHECK(canonical("Decoder<Block<Parallel<Ffn<>, Attention<Heads<2>>>, Attn>, Width<64>, Positions<SharedRelBias<4, 6>>>") ==
        "1:53: \"Attn\": " + std::string(rules::SharedBiasHeads::sentence));
  CHECK(canonical("Decoder<Block<Attn, Parallel<Ffn<>, Attention<Heads<2>>>>, Width<64>, Positions<SharedRelBias<4, 6>>>") ==
        "1:47: \"Heads\": " + std::string(rules::SharedBiasHeads::sentence));
}

TEST_CASE("an odd width is refused for sinusoids, also when it is given at run time") {
  using Open = Decoder<Block<Attention<Heads<1>>>, Positions<Sinusoid>>;
  CHECK_THROWS_WITH((Model<Open, DryRun>({.vocab = 16, .width = 9, .context = 8})),
                    std::string(rules::SinusoidWidthEven::sentence));
  CHECK(
      Genome::parse(text_of<Open>)->with_sizes(16, 9, 8).error().message.find(std::string(rules::SinusoidWidthEven::sentence)) !=
      std::string::npos);
}

TEST_CASE("the tensors of the model itself are counted once, by the genome, the cost and the diagram alike") {
  const auto check = [](auto type, double parameters) {
    using Net = typename decltype(type)::type;
    const Genome genome = *Genome::parse(text_of<Net>);
    INFO(genome.text());
    CHECK(genome.parameters() == parameters);
    CHECK(static_cast<double>(cost_of<Net>().parameters) == parameters);
    CHECK(cost_of<Net>().activated_parameters == cost_of<Net>().parameters);
    const std::vector<diagram::Row> rows = diagram::rows_of<BuiltinLayers>(genome, {1, 8});
    std::int64_t sum = 0;
    for (const diagram::Row& row : rows) sum += row.parameters > 0 ? row.parameters : 0;
    CHECK(static_cast<double>(sum) == parameters);
  };
  using Body = Stack<Block<Attention<Heads<2>>>, 3>;
  constexpr double body = 3 * (4 * 16 * 16 + 16), embedding = 32 * 16;
  check(Type<Decoder<Body, Vocab<32>, Width<16>, Context<8>>>{}, body + embedding + 16);
  check(Type<Decoder<Body, Vocab<32>, Width<16>, Context<8>, Positions<Sinusoid>, Untied>>{}, body + 2 * embedding + 16);
  check(Type<Decoder<Body, Vocab<32>, Width<16>, Context<8>, Positions<Learned>, FinalNorm<PrimerNorm>>>{},
        body + embedding + 8 * 16 + 2 * 16);
  check(Type<Decoder<Body, Vocab<32>, Width<16>, Context<8>, Positions<SharedRelBias<5, 7>>, FinalNorm<NoNorm>>>{},
        body + embedding + 2 * 5);
}
