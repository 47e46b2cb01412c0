#pragma once
#include <type_traits>

#include "genoform/ops/dense.hpp"

namespace genoform::inner::ops {

/// Which neighbouring operations a back end runs as one: `using joins = JoinRules<...>` in the back end; without it none are
/// joined. A rule has a type First and, for each operation that may follow one, `static bool join(First& first, const Second&
/// second)`: true where `first` has been changed into an operation that does the work of both, and may take the next one too. The
/// rules of a back end have different First. Layers know nothing of it; dry runs count the operations before they are joined.
template <class... Rules>
struct JoinRules {};

/// A product adds the sum that follows it by itself: the residual sum behind the last product of a layer.
struct LinearAddsSum {
  using First = op::Linear;
  static bool join(op::Linear& product, const op::Add& sum) {
    if (sum.y != product.y || product.added.exists() || product.exact || product.f != op::Function::identity) return false;
    product.added = sum.x;
    return true;
  }
};

/// The rules of the back ends of this library.
using DefaultJoins = JoinRules<LinearAddsSum>;

/// An operation that waits for one which it may be joined with.
template <class Rule>
class WaitingOperation {
 public:
  using First = typename Rule::First;

  template <class Op>
  bool join(const Op& op) {
    if constexpr (requires { Rule::join(first_, op); })
      return waits_ && Rule::join(first_, op);
    else
      return false;
  }
  template <class Op>
  bool hold(const Op& op) {
    if constexpr (std::is_same_v<Op, First>) {
      first_ = op;
      waits_ = true;
      return true;
    } else {
      return false;
    }
  }
  void release(auto&& prepare) {
    if (!waits_) return;
    waits_ = false;
    prepare(first_);
  }

 private:
  First first_{};
  bool waits_ = false;
};

/// The one operation that waits, if any, under all the rules of a back end.
template <class Rules>
class WaitingOperations;
template <class... Rules>
class WaitingOperations<JoinRules<Rules...>> : WaitingOperation<Rules>... {
 public:
  /// Whether the operation that waits now does the work of `op` too.
  template <class Op>
  bool join(const Op& op) {
    return (WaitingOperation<Rules>::join(op) || ...);
  }
  /// Whether `op` waits now. None may be waiting.
  template <class Op>
  bool hold(const Op& op) {
    return (WaitingOperation<Rules>::hold(op) || ...);
  }
  /// Prepares the operation that waits, if there is one.
  void release(auto&& prepare) { (WaitingOperation<Rules>::release(prepare), ...); }
};

template <class Backend>
struct JoinsOf {
  using type = JoinRules<>;
};
template <class Backend>
requires requires { typename Backend::joins; }
struct JoinsOf<Backend> {
  using type = typename Backend::joins;
};
template <class Backend>
using joins_of = typename JoinsOf<Backend>::type;

}  // namespace genoform::inner::ops
