#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "genoform/backend/backend.hpp"
#include "genoform/backend/device_memory.hpp"
#include "genoform/backend/memories.hpp"
#include "genoform/core/joined.hpp"
#include "genoform/core/memory.hpp"
#include "genoform/core/result.hpp"
#include "genoform/core/tensor.hpp"
#include "genoform/genome/suggest.hpp"
#include "genoform/model/declaration.hpp"
#include "genoform/model/initial_values.hpp"
#include "genoform/model/name_pattern.hpp"
#include "genoform/ops/dense.hpp"
#include "genoform/ops/operation_list.hpp"

#include "genoform/core/hide_macros.hpp"

namespace genoform::inner::model {

/// Where a model's flat buffers may lie in memory of the back end that the caller owns and keeps alive; an empty span: the model
/// owns them.
template <class Real>
struct Storage {
  std::span<Real> parameters, gradients;
};

/// The named tensors of a model on a back end: parameters and their gradients, each in one flat buffer, and what routers
/// remember. Spans of them are there on a host back end only; read() and write() copy them on every one.
template <class Backend>
class ModelMemory {
  static_assert(backend_is_complete<Backend>());

 public:
  using Real = typename Backend::Real;

  /// All trainable parameters, packed in the order of tensors().
  std::span<Real> parameters() requires HostBackend<Backend> { return parameters_; }
  std::span<const Real> parameters() const requires HostBackend<Backend> { return parameters_; }
  /// Their gradients, in the same layout. A backward pass adds to them, but the first one after zero_gradients() overwrites them.
  std::span<Real> gradients() requires HostBackend<Backend> {
    write_zero_gradients();
    return gradients_;
  }
  /// What routers remember between steps.
  std::span<Real> state() requires HostBackend<Backend> { return {state_.data(), static_cast<std::size_t>(state_.size())}; }
  std::span<const Real> state() const requires HostBackend<Backend> {
    return {state_.data(), static_cast<std::size_t>(state_.size())};
  }
  const std::vector<TensorInfo>& tensors() const { return tensors_; }
  std::int64_t parameter_count() const { return static_cast<std::int64_t>(parameters_.size()); }
  const Backend& backend() const { return backend_; }
  /// Who is given the calls of the model to run; null: nobody. Engine::observe() sets it.
  Observer* observer() const { return observer_; }

  /// The values of a named tensor; a name that no tensor of that sort has is an Exception (usage) with the nearest one.
  std::span<Real> parameter(std::string_view name) requires HostBackend<Backend> {
    return elements_of(name, Memory::weights, ElementType::real, parameters_);
  }
  std::span<Real> gradient(std::string_view name) requires HostBackend<Backend> {
    return elements_of(name, Memory::weights, ElementType::real, gradients());
  }
  /// The integers of a named state tensor (the table of Hash).
  std::span<IndexOf<Real>> integers(std::string_view name) requires HostBackend<Backend> {
    const auto elements = elements_of(name, Memory::state, ElementType::index, state());
    return {reinterpret_cast<IndexOf<Real>*>(elements.data()), elements.size()};
  }
  /// The values of a tensor of tensors(), trainable or state.
  std::span<Real> values(const TensorInfo& info) requires HostBackend<Backend> {
    return {address(info), static_cast<std::size_t>(info.tensor.size())};
  }

  /// Copies the values of a tensor of tensors() to the host, which waits for all that was asked before, and back.
  void read(const TensorInfo& info, std::span<Real> values) const { read(info.tensor, values); }
  void write(const TensorInfo& info, std::span<const Real> values) {
    device::upload(backend_, address(info), values.data(), info.tensor.size());
  }
  /// Copies the gradients of a trainable tensor of tensors() to the host.
  void read_gradient(const TensorInfo& info, std::span<Real> values) {
    write_zero_gradients();
    read(inner::gradient(info.tensor), values);
  }
  /// The same as they lie in memory, also after an update() has used them up: what a failed step is explained by.
  void read_last_gradient(const TensorInfo& info, std::span<Real> values) const { read(inner::gradient(info.tensor), values); }
  /// Where the values of a tensor of tensors() lie in memory of the back end.
  Real* address(const TensorInfo& info) const { return memories().reals(info.tensor); }
  /// Where parameters, gradients and state lie, for operations of the caller's on backend(). Who reads gradients by them calls
  /// write_zero_gradients() first.
  Memories<Real> memories() const {
    Memories<Real> m;
    m[Memory::weights] = parameters_.data();
    m[Memory::gradients] = gradients_.data();
    m[Memory::state] = state_.data();
    return m;
  }
  /// Waits until all that was asked of the back end has run.
  void synchronize() const { device::synchronize(backend_); }

