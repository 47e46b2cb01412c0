// Words, trees and tables, the parts that texts and types are made of.
#include <string>
#include <type_traits>

#include "genoform/core/part.hpp"
#include "tests/catch.hpp"

using namespace genoform;

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
  constexpr Violation violation(const ModelContext&) const {
    return {round && size == 7 ? Rule::out_of_range : Rule::none, {"Round", "Size"}};
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
  CHECK(check<BoxLayer>(nodes.tree(), 0, {}).rule == Rule::out_of_range);
  CHECK(check<BoxLayer>(nodes.tree(), 0, {}).node == 3);
  CHECK(blamed(Of<Size<9>>{}) == 2);
}

TEST_CASE("every rule has a sentence of its own that says what is allowed or what to do") {
  for (int i = 1; i <= static_cast<int>(Rule::name_missing); ++i) {
    CHECK(sentence_of(static_cast<Rule>(i)).size() > 15);
    for (int j = 1; j < i; ++j) CHECK(sentence_of(static_cast<Rule>(i)) != sentence_of(static_cast<Rule>(j)));
  }
}
