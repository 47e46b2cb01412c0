#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "genoform/backend/device_memory.hpp"
#include "genoform/backend/memories.hpp"
#include "genoform/core/joined.hpp"
#include "genoform/core/math.hpp"
#include "genoform/core/memory.hpp"
#include "genoform/core/pointers.hpp"
#include "genoform/model/any_network.hpp"
#include "genoform/model/declaration.hpp"
#include "genoform/model/memory_use.hpp"
#include "genoform/model/model_memory.hpp"
#include "genoform/model/recording.hpp"
#include "genoform/model/routing_report.hpp"
#include "genoform/ops/interruption.hpp"
#include "genoform/ops/operation_list.hpp"
#include "genoform/ops/pass.hpp"
#include "genoform/ops/stream.hpp"

#include "genoform/core/hide_macros.hpp"

namespace genoform::inner::model {

/// The residual stream after a sub-layer; see Engine::outputs().
template <class Real>
struct LayerOutput {
  std::int64_t block = 0, place = 0;  ///< blocks counted through all stacks, place in the block, both from 0
  std::span<const Real> values;       ///< [N, D]
};

/// A network on a back end: its memory, and a recording for each shape and pass that it has met.
/// One thread at a time may use it, if only to read; different models are independent. It can be moved, not copied.
template <class Backend>
class Engine : public ModelMemory<Backend> {
 public:
  using Real = typename Backend::Real;

  const std::string& text() const { return text_; }

  /// To be called after each optimizer step: routers update what they remember.
  void after_step() {
    this->run(after_step_);
    ++round_;
  }

  /// Losses and noise of routers that no architecture says. A change drops the training recordings; not between a forward and its
  /// backward pass.
  void set_router_training(const RouterTraining& routers) {
    if (routers == routers_) return;
    routers_ = routers;
    drop_recordings([](Pass pass) { return pass == Pass::train; });
  }
  const RouterTraining& router_training() const { return routers_; }
  /// On a host back end a pass asks this between two operations, and throws Exception (interrupted) where the answer is yes:
  /// gradients and the state of routers are then those of half a pass. By default it does not ask.
  void set_interruption(const Interruption& interruption) { interruption_ = interruption; }
  /// The number of the next micro-batch, which says what is sampled in it; after_step() counts it up.
  void set_round(std::int64_t round) { round_ = round; }

  /// What each router did in the last step of training, that is between the last two after_step().
  std::vector<LayerRouting> routing() {
    std::vector<LayerRouting> layers;
    each_load([&](const TensorInfo& info, std::span<const Real> counts) {
      const auto figures = routing_report::figures_of(counts);
      LayerRouting layer{.layer = info.name.substr(0, info.name.rfind(".moe.")),
                         .load = {},
                         .dropped = figures.dropped,
                         .entropy = figures.entropy};
      for (const Real count : counts.first(counts.size() - 1))
        layer.load.push_back(figures.choices > 0 ? static_cast<double>(count) / figures.choices : 0);
      layers.push_back(std::move(layer));
    });
    return layers;
  }
  /// The same in three numbers, without allocation. Like routing() it waits for all that was asked of the back end.
  RoutingSummary routing_summary() {
    RoutingSummary summary;
    each_load([&](const TensorInfo&, std::span<const Real> counts) {
      const auto figures = routing_report::figures_of(counts);
      if (!(figures.choices > 0)) return;
      ++summary.layers;
      summary.worst_load = std::max(summary.worst_load, figures.worst_load);
      summary.dropped += figures.dropped;
      summary.entropy += counts.size() > 2 ? figures.entropy / math::log(static_cast<double>(counts.size() - 1)) : 1;
    });
    if (summary.layers > 0) {
      summary.dropped /= static_cast<double>(summary.layers);
      summary.entropy /= static_cast<double>(summary.layers);
    }
    return summary;
  }

