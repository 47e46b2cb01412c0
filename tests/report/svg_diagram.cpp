#include "genoform/report/svg_diagram.hpp"

#include <set>

#include "tests/catch.hpp"
#include "tests/train/nets.hpp"

using namespace training;

namespace {

std::size_t count_of(const std::string& text, std::string_view part) {
  std::size_t count = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++count;
  return count;
}

}  // namespace

TEST_CASE("text in an SVG is escaped, and lines are cut at spaces or between two characters") {
  REQUIRE(svg::escaped("Program<\"a & b\">\n") == "Program&lt;&quot;a &amp; b&quot;&gt; ");
  REQUIRE(svg::escaped("\xff\u00e9") == "\\xff\u00e9");
  REQUIRE(svg::wrapped("Heads<4>, DConv<3>, Bias", 12) == std::vector<std::string>{"Heads<4>,", "DConv<3>,", "Bias"});
  REQUIRE(svg::wrapped("abcdefgh", 3) == std::vector<std::string>{"abc", "def", "gh"});
  REQUIRE(svg::wrapped("aa\u00e9b", 3) == std::vector<std::string>{"aa", "\u00e9b"});
  REQUIRE(svg::wrapped("", 3) == std::vector<std::string>{""});
}

TEST_CASE("a box has the kind and the options of its part, without norms") {
  const auto part_of = [](const char* text) {
    return diagram::named_part(Genome::parse(text)->tree().stacks.at(0).sub_layers.at(0), ModelContext{});
  };
  const diagram::Part plain = part_of("Ffn<Glu<Swish>, Hidden<48>, Inner<LayerNorm>>");
  REQUIRE(plain.kind == "Ffn");
  REQUIRE(plain.options == "Glu<Swish>, Hidden<48>");
  REQUIRE(plain.text == "Ffn<Glu<Swish>, Hidden<48>, Inner<LayerNorm>>");
  REQUIRE(part_of("Attention<>").options.empty());
}

TEST_CASE("the parts of a sub-layer lie inside its box, each with its figures, and share one residual sum") {
  const auto row = [](diagram::Role role, const char* kind, std::int64_t parameters) {
    return diagram::Row{.text = kind,
                        .parameters = parameters,
                        .flops = parameters,
                        .role = role,
                        .count = 2,
                        .part = {.text = kind, .kind = kind, .options = {}}};
  };
  using diagram::Role;
  const std::vector<diagram::Row> rows{row(Role::block, "", -1), row(Role::sub_layer, "Parallel", 8),
                                       row(Role::part, "Attention", 111), row(Role::part, "Ffn", 222),
                                       row(Role::block_end, "", -1)};
  diagram::SvgDrawing drawing(rows, true);
  drawing.header("a", "b", "");
  drawing.draw(rows);
  const std::string text = drawing.text("a", "b");
  const auto top_and_bottom = [&](const char* kind) {
    const std::size_t at = text.find("class=\"" + diagram::look_of(kind)), y = text.find(" y=\"", at),
                      height = text.find(" height=\"", at);
    REQUIRE(at != std::string::npos);
    const int top = std::stoi(text.substr(y + 4));
    return std::pair(top, top + std::stoi(text.substr(height + 9)));
  };
  const auto outer = top_and_bottom("Parallel"), first = top_and_bottom("Attention"), second = top_and_bottom("Ffn");
  REQUIRE(outer.first < first.first);
  REQUIRE(first.second < second.first);
  REQUIRE(second.second < outer.second);
  REQUIRE(count_of(text, "class=\"plus\"") == 1);
  for (const char* figure : {">8<", ">111<", ">222<"}) REQUIRE(count_of(text, figure) == 1);
}

TEST_CASE("a picture of a model names every sub-layer, its repeats, norms and figures") {
  const Genome genome = Genome::parse(text_of<Mixed>);
  const std::string text = svg_diagram_of(genome, {.batch = 2, .context = 16});
  REQUIRE(text.starts_with("<svg xmlns="));
  REQUIRE(text.ends_with("</svg>\n"));
  REQUIRE(count_of(text, "class=\"kind\"") == 4);
  REQUIRE(count_of(text, ">Moe</text>") == 2);
  REQUIRE(count_of(text, ">RmsNorm</text>") == 4);
  REQUIRE(text.find(">Heads&lt;4&gt;, KvHeads&lt;2&gt;, DConv&lt;3&gt;</text>") != std::string::npos);
  REQUIRE(text.find(grouped(parameters<Mixed>) + " parameters; ") != std::string::npos);
  REQUIRE(count_of(text, "<g>") == count_of(text, "</g>"));
  REQUIRE(count_of(text, "<text") == count_of(text, "</text>"));
}

TEST_CASE("a Parallel of a genome is drawn around its parts, with its own norms") {
  const Genome genome = Genome::parse(
      "Decoder<Stack<Block<Parallel<Attention<Heads<2>>, Ffn<SqReLU>, Inner<LayerNorm>>>, 2>, Vocab<64>, Width<32>, Context<8>>");
  const std::string text = svg_diagram_of(genome, {.batch = 2, .context = 8});
  for (const char* part : {"kind\" x=\"220\"", ">Parallel<", ">Attention<", ">Ffn<", ">LayerNorm<"})
    REQUIRE(count_of(text, part) == 1);
  REQUIRE(text.find(">Parallel<") < text.find(">Attention<"));
  REQUIRE(count_of(text, "class=\"plus\"") == 1);
  REQUIRE(count_of(text, "class=\"box ") == 3);
}

TEST_CASE("a kind has the colour that its name gives it, known to the library or not, and the library's differ") {
  REQUIRE(diagram::look_of("Own") == diagram::look_of("Own"));
  std::set<int> hues;
  for (const Kind& kind : kinds_of<BuiltinLayers>()) hues.insert(diagram::hue_of(kind.name));
  REQUIRE(hues.size() == kinds_of<BuiltinLayers>().size());
}
