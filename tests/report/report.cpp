#include <limits>
#include <sstream>

#include "genoform/report/diagram.hpp"
#include "genoform/report/json.hpp"
#include "genoform/report/text_table.hpp"
#include "tests/catch.hpp"
#include "tests/train/nets.hpp"

using namespace training;

namespace {

/// The column of parameters, added up.
std::int64_t sum_of_parameters(const std::string& lines) {
  std::int64_t sum = 0;
  std::istringstream in(lines);
  for (std::string line; std::getline(in, line);) {
    std::istringstream words(line);
    std::vector<std::string> all;
    for (std::string word; words >> word;) all.push_back(word);
    if (all.size() < 3 || all.back().find('.') == std::string::npos) continue;
    std::string digits = all[all.size() - 2];
    std::erase(digits, ',');
    sum += std::stoll(digits);
  }
  return sum;
}

}  // namespace

TEST_CASE("JSON text is quoted and numbers that are not finite become null") {
  JsonObject json;
  json.add("a\"b", "line\n\\")
      .add("n", 3)
      .add("x", 0.5)
      .add("bad", std::numeric_limits<double>::quiet_NaN())
      .add("yes", true)
      .add_raw("list", "[1]");
  REQUIRE(json.text() == R"({"a\"b": "line\u000a\\", "n": 3, "x": 0.5, "bad": null, "yes": true, "list": [1]})");
}

TEST_CASE("JSON text is UTF-8 whatever the bytes of a string are") {
  REQUIRE(json_quoted("d\xE9j\xC3\xA0 \xFF") == "\"d\\\\xe9j\xC3\xA0 \\\\xff\"");
}

TEST_CASE("columns of a table are as wide as their widest element, numbers at the right") {
  TextTable table({"name", "count"});
  table.add({"a", "1,234"});
  table.add({"longer", "5"});
  REQUIRE(table.text() == "name    count\na       1,234\nlonger      5\n");
}

TEST_CASE("numbers are grouped in threes and bytes get a unit") {
  REQUIRE(grouped(0) == "0");
  REQUIRE(grouped(999) == "999");
  REQUIRE(grouped(1234567) == "1,234,567");
  REQUIRE(grouped(-1234) == "-1,234");
  REQUIRE(bytes_text(1023) == "1023 B");
  REQUIRE(bytes_text(1536) == "1.50 KiB");
  REQUIRE(with_unit(999950) == "1000 k");
}

TEST_CASE("the parameters of a diagram's parts add up to those of the model") {
  const Genome genome = Genome::parse(text_of<Mixed>);
  const std::string lines = diagram_of(genome, {.batch = 2, .context = 16});
  REQUIRE(lines.find("x += Attention<Heads<4>, KvHeads<2>, DConv<3>>") != std::string::npos);
  REQUIRE(sum_of_parameters(lines) == parameters<Mixed>);
}

TEST_CASE("a diagram shows the parts of a Parallel under it, and counts its norms once") {
  using Net =
      Decoder<Stack<Block<Parallel<Attention<Heads<2>>, Moe<Top2>, Post<LayerNorm>>>, 3>, Vocab<64>, Width<32>, Context<8>>;
  const std::string lines = diagram_of(Genome::parse(text_of<Net>), {.batch = 1, .context = 8});
  REQUIRE(lines.find("x += Parallel<Post<LayerNorm>> of ") != std::string::npos);
  REQUIRE(lines.find("|           Attention<Heads<2>> ") != std::string::npos);
  REQUIRE(lines.find(" 192 ") != std::string::npos);  // 3 times weight and bias of the norm
  REQUIRE(sum_of_parameters(lines) == parameters<Net>);
}

TEST_CASE("a part without a width is shown without figures") {
  const Genome genome = Genome::parse("Block<Attn, Moe<Top2>>");
  REQUIRE(diagram_of(genome, {.batch = 1, .context = 1}).find("x += Moe<Top2>") != std::string::npos);
}
