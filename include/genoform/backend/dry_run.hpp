#pragma once
#include "genoform/backend/memories.hpp"

namespace genoform {

/// The back end of programs that only count: it prepares nothing and runs nothing.
class DryRun {
 public:
  using Real = float;

  template <class Op>
  auto prepare(const Op&, const Memories<Real>&) const {
    return [] {};
  }
  void enter() const {}
};

}  // namespace genoform
