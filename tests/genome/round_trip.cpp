#include <rapidcheck.h>

#include <string>
#include <vector>

#include "genoform/genoform.hpp"
#include "tests/catch.hpp"

using namespace genoform;
using namespace genoform::inner;

namespace {

// Random spellings of random legal genomes: options in any order, defaults spelled out or not, aliases or long forms.
int number(int low, int high) { return *rc::gen::inRange(low, high + 1); }
bool coin() { return *rc::gen::arbitrary<bool>(); }
std::string pick(const std::vector<std::string>& words) { return *rc::gen::elementOf(words); }

std::string space() { return pick({"", "", " ", "\n", "\t "}); }
std::string written(const std::string& word, std::vector<std::string> arguments) {
  for (std::size_t i = arguments.size(); i > 1; --i)
    std::swap(arguments[i - 1], arguments[static_cast<std::size_t>(number(0, static_cast<int>(i) - 1))]);
  std::string text = word + space() + "<" + space();
  for (std::size_t i = 0; i < arguments.size(); ++i) text += (i == 0 ? "" : "," + space()) + arguments[i] + space();
  return text + ">";
}
std::string with_number(const std::string& word, int n) { return written(word, {std::to_string(n)}); }

bool has_norms = true;  ///< a part of a Parallel has none

void add_norms(std::vector<std::string>& options) {
  if (!has_norms) return;
  for (const char* place : {"Pre", "Post", "Inner"})
    if (number(0, 3) == 0) options.push_back(written(place, {pick({"RmsNorm", "LayerNorm", "PrimerNorm", "NoNorm"})}));
}
std::string activation() {
  return pick({"ReLU", "GeLU", "Swish", "SqReLU", "Identity", "SwiGlu", "GeGlu", "ReGlu", "Glu<Swish>", "Glu<SqReLU>",
               "Glu < Identity >"});
}
std::string attention() {
  const int heads = number(1, 8);
  std::vector<std::string> options;
  const bool has_heads = coin();
  if (has_heads) options.push_back(with_number("Heads", heads));
  options.push_back(with_number("HeadDim", 2 * number(1, 32)));
  const bool shared = number(0, 3) == 0;
  if (shared) options.push_back("SharedQk");
  if (has_heads && !shared && coin())
    options.push_back(with_number("KvHeads", heads % 2 == 0 ? pick({"1", "2"}) == "1" ? 1 : heads / 2 : heads));
  if (coin()) options.push_back(with_number("DConv", number(1, 9)));
  if (coin()) options.push_back(pick({"Rope", "NoPos", "RelBias<32, 128>", "RelBias< 2,2 >"}));
  if (number(0, 3) == 0) options.push_back(with_number("Window", number(1, 100)));
  if (number(0, 3) == 0) options.push_back("QkNorm");
  add_norms(options);
  return number(0, 7) == 0 ? "Attn" : written("Attention", options);
}
std::string ffn() {
  std::vector<std::string> options;
  if (coin()) options.push_back(activation());
  if (coin()) options.push_back(with_number("Hidden", pick({"a", "b"}) == "a" ? 512 : number(1, 4096)));
  if (coin()) options.push_back("Bias");
  add_norms(options);
  return written("Ffn", options);
}
std::string moe() {
  std::vector<std::string> options{pick(
      {"Top1", "Top2", "TopK<1>", "TopK< 3 >", "ExpertChoice", "Hash", "Base", "LossFree<2>", "LossFree<3>", "ExpertThreshold"})};
  if (coin()) options.push_back(with_number("Experts", number(3, 64)));
  if (coin()) options.push_back(activation());
  if (coin()) options.push_back(with_number("Hidden", number(1, 4096)));
  if (coin()) options.push_back(with_number("Capacity", number(1, 300)));
  if (coin()) options.push_back(with_number("Shared", number(0, 3)));
  add_norms(options);
  return written("Moe", options);
}
std::string over_positions() {
  std::vector<std::string> options;
  const int kind = number(0, 2), heads = number(1, 8);
  if (kind == 0) {
    const std::string logits = pick({"", "RandomLogits", "RandomPlus", "DenseLogits", "DensePlus"});
    if (!logits.empty()) options.push_back(logits);
    if (coin()) options.push_back(with_number("Heads", heads));
    options.push_back(with_number("HeadDim", number(1, 64)));
    if (logits.substr(0, 1) != "D" && coin()) options.push_back(with_number("Rank", number(1, 16)));
    if (coin()) options.push_back(pick({"RelBias<32, 128>", "RelBias< 2,2>"}));
  } else {
    if (coin()) options.push_back(activation());
    if (coin()) options.push_back("Bias");
    if (kind == 1) options.push_back(with_number("Hidden", 2 * heads * number(1, 64)));
    if (kind == 1 || heads == 1 || heads == 4) options.push_back(with_number("Heads", heads));
  }
  add_norms(options);
  return written(kind == 0 ? "Synthesizer" : kind == 1 ? "SpatialGate" : "TokenMix", options);
}
std::string layer() {
  const int kind = number(0, 3);
  return kind == 0 ? attention() : kind == 1 ? ffn() : kind == 2 ? moe() : over_positions();
}
/// Norms may stand before, between and after the parts, whose order is kept.
std::string parallel() {
  std::vector<std::string> norms;
  add_norms(norms);
  has_norms = false;
  std::string text = "Parallel" + space() + "<";
  const int parts = number(1, 3);
  for (int i = 0; i < parts; ++i) {
    while (!norms.empty() && coin()) text += norms.back() + "," + space(), norms.pop_back();
    text += layer() + (i + 1 < parts ? "," + space() : "");
  }
  has_norms = true;
  for (const std::string& norm : norms) text += ", " + norm;
  return text + ">";
}
std::string block() {
  std::string text = "Block" + space() + "<";
  const int count = number(1, 5);
  for (int i = 0; i < count; ++i) text += (i == 0 ? "" : ", ") + (number(0, 3) == 0 ? parallel() : layer());
  return text + ">";
}
std::string stack() { return "Stack<" + block() + "," + space() + std::to_string(number(1, 12)) + space() + ">"; }
std::string body() {
  const int stacks = number(0, 3);
  if (stacks == 0) return block();
  if (stacks == 1 && coin()) return stack();
  std::string text = "Body<" + stack();
  for (int i = 1; i < stacks; ++i) text += ", " + stack();
  return text + ">";
}
std::string random_model() {
  std::vector<std::string> options;
  if (coin()) options.push_back(with_number("Width", pick({"a", "b"}) == "a" ? 128 : 64 * number(1, 16)));
  if (coin()) options.push_back(with_number("Vocab", number(1, 50000)));
  if (coin()) options.push_back(with_number("Context", number(1, 4096)));
  if (coin()) options.push_back("FinalNorm<" + pick({"RmsNorm", "LayerNorm", "PrimerNorm", "NoNorm"}) + ">");
  if (coin()) options.push_back("Positions<" + pick({"None", "Sinusoid", "Learned"}) + ">");
  if (number(0, 3) == 0) options.push_back("Untied");
  if (number(0, 3) == 0) options.push_back("LogitScale<WidthRsqrt>");
  std::string text = space() + "Decoder<" + body();
  for (const std::string& option : options) text += space() + "," + space() + option;
  return text + ">" + space();
}

}  // namespace

