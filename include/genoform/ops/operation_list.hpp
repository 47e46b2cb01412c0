#pragma once
#include <cstddef>
#include <cstdint>
#include <new>
#include <type_traits>
#include <utility>
#include <vector>

#include "genoform/backend/memories.hpp"
#include "genoform/core/joined.hpp"
#include "genoform/ops/interruption.hpp"
#include "genoform/ops/observer.hpp"
#include "genoform/ops/operation_info.hpp"

#include "genoform/core/hide_macros.hpp"

namespace genoform::inner::ops {

/// What a backward pass does with the gradients that it finds: adds to them, or replaces them as if all had been 0.
enum class GradientMode : std::uint8_t { accumulate, overwrite };

/// One prepared call of a list, for a back end that runs it later. It stays valid until the call is destroyed, also when its list
/// is moved.
class PreparedCall {
 public:
  PreparedCall(void (*run)(void*), void* held, Observer* observer, std::size_t number)
      : run_(run), held_(held), observer_(observer), number_(number) {}
  void operator()() const {
    if (observer_ != nullptr)
      observer_->run(number_, run_, held_);
    else
      run_(held_);
  }

 private:
  void (*run_)(void*);
  void* held_;
  Observer* observer_;  ///< null: nobody watches
  std::size_t number_;
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

  /// The observer, which may be null, gets every operation that is prepared after this, as one of that phase.
  void observe(Observer* observer, Phase phase) {
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
  [[gnu::cold]] void add(const Backend& backend, const Op& op, const Memories<Real>& memories);
  void run() const {
    if (observer_ != nullptr) return run_observed();
    for (const Call& call : calls_) call.run(call.held);
  }
  /// Throws Exception (interrupted) between two operations once that is wanted.
  void run(const Interruption& interruption) const {
    for (std::size_t i = 0; i < calls_.size(); ++i) {
      if (interruption()) fail(ErrorKind::interrupted, {"interrupted"});
      (*this)[i]();
    }
  }
  std::size_t size() const { return calls_.size(); }
  PreparedCall operator[](std::size_t index) const {
    const Call& call = calls_[index];
    return {call.run, call.held, call.number == unnoted ? nullptr : observer_, call.number};
  }
  Observer* observer() const { return observer_; }
  Phase phase() const { return phase_; }

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
  Observer* observer_ = nullptr;
  Phase phase_ = Phase::forward;
};

/// Outside the class, so that it is not inline and `extern template` (compiled/operations.hpp) spares a program to compile it.
template <class Backend, class Op, class Real>
void OperationList::add(const Backend& backend, const Op& op, const Memories<Real>& memories) {
  add(backend.prepare(op, memories));
  if (observer_ != nullptr) calls_.back().number = observer_->record(phase_, info_of(op, memories));
}

}  // namespace genoform::inner::ops

#include "genoform/core/restore_macros.hpp"
