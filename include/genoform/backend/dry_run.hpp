#pragma once
#include "genoform/backend/memories.hpp"
#include "genoform/ops/joins.hpp"

namespace genoform::inner::backend {

/// The back end of dry runs: it prepares nothing and runs nothing. What is recorded on it can be observed all the same.
class DryRun {
 public:
  using Real = float;
  using joins = DefaultJoins;

  template <class Op>
  auto prepare(const Op&, const Memories<Real>&) const {
    return [] {};
  }
  void enter() const {}
};

}  // namespace genoform::inner::backend

namespace genoform::extend {
using inner::backend::DryRun;
}  // namespace genoform::extend
