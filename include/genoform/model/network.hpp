#pragma once
#include <cstdint>
#include <string>
#include <utility>

#include "genoform/core/joined.hpp"
#include "genoform/model/declaration.hpp"
#include "genoform/model/decoder.hpp"
#include "genoform/model/own_tensors.hpp"
#include "genoform/model/slot.hpp"
#include "genoform/ops/arena.hpp"
#include "genoform/ops/operations.hpp"
#include "genoform/ops/stream.hpp"

#include "genoform/core/hide_macros.hpp"

namespace genoform::inner::model {

/// The sub-layers of a model or block run in order. `Blocks` offers each(meter, f) and each_backward(meter, f) with f(slots of a
/// block, number of the block): tuples of slots for a type, a list of virtual slots for a genome. The meter is the declaration or
/// the stream that f writes into.
template <class Blocks>
class SubLayers {
 public:
  constexpr explicit SubLayers(Blocks blocks) : blocks_(std::move(blocks)) {}

  constexpr void declare(Declaration& d) {
    each_slot(d, [&](auto& slot, std::int64_t block, std::int64_t place) {
      if (d.list() != nullptr) d.list()->prefix = joined({"blocks.", block, ".", place, "."});
      slot.declare(d);
    });
    if (d.list() != nullptr) d.list()->prefix.clear();
  }

  /// Returns the output of the last sub-layer. In training every sub-layer's input is kept, or that of every block where blocks
  /// are recomputed; evaluation alternates between two buffers.
  template <class Ops>
  constexpr Tensor forward(Ops& ops, Tensor x) {
    Tensor other = ops.training() ? Tensor{} : ops.scratch(x.rows, x.columns);
    blocks_.each(ops, [&](auto& slots, std::int64_t block) {
      if (!ops.recomputes()) {
        x = through(ops, slots, block, x, Tensor{}, other);
        return;
      }
      ops.note_sub_layer(block, slots.size() - 1);
      const Tensor y = ops.keep(x.rows, x.columns);
      slots.run = {x, y, ops.arena().mark()};
      ops.forgetting([&] { through(ops, slots, block, x, y, other); });
      x = y;
    });
    ops.note_sub_layer(-1, 0);
    end_ = ops.arena().mark();
    return x;
  }

  /// d [N, D]: on entry the gradient of the output, on return that of the input.
  template <class Ops>
  constexpr void backward(Ops& ops, Tensor d) {
    ops.arena().release_kept(end_);
    blocks_.each_backward(ops, [&](auto& slots, std::int64_t block) {
      const Arena::Mark mark = ops.arena().mark();
      if (ops.recomputes()) recompute(ops, slots, block, d);
      slots.each_backward(block, [&](auto& slot, std::int64_t b, std::int64_t place) {
        ops.note_sub_layer(b, place);
        slot.backward(ops, d);
      });
      ops.arena().release_scratch(mark);
    });
    ops.note_sub_layer(-1, 0);
  }

  template <class Ops>
  constexpr void after_step(Ops& ops) {
    each_slot(ops, [&](auto& slot, std::int64_t, std::int64_t) { slot.after_step(ops); });
  }

 private:
  constexpr void each_slot(auto& meter, auto f) {
    blocks_.each(meter, [&](auto& slots, std::int64_t block) { slots.each(block, f); });
  }

  /// Sends x through the sub-layers of a block. The last one writes to `out` where that exists; `other` is the second buffer of
  /// an evaluation.
  template <class Ops>
  [[gnu::cold, gnu::noinline]] constexpr Tensor through(Ops& ops, auto& slots, std::int64_t block, Tensor x, Tensor out,
                                                        Tensor& other) {
    slots.each(block, [&](auto& slot, std::int64_t b, std::int64_t place) {
      ops.note_sub_layer(b, place);
      const bool last = place + 1 == slots.size();
      const Tensor y = !ops.training() ? other : last && out.exists() ? out : ops.keep_output(x.rows, x.columns);
      slot.forward(ops, x, y);
      if (ops.training()) ops.note_output(b, place, y);
      other = x;
      x = y;
    });
    return x;
  }

