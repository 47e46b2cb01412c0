#pragma once
#include <cstddef>
#include <cstdint>
#include <new>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "genoform/backend/memories.hpp"
#include "genoform/core/tensor.hpp"

namespace genoform {

/// What an operation that is recorded says of itself; the tensors can be read until the observer has noted it.
struct OperationInfo {
  std::string_view phase, name;
  std::int64_t flops = 0;  ///< useful ones, spec/model.md section 6
  const Tensor* tensors = nullptr;
  std::size_t tensor_count = 0;
};

/// Watches calls: numbers each one when it is recorded, and is given it to run. Profile (report/profile.hpp) takes the time.
class OperationObserver {
 public:
  virtual std::size_t note(const OperationInfo& note) = 0;
  virtual void run(std::size_t number, void (*call)(void*), void* held) = 0;

 protected:
  ~OperationObserver() = default;
};

/// A list of prepared operations, run as often as wanted. It cannot be copied, so that an operation costs the compiler little
/// more than the function that runs it (std::function: three times that).
class OperationList {
 public:
  OperationList() = default;
  OperationList(OperationList&& other) noexcept { *this = std::move(other); }
  OperationList& operator=(OperationList&& other) noexcept {
    calls_.swap(other.calls_);
    std::swap(observer_, other.observer_);
    std::swap(phase_, other.phase_);
    return *this;
  }
  ~OperationList() {
    for (const Call& call : calls_) call.drop(call.held);
  }

  /// The observer, which may be null, gets every call that is prepared after this, in its phase.
  void observe(OperationObserver* observer, std::string_view phase) {
    observer_ = observer;
    phase_ = phase;
  }

  template <class F>
  void add(F call) {
    Call& place = next();  // first, so that nothing is lost when there is no memory for it
    place.held = new F(std::move(call));
    place.run = run_one<F>;
    if constexpr (!std::is_trivially_destructible_v<F>) place.drop = drop_one<F>;
  }
  /// Prepares an operation on a back end and appends it.
  template <class Backend, class Op, class Real>
  [[gnu::cold]] void add(const Backend& backend, const Op& op, const Memories<Real>& memories) {
    add(backend.prepare(op, memories));
    if (observer_ == nullptr) return;
    const auto tensors = op.tensors();
    calls_.back().number = observer_->note({phase_, Op::name, op.flops(), tensors.data(), tensors.size()});
  }
  void run() const {
    if (observer_ != nullptr) return run_observed();
    for (const Call& call : calls_) call.run(call.held);
  }
  std::size_t size() const { return calls_.size(); }

 private:
  static constexpr std::size_t unnoted = static_cast<std::size_t>(-1);
  struct Call {
    void* held = nullptr;
    void (*run)(void*) = nullptr;
    void (*drop)(void*) = drop_plain;
    std::size_t number = unnoted;  ///< by the observer
  };
  [[gnu::cold, gnu::noinline]] Call& next() { return calls_.emplace_back(); }
  template <class F>
  static void run_one(void* held) {
    (*static_cast<F*>(held))();
  }
  template <class F>
  static void drop_one(void* held) {
    delete static_cast<F*>(held);
  }
  static void drop_plain(void* held) { ::operator delete(held); }
  [[gnu::cold]] void run_observed() const {
    for (const Call& call : calls_)
      if (call.number != unnoted)
        observer_->run(call.number, call.run, call.held);
      else
        call.run(call.held);
  }

  std::vector<Call> calls_;
  OperationObserver* observer_ = nullptr;
  std::string_view phase_;
};

}  // namespace genoform
