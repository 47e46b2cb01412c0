// Words, trees and tables, the parts that texts and types are made of.
#include <string>
#include <type_traits>

#include "genoform/core/part.hpp"
#include "tests/catch.hpp"

using namespace genoform;
using namespace genoform::inner;

namespace {

static_assert(std::is_same_v<concat_t<List<int>, List<>, List<char, long>>, List<int, char, long>>);
static_assert(std::is_same_v<concat_t<>, List<>> && std::is_same_v<nth_t<1, int, char, long>, char>);
static_assert(List<int, int>::size == 2);

template <int N>
struct Size : Numbers<"Size", N> {};
struct Round : Word<"Round"> {};
template <class W>
struct Of : Words<"Of", W> {};

// A type spells itself into the tree that the parser makes.
using Spelled1 = Of<Of<Size<12>>>;
static_assert(Spelling<Spelled1>::count == 4);
static_assert(tree_of<Spelled1>()[0].word == "Of" && tree_of<Spelled1>()[0].size == 4 && tree_of<Spelled1>()[0].brackets);
static_assert(tree_of<Spelled1>()[3].number == 12 && tree_of<Spelled1>()[3].shape == Node::Shape::number);
static_assert(count_children(tree_of<Spelled1>(), 0) == 1 && child_index(tree_of<Spelled1>(), 0, 3) == 0);
static_assert(!tree_of<Round>()[0].brackets && Spelled<Round> && !Spelled<int>);

GENOFORM_RULE(RoundIsSmall, "a round box has no size 7; choose another Size");

// A layer with one option of each sort, whose second default follows the first and the width.
struct BoxLayer {
  static constexpr std::string_view name = "Box";
  template <class... Options>
  struct type : Part<BoxLayer, Options...> {};

  int size = 2, depth = by_width;
  bool round = false;

  template <int N>
  struct Depth : Numbers<"Depth", N> {};

  static constexpr auto options() {
    return Table{count<Size, &BoxLayer::size, 1, 8>(),
                 count<Depth, &BoxLayer::depth>(
                     [](const BoxLayer& box, const ModelContext& model_context) { return box.size * model_context.width; }),
                 flag<Round, &BoxLayer::round>()};
  }
  constexpr auto violation(const ModelContext&) const {
    return Violations{refuse_if<RoundIsSmall>(round && size == 7, "Round", "Size")};
  }
};
template <class... Options>
using Box = BoxLayer::type<Options...>;

static_assert(Box<Round, Size<3>>::value.size == 3 && Box<Round, Size<3>>::value.round && Box<>::value.size == 2);
static_assert(Box<Size<3>>::value.depth == by_width && resolved(Box<Size<3>>::value, {.width = 10}).depth == 30);
static_assert(shown_rows(Box<Size<2>, Round>::value, {}) == 0b100);

std::string printed(const BoxLayer& box, const ModelContext& model_context) {
  Writer counter;
  print(box, model_context, counter);
  std::string text(counter.size(), ' ');
  Writer writer{std::span<char>(text)};
  print(box, model_context, writer);
  return text;
}

}  // namespace

TEST_CASE("a table prints what differs from its defaults, in its order") {
  CHECK(printed({}, {}) == "Box<>");
  CHECK(printed({.size = 3, .depth = 30, .round = true}, {}) == "Box<Size<3>, Depth<30>, Round>");
  CHECK(printed({.size = 3, .depth = 30, .round = true}, {.width = 10}) == "Box<Size<3>, Round>");
}

TEST_CASE("a writer over too small a buffer writes what fits and counts the rest") {
  char room[4]{};
  Writer writer{room};
  writer.leaf("Round");
  CHECK(writer.size() == 5);
  CHECK(std::string(room, 4) == "Roun");
}

TEST_CASE("a broken rule blames the first of its words that is written") {
  const auto blamed = [](auto part) { return check<BoxLayer>(tree_of<decltype(part)>(), 0, {}).node; };
  CHECK(check<BoxLayer>(tree_of<Of<Size<3>>>(), 0, {}).rule == Rule::none);
  NodeArray<5> nodes;
  const int self = nodes.open("Box");
  spell<Size<7>>(nodes);
  spell<Round>(nodes);
  nodes.close(self);
  CHECK(check<BoxLayer>(nodes.tree(), 0, {}).rule == RoundIsSmall{});
  CHECK(check<BoxLayer>(nodes.tree(), 0, {}).node == 3);
  CHECK(blamed(Of<Size<9>>{}) == 2);
}

TEST_CASE("the first broken rule counts, and joined rules keep their order") {
  const auto found = Violations{refuse_if<RoundIsSmall>(false, "Size"), refuse_if<rules::OutOfRange>(true, "Round")} +
                     Violations{refuse_if<RoundIsSmall>(true, "Size")};
  CHECK(found.rule == rules::OutOfRange{});
  CHECK(found.words[0] == "Round");
  CHECK(std::is_same_v<decltype(found)::refuses, List<RoundIsSmall, rules::OutOfRange, RoundIsSmall>>);
  CHECK((Violations<>{} + Violations{refuse_if<RoundIsSmall>(false)}).fine());
}

TEST_CASE("a rule is found in a list of rules by its sentence") {
  CHECK(find_rule(RoundIsSmall{}, List<rules::OutOfRange, RoundIsSmall>{}) == 1);
  CHECK(find_rule(Rule::none, List<RoundIsSmall>{}) == 1);
  static_assert(find_rule(rules::GivenTwice{}, rules_of<BoxLayer>{}) < rules_of<BoxLayer>::size);
  static_assert(find_rule(RoundIsSmall{}, rules_of<BoxLayer>{}) < rules_of<BoxLayer>::size);
}
