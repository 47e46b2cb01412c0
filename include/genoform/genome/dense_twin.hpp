#pragma once
#include <algorithm>
#include <cctype>
#include <cstddef>
#include <cstdint>
#include <string>

#include "genoform/core/result.hpp"
#include "genoform/genome/genome.hpp"
#include "genoform/genome/layer_text.hpp"
#include "genoform/layers/ffn.hpp"
#include "genoform/layers/moe.hpp"

namespace genoform {

/// The dense layer with the arithmetic of a sparse one in a pool of N tokens: its hidden width is that of the experts times the
/// slots that a token fills at even load (Top2: 2 F; ExpertChoice of capacity 100 %: F), shared experts added.
inline FfnLayer dense_twin(const MoeLayer& moe, std::int64_t tokens) {
  const std::int64_t slots = with_routing(
      moe.router, moe.capacity, [&](const auto& routing) { return std::int64_t{routing.slots(tokens, moe.experts, true)}; });
  FfnLayer ffn;
  static_cast<Normed&>(ffn) = moe;
  ffn.activation = moe.activation;
  ffn.hidden = static_cast<int>(std::max<std::int64_t>((slots * moe.hidden + tokens / 2) / tokens, 1) + moe.shared * moe.hidden);
  return ffn;
}

/// The same model with a dense layer of equal arithmetic in the place of every Moe: what routing costs is measured against it.
/// Equal to the model itself when that has no Moe. The genome must have all its sizes.
inline Result<Genome> dense_twin(const Genome& genome, std::int64_t tokens) {
  const DecoderLayer& sizes = genome.decoder();
  std::string text = genome.text();
  for (std::size_t at = 0; (at = text.find("Moe<", at)) != std::string::npos; ++at) {
    if (at > 0 && std::isalnum(static_cast<unsigned char>(text[at - 1]))) continue;  // the end of another word
    std::size_t end = at + 4;
    for (int depth = 1; depth > 0; ++end) depth += text[end] == '<' ? 1 : text[end] == '>' ? -1 : 0;
    const Result<Genome> alone =
        Genome::parse("Decoder<Block<" + text.substr(at, end - at) + ">, Vocab<" + std::to_string(sizes.vocab) + ">, Width<" +
                      std::to_string(sizes.width) + ">, Context<" + std::to_string(sizes.context) + ">>");
    if (!alone) return alone.error();
    const Result<MoeLayer> moe = alone->read<MoeLayer>(alone->stacks().front().sub_layers.front());
    if (!moe) return moe.error();
    text.replace(at, end - at, text_of_layer(dense_twin(*moe, tokens), sizes.model_context()));
  }
  return Genome::parse(text);
}

}  // namespace genoform
