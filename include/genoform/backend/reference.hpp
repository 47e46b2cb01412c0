#pragma once
#include "genoform/backend/memories.hpp"
#include "genoform/backend/reference/adafactor.hpp"
#include "genoform/backend/reference/attention.hpp"
#include "genoform/backend/reference/dense.hpp"
#include "genoform/backend/reference/experts.hpp"
#include "genoform/backend/reference/gated_attention.hpp"
#include "genoform/backend/reference/linear_attention.hpp"
#include "genoform/backend/reference/mixing.hpp"
#include "genoform/backend/reference/optimizer.hpp"
#include "genoform/backend/reference/positions.hpp"
#include "genoform/backend/reference/router.hpp"
#include "genoform/backend/reference/routing.hpp"
#include "genoform/ops/joins.hpp"

namespace genoform::inner::backend {

/// The oracle: every operation as its formula, in double, by plain loops in one fixed order. Tests compare the other back ends
/// with it.
class Reference {
 public:
  using Real = double;
  using joins = DefaultJoins;

  template <class Op>
  auto prepare(const Op& op, const Memories<Real>& memories) const {
    return [op, memories] { run(op, reference::Host(memories)); };
  }
  void enter() const {}
};

}  // namespace genoform::inner::backend

namespace genoform {
using inner::backend::Reference;
}  // namespace genoform

#ifdef GENOFORM_COMPILED
#include "genoform/compiled/reference.hpp"
#endif
