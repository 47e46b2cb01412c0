#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "genoform/backend/memories.hpp"
#include "genoform/core/joined.hpp"
#include "genoform/core/math.hpp"
#include "genoform/core/memory.hpp"
#include "genoform/core/pointers.hpp"
#include "genoform/core/random.hpp"
#include "genoform/model/any_network.hpp"
#include "genoform/model/declaration.hpp"
#include "genoform/model/memory_use.hpp"
#include "genoform/model/name_pattern.hpp"
#include "genoform/model/orthogonal.hpp"
#include "genoform/model/routing_report.hpp"
#include "genoform/ops/arena.hpp"
#include "genoform/ops/operation_list.hpp"
#include "genoform/ops/pass.hpp"
#include "genoform/ops/recorder.hpp"
#include "genoform/ops/stream.hpp"

namespace genoform {

/// Where a model's flat buffers may lie in memory that the caller owns and keeps alive; an empty span: the model owns them.
template <class Real>
struct Storage {
  std::span<Real> parameters, gradients;
};

/// The residual stream after a sub-layer; see Engine::outputs().
template <class Real>
struct LayerOutput {
  std::int64_t block = 0, place = 0;  ///< blocks counted through all stacks, place in the block, both from 0
  std::span<const Real> values;       ///< [N, D]
};

/// A network on a back end: flat parameters, gradients and state, and the programs of the shapes it has met.
/// One thread at a time may use it, if only to read; different models are independent. It can be moved, not copied.
template <class Backend>
class Engine {
 public:
  using Real = typename Backend::Real;

  /// All trained numbers, packed in the order of tensors(). [parameters of the model]
  std::span<Real> parameters() { return parameters_; }
  std::span<const Real> parameters() const { return parameters_; }
  /// Their gradients, in the same layout. Backward adds to them.
  std::span<Real> gradients() {
    write_zeros();
    return gradients_;
  }
  std::span<const Real> gradients() const {
    write_zeros();
    return gradients_;
  }
  /// What routers remember between steps.
  std::span<Real> state() { return {state_.data(), static_cast<std::size_t>(state_.size())}; }
  std::span<const Real> state() const { return {state_.data(), static_cast<std::size_t>(state_.size())}; }
  const std::vector<TensorInfo>& tensors() const { return tensors_; }
  const std::string& text() const { return text_; }
  const Backend& backend() const { return backend_; }

  /// The values of a named tensor; empty when there is none of that name.
  std::span<Real> parameter(std::string_view name) { return elements_of(name, Memory::weights, parameters_); }
  std::span<Real> gradient(std::string_view name) { return elements_of(name, Memory::weights, gradients()); }
  /// The integers of a named state tensor (the table of Hash); empty when there is none of that name.
  std::span<IndexOf<Real>> integers(std::string_view name) {
    const auto elements = elements_of(name, Memory::state, state());
    return {reinterpret_cast<IndexOf<Real>*>(elements.data()), elements.size()};
  }
  /// The values of a tensor of tensors(), trained or state.
  std::span<Real> values(const TensorInfo& info) {
    const auto all = info.tensor.memory == Memory::state ? state() : parameters_;
    return all.subspan(static_cast<std::size_t>(info.tensor.offset), static_cast<std::size_t>(info.tensor.size()));
  }

  /// Freezes the trained tensors whose names match a pattern, * for any characters ({"embedding.*", "blocks.0.*"}), and no
  /// others: an optimizer made afterwards does not move or decay them, and they do not count in the norm of the gradients. What
  /// routers remember goes on. A pattern that matches no trained tensor is an error that changes nothing.
  Result<void> freeze(const std::vector<std::string>& patterns) {
    const auto is_matched = [](const TensorInfo& info, const std::string& pattern) {
      return info.tensor.memory == Memory::weights && matches(info.name, pattern);
    };
    std::string together;
    for (const std::string& pattern : patterns) {
      if (std::none_of(tensors_.begin(), tensors_.end(), [&](const TensorInfo& i) { return is_matched(i, pattern); }))
        return Error{ErrorKind::usage, "\"" + pattern +
                                           "\" matches no trained tensor of the model; a pattern is a name such as \"" +
                                           tensors_.front().name + "\", with * for any characters"};
      together += (together.empty() ? "" : " ") + pattern;
    }
    for (TensorInfo& info : tensors_)
      info.frozen = std::any_of(patterns.begin(), patterns.end(), [&](const auto& pattern) { return is_matched(info, pattern); });
    frozen_ = std::move(together);
    return {};
  }
  /// The patterns of freeze(), one space between them.
  const std::string& frozen() const { return frozen_; }
  /// What an optimizer does before it takes the norm of the gradients.
  void zero_frozen_gradients() {
    write_zeros();
    for (const TensorInfo& info : tensors_)
      if (info.frozen)
        std::fill_n(gradients_.begin() + static_cast<std::ptrdiff_t>(info.tensor.offset), info.tensor.size(), Real{0});
  }

