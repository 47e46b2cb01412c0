#pragma once
#include <iostream>

#include "genoform/backend/memories.hpp"
#include "genoform/backend/trace/line.hpp"

namespace genoform {

/// Computes nothing: running an operation writes one line with its name, shapes, bytes and FLOPs.
/// It is also the smallest complete back end, to be copied for a new one.
class Trace {
 public:
  /// The number type of the memories.
  using Real = float;

  /// The stream must outlive every model that runs on this back end.
  explicit Trace(std::ostream& out = std::cout) : out_(&out) {}

  /// Called once for each operation when a program is made: all that can be done once is done here (pointers, primitives,
  /// workspace), and what comes back does the work of one run. A real back end has one overload for each operation in place of
  /// this template.
  template <class Op>
  auto prepare(const Op& op, const Memories<Real>&) const {
    return [line = trace::line_of(op, sizeof(Real)), out = out_] { *out << line; };
  }

  /// Called before each run of a recorded list: what belongs to the calling thread, such as how it rounds, is set here.
  void enter() const {}

 private:
  std::ostream* out_;
};

}  // namespace genoform