TEST_CASE("printing is a normal form on random models") {
  CHECK(rc::check("print(parse(text)) is read back to itself and to the same values", [] {
    const std::string text = coin() ? random_model() : block();
    const Result<Genome> genome = Genome::parse(text);
    if (!genome) RC_FAIL(genome.error().message + " in " + text);
    const std::string printed = genome->text();
    const Result<Genome> again = Genome::parse(printed);
    if (!again) RC_FAIL(again.error().message + " in " + printed);
    RC_ASSERT(again->text() == printed);
    RC_ASSERT(printed.size() <= 65536U);
    RC_ASSERT(again->decoder() == genome->decoder());
    RC_ASSERT(again->parameters() == genome->parameters());

    RC_ASSERT(genome->tree().resolved() == again->tree().resolved());
    RC_ASSERT(*genome == *again);
    const Result<Genome> of_tree = Genome::from_tree(genome->tree());
    if (!of_tree) RC_FAIL(of_tree.error().message + " in " + printed);
    RC_ASSERT(of_tree->text() == printed);
  }));
}

TEST_CASE("a damaged text is read or refused with a place, never more") {
  CHECK(rc::check("one character of a random model is changed", [] {
    std::string text = random_model();
    const auto at = static_cast<std::size_t>(number(0, static_cast<int>(text.size()) - 1));
    text[at] = static_cast<char>(number(0, 255));
    const Result<Genome> genome = Genome::parse(text);
    if (genome)
      RC_ASSERT(Genome::parse(genome->text())->text() == genome->text());
    else
      RC_ASSERT(genome.error().message.find(": ") != std::string::npos && genome.error().message[0] >= '1' &&
                genome.error().message[0] <= '9');
  }));
}
