#pragma once
#include <cstdint>
#include <span>
#include <string_view>

#include "genoform/backend/memories.hpp"
#include "genoform/model/plan.hpp"
#include "genoform/ops/arena.hpp"
#include "genoform/ops/routing.hpp"

namespace genoform {

/// An operation without its type, as an observer sees it while a program is made.
struct SeenOperation {
  std::string_view name;
  std::span<const Tensor> tensors;     ///< in the operation's own order
  std::span<const Tensor> assignment;  ///< of its routing; empty without one
  std::int64_t flops = 0;
};

/// Hears what a network writes while a program of it is made, in order.
class Observer {
 public:
  virtual ~Observer() = default;
  virtual void enter(Phase) {}
  /// Block -1: the model itself.
  virtual void enter_sub_layer(std::int64_t /*block*/, std::int64_t /*place*/) {}
  /// The forward pass of a block begins, or has ended, that runs again on the backward pass.
  virtual void enter_again(bool /*begins*/) {}
  /// A tensor has got its place; `arena` as it is with it.
  virtual void take(const Tensor&, bool /*kept*/, const Arena& /*arena*/) {}
  virtual void run(const SeenOperation&) {}
};

/// Computes nothing: tells an observer what a model consists of. See rehearse().
class Observed {
 public:
  using Real = float;

  /// The observer must outlive every program that is made.
  explicit Observed(Observer& observer) : observer_(&observer) {}

  template <class Op>
  auto prepare(const Op& op, const Memories<Real>&) const {
    const auto tensors = op.tensors();
    SeenOperation seen{.name = Op::name, .tensors = tensors, .assignment = {}, .flops = op.flops()};
    if constexpr (requires { op.to.expert_first; }) {
      const op::Assignment& to = op.to;
      const Tensor all[] = {to.expert_first, to.expert_count, to.slot_token,    to.slot_weight, to.token_first,
                            to.token_slots,  to.choice_slot,  to.choice_expert, to.first_share};
      seen.assignment = all;
      observer_->run(seen);
    } else {
      observer_->run(seen);
    }
    return [] {};
  }
  void enter() const {}
  Observer& observer() const { return *observer_; }

 private:
  Observer* observer_;
};

}  // namespace genoform