  /// Makes outputs() readable for all training passes (logits, forward, loss_and_gradient, pool_loss) from here on; call it
  /// before prepare() and the first step. Costs no time and some memory, see plan(); without it nothing is kept beyond its use.
  void keep_outputs(bool keep = true) { keeps_outputs_ = keep; }
  /// The residual stream after every sub-layer in the last training pass, in order; empty without keep_outputs().
  /// The spans may be read until the next training pass of the same shape; the backward pass of a Module takes the place of its
  /// last.
  std::vector<LayerOutput<Real>> outputs() const requires HostBackend<Backend> {
    std::vector<LayerOutput<Real>> all;
    if (const Recording<Backend>* last = last_training())
      for (const OutputLocation& o : last->outputs) all.push_back({o.block, o.place, output_at(*last, o)});
    return all;
  }
  /// One of them, as in layer_output(0, 1) for the second sub-layer of the first block; empty when there is none.
  std::span<const Real> layer_output(std::int64_t block, std::int64_t place) const requires HostBackend<Backend> {
    const Tensor y = output_location(block, place);
    return {y.exists() ? last_training()->memories.reals(y) : nullptr, static_cast<std::size_t>(y.size())};
  }
  /// The same as a copy [N, D], on every back end; false when there is none.
  bool read_layer_output(std::int64_t block, std::int64_t place, std::span<Real> values) const {
    const Tensor y = output_location(block, place);
    if (!y.exists()) return false;
    device::download(this->backend(), values.data(), last_training()->memories.reals(y), y.size());
    this->synchronize();
    return true;
  }

  /// For less memory keeps only the residual stream between blocks; each block runs forward again before its backward pass. The
  /// same bits for about a third more time. A change drops the training recordings; not between a forward and its backward pass.
  void set_recompute(bool recompute = true) {
    if (recompute == recomputes_) return;
    recomputes_ = recompute;
    drop_recordings([](Pass pass) { return pass != Pass::evaluate; });
  }
  bool recomputes() const { return recomputes_; }

  /// From here on the observer is given every operation of this model and of the optimizers bound to it afterwards; it must
  /// outlive them. Drops the recordings; not between a forward and its backward pass. Null ends it for the model.
  void observe(Observer* observer) {
    recordings_.clear();
    record_between_passes(observer);
  }

  /// Makes the recording of a shape and pass, so that no later step of that shape allocates or creates a primitive.
  void prepare(Shape shape, Pass pass) { recording(shape, pass); }
  Plan plan(Shape shape, Pass pass) { return network_->plan(shape, pass, layout(pass), routers_); }
  /// Bytes of parameters, gradients, state and the workspace of one pass.
  std::int64_t bytes(Shape shape, Pass pass) {
    return (2 * this->parameter_count() + this->state_elements() + plan(shape, pass).workspace_elements) *
           static_cast<std::int64_t>(sizeof(Real));
  }
  /// All that a model needs which has prepared this pass and no other, before any of it is there.
  MemoryUse memory_needed(Shape shape, Pass pass) {
    const auto entered = device::enter(this->backend());
    return inner::memory_needed(*network_, this->backend(), shape, pass, layout(pass), routers_);
  }
  /// What is there, of all recordings; an optimizer's state is its own.
  MemoryUse memory() const {
    MemoryUse use{.parameters = device::Buffer<Backend>::bytes_of(this->parameter_count()), .state = this->state_bytes()};
    use.gradients = use.parameters;
    for (const auto& r : recordings_) {
      use.inputs += r->inputs.bytes() + r->results.bytes();
      use.workspace += r->workspace.bytes();
    }
    if constexpr (requires { this->backend().scratch_bytes(); }) use.scratch = this->backend().scratch_bytes();
    return use;
  }