  /// All gradients are 0 from here on. The zeros are written when gradients() is called, or never: the next backward pass
  /// replaces most of what is there. Who reads or writes their memory in between by an older span, or shares it, calls
  /// gradients() first.
  void zero_gradients() { gradients_are_zero_ = true; }
  /// To be called after each optimizer step: routers update what they remember.
  void after_step() {
    backend_.enter();
    after_step_.run();
    ++round_;
  }

  /// Losses and noise of routers that no architecture says. A change drops the prepared training programs; not between a forward
  /// and its backward pass.
  void set_router_training(const RouterTraining& routers) {
    if (routers == routers_) return;
    routers_ = routers;
    drop_recordings([](Pass pass) { return pass == Pass::train; });
  }
  const RouterTraining& router_training() const { return routers_; }
  /// The number of the next micro-batch, which says what is drawn in it; after_step() counts it up.
  void set_round(std::int64_t round) { round_ = round; }

  /// What each router did in the last step of training, that is between the last two after_step().
  std::vector<LayerRouting> routing() {
    std::vector<LayerRouting> layers;
    for (const TensorInfo& info : tensors_) {
      if (!info.is_load) continue;
      const auto counts = last_loads(info);
      const auto figures = routing_report::figures_of(counts);
      LayerRouting layer{.layer = info.name.substr(0, info.name.rfind(".moe.")),
                         .load = {},
                         .dropped = figures.dropped,
                         .entropy = figures.entropy};
      for (const Real count : counts.first(counts.size() - 1))
        layer.load.push_back(figures.choices > 0 ? static_cast<double>(count) / figures.choices : 0);
      layers.push_back(std::move(layer));
    }
    return layers;
  }
  /// The same in three numbers, without allocation.
  RoutingSummary routing_summary() {
    RoutingSummary summary;
    double layers = 0, dropped = 0, entropy = 0, worst = 0;
    for (const TensorInfo& info : tensors_) {
      if (!info.is_load) continue;
      const auto counts = last_loads(info);
      const auto figures = routing_report::figures_of(counts);
      if (!(figures.choices > 0)) continue;
      layers += 1;
      worst = std::max(worst, figures.worst_load);
      dropped += figures.dropped;
      entropy += counts.size() > 2 ? figures.entropy / math::log(static_cast<double>(counts.size() - 1)) : 1;
    }
    if (layers > 0) summary = {.worst_load = worst, .dropped = dropped / layers, .entropy = entropy / layers};
    return summary;
  }

  /// Initial values; the same for the same seed, whatever the back end's number type (rounded to it). Without `parameters` those
  /// of the state only.
  void start(std::uint64_t seed, bool parameters = true) {
    backend_.enter();
    for (const TensorInfo& info : tensors_)
      if (parameters || info.tensor.memory == Memory::state) start(info, seed);
  }

  /// Makes outputs() readable for all training passes (logits, forward, loss_and_gradient, pool_loss) from here on; call it
  /// before prepare() and the first step. Costs no time and some memory, see plan(); without it nothing is kept beyond its use.
  void keep_outputs(bool keep = true) { keeps_outputs_ = keep; }
  /// The residual stream after every sub-layer in the last training pass, in order; empty without keep_outputs().
  /// The spans may be read until the next training pass of the same shape; the backward pass of a Module takes the place of its
  /// last.
  std::vector<LayerOutput<Real>> outputs() const {
    std::vector<LayerOutput<Real>> all;
    if (const Recording<Real>* last = last_training())
      for (const OutputLocation& o : last->outputs) all.push_back({o.block, o.place, output_at(*last, o)});
    return all;
  }
  /// One of them, as in layer_output(0, 1) for the second sub-layer of the first block; empty when there is none.
  std::span<const Real> layer_output(std::int64_t block, std::int64_t place) const {
    if (const Recording<Real>* last = last_training())
      for (const OutputLocation& o : last->outputs)
        if (o.block == block && o.place == place) return output_at(*last, o);
    return {};
  }

  /// For less memory keeps only the residual stream between blocks; each block runs forward again before its backward pass. The
  /// same bits for about a third more time. A change drops the prepared training programs; not between a forward and its backward
  /// pass.
  void set_recompute(bool recompute = true) {
    if (recompute == recomputes_) return;
    recomputes_ = recompute;
    drop_recordings([](Pass pass) { return pass != Pass::evaluate; });
  }
  bool recomputes() const { return recomputes_; }