  /// Freezes the trainable tensors whose names match a pattern, * for any characters ({"embedding.*", "blocks.0.*"}), and no
  /// others: an optimizer made afterwards does not move or decay them, and they do not count in the norm of the gradients. What
  /// routers remember goes on. A pattern that matches no trainable tensor is an error that changes nothing.
  Result<void> freeze(const std::vector<std::string>& patterns) {
    const auto is_matched = [](const TensorInfo& info, const std::string& pattern) {
      return info.tensor.memory == Memory::weights && matches(info.name, pattern);
    };
    std::string together;
    for (const std::string& pattern : patterns) {
      if (std::none_of(tensors_.begin(), tensors_.end(), [&](const TensorInfo& i) { return is_matched(i, pattern); }))
        return Error{ErrorKind::usage, "\"" + pattern +
                                           "\" matches no trained tensor of the model; a pattern is a name such as \"" +
                                           example_of(pattern) + "\", with * for any characters"};
      together += (together.empty() ? "" : " ") + pattern;
    }
    for (TensorInfo& info : tensors_)
      info.frozen = std::any_of(patterns.begin(), patterns.end(), [&](const auto& pattern) { return is_matched(info, pattern); });
    frozen_ = std::move(together);
    record_frozen();
    return {};
  }
  /// The patterns of freeze(), one space between them.
  const std::string& frozen() const { return frozen_; }
  /// What an optimizer does before it takes the norm of the gradients.
  void zero_frozen_gradients() {
    write_zero_gradients();
    if (clear_frozen_.size() > 0) run(clear_frozen_);
  }

  /// All gradients count as 0 from here on: the next backward pass overwrites them. Who reads or writes them in between by an
  /// older span, or by the memory that he shares with the model, calls write_zero_gradients() first.
  void zero_gradients() { gradient_mode_ = GradientMode::overwrite; }
  /// Puts the zeros into memory that zero_gradients() has announced, unless a backward pass came in between. gradients(),
  /// read_gradient() and optimizers do so by themselves.
  void write_zero_gradients() {
    if (std::exchange(gradient_mode_, GradientMode::accumulate) == GradientMode::overwrite) run(clear_gradients_);
  }

  /// Samples the initial values; the same for the same seed, whatever the back end's number type (rounded to it). Without
  /// `parameters` those of the state only.
  void start(std::uint64_t seed, bool parameters = true) {
    const auto entered = device::enter(backend_);
    for (const TensorInfo& info : tensors_) {
      if (!parameters && info.tensor.memory != Memory::state) continue;
      if constexpr (HostBackend<Backend>) {
        sample_initial_values(backend_, info, seed, values(info));
      } else {
        const HostBuffer<Real> values(info.tensor.size());
        sample_initial_values(backend_, info, seed, std::span<Real>(values.data(), static_cast<std::size_t>(values.size())));
        write(info, {values.data(), static_cast<std::size_t>(values.size())});
      }
    }
  }

 protected:
  explicit ModelMemory(Backend backend) : backend_(std::move(backend)) {}