 protected:
  [[gnu::cold]] Engine(UniquePtr<AnyNetwork<Backend>> network, std::string text, Storage<Real> storage, Backend backend)
      : ModelMemory<Backend>(std::move(backend)), network_(std::move(network)), text_(std::move(text)) {
    TensorList list;
    Declaration d(network_->model_context(), &list);
    network_->declare(d);
    this->allocate(std::move(list.tensors), d.parameters(), d.state_elements(), storage);
    if constexpr (DeviceBackend<Backend>) loads_ = HostBuffer<Real>(load_elements());
    record_between_passes(nullptr);
  }

  Recording<Backend>& recording(Shape shape, Pass pass) {
    for (auto& r : recordings_)
      if (r->shape == shape && r->pass == pass && r->layout == layout(pass)) return *r;
    return make_recording(shape, pass);
  }
  /// The recording that is about to run.
  Recording<Backend>& recording_to_run(Shape shape, Pass pass) {
    Recording<Backend>& r = recording(shape, pass);
    r.run = ++runs_;
    input_indices(r, step_tensors(shape).round)[0] = static_cast<IndexOf<Real>>(round_ & 0x7FFFFFFF);
    return r;
  }

  /// The host's image of inputs and results.
  static Real* input_reals(const Recording<Backend>& r, const Tensor& t) { return r.inputs.host() + t.offset; }
  static IndexOf<Real>* input_indices(const Recording<Backend>& r, const Tensor& t) {
    return reinterpret_cast<IndexOf<Real>*>(input_reals(r, t));
  }
  static double result(const Recording<Backend>& r, const Tensor& t) { return static_cast<double>(r.results.host()[t.offset]); }

  void run_forward(const Recording<Backend>& r) const {
    r.inputs.upload(this->backend());
    run_pass(r.forward);
  }
  void run_pass(const OperationList& list, GradientMode mode = GradientMode::accumulate) const {
    device::run(this->backend(), list, mode, interruption_);
  }
  /// The gradient of the loss or of the output lies in its place; `scale` is that of the losses.
  void run_backward(const Recording<Backend>& r, double scale) {
    const GradientMode mode = this->take_gradient_mode();
    const StepTensors step = step_tensors(r.shape);
    input_reals(r, step.scale)[0] = static_cast<Real>(scale);
    input_indices(r, step.zero_before)[0] = mode == GradientMode::overwrite ? 1 : 0;
    r.inputs.upload(this->backend(), step.scale.offset, input_elements(r.shape) - step.scale.offset);
    if (mode == GradientMode::overwrite && r.clear_gradients.size() > 0) this->run(r.clear_gradients);
    run_pass(r.backward, mode);
  }

 private:
  static constexpr std::int64_t bytes_of(std::int64_t elements) { return elements * static_cast<std::int64_t>(sizeof(Real)); }

  PassLayout layout(Pass pass) const {
    return {.hold = keeps_outputs_ && pass == Pass::train,
            .recompute = recomputes_ && pass != Pass::evaluate,
            .activations = activations_of(this->backend()),
            .logits = logits_of(this->backend())};
  }
  const Recording<Backend>* last_training() const {
    const Recording<Backend>* last = nullptr;
    for (const auto& r : recordings_)
      if (r->pass == Pass::train && r->run > 0 && (last == nullptr || r->run > last->run)) last = r.get();
    return last;
  }
  static std::span<const Real> output_at(const Recording<Backend>& r, const OutputLocation& o) {
    return {r.memories.reals(o.tensor), static_cast<std::size_t>(o.tensor.size())};
  }
  Tensor output_location(std::int64_t block, std::int64_t place) const {
    if (const Recording<Backend>* last = last_training())
      for (const OutputLocation& o : last->outputs)
        if (o.block == block && o.place == place) return o.tensor;
    return {};
  }