  /// From here on the observer is given every operation of this model and of the optimizers bound to it afterwards; it must
  /// outlive them. Drops the prepared programs; not between a forward and its backward pass. Null ends it for the model.
  void observe(Observer* observer) {
    observer_ = observer;
    recordings_.clear();
    after_step_ = OperationList();
    after_step_.observe(observer, Phase::update);
    network_->record_after_step(backend_, memories(), after_step_);
  }
  Observer* observer() const { return observer_; }

  /// Prepares the programs of a shape, so that no later step of that shape allocates or creates a primitive.
  void prepare(Shape shape, Pass pass) { program(shape, pass); }
  Plan plan(Shape shape, Pass pass) { return network_->plan(shape, pass, layout(pass), routers_); }
  /// Bytes of parameters, gradients, state and the workspace of one pass.
  std::int64_t bytes(Shape shape, Pass pass) {
    return (2 * static_cast<std::int64_t>(parameters_.size()) + state_.size() + plan(shape, pass).workspace_elements) *
           static_cast<std::int64_t>(sizeof(Real));
  }
  /// All that a model needs which has prepared this pass and no other, before any of it is there.
  MemoryUse memory_needed(Shape shape, Pass pass) {
    backend_.enter();
    return genoform::memory_needed(*network_, backend_, shape, pass, layout(pass), routers_);
  }
  /// What is there, of all programs that are prepared; an optimizer's state is its own.
  MemoryUse memory() const {
    MemoryUse use{.parameters = HostBuffer<Real>::bytes_of(static_cast<std::int64_t>(parameters_.size())),
                  .state = state_.bytes()};
    use.gradients = use.parameters;
    for (const auto& p : recordings_) {
      use.inputs += p->inputs.bytes() + p->results.bytes();
      use.workspace += p->workspace.bytes();
    }
    if constexpr (requires { backend_.scratch_bytes(); }) use.scratch = backend_.scratch_bytes();
    return use;
  }

 protected:
  [[gnu::cold]] Engine(UniquePtr<AnyNetwork<Backend>> network, std::string text, Storage<Real> storage, Backend backend)
      : backend_(std::move(backend)), network_(std::move(network)), text_(std::move(text)) {
    TensorList list;
    Declaration d(network_->model_context(), &list);
    network_->declare(d);
    tensors_ = std::move(list.tensors);
    const auto place = [&](std::span<Real> given, HostBuffer<Real>& own, const char* what) -> std::span<Real> {
      const auto needed = static_cast<std::size_t>(d.parameters());
      if (given.data() == nullptr) {
        require_memory(d.parameters() * static_cast<std::int64_t>(sizeof(Real)), joined({"the buffer of ", what}));
        own = HostBuffer<Real>(d.parameters());
        return {own.data(), needed};
      }
      if (given.size() != needed)
        fail(ErrorKind::input, {"the span of ", what, " has ", given.size(), " numbers; the model has ", needed});
      return given;
    };
    parameters_ = place(storage.parameters, own_parameters_, "parameters");
    gradients_ = place(storage.gradients, own_gradients_, "gradients");
    state_ = HostBuffer<Real>(d.state_elements());
    network_->record_after_step(backend_, memories(), after_step_);
  }

  Recording<Real>& program(Shape shape, Pass pass) {
    for (auto& p : recordings_)
      if (p->shape == shape && p->pass == pass && p->layout == layout(pass)) return *p;
    return make_recording(shape, pass);
  }
  /// The program that is about to run.
  Recording<Real>& recording_to_run(Shape shape, Pass pass) {
    Recording<Real>& p = program(shape, pass);
    p.run = ++runs_;
    return p;
  }

  /// Says which micro-batch it is that `p` is about to work on.
  void enter_round(Recording<Real>& p) const {
    *p.memories.indices(step_tensors(p.shape).round) = static_cast<IndexOf<Real>>(round_ & 0x7FFFFFFF);
  }
  void run(const OperationList& calls) const {
    backend_.enter();
    calls.run();
  }
  /// The backward pass.
  void run_backward(Recording<Real>& p) {
    *p.memories.indices(step_tensors(p.shape).zero_before) = gradients_are_zero_ ? 1 : 0;
    write_zeros(p.replaced);
    run(p.backward);
  }

 private:
  void write_zeros(const std::vector<ElementRange>& but = {}) const {
    if (std::exchange(gradients_are_zero_, false)) clear_beside(gradients_, but);
  }

  PassLayout layout(Pass pass) const {
    return {.hold = keeps_outputs_ && pass == Pass::train,
            .recompute = recomputes_ && pass != Pass::evaluate,
            .activations = activations_of(backend_)};
  }
  const Recording<Real>* last_training() const {
    const Recording<Real>* last = nullptr;
    for (const auto& p : recordings_)
      if (p->pass == Pass::train && p->run > 0 && (last == nullptr || p->run > last->run)) last = p.get();
    return last;
  }
  static std::span<const Real> output_at(const Recording<Real>& p, const OutputLocation& o) {
    return {p.memories.reals(o.tensor), static_cast<std::size_t>(o.tensor.size())};
  }