  /// Throws Exception when there is too little memory, or storage of another size than the model has parameters.
  [[gnu::cold]] void allocate(std::vector<TensorInfo> tensors, std::int64_t parameters, std::int64_t state_elements,
                              const Storage<Real>& storage) {
    tensors_ = std::move(tensors);
    // Together and before any of them: initial values of many parameters take minutes.
    const int own = (storage.parameters.data() == nullptr ? 1 : 0) + (storage.gradients.data() == nullptr ? 1 : 0);
    device::require(backend_, (own * parameters + state_elements) * static_cast<std::int64_t>(sizeof(Real)),
                    joined({"a model of ", parameters, " parameters"}));
    parameters_ = buffer_of(parameters, storage.parameters, own_parameters_, "parameters");
    gradients_ = buffer_of(parameters, storage.gradients, own_gradients_, "gradients");
    state_ = device::allocate(backend_, state_elements);
  }
  /// Prepares what writes zeros; from here on the observer, which may be null, is given it to run.
  [[gnu::cold]] void record_clears(Observer* observer) {
    observer_ = observer;
    clear_gradients_ = OperationList();
    clear_gradients_.observe(observer_, Phase::update);
    record_clear(clear_gradients_, 0, parameter_count());
    record_frozen();
  }
  /// Appends an operation that clears gradients [begin, end).
  void record_clear(OperationList& list, std::int64_t begin, std::int64_t end) const {
    if (begin < end) list.add(backend_, op::Clear{.y = matrix(Memory::gradients, begin, 1, end - begin)}, memories());
  }
  /// What the next backward pass does with the gradients; one after it adds to them.
  GradientMode take_gradient_mode() { return std::exchange(gradient_mode_, GradientMode::accumulate); }
  std::int64_t state_bytes() const { return state_.bytes(); }
  std::int64_t state_elements() const { return state_.size(); }
  void run(const OperationList& list) const { device::run(backend_, list); }

 private:
  std::span<Real> buffer_of(std::int64_t parameters, std::span<Real> given, device::Buffer<Backend>& own, const char* what) {
    const auto needed = static_cast<std::size_t>(parameters);
    if (given.data() == nullptr) {
      own = device::allocate(backend_, parameters);
      return {own.data(), needed};
    }
    if (given.size() != needed)
      fail(ErrorKind::input, {"the span of ", what, " has ", given.size(), " numbers; the model has ", needed});
    return given;
  }
  [[gnu::cold]] void record_frozen() {
    clear_frozen_ = OperationList();
    clear_frozen_.observe(observer_, Phase::update);
    for (const TensorInfo& info : tensors_)
      if (info.frozen) record_clear(clear_frozen_, info.tensor.offset, info.tensor.offset + info.tensor.size());
  }
  void read(const Tensor& t, std::span<Real> values) const {
    device::download(backend_, values.data(), memories().reals(t), t.size());
    synchronize();
  }
  std::span<Real> elements_of(std::string_view name, Memory memory, ElementType element_type, std::span<Real> all) {
    for (const TensorInfo& info : tensors_)
      if (info.name == name && info.tensor.memory == memory && info.tensor.element_type == element_type)
        return all.subspan(static_cast<std::size_t>(info.tensor.offset), static_cast<std::size_t>(info.tensor.size()));
    refuse_name(name, memory, element_type);
  }
  [[noreturn, gnu::cold]] void refuse_name(std::string_view name, Memory memory, ElementType element_type) const {
    genome::grammar::Nearest nearest(name);
    for (const TensorInfo& info : tensors_)
      if (info.tensor.memory == memory && info.tensor.element_type == element_type) nearest.add(info.name);
    const char* const sort = memory == Memory::weights ? "no trained tensor" : "no tensor of integers";
    const std::string guess = nearest.best().empty() ? "" : joined({"; did you mean \"", nearest.best(), "\"?"});
    fail(ErrorKind::usage, {"the model has ", sort, " \"", name, "\"; tensors() lists all", guess});
  }
  /// The trained tensor that the writer of a pattern may have meant.
  [[gnu::cold]] std::string example_of(std::string_view pattern) const {
    genome::grammar::Nearest nearest(pattern);
    for (const TensorInfo& info : tensors_)
      if (info.tensor.memory == Memory::weights) nearest.add(info.name);
    return nearest.best().empty() ? tensors_.front().name : std::string(nearest.best());
  }

  Backend backend_;
  std::string frozen_;
  std::vector<TensorInfo> tensors_;
  device::Buffer<Backend> own_parameters_, own_gradients_, state_;
  std::span<Real> parameters_, gradients_;
  GradientMode gradient_mode_ = GradientMode::accumulate;
  Observer* observer_ = nullptr;
  OperationList clear_gradients_, clear_frozen_;
};

}  // namespace genoform::inner::model

namespace genoform {
using inner::model::Storage;
}  // namespace genoform

#include "genoform/core/restore_macros.hpp"
