#pragma once
#include <algorithm>
#include <cstdint>
#include <span>
#include <string>
#include <utility>

#include "genoform/core/pointers.hpp"
#include "genoform/model/decoder.hpp"
#include "genoform/model/engine.hpp"
#include "genoform/model/input_check.hpp"
#include "genoform/model/output_transfer.hpp"

namespace genoform::inner::model {

/// Nats: the mean cross entropy over the targets, and the sum of the routers' losses.
struct Losses {
  double main = 0, aux = 0;
};

/// A decoder on a back end, whether its architecture came as a type (Model) or as a text (Kinds::build).
/// Tokens and targets are spans of `batch` sequences of equal length, one after the other. A target below 0 counts for nothing; a
/// token of -1 is padding: no embedding, no slot at any router, and its target must be below 0. Ids that are not so are an
/// Exception (input), spans of a wrong size or calls in a wrong order one of usage, in every build and before anything is run.
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
    refuse_evaluation(pass);
    Recording<Backend>& r = enter_tokens(tokens, batch, pass);
    this->run_forward(r);
    unfinished_ = &r;
    return read_output(this->backend(), r);
  }
  /// After logits(): adds the gradients of a loss of the caller's, given its gradient with respect to the logits [N, V].
  void backward(std::span<const Real> d_logits) {
    if (unfinished_ == nullptr) fail(ErrorKind::usage, {"backward() without logits() before it"});
    input_check::same_size("gradients of logits", d_logits.size(), unfinished_->out.size());
    Recording<Backend>& r = *std::exchange(unfinished_, nullptr);
    write_output(this->backend(), r, d_logits);
    this->run_backward(r, 1);
  }

  /// Forward, loss and backward; adds `scale` times the gradient of main + aux to the gradients.
  Losses loss_and_gradient(std::span<const Token> tokens, std::span<const Token> targets, std::int64_t batch, double scale = 1,
                           Pass pass = Pass::train) {
    Recording<Backend>& r = run_training(tokens, targets, batch, scale, pass);
    r.results.download(this->backend());
    return losses_of(r);
  }
  /// The same without waiting for it: once synchronize() has returned, `losses` holds the main and the auxiliary loss.
  void add_gradient(std::span<const Token> tokens, std::span<const Token> targets, std::int64_t batch, double scale,
                    std::span<Real, 2> losses) {
    const Recording<Backend>& r = run_training(tokens, targets, batch, scale, Pass::train);
    const StepTensors step = step_tensors(r.shape);
    device::download(this->backend(), &losses[0], r.memories.reals(step.loss), 1);
    device::download(this->backend(), &losses[1], r.memories.reals(step.aux_loss), 1);
  }
  /// The loss as in training, routing by pool; no gradient. What a causal evaluation is compared with.
  Losses pool_loss(std::span<const Token> tokens, std::span<const Token> targets, std::int64_t batch) {
    unfinished_ = nullptr;
    return run_loss(tokens, targets, batch, Pass::train);
  }
  /// The causal loss: what is reported.
  Losses evaluate(std::span<const Token> tokens, std::span<const Token> targets, std::int64_t batch) {
    return run_loss(tokens, targets, batch, Pass::evaluate);
  }
  /// Logits [N, V], causal.
  std::span<const Real> evaluate_logits(std::span<const Token> tokens, std::int64_t batch) {
    Recording<Backend>& r = enter_tokens(tokens, batch, Pass::evaluate);
    this->run_forward(r);
    return read_output(this->backend(), r);
  }

 private:
  using Index = IndexOf<Real>;

  Recording<Backend>& run_training(std::span<const Token> tokens, std::span<const Token> targets, std::int64_t batch,
                                   double scale, Pass pass) {
    refuse_evaluation(pass);
    Recording<Backend>& r = enter_batch(tokens, targets, batch, pass);
    this->input_reals(r, step_tensors(r.shape).scale)[0] = static_cast<Real>(scale);
    unfinished_ = nullptr;
    this->run_forward(r);
    this->run_pass(r.loss);
    this->run_backward(r, scale);
    return r;
  }
  Losses run_loss(std::span<const Token> tokens, std::span<const Token> targets, std::int64_t batch, Pass pass) {
    Recording<Backend>& r = enter_batch(tokens, targets, batch, pass);
    this->run_forward(r);
    this->run_pass(r.loss);
    r.results.download(this->backend());
    return losses_of(r);
  }

  static void refuse_evaluation(Pass pass) {
    if (pass == Pass::evaluate)
      fail(ErrorKind::usage, {"Pass::evaluate has no backward pass; call evaluate() or evaluate_logits()"});
  }
  Recording<Backend>& enter_tokens(std::span<const Token> tokens, std::int64_t batch, Pass pass) {
    const Shape shape = input_check::shape_of(static_cast<std::int64_t>(tokens.size()), batch);
    input_check::tokens(tokens, sizes_.vocab, " of the batch").value();
    Recording<Backend>& r = this->recording_to_run(shape, pass);
    std::copy(tokens.begin(), tokens.end(), this->input_indices(r, step_tensors(r.shape).tokens));
    return r;
  }
  Recording<Backend>& enter_batch(std::span<const Token> tokens, std::span<const Token> targets, std::int64_t batch, Pass pass) {
    input_check::same_size("targets", targets.size(), static_cast<std::int64_t>(tokens.size()));
    input_check::targets(tokens, targets, sizes_.vocab, " of the batch").value();
    Recording<Backend>& r = enter_tokens(tokens, batch, pass);
    std::copy(targets.begin(), targets.end(), this->input_indices(r, step_tensors(r.shape).targets));
    return r;
  }
  Losses losses_of(const Recording<Backend>& r) const {
    this->synchronize();
    const StepTensors step = step_tensors(r.shape);
    return {this->result(r, step.loss), this->result(r, step.aux_loss)};
  }

  DecoderLayer sizes_;
  Recording<Backend>* unfinished_ = nullptr;
};

}  // namespace genoform::inner::model

namespace genoform {
using inner::model::BasicModel;
using inner::model::Losses;
}  // namespace genoform
