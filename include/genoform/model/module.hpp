#pragma once
#include <algorithm>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "genoform/core/pointers.hpp"
#include "genoform/model/any_layer.hpp"
#include "genoform/model/engine.hpp"
#include "genoform/model/input_check.hpp"
#include "genoform/model/network.hpp"
#include "genoform/model/output_transfer.hpp"
#include "genoform/model/sample_blocks.hpp"

namespace genoform::inner::model {

/// How a part is made: what it would find in a model around it. `positions`: the model adds positions of its own, so attention
/// has none unless written. Only some kinds need a vocabulary or a context; they say so.
template <class Backend>
struct ModuleOptions {
  int width = 0, vocab = 0, context = 0;
  std::uint64_t seed = 1;
  bool positions = false;
  Storage<typename Backend::Real> storage{};
  Backend backend{};
  RouterTraining routers{};
};

/// What a Module does, without the type of its part.
/// x, y and their gradients are [N, D], `batch` sequences of equal length one after the other. Throws Exception at construction,
/// and for wrong sizes, token ids and calls in a wrong order.
template <class Backend>
class BasicModule : public Engine<Backend> {
 public:
  using Real = typename Backend::Real;

  std::int64_t width() const { return width_; }

  /// The token ids of the rows that come, for kinds that look at them (Hash); -1: the row is padding. They hold for every later
  /// call with as many rows; without them all are 0.
  void set_tokens(std::span<const Token> tokens) {
    input_check::tokens(tokens, vocab_, "").value();
    tokens_.assign(tokens.begin(), tokens.end());
  }

  /// The output [N, D] as in training; the span may be read until the next call of the same shape.
  std::span<const Real> forward(std::span<const Real> x, std::int64_t batch) {
    Recording<Backend>& r = enter(x, batch, Pass::train);
    this->run_forward(r);
    unfinished_ = &r;
    return read_output(this->backend(), r);
  }
  /// After forward(): adds the weight gradients of `scale` times the routers' losses and of dy, returns dx [N, D].
  std::span<const Real> backward(std::span<const Real> dy, double aux_scale = 1) {
    if (unfinished_ == nullptr) fail(ErrorKind::usage, {"backward() without forward() before it"});
    input_check::same_size("gradients of the output", dy.size(), unfinished_->out.size());
    Recording<Backend>& r = *std::exchange(unfinished_, nullptr);
    write_output(this->backend(), r, dy);
    this->run_backward(r, aux_scale);
    return read_output(this->backend(), r);
  }
  /// The output [N, D] of the causal evaluation.
  std::span<const Real> evaluate(std::span<const Real> x, std::int64_t batch) {
    Recording<Backend>& r = enter(x, batch, Pass::evaluate);
    this->run_forward(r);
    return read_output(this->backend(), r);
  }
  /// The routers' loss of the last forward() of this shape, in nats.
  double aux_loss(Shape shape) {
    const Recording<Backend>& r = this->recording(shape, Pass::train);
    r.results.download(this->backend());
    this->synchronize();
    return this->result(r, step_tensors(shape).aux_loss);
  }

 protected:
  [[gnu::cold]] BasicModule(UniquePtr<AnyNetwork<Backend>> network, ModuleOptions<Backend>& options)
      : Engine<Backend>(std::move(network), std::string(), options.storage, std::move(options.backend)),
        width_(options.width),
        vocab_(options.vocab) {
    this->start(options.seed);
    this->set_router_training(options.routers);
  }

 private:
  Recording<Backend>& enter(std::span<const Real> x, std::int64_t batch, Pass pass) {
    const auto n = static_cast<std::int64_t>(x.size()) / width_;
    input_check::same_size("inputs", x.size(), n * width_);
    Recording<Backend>& r = this->recording_to_run(input_check::shape_of(n, batch), pass);
    device::upload(this->backend(), r.memories.reals(r.in), x.data(), r.in.size());
    if (static_cast<std::int64_t>(tokens_.size()) == n)
      std::copy(tokens_.begin(), tokens_.end(), this->input_indices(r, step_tensors(r.shape).tokens));
    return r;
  }

  std::int64_t width_, vocab_;
  std::vector<Token> tokens_;
  Recording<Backend>* unfinished_ = nullptr;
};

/// A block, a stack or a single layer by itself: `Module<Block<Attn, Ffn<SqReLU>>, Cpu> block({.width = 128});`.
template <class Part, class Backend>
class Module : public BasicModule<Backend> {
 public:
  explicit Module(ModuleOptions<Backend> options) : BasicModule<Backend>(make_network(options), options) {}

 private:
  using Network = PartNetwork<AnyBlocks<Backend>>;

  static UniquePtr<AnyNetwork<Backend>> make_network(const ModuleOptions<Backend>& options) {
    if (options.width < 1) throw Exception({ErrorKind::input, "a part needs a width of at least 1; give {.width = ...}"});
    const ModelContext model_context{.width = options.width,
                                     .vocab = options.vocab,
                                     .context = options.context,
                                     .positions = options.positions,
                                     .whole = true};
    return make_unique_ptr<NetworkOf<Backend, Network>>(
        Network(model_context, blocks_of<Backend>(stacks_of_part<Part>{}, model_context)));
  }
};

}  // namespace genoform::inner::model

namespace genoform {
using inner::model::Module;
}  // namespace genoform
