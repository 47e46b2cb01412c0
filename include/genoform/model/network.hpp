#pragma once
#include <cstdint>
#include <string>
#include <utility>

#include "genoform/core/joined.hpp"
#include "genoform/model/declaration.hpp"
#include "genoform/model/decoder.hpp"
#include "genoform/model/own_tensors.hpp"
#include "genoform/ops/operations.hpp"
#include "genoform/ops/stream.hpp"

namespace genoform {

/// The sub-layers of a model or block run in order. `Blocks` offers each(meter, f) and each_back(meter, f) with f(slot, block,
/// place): tuples of slots for a type, a list of virtual slots for a genome. The meter is the declaration or the stream that f
/// writes into.
template <class Blocks>
class SubLayers {
 public:
  constexpr explicit SubLayers(Blocks blocks) : blocks_(std::move(blocks)) {}

  constexpr void declare(Declaration& d) {
    blocks_.each(d, [&](auto& slot, std::int64_t block, std::int64_t place) {
      if (d.list() != nullptr) d.list()->prefix = joined({"blocks.", block, ".", place, "."});
      slot.declare(d);
    });
    if (d.list() != nullptr) d.list()->prefix.clear();
  }

  /// Returns the output of the last sub-layer. In training every sub-layer's input is kept; evaluation goes back and forth
  /// between two buffers.
  template <class Ops>
  constexpr Tensor forward(Ops& ops, Tensor x) {
    const Tensor spare = ops.training() ? Tensor{} : ops.scratch(x.rows, x.columns);
    Tensor other = spare;
    blocks_.each(ops, [&](auto& slot, std::int64_t block, std::int64_t place) {
      const Tensor y = ops.training() ? ops.keep(x.rows, x.columns) : other;
      slot.forward(ops, x, y);
      if (ops.training()) ops.note_output(block, place, y);
      other = x;
      x = y;
    });
    return x;
  }

  /// d [N, D]: on entry the gradient of the output, on return that of the input.
  template <class Ops>
  constexpr void backward(Ops& ops, Tensor d) {
    blocks_.each_back(ops, [&](auto& slot, std::int64_t, std::int64_t) { slot.backward(ops, d); });
  }

  template <class Ops>
  constexpr void after_step(Ops& ops) {
    blocks_.each(ops, [&](auto& slot, std::int64_t, std::int64_t) { slot.after_step(ops); });
  }

  constexpr Blocks& blocks() { return blocks_; }

 private:
  Blocks blocks_;
};

/// A whole decoder: embedding, positions, sub-layers, final norm, output projection, cross entropy. spec/model.md section 2.
template <class Blocks>
class DecoderNetwork {
 public:
  constexpr DecoderNetwork(const DecoderLayer& sizes, Blocks blocks) : sizes_(sizes), body_(std::move(blocks)), own_(sizes) {}

  constexpr void declare(Declaration& d) {
    own_.declare_embedding(d);
    body_.declare(d);
    own_.declare_positions(d, d.heads());
    own_.declare_final_norm(d);
    own_.declare_head(d);
  }

  /// The tokens of the step to logits [N, V].
  template <class Ops>
  constexpr Tensor forward(Ops& ops) {
    const Tensor x = ops.keep(ops.tokens(), sizes_.width);
    ops(op::Clear{ops.step.aux_loss});
    ops(op::Embed{ops.step.tokens, own_.embedding, x});
    add_positions(ops, x);
    last_ = body_.forward(ops, x);
    const bool normed = own_.final_norm.exists();
    const Element made_of = scales_logits() ? Element::real : ops.activations();
    h_ = normed || scales_logits() ? ops.keep(x.rows, x.columns, made_of) : last_;
    own_.final_norm.forward(ops, last_, h_);
    if (scales_logits()) ops(op::ScaleBy{normed ? h_ : last_, h_, logit_factor()});
    logits_ = ops.keep(x.rows, sizes_.vocab);
    ops(op::Linear{.x = h_, .w = own_.head, .bias = {}, .y = logits_});
    return logits_;
  }

  /// The loss; in training the logits become their own gradient.
  template <class Ops>
  constexpr void loss(Ops& ops) {
    ops(op::CrossEntropy{logits_, ops.step.targets, ops.step.scale, ops.step.loss, ops.training() ? logits_ : Tensor{}});
  }

  /// From the gradient that lies in the place of the logits; every weight gradient is added to.
  template <class Ops>
  constexpr void backward(Ops& ops) {
    const Tensor d = ops.scratch(ops.tokens(), sizes_.width);
    ops(op::LinearWeightGradient{.x = h_, .dy = logits_, .dw = gradient(own_.head), .dbias = {}});
    ops(op::LinearInputGradient{.dy = logits_, .w = own_.head, .dx = d});
    if (scales_logits()) ops(op::ScaleByGradient{d, d, logit_factor()});
    own_.final_norm.backward(ops, last_, d, d, false);
    body_.backward(ops, d);
    if (sizes_.positions.kind == InputPositionsKind::learned)
      ops(op::AddPositionsGradient{d, gradient(own_.positions), ops.shape().context});
    ops(op::EmbedGradient{ops.step.tokens, d, gradient(own_.embedding)});
  }

  template <class Ops>
  constexpr void after_step(Ops& ops) {
    body_.after_step(ops);
  }

  constexpr Around around() const { return sizes_.around(); }
  /// The columns of what goes out: one logit for each word of the vocabulary.
  constexpr std::int64_t out_columns() const { return sizes_.vocab; }

 private:
  /// At the input, or for the attention layers to find.
  template <class Ops>
  constexpr void add_positions(Ops& ops, Tensor x) const {
    const std::int64_t context = ops.shape().context;
    if (sizes_.positions.kind == InputPositionsKind::sinusoid) ops(op::AddSinusoid{x, context});
    if (sizes_.positions.kind == InputPositionsKind::learned) ops(op::AddPositions{own_.positions, x, context});
    if (sizes_.shares_bias()) ops.shared_bias = {own_.positions, sizes_.positions.distance};
  }
  constexpr bool scales_logits() const { return sizes_.logit_scale.kind != LogitScaleKind::one; }
  /// The output matrix is linear, so its input is scaled in place of the logits: D numbers a token, not V.
  constexpr double logit_factor() const { return inverse_root(sizes_.width); }

  DecoderLayer sizes_;
  SubLayers<Blocks> body_;
  OwnTensors own_;
  Tensor last_, h_, logits_;
};

/// A block, a stack or a single sub-layer by itself, [N, D] in and out.
template <class Blocks>
class PartNetwork {
 public:
  constexpr PartNetwork(const Around& around, Blocks blocks) : around_(around), body_(std::move(blocks)) {}

  constexpr void declare(Declaration& d) { body_.declare(d); }
  /// The input lies at the bottom of the workspace; returns the output [N, D].
  template <class Ops>
  constexpr Tensor forward(Ops& ops) {
    ops(op::Clear{ops.step.aux_loss});
    input_ = ops.keep(ops.tokens(), around_.width);
    return body_.forward(ops, input_);
  }
  /// d: on entry the gradient of the output, on return that of the input.
  template <class Ops>
  constexpr void backward(Ops& ops, Tensor d) {
    body_.backward(ops, d);
  }
  template <class Ops>
  constexpr void after_step(Ops& ops) {
    body_.after_step(ops);
  }

  constexpr Tensor input() const { return input_; }
  constexpr Around around() const { return around_; }
  constexpr std::int64_t out_columns() const { return around_.width; }

 private:
  Around around_;
  SubLayers<Blocks> body_;
  Tensor input_;
};

}  // namespace genoform