  Memories<Real> memories() const {
    Memories<Real> m;
    m[Memory::weights] = parameters_.data();
    m[Memory::gradients] = gradients_.data();
    m[Memory::state] = state_.data();
    return m;
  }

  [[gnu::cold]] Recording<Real>& make_recording(Shape shape, Pass pass) {
    auto p = make_unique_ptr<Recording<Real>>();
    p->shape = shape;
    p->pass = pass;
    p->layout = layout(pass);
    p->routers = routers_;
    p->plan = network_->plan(shape, pass, p->layout, routers_);
    require_memory(p->plan.workspace_elements * static_cast<std::int64_t>(sizeof(Real)),
                   joined({"the workspace of ", shape.tokens(), " tokens"}));
    p->workspace = HostBuffer<Real>(p->plan.workspace_elements);
    p->inputs = HostBuffer<Real>(input_elements(shape));
    p->results = HostBuffer<Real>(result_elements);
    p->inputs.data()[2 * shape.tokens()] = Real{1};
    p->memories = memories();
    p->memories[Memory::workspace] = p->workspace.data();
    p->memories[Memory::inputs] = p->inputs.data();
    p->memories[Memory::results] = p->results.data();
    p->forward.observe(observer_, Phase::forward);
    p->loss.observe(observer_, Phase::loss);
    p->backward.observe(observer_, Phase::backward);
    backend_.enter();
    network_->record(backend_, *p);
    recordings_.push_back(std::move(p));
    return *recordings_.back();
  }

  /// Those of the passes that are named. By hand: every model would pay for std::erase_if when it is compiled.
  [[gnu::cold]] void drop_recordings(bool (*named)(Pass)) {
    std::vector<UniquePtr<Recording<Real>>> kept;
    for (auto& p : recordings_)
      if (!named(p->pass)) kept.push_back(std::move(p));
    recordings_ = std::move(kept);
  }

  std::span<const Real> last_loads(const TensorInfo& info) {
    const auto all = values(info);
    return all.subspan(all.size() / 2);
  }
  std::span<Real> elements_of(std::string_view name, Memory memory, std::span<Real> all) {
    for (const TensorInfo& info : tensors_)
      if (info.name == name && info.tensor.memory == memory)
        return all.subspan(static_cast<std::size_t>(info.tensor.offset), static_cast<std::size_t>(info.tensor.size()));
    return {};
  }

  void start(const TensorInfo& info, std::uint64_t seed) {
    const auto elements = values(info);
    const Random random(seed, stream_of(info.name));
    const auto columns = static_cast<std::size_t>(info.tensor.columns);
    if constexpr (requires { backend_.sample_normals(random, info.start.value, elements); })
      if (info.start.kind == Initializer::Kind::normal) return backend_.sample_normals(random, info.start.value, elements);
    if (info.start.kind == Initializer::Kind::orthogonal) return sample_orthogonal(random, columns, elements);
    for (std::size_t i = 0; i < elements.size(); ++i) {
      switch (info.start.kind) {
        case Initializer::Kind::constant: elements[i] = static_cast<Real>(info.start.value); break;
        case Initializer::Kind::normal:
          elements[i] = static_cast<Real>(static_cast<float>(info.start.value * random.normal(i)));
          break;
        case Initializer::Kind::modulo:
          reinterpret_cast<IndexOf<Real>&>(elements[i]) =
              static_cast<IndexOf<Real>>(i % static_cast<std::size_t>(info.start.value));
          break;
        case Initializer::Kind::dconv:
          elements[i] = static_cast<Real>(static_cast<float>(i % columns == 0 ? 0.5 : 0.5 / static_cast<double>(columns)));
          break;
        case Initializer::Kind::orthogonal: break;
      }
    }
  }

  Backend backend_;
  UniquePtr<AnyNetwork<Backend>> network_;
  std::string text_, frozen_;
  std::vector<TensorInfo> tensors_;
  HostBuffer<Real> own_parameters_, own_gradients_, state_;
  std::span<Real> parameters_, gradients_;
  std::vector<UniquePtr<Recording<Real>>> recordings_;
  std::int64_t runs_ = 0;
  bool keeps_outputs_ = false, recomputes_ = false;
  mutable bool gradients_are_zero_ = false;  ///< and nobody has written the zeros
  OperationList after_step_;
  Observer* observer_ = nullptr;
  RouterTraining routers_;
  std::int64_t round_ = 0;
};

}  // namespace genoform
