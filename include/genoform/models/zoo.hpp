#pragma once
#include <span>
#include <string_view>

#include "genoform/genome/text_of.hpp"
#include "genoform/models/brainformer.hpp"
#include "genoform/models/evolved_transformer.hpp"
#include "genoform/models/glam.hpp"
#include "genoform/models/gopher.hpp"
#include "genoform/models/gpt.hpp"
#include "genoform/models/palm.hpp"
#include "genoform/models/primer.hpp"
#include "genoform/models/sandwich.hpp"
#include "genoform/models/switch.hpp"
#include "genoform/models/synthesizer.hpp"
#include "genoform/models/transformer.hpp"

#include "genoform/core/hide_macros.hpp"

namespace genoform::models {

/// A named architecture and the figures of its paper.
struct Known {
  std::string_view name;
  std::string_view text;         ///< the canonical text
  std::string_view reduced;      ///< the same structure at a size that trains within seconds
  double parameters = 0;         ///< as published; 0: not given
  double activated = 0;          ///< as published, for sparse models; 0: not given
  bool counts_embedding = true;  ///< whether the published count includes the embedding
  std::string_view note = {};    ///< why a figure differs, where it is known, or which choices are ours
};

namespace zoo_entries {

/// An entry of the family template F at size S.
template <template <Size> class F, Size S>
constexpr Known known(std::string_view name, double parameters, double activated = 0, bool counts_embedding = true,
                      std::string_view note = {}) {
  return {name, text_of<F<S>>, text_of<F<reduced(S)>>, parameters, activated, counts_embedding, note};
}

// Families with further parameters as templates of a Size alone.
template <Size S>
using TransformerRelu = Transformer<S>;
template <Size S>
using TransformerGelu = Transformer<S, GeLU>;
template <Size S>
using Synthesizer1 = SynthesizerDecoder<S>;
template <Size S>
using SynthesizerSquared = SynthesizerDecoder<S, SqReLU>;
template <Size S>
using Sandwich1 = Sandwich<S, S.layers / 4>;

inline constexpr Size glam_0_1b_0 = glam_0_1b(0), glam_0_1b_16 = glam_0_1b(16), glam_0_1b_32 = glam_0_1b(32),
                      glam_0_1b_64 = glam_0_1b(64), glam_0_1b_128 = glam_0_1b(128), glam_1_7b_0 = glam_1_7b(0),
                      glam_1_7b_32 = glam_1_7b(32), glam_1_7b_64 = glam_1_7b(64), glam_1_7b_128 = glam_1_7b(128),
                      glam_1_7b_256 = glam_1_7b(256), glam_8b_0 = glam_8b(0), glam_8b_64 = glam_8b(64);
inline constexpr Size evolved_35m{
    .layers = 4, .width = 512, .hidden = 2048, .heads = 8, .head_dim = 64, .vocab = 32128, .context = 64};
inline constexpr Size evolved_110m{
    .layers = 7, .width = 768, .hidden = 3072, .heads = 12, .head_dim = 64, .vocab = 32128, .context = 512};

inline constexpr std::string_view reconstructed = "reconstructed from the paper's counts; the block itself is a picture there";
inline constexpr std::string_view other_block = "reconstructed; this row of the paper's table contradicts its 1B and 8B rows";
inline constexpr std::string_view one_expert = "reconstructed; the paper counts one expert a token here, two in the 100M row";
inline constexpr std::string_view no_attention_biases = "attention has no biases here";
inline constexpr std::string_view transformer_xl = "no matrix of relative positions in each layer here";
inline constexpr std::string_view glam_count = "published counts hold about 32K rows of the embedding of 256K";

}  // namespace zoo_entries

/// Every named architecture of the Primer and Brainformer papers, and those that they compare with.
inline std::span<const Known> zoo() {
  using namespace zoo_entries;
  static constexpr Known all[] = {
      known<TransformerRelu, transformer_35m>("Transformer 35M", 35e6),
      known<TransformerRelu, transformer_110m>("Transformer 110M", 110e6),
      known<TransformerRelu, transformer_537m>("Transformer 537M", 537e6),
      known<TransformerGelu, transformer_35m>("Transformer GELU 35M", 35e6),
      known<TransformerGelu, transformer_110m>("Transformer GELU 110M", 110e6),
      known<TransformerGelu, transformer_1_9b>("Transformer GELU 1.9B", 1.9e9, 0, true, "24 heads: derived from the count"),
      known<TransformerPlus, transformer_plus_35m>("Transformer++ 35M", 35e6),
      known<TransformerPlus, transformer_plus_110m>("Transformer++ 110M", 110e6),
      known<TransformerPlus, transformer_plus_537m>("T5++ 537M", 537e6),
      known<T5Decoder, transformer_110m>("T5 decoder, base", 110e6),
      known<EvolvedTransformer, evolved_35m>("Evolved Transformer 35M", 38e6),
      known<EvolvedTransformer, evolved_110m>("Evolved Transformer 110M", 110e6),
      known<PrimerEz, primer_35m>("Primer-EZ 35M", 35e6),
      known<PrimerEz, primer_110m>("Primer-EZ 110M", 110e6),
      known<PrimerEz, primer_537m>("Primer-EZ 537M", 537e6),
      known<PrimerEz, primer_1_9b>("Primer-EZ 1.9B", 1.9e9),
      known<Primer, primer_35m>("Primer 35M", 35e6),
      known<Primer, primer_110m>("Primer 110M", 110e6),
      known<Primer, primer_537m>("Primer 537M", 537e6),
      known<Primer, primer_1_9b>("Primer 1.9B", 1.9e9, 0, true,
                                 "queries are made from keys [H*K, H*K]: H*K is not the width here"),
      known<Switch, switch_550m>("Switch 550M", 550e6),
      known<SwitchPrimer, switch_550m>("Switch Primer 550M", 550e6),
      known<Synthesizer1, synthesizer_145m>("Synthesizer 145M", 145e6),
      known<SynthesizerSquared, synthesizer_145m>("Synthesizer squared ReLU 145M", 145e6),
      known<Gpt, gpt2_124m>("GPT-2 124M", 124439808, 0, true, no_attention_biases),
      known<Gpt, gpt2_355m>("GPT-2 355M", 354823168, 0, true, no_attention_biases),
      known<Gpt, gpt2_774m>("GPT-2 774M", 774030080, 0, true, no_attention_biases),
      known<Gpt, gpt2_1558m>("GPT-2 1558M", 1557611200, 0, true, no_attention_biases),
      known<Gpt, gpt3_125m>("GPT-3 125M", 125e6),
      known<Gpt, gpt3_350m>("GPT-3 350M", 350e6),
      known<Gpt, gpt3_760m>("GPT-3 760M", 760e6),
      known<Gpt, gpt3_1_3b>("GPT-3 1.3B", 1.3e9, 0, true, "24 heads of 128 at width 2048, as printed; 16 would give the count"),
      known<Gpt, gpt3_2_7b>("GPT-3 2.7B", 2.7e9),
      known<Gpt, gpt3_6_7b>("GPT-3 6.7B", 6.7e9),
      known<Gpt, gpt3_13b>("GPT-3 13B", 13e9),
      known<Gpt, gpt3_175b>("GPT-3 175B", 175e9),
      known<Gopher, gopher_44m>("Gopher 44M", 44e6, 0, true, transformer_xl),
      known<Gopher, gopher_117m>("Gopher 117M", 117e6, 0, true, transformer_xl),
      known<Gopher, gopher_417m>("Gopher 417M", 417e6, 0, true, transformer_xl),
      known<Gopher, gopher_1_4b>("Gopher 1.4B", 1.4e9, 0, true, transformer_xl),
      known<Gopher, gopher_7_1b>("Gopher 7.1B", 7.1e9, 0, true, transformer_xl),
      known<Gopher, gopher_280b>("Gopher 280B", 280e9, 0, true, transformer_xl),
      known<Gopher, chinchilla_70b>("Chinchilla 70B", 70e9, 0, true, transformer_xl),
      known<Palm, palm_8b>("PaLM 8B", 8.63e9),
      known<Palm, palm_62b>("PaLM 62B", 62.50e9),
      known<Palm, palm_540b>("PaLM 540B", 540.35e9),
      known<GlamDense, glam_0_1b_0>("GLaM dense 0.1B", 130e6, 0, false, glam_count),
      known<GlamDense, glam_1_7b_0>("GLaM dense 1.7B", 1.700e9, 0, false, glam_count),
      known<GlamDense, glam_8b_0>("GLaM dense 8B", 8.7e9, 0, false, glam_count),
      known<GlamDense, glam_137b>("GLaM dense 137B", 137e9, 0, false, glam_count),
      known<Glam, glam_0_1b_16>("GLaM 0.1B/16E", 548e6, 0, false, glam_count),
      known<Glam, glam_0_1b_32>("GLaM 0.1B/32E", 1.0e9, 145e6, false, glam_count),
      known<Glam, glam_0_1b_64>("GLaM 0.1B/64E", 1.9e9, 145e6, false, glam_count),
      known<Glam, glam_0_1b_128>("GLaM 0.1B/128E", 3.7e9, 145e6, false, glam_count),
      known<Glam, glam_1_7b_32>("GLaM 1.7B/32E", 20e9, 1.878e9, false, "printed as 20B; its own formula gives 14B"),
      known<Glam, glam_1_7b_64>("GLaM 1.7B/64E", 27e9, 1.879e9, false, glam_count),
      known<Glam, glam_1_7b_128>("GLaM 1.7B/128E", 53e9, 1.881e9, false, glam_count),
      known<Glam, glam_1_7b_256>("GLaM 1.7B/256E", 105e9, 1.886e9, false, glam_count),
      known<Glam, glam_8b_64>("GLaM 8B/64E", 143e9, 9.8e9, false, glam_count),
      known<Glam, glam_64b_64e>("GLaM 64B/64E", 1.2e12, 96.6e9, true, "printed to two digits"),
      known<GlamExpertChoice, glam_0_1b_64>("GLaM 0.1B/64E, expert choice", 1.9e9, 145e6, false, glam_count),
      known<GlamExpertChoice, glam_8b_64>("GLaM 8B/64E, expert choice", 143e9, 9.8e9, false, glam_count),
      known<GlamHash, glam_0_1b_64>("GLaM 0.1B/64E, hash", 0),
      known<GlamBase, glam_0_1b_64>("GLaM 0.1B/64E, BASE", 0),
      known<Gshard, glam_0_1b_32>("GShard-style 0.1B/32E", 0),
      known<Sandwich1, sandwich_enwik8>("Sandwich(6) of 24", 209e6),
      known<Brainformer1, brainformer1_100m_32e>("Brainformer-1 100M32E", 3.19e9, 156e6, false, other_block),
      known<Brainformer1, brainformer1_1b_64e>("Brainformer-1 1B64E", 30e9, 1.38e9, false, reconstructed),
      known<Brainformer1, brainformer1_8b_64e>("Brainformer-1 8B64E", 158e9, 7.4e9, false, reconstructed),
      known<Brainformer2, brainformer2_100m_32e>("Brainformer-2 100M32E", 3.33e9, 266e6, false, reconstructed),
      known<Brainformer2, brainformer2_1b_64e>("Brainformer-2 1B64E", 52e9, 1.31e9, false, one_expert),
      known<Agfgfg, brainformer1_100m_32e>("agfgfg 100M32E", 0, 0, false, "figure 2's scheme; the sizes are ours"),
  };
  return all;
}

}  // namespace genoform::models

#include "genoform/core/restore_macros.hpp"