  [[gnu::cold]] Recording<Backend>& make_recording(Shape shape, Pass pass) {
    auto r = make_unique_ptr<Recording<Backend>>();
    r->shape = shape;
    r->pass = pass;
    r->layout = layout(pass);
    r->routers = routers_;
    r->plan = network_->plan(shape, pass, r->layout, routers_);
    device::require(this->backend(), bytes_of(r->plan.workspace_elements),
                    joined({"the workspace of ", shape.tokens(), " tokens"}));
    r->workspace = device::allocate(this->backend(), r->plan.workspace_elements);
    r->inputs = device::SharedBuffer<Backend>(this->backend(), input_elements(shape));
    r->results = device::SharedBuffer<Backend>(this->backend(), result_elements);
    input_reals(*r, step_tensors(shape).scale)[0] = Real{1};
    r->memories = this->memories();
    r->memories[Memory::workspace] = r->workspace.data();
    r->memories[Memory::inputs] = r->inputs.device();
    r->memories[Memory::results] = r->results.device();
    r->forward.observe(this->observer(), Phase::forward);
    r->loss.observe(this->observer(), Phase::loss);
    r->clear_gradients.observe(this->observer(), Phase::backward);
    r->backward.observe(this->observer(), Phase::backward);
    const auto entered = device::enter(this->backend());
    network_->record(this->backend(), *r);
    if (pass != Pass::evaluate) record_clear_gradients(*r);
    recordings_.push_back(std::move(r));
    return *recordings_.back();
  }
  /// Zeros for the gradients that the backward pass of a recording does not overwrite.
  void record_clear_gradients(Recording<Backend>& r) {
    std::int64_t end = 0;
    for (const ElementRange& range : r.overwritten) {
      this->record_clear(r.clear_gradients, end, range.begin);
      end = range.end;
    }
    this->record_clear(r.clear_gradients, end, this->parameter_count());
  }
  /// The lists that no recording has.
  [[gnu::cold]] void record_between_passes(Observer* observer) {
    this->record_clears(observer);
    after_step_ = OperationList();
    after_step_.observe(observer, Phase::update);
    network_->record_after_step(this->backend(), this->memories(), after_step_);
  }

  /// Those of the passes that are named. By hand: every model would pay for std::erase_if when it is compiled.
  [[gnu::cold]] void drop_recordings(bool (*named)(Pass)) {
    std::vector<UniquePtr<Recording<Backend>>> kept;
    for (auto& r : recordings_)
      if (!named(r->pass)) kept.push_back(std::move(r));
    recordings_ = std::move(kept);
  }

  std::int64_t load_elements() const {
    std::int64_t elements = 0;
    for (const TensorInfo& info : this->tensors())
      if (info.is_load) elements += info.tensor.size();
    return elements;
  }
  /// visit(info, counts) for the last step of each router; all are read with one wait.
  template <class Visit>
  void each_load(Visit visit) {
    if constexpr (DeviceBackend<Backend>) {
      Real* to = loads_.data();
      for (const TensorInfo& info : this->tensors()) {
        if (!info.is_load) continue;
        device::download(this->backend(), to, this->address(info), info.tensor.size());
        to += info.tensor.size();
      }
      this->synchronize();
    }
    const Real* read = loads_.data();
    for (const TensorInfo& info : this->tensors()) {
      if (!info.is_load) continue;
      const auto size = static_cast<std::size_t>(info.tensor.size());
      const std::span<const Real> both(HostBackend<Backend> ? this->address(info) : read, size);
      if constexpr (DeviceBackend<Backend>) read += size;
      visit(info, both.subspan(size / 2));
    }
  }

  UniquePtr<AnyNetwork<Backend>> network_;
  std::string text_;
  HostBuffer<Real> loads_;  ///< of all routers as they were last read, where the host cannot read them in their place
  std::vector<UniquePtr<Recording<Backend>>> recordings_;
  std::int64_t runs_ = 0;
  bool keeps_outputs_ = false, recomputes_ = false;
  OperationList after_step_;
  RouterTraining routers_;
  Interruption interruption_;
  std::int64_t round_ = 0;
};

}  // namespace genoform::inner::model

#include "genoform/core/restore_macros.hpp"