  /// What the forward pass has forgotten of a block. Its output is computed too, in its old place, unless d has taken that.
  template <class Ops>
  constexpr void recompute(Ops& ops, auto& slots, std::int64_t block, Tensor d) {
    const BlockRun run = slots.run;
    ops.arena().release_kept(run.kept);
    ops.again([&] {
      Tensor other;
      through(ops, slots, block, run.x, run.y == d ? ops.scratch(d.rows, d.columns) : run.y, other);
    });
  }

  Blocks blocks_;
  Arena::Mark end_;
};

/// A whole decoder: embedding, positions, sub-layers, final norm, output projection, cross entropy. docs/formats/model.md,
/// section 2.
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
    ops(op::Clear{.y = ops.step.aux_loss});
    ops(op::Embed{.tokens = ops.step.tokens, .table = own_.embedding, .y = x});
    add_positions(ops, x);
    last_ = body_.forward(ops, x);
    const bool normed = own_.final_norm.exists();
    const ElementType made_of = scales_logits() ? ElementType::real : ops.activations();
    h_ = normed || scales_logits() ? ops.keep(x.rows, x.columns, made_of) : last_;
    own_.final_norm.forward(ops, last_, h_);
    if (scales_logits()) ops(op::ScaleBy{.x = normed ? h_ : last_, .y = h_, .factor = logit_factor()});
    logits_ = ops.keep(x.rows, sizes_.vocab, ops.logits());
    ops(op::Linear{.x = h_, .w = own_.head, .y = logits_});
    return logits_;
  }

  /// The loss; in training the logits become their own gradient.
  template <class Ops>
  constexpr void loss(Ops& ops) {
    ops(op::CrossEntropy{.logits = logits_,
                         .targets = ops.step.targets,
                         .scale = ops.step.scale,
                         .loss = ops.step.loss,
                         .dlogits = ops.training() ? logits_ : Tensor{}});
  }

  /// From the gradient that lies in the place of the logits; every weight gradient is added to.
  template <class Ops>
  constexpr void backward(Ops& ops) {
    const Tensor d = ops.scratch(ops.tokens(), sizes_.width);
    ops(op::LinearWeightGradient{.x = h_, .dy = logits_, .dw = gradient(own_.head)});
    ops(op::LinearInputGradient{.dy = logits_, .w = own_.head, .dx = d});
    if (scales_logits()) ops(op::ScaleByGradient{.dy = d, .dx = d, .factor = logit_factor()});
    own_.final_norm.backward(ops, last_, d, d, false);
    body_.backward(ops, d);
    if (sizes_.positions.kind == InputPositionsKind::learned)
      ops(op::AddPositionsGradient{.dy = d, .dtable = gradient(own_.positions), .context = ops.shape().context});
    ops(op::EmbedGradient{.tokens = ops.step.tokens, .dy = d, .dtable = gradient(own_.embedding)});
  }

  template <class Ops>
  constexpr void after_step(Ops& ops) {
    body_.after_step(ops);
  }

  constexpr ModelContext model_context() const { return sizes_.model_context(); }
  /// The columns of what goes out: one logit for each word of the vocabulary.
  constexpr std::int64_t out_columns() const { return sizes_.vocab; }

 private:
  /// At the input, or for the attention layers to find.
  template <class Ops>
  constexpr void add_positions(Ops& ops, Tensor x) const {
    const std::int64_t context = ops.shape().context;
    if (sizes_.positions.kind == InputPositionsKind::sinusoid) ops(op::AddSinusoid{.x = x, .context = context});
    if (sizes_.positions.kind == InputPositionsKind::learned)
      ops(op::AddPositions{.table = own_.positions, .x = x, .context = context});
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
  constexpr PartNetwork(const ModelContext& model_context, Blocks blocks)
      : model_context_(model_context), body_(std::move(blocks)) {}

  constexpr void declare(Declaration& d) { body_.declare(d); }
  /// The input lies at the bottom of the workspace; returns the output [N, D].
  template <class Ops>
  constexpr Tensor forward(Ops& ops) {
    ops(op::Clear{.y = ops.step.aux_loss});
    input_ = ops.keep(ops.tokens(), model_context_.width);
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
  constexpr ModelContext model_context() const { return model_context_; }
  constexpr std::int64_t out_columns() const { return model_context_.width; }

 private:
  ModelContext model_context_;
  SubLayers<Blocks> body_;
  Tensor input_;
};

}  // namespace genoform::inner::model

#include "genoform/core/restore_macros.hpp"
