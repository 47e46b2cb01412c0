#pragma once
#include <algorithm>
#include <string>
#include <vector>

#include "genoform/genome/genome.hpp"
#include "genoform/search/space/baseline.hpp"

namespace genoform::search {

/// The size of the models that a search compares: a Transformer of that many layers of attention and FFN.
struct Proxy {
  int vocab = 256, context = 64, width = 64, heads = 2, layers = 4;
};

/// The baselines of a study, the plain Transformer first. All have the library's defaults (pre-RMSNorm, rotary positions), so the
/// plain ones lack only what the named architectures brought. The last two stand for GLaM (a g a f) and Brainformer (8
/// sub-layers, experts choose).
inline std::vector<Baseline> proxy_baselines(const Proxy& p) {
  const std::string attention = "Attention<Heads<" + std::to_string(p.heads) + ">>";
  const std::string convolved = "Attention<Heads<" + std::to_string(p.heads) + ">, DConv<3>>";
  const std::string experts = "Moe<ExpertChoice, Experts<8>, GeLU, Hidden<" + std::to_string(2 * p.width) + ">>";
  const std::string narrow = "Ffn<Glu<GeLU>, Hidden<" + std::to_string(2 * p.width) + ">>";
  const auto model = [&](const std::string& block, int repeats) {
    return Genome::parse("Decoder<Stack<Block<" + block + ">, " + std::to_string(repeats) + ">, Vocab<" +
                         std::to_string(p.vocab) + ">, Width<" + std::to_string(p.width) + ">, Context<" +
                         std::to_string(p.context) + ">>")
        ->text();
  };
  const int pairs = std::max(1, p.layers / 2), eights = std::max(1, p.layers / 4);
  return {{"Transformer ReLU", model(attention + ", Ffn<ReLU>", p.layers), true},
          {"Transformer GELU", model(attention + ", Ffn<GeLU>", p.layers), true},
          {"Transformer++", model(attention + ", Ffn<Glu<Swish>>", p.layers), false},
          {"Primer-EZ", model(convolved + ", Ffn<SqReLU>", p.layers), false},
          {"GLaM-like",
           model(attention + ", Moe<Top2, Experts<8>, GeLU, Capacity<100>>, " + attention + ", Ffn<Glu<GeLU>>", pairs), false},
          {"Brainformer-like",
           model(attention + ", " + experts + ", " + narrow + ", " + experts + ", " + narrow + ", " + experts + ", " + attention +
                     ", " + narrow,
                 eights),
           false}};
}

}  // namespace genoform::search
