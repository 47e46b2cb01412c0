#pragma once
#include <cstddef>
#include <cstdint>
#include <new>
#include <type_traits>
#include <utility>
#include <vector>

#include "genoform/backend/memories.hpp"
#include "genoform/ops/observer.hpp"
#include "genoform/ops/operation_info.hpp"

namespace genoform {

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
  [[gnu::cold]] void add(const Backend& backend, const Op& op, const Memories<Real>& memories) {
    add(backend.prepare(op, memories));
    if (observer_ != nullptr) calls_.back().number = observer_->record(phase_, info_of(op, memories));
  }
  void run() const {
    if (observer_ != nullptr) return run_observed();
    for (const Call& call : calls_) call.run(call.held);
  }
  std::size_t size() const { return calls_.size(); }
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

}  // namespace genoform
