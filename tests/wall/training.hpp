#pragma once
#include <cstring>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "genoform/core/random.hpp"
#include "genoform/data/corpus.hpp"
#include "genoform/data/synthetic.hpp"
#include "genoform/train.hpp"
#include "tests/wall/models.hpp"

namespace wall {

inline const Corpus& text() {
  static const Corpus corpus = Corpus::from_text(synthetic_text(20000, 3));
  return corpus;
}

/// Bits of numbers, so that a NaN is equal to itself.
template <class T>
void append_bits(std::string& bits, const T* values, std::size_t count) {
  const std::size_t before = bits.size();
  bits.resize(before + count * sizeof(T));
  if (count > 0) std::memcpy(bits.data() + before, values, count * sizeof(T));
}

/// The values of everything that training changes.
template <class Backend>
std::vector<std::pair<std::string, std::string>> bits_of(BasicModel<Backend>& model,
                                                         const Optimizer<Backend>* optimizer = nullptr) {
  std::vector<std::pair<std::string, std::string>> all;
  std::vector<float> values;
  const auto add = [&](const std::string& name, const auto& owner, const auto& info) {
    values.resize(static_cast<std::size_t>(info.tensor.size()));
    owner.read(info, values);
    append_bits(all.emplace_back(name, "").second, values.data(), values.size());
  };
  for (const TensorInfo& info : model.tensors()) add(info.name, model, info);
  if (optimizer != nullptr)
    for (const OptimizerState& state : optimizer->state()) add(state.name, *optimizer, state);
  return all;
}

/// What the steps of a run say, times left out.
inline std::string bits_of(const Step& s) {
  const double said[] = {s.bits_per_byte,   s.validation,      s.aux_loss,
                         s.learning_rate,   s.gradient_norm,   s.routing.worst_load,
                         s.routing.dropped, s.routing.entropy, static_cast<double>(s.tokens)};
  std::string bits;
  append_bits(bits, said, std::size(said));
  return bits;
}

/// A decoder of these sub-layers.
inline std::string decoder(const std::string& sub_layers, const std::string& options = "") {
  return "Decoder<Stack<Block<" + sub_layers + ">, 1>, Vocab<256>, Width<32>, Context<16>" + options + ">";
}

}  // namespace wall
