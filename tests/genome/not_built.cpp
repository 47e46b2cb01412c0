#include <map>
#include <string>
#include <string_view>

#include "genoform/genoform.hpp"
#include "tests/catch.hpp"

using namespace genoform;

namespace {

// A text with each word of spec/model.md that is not built, where it would be legal; %: the column of the word.
const std::map<std::string_view, std::string> texts{
    {"Program", "Block<%Program<\"ADD v0 v1\">>"},
};

// The same as types: each is a word of C++, and names itself as one that is not built.
template <class... Words>
constexpr bool all_not_built = (is_not_built(tree_of<Words>()[0].word) && ...);
static_assert(all_not_built<Program<"ADD v0 v1">>);

}  // namespace

TEST_CASE("every word that is known and not built is refused by name, at its place") {
  for (const std::string_view word : not_built_words) {
    INFO(word);
    REQUIRE(texts.count(word) == 1);
    std::string text = texts.at(word);
    const std::size_t at = text.find('%');
    text.erase(at, 1);
    const Result<Genome> genome = Genome::parse(text);
    REQUIRE_FALSE(genome);
    CHECK(genome.error().message == "1:" + std::to_string(at + 1) + ": \"" + std::string(word) + "\": known, not built yet");
  }
  CHECK(texts.size() == std::size(not_built_words));
}

TEST_CASE("a word is not built or is read, never both") {
  for (const Kind& kind : kinds_of<BuiltinLayers>()) {
    struct Words final : WordList {
      void add(std::string_view word) override { CHECK_FALSE(is_not_built(word)); }
    } words;
    CHECK_FALSE(is_not_built(kind.name));
    kind.words(words, {});
    kind.words(words, "Pre");
  }
}
