#include "genoform/genoform.hpp"
#include "tests/catch.hpp"

// A kind of the user's own: a struct, a table, a template. Nothing of the library is changed for it.
namespace mine {

template <int N>
struct Steps : genoform::inner::Numbers<"Steps", N> {};
struct Wrap : genoform::inner::Word<"Wrap"> {};

template <class... Options>
struct Shift;

struct ShiftLayer : genoform::inner::Normed {
  static constexpr std::string_view name = "Shift";
  template <class... Options>
  using type = Shift<Options...>;

  int steps = 1;
  bool wrap = false;

  static constexpr auto options() {
    return genoform::inner::Table{genoform::inner::count<Steps, &ShiftLayer::steps, 1, 99>(),
                                  genoform::inner::flag<Wrap, &ShiftLayer::wrap>()};
  }
};
template <class... Options>
struct Shift : genoform::inner::Part<ShiftLayer, Options...> {};

// The shortest kind: a struct that stands in a Block as it is.
struct Halve {
  static constexpr std::string_view name = "Halve";
  struct Weights {};
};

// A struct without a name has no text, and may still be used.
struct Nameless {
  struct Weights {};
};

}  // namespace mine

using namespace genoform;
using namespace genoform::inner;
using mine::Halve, mine::Shift, mine::ShiftLayer, mine::Steps, mine::Wrap;

static_assert(text_of<Block<Shift<Wrap, Steps<2>>, Halve>> == "Block<Shift<Steps<2>, Wrap>, Halve>");
static_assert(text_of<Shift<Steps<1>, Pre<LayerNorm>>> == "Shift<Pre<LayerNorm>>");
static_assert(
    std::same_as<type_of<"Block<Shift<Wrap, Steps<2>>, Halve>", List<ShiftLayer, Halve>>, Block<Shift<Steps<2>, Wrap>, Halve>>);
static_assert(std::same_as<canonical_t<Shift<Wrap, Steps<1>>>, Shift<Wrap>>);

template <class... Ps>
constexpr bool all_have_values(List<StackParts<1, Ps...>>) {
  return ((sizeof(typename Ps::layer_type) == sizeof(Ps::value)) && ...);
}
static_assert(all_have_values(stacks_of<Decoder<Block<mine::Nameless, Halve, Attn>, Width<64>>>{}));

TEST_CASE("a kind of one's own is read, printed and checked like the library's") {
  KindNames kinds;
  REQUIRE(kinds.add<ShiftLayer>());
  REQUIRE(kinds.add<Halve>());

  const Result<Genome> genome = Genome::parse("Block<Shift<Wrap, Steps<2>>, Halve, Ffn<ReLU>>", kinds);
  REQUIRE(genome);
  CHECK(genome->text() == "Block<Shift<Steps<2>, Wrap>, Halve, Ffn<ReLU>>");

  const SubLayer& shift = genome->tree().stacks.at(0).sub_layers.at(0);
  CHECK(shift.name() == "Shift");
  CHECK(shift.get<ShiftLayer>().steps == 2);
  CHECK(shift.get_if<FfnLayer>() == nullptr);
  CHECK_THROWS_WITH(shift.get<FfnLayer>(), "\"Shift\" was read as \"Ffn\"");

  CHECK(Genome::parse("Block<Shift<Step<2>>>", kinds).error().message ==
        "1:13: \"Step\": this is not an option of this part; allowed: Steps, Wrap, Pre, Post, Inner; did you mean \"Steps\"?");
  CHECK(Genome::parse("Shift<Steps<100>>", kinds).error().message ==
        "1:13: \"100\": the number is out of range; allowed: 1 to 99");
  CHECK(Genome::parse("Block<Halve<>>", kinds).error().message ==
        "1:7: \"Halve\": this word takes no arguments; write it without < >");
  CHECK_FALSE(Genome::parse("Block<Shift<>>"));
}

namespace mine {
struct Impostor {
  static constexpr std::string_view name = "Ffn";
};
struct Unbuilt {
  static constexpr std::string_view name = "Program";
};
}  // namespace mine

TEST_CASE("a name that is taken is refused") {
  KindNames kinds;
  CHECK(kinds.add<mine::Impostor>().error().message.find("\"Ffn\" exists already") != std::string::npos);
  CHECK_FALSE(kinds.add<mine::Unbuilt>());
  REQUIRE(kinds.add<Halve>());
  CHECK_FALSE(kinds.add<Halve>());
}

TEST_CASE("a genome is visited by the structs of its kinds") {
  const Result<Genome> genome = Genome::parse("Decoder<Stack<Block<Attn, Ffn<SwiGlu>>, 2>, Width<96>>");
  REQUIRE(genome);
  const std::vector<SubLayer>& sub_layers = genome->tree().stacks.at(0).sub_layers;
  int hidden = 0;
  const auto look = [&](const auto& layer) {
    if constexpr (requires { layer.hidden; }) hidden = layer.hidden;
  };
  CHECK(sub_layers[0].visit<BuiltinLayers>(look));
  CHECK(hidden == 0);
  CHECK(sub_layers[1].resolved(genome->model_context()).visit<BuiltinLayers>(look));
  CHECK(hidden == 256);
  CHECK_FALSE(sub_layers[1].visit<List<MoeLayer>>(look));
}
