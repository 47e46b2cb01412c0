#include <chrono>
#include <string>

#include "genoform/genoform.hpp"
#include "tests/catch.hpp"

using namespace genoform;
using namespace genoform::inner;

namespace {

std::string repeat(std::string_view text, int times) {
  std::string all;
  for (int i = 0; i < times; ++i) all += text;
  return all;
}
std::string refusal(const std::string& text) {
  const Result<Genome> genome = Genome::parse(text);
  return genome ? "" : genome.error().message;
}
bool says(const std::string& message, Rule rule) { return message.find(rule.sentence) != std::string::npos; }

}  // namespace

TEST_CASE("a text of 64 KiB is read and one character more is refused") {
  const std::string model = "Block<Attn>";
  CHECK(Genome::parse(model + std::string(65536 - model.size(), ' ')));
  const std::string message = refusal(model + std::string(65537 - model.size(), ' '));
  CHECK(message == "1:65537: " + std::string(rules::TextTooLong::sentence));
  CHECK(says(refusal(std::string(50'000'000, '<')), rules::TextTooLong{}));
}

TEST_CASE("nesting of 64 is read and deeper nesting is refused") {
  const auto nested = [](int depth) { return repeat("Glu<", depth) + repeat(">", depth); };
  CHECK_FALSE(says(refusal(nested(64)), rules::TooDeep{}));
  CHECK(refusal(nested(65)) == "1:260: \"<\": " + std::string(rules::TooDeep::sentence));
  CHECK(says(refusal(repeat("Glu<", 16000)), rules::TooDeep{}));
}

TEST_CASE("10000 sub-layers are read and one more is refused") {
  CHECK(Genome::parse("Decoder<Stack<Block<Attn, Ffn<ReLU>>, 5000>>"));
  CHECK(refusal("Decoder<Stack<Block<Attn, Ffn<ReLU>>, 5001>>") ==
        "1:39: \"5001\": " + std::string(rules::TooManySubLayers::sentence));
  CHECK(says(refusal("Stack<Block<Attn>, 2147483647>"), rules::TooManySubLayers{}));
  CHECK(says(refusal("Body<Stack<Block<Attn>, 10000>, Stack<Block<Attn>, 1>>"), rules::TooManySubLayers{}));
  CHECK(Genome::parse("Block<" + repeat("Attn,", 9999) + "Attn>"));
  CHECK(says(refusal("Block<" + repeat("Attn,", 10000) + "Attn>"), rules::TooManySubLayers{}));
}

TEST_CASE("2^48 parameters are refused") {
  // Width 2^20, hidden 2^22: 2^43 parameters each; 31 stay below the limit, 32 do not.
  const auto model = [](int depth) {
    return "Decoder<Stack<Block<Ffn<ReLU, Pre<NoNorm>>>, " + std::to_string(depth) + ">, Width<1048576>, FinalNorm<NoNorm>>";
  };
  CHECK(Genome::parse(model(31)));
  CHECK(refusal(model(32)) == "1:1: \"Decoder\": " + std::string(rules::TooManyParameters::sentence));
  const char* hopeless[] = {
      "Decoder<Block<Ffn<ReLU>>, Width<2147483647>>",
      "Decoder<Block<Attn>, Width<2147483646>, Vocab<2147483647>>",
      "Decoder<Block<Moe<Top2, Experts<2147483647>, Hidden<2147483647>>>, Width<2147483647>>",
      "Moe<Top2, Experts<2147483647>, Hidden<2147483647>>",
      "Attention<Heads<2147483647>, HeadDim<2147483646>, DConv<2147483647>>",
      "Decoder<Block<Attention<Heads<1>, HeadDim<2>, KvHeads<1>, DConv<2147483647>>, Ffn<ReLU>>, Width<2147483647>>",
      "Decoder<Block<Attn>, Width<2147483647>, Vocab<2147483647>, Context<2147483647>>"};
  for (const char* text : hopeless) {
    INFO(text);
    CHECK_FALSE(refusal(text).empty());
  }
}

TEST_CASE("hostile texts at the limits are answered at once") {
  const auto start = std::chrono::steady_clock::now();
  const std::string texts[] = {"Attention<" + repeat("Heads<8>,", 7000) + "Heads<8>>",
                               "Moe<" + repeat("Top2,", 13000) + "Top2>",
                               "Block<" + repeat("Ffn<ReLU>,", 6500) + "X>",
                               std::string(65000, 'a'),
                               "Block<" + repeat("a,", 32000) + "a>",
                               repeat(">", 65000)};
  for (const std::string& text : texts) CHECK_FALSE(Genome::parse(text));
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
  CHECK(seconds.count() < 5);  // generous: each takes milliseconds
}
