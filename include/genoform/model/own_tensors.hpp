#pragma once
#include <cstdint>
#include <string>

#include "genoform/core/result.hpp"
#include "genoform/model/declaration.hpp"
#include "genoform/model/decoder.hpp"
#include "genoform/model/norm_position.hpp"

namespace genoform::inner::model {

/// The tensors of a decoder that belong to none of its sub-layers. The one place that declares them: the network, the count of a
/// genome and its diagram all read it (names and shapes: docs/formats/model.md, section 3).
class OwnTensors {
 public:
  constexpr explicit OwnTensors(const DecoderLayer& sizes) : final_norm(sizes.final_norm), sizes_(sizes) {}

  Tensor embedding, positions, head;  ///< head is the embedding unless the model is Untied
  NormPosition final_norm;

  constexpr void declare_embedding(Declaration& d) {
    embedding = d.matrix("embedding.weight", sizes_.vocab, sizes_.width, start_of_logits());
    head = embedding;
  }
  /// `heads`: those of the attention layers, Declaration::heads().
  constexpr void declare_positions(Declaration& d, std::int64_t heads) {
    if (sizes_.positions.kind == InputPositionsKind::learned)
      positions = d.matrix("positions.weight", sizes_.context, sizes_.width, Initializer::fan_in(sizes_.width));
    if (!sizes_.shares_bias()) return;
    if (heads < 1) throw Exception({ErrorKind::input, std::string(rules::SharedBiasHeads::sentence)});
    positions = d.undecayed_matrix("positions.weight", heads, sizes_.positions.buckets, Initializer::fan_in(sizes_.width));
  }
  constexpr void declare_final_norm(Declaration& d) { final_norm.declare(d, "norm"); }
  constexpr void declare_head(Declaration& d) {
    if (sizes_.untied) head = d.matrix("head.weight", sizes_.vocab, sizes_.width, start_of_logits());
  }

 private:
  /// Logits start with a deviation of about 1, scaled or not (GLaM: embeddings normal, logits times D^-0.5).
  constexpr Initializer start_of_logits() const {
    return sizes_.logit_scale.kind == LogitScaleKind::one ? Initializer::fan_in(sizes_.width) : Initializer::normal(1);
  }

  DecoderLayer sizes_;
};

/// How many numbers they have.
struct OwnParameters {
  std::int64_t embedding = 0, positions = 0, final_norm = 0, head = 0;
  constexpr std::int64_t sum() const { return embedding + positions + final_norm + head; }
};

constexpr OwnParameters own_parameters(const DecoderLayer& sizes, std::int64_t heads) {
  OwnTensors own(sizes);
  const auto counted = [&](auto declare) {
    Declaration d(sizes.model_context());
    declare(d);
    return d.parameters();
  };
  return {.embedding = counted([&](Declaration& d) { own.declare_embedding(d); }),
          .positions = counted([&](Declaration& d) { own.declare_positions(d, heads); }),
          .final_norm = counted([&](Declaration& d) { own.declare_final_norm(d); }),
          .head = counted([&](Declaration& d) { own.declare_head(d); })};
}

}  // namespace genoform::inner::model
