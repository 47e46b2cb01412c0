#pragma once
#include <cassert>
#include <cstdint>
#include <span>
#include <string>
#include <utility>

#include "genoform/core/pointers.hpp"
#include "genoform/model/decoder.hpp"
#include "genoform/model/engine.hpp"

namespace genoform {

/// Nats: the mean cross entropy over the targets, and the sum of the routers' losses.
struct Losses {
  double main = 0, aux = 0;
};

/// A decoder on a back end, whether its architecture came as a type (Model) or as a text (Registry::build).
/// Tokens and targets are spans of `batch` sequences of equal length, one after the other. A target of -1 counts for nothing; a
/// token of -1 is padding: no embedding, no place at any router, and its target must be -1.
template <class Backend>
class BasicModel : public Engine<Backend> {
 public:
  using Real = typename Backend::Real;

  BasicModel(const DecoderLayer& sizes, UniquePtr<AnyNetwork<Backend>> network, std::string text, Storage<Real> storage,
             Backend backend)
      : Engine<Backend>(std::move(network), std::move(text), storage, std::move(backend)), sizes_(sizes) {}

  const DecoderLayer& sizes() const { return sizes_; }

  /// Logits [N, V] as in training (routing by pool); the span is the model's and may be read until the next call of the same
  /// shape. With Pass::check as another program computes them.
  std::span<const Real> logits(std::span<const Token> tokens, std::int64_t batch, Pass pass = Pass::train) {
    assert(pass != Pass::evaluate && "evaluate_logits() has no backward pass");
    Recording<Real>& p = enter_tokens(tokens, batch, pass);
    this->run(p.forward);
    unfinished_ = &p;
    return out_of(p);
  }
  /// After logits(): adds the gradients of a loss of the caller's, given its gradient with respect to the logits [N, V].
  void backward(std::span<const Real> d_logits) {
    assert(unfinished_ != nullptr && "backward() follows logits()");
    Recording<Real>& p = *std::exchange(unfinished_, nullptr);
    assert(d_logits.size() == out_of(p).size());
    std::copy(d_logits.begin(), d_logits.end(), p.memories.reals(p.out));
    set_scale(p, 1);
    this->run_backward(p);
  }

  /// Forward, loss and backward; adds `scale` times the gradient of main + aux to gradients().
  Losses loss_and_gradient(std::span<const Token> tokens, std::span<const Token> targets, std::int64_t batch, double scale = 1,
                           Pass pass = Pass::train) {
    assert(pass != Pass::evaluate && "evaluate() has no backward pass");
    Recording<Real>& p = enter_tokens(tokens, batch, pass);
    enter_targets(p, targets);
    set_scale(p, scale);
    unfinished_ = nullptr;
    this->run(p.forward);
    this->run(p.loss);
    this->run_backward(p);
    return losses_of(p);
  }
  /// The loss as in training, routing by pool; no gradient. What a causal evaluation is compared with.
  Losses pool_loss(std::span<const Token> tokens, std::span<const Token> targets, std::int64_t batch) {
    Recording<Real>& p = enter_tokens(tokens, batch, Pass::train);
    enter_targets(p, targets);
    unfinished_ = nullptr;
    this->run(p.forward);
    this->run(p.loss);
    return losses_of(p);
  }
  /// The causal loss (spec/model.md section 4): what is reported.
  Losses evaluate(std::span<const Token> tokens, std::span<const Token> targets, std::int64_t batch) {
    Recording<Real>& p = enter_tokens(tokens, batch, Pass::evaluate);
    enter_targets(p, targets);
    this->run(p.forward);
    this->run(p.loss);
    return losses_of(p);
  }
  /// Logits [N, V], causal.
  std::span<const Real> evaluate_logits(std::span<const Token> tokens, std::int64_t batch) {
    Recording<Real>& p = enter_tokens(tokens, batch, Pass::evaluate);
    this->run(p.forward);
    return out_of(p);
  }

 private:
  using Index = IndexOf<Real>;

  Recording<Real>& enter_tokens(std::span<const Token> tokens, std::int64_t batch, Pass pass) {
    const auto n = static_cast<std::int64_t>(tokens.size());
    assert(batch >= 1 && n >= batch && n % batch == 0);
    Recording<Real>& p = this->recording_to_run({batch, n / batch}, pass);
    Index* to = p.memories.indices(step_tensors(p.shape).tokens);
    for (const Token token : tokens) {
      assert(token >= -1 && token < sizes_.vocab);
      *to++ = token;
    }
    this->enter_round(p);
    return p;
  }
  void enter_targets(Recording<Real>& p, std::span<const Token> targets) {
    assert(static_cast<std::int64_t>(targets.size()) == p.shape.tokens());
    const StepTensors step = step_tensors(p.shape);
    Index* to = p.memories.indices(step.targets);
    [[maybe_unused]] const Index* tokens = p.memories.indices(step.tokens);
    for (const Token target : targets) {
      assert((*tokens++ >= 0 || target < 0) && "the target of padding is -1");
      *to++ = target;
    }
  }
  static void set_scale(Recording<Real>& p, double scale) {
    *p.memories.reals(step_tensors(p.shape).scale) = static_cast<Real>(scale);
  }
  static Losses losses_of(const Recording<Real>& p) {
    const StepTensors step = step_tensors(p.shape);
    return {static_cast<double>(*p.memories.reals(step.loss)), static_cast<double>(*p.memories.reals(step.aux_loss))};
  }
  static std::span<const Real> out_of(const Recording<Real>& p) {
    return {p.memories.reals(p.out), static_cast<std::size_t>(p.out.size())};
  }

  DecoderLayer sizes_;
  Recording<Real>* unfinished_ = nullptr;
};

}  // namespace genoform
