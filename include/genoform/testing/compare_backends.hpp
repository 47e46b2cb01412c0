#pragma once
#include <algorithm>
#include <cstdint>
#include <ostream>
#include <span>
#include <string>
#include <vector>

#include "genoform/backend/reference.hpp"
#include "genoform/testing/subject.hpp"

#include "genoform/core/hide_macros.hpp"

namespace genoform::testing {

/// The largest relative difference between two back ends and where it is.
struct BackendComparison {
  double error = 0;   ///< relative to the largest magnitude of the tensor
  std::string where;  ///< "output", "evaluation", "loss", "input" (its gradient) or the name of a parameter (its gradient)
  std::size_t element = 0;
};

inline std::ostream& operator<<(std::ostream& out, const BackendComparison& c) {
  return out << "worst relative difference " << c.error << " at " << c.where << " element " << c.element;
}

/// Runs the same part or model with the same numbers on two back ends; `Oracle` is what the differences are relative to.
/// In float, 1e-5 is good. A tensor whose gradients nearly vanish is measured against a thousandth of the largest gradient.
template <class T, class Backend, class Oracle = Reference>
BackendComparison compare_backends(const Sizes& sizes = {}, std::uint64_t seed = 1, Backend backend = Backend(),
                                   Oracle oracle = Oracle()) {
  Subject<T, Backend> a(sizes, seed, std::move(backend));
  Subject<T, Oracle> b(sizes, seed, std::move(oracle));
  BackendComparison worst;
  const auto compare = [&](const std::string& where, auto found, auto expected, double floor) {
    const Difference d = difference(found, expected, floor);
    if (!(d.relative <= worst.error)) worst = {d.relative, where, d.place};
  };
  using Found = std::span<const typename Backend::Real>;
  using Expected = std::span<const typename Oracle::Real>;
  const auto compare_outputs = [&](const std::string& where, Pass pass) {
    const auto found = a.output(pass);
    const auto expected = b.output(pass);
    compare(where, Found(found), Expected(expected), 1e-6);
  };
  compare_outputs("output", Pass::train);
  compare_outputs("evaluation", Pass::evaluate);
  const double loss = a.loss(), oracle_loss = b.loss();
  compare("loss", std::span<const double>(&loss, 1), std::span<const double>(&oracle_loss, 1),
          1e-1);  // a sum of both signs may cancel

  a.gradient();
  b.gradient();
  double largest = 0;
  const std::vector<typename Backend::Real> found = a.gradients();
  const std::vector<typename Oracle::Real> expected = b.gradients();
  for (const auto g : expected) largest = std::max(largest, std::abs(static_cast<double>(g)));
  compare("input", Found(a.input_gradient()), Expected(b.input_gradient()), 1e-3 * largest);
  for (const TensorInfo& info : b.engine().tensors()) {
    if (info.tensor.memory != Memory::weights) continue;
    const auto first = static_cast<std::size_t>(info.tensor.offset), size = static_cast<std::size_t>(info.tensor.size());
    compare(info.name, Found(found).subspan(first, size), Expected(expected).subspan(first, size), 1e-3 * largest + 1e-12);
  }
  return worst;
}

}  // namespace genoform::testing

#include "genoform/core/restore_macros.hpp"
