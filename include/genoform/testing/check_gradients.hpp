#pragma once
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <ostream>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

#include "genoform/backend/reference.hpp"
#include "genoform/model/host_copy.hpp"
#include "genoform/testing/subject.hpp"

#include "genoform/core/hide_macros.hpp"

namespace genoform::testing {

/// The worst element of a gradient check: its error relative to the largest gradient of its tensor, and where it is.
struct GradientCheck {
  double error = 0;
  std::string tensor;  ///< "input" for the gradient of the input
  std::int64_t element = 0;
  double found = 0, expected = 0;
  std::int64_t elements = 0;  ///< how many were compared
};

inline std::ostream& operator<<(std::ostream& out, const GradientCheck& check) {
  return out << "worst of " << check.elements << " elements: " << check.tensor << " element " << check.element << ": gradient "
             << check.found << ", differences " << check.expected << ", relative error " << check.error;
}

namespace gradients {

/// Central differences with the steps 1e-4, 1e-5, 1e-6, the one closest to `found`: a kink or a changed choice of a router inside
/// a wide step is outside a narrow one, while a wrong gradient is wrong with all.
template <class Loss>
double differences(double& element, double found, const Loss& loss) {
  const double middle = element;
  double best = 0, best_error = -1;
  for (double h = 1e-4; h > 0.5e-6 && (best_error < 0 || best_error > 1e-9); h *= 0.1) {
    element = middle + h;
    const double above = loss();
    element = middle - h;
    const double derivative = (above - loss()) / (2 * h);
    element = middle;
    if (best_error < 0 || std::abs(derivative - found) < best_error) {
      best = derivative;
      best_error = std::abs(derivative - found);
    }
  }
  return best;
}

/// Up to `most` places of a list, spread over it.
inline std::vector<std::size_t> places(std::size_t size, std::size_t most) {
  std::vector<std::size_t> chosen;
  for (std::size_t i = 0; i < std::min(size, most); ++i) chosen.push_back(size <= most ? i : i * size / most + i % (size / most));
  return chosen;
}

}  // namespace gradients

/// The same for a subject that is there.
template <class Backend, template <class> class Basic>
GradientCheck check_gradients(BasicSubject<Backend, Basic>& subject, std::size_t elements_of_a_tensor = 150) {
  Basic<Backend>& engine = subject.engine();
  subject.gradient();
  const std::vector<double> gradients = subject.gradients();
  const std::vector<double> input_gradient = subject.input_gradient();

  double largest = 0;
  for (const double g : gradients) largest = std::max(largest, std::abs(g));
  for (const double g : input_gradient) largest = std::max(largest, std::abs(g));
  GradientCheck worst{.tensor = "none"};
  HostCopy<Backend> copy;
  const auto loss = [&] {
    copy.write_back();
    return subject.loss();
  };
  const auto compare = [&](const std::string& name, std::span<double> elements, std::span<const double> found) {
    double scale = 1e-3 * largest + 1e-12;  // a tensor whose gradient vanishes is measured against the others
    for (const double g : found) scale = std::max(scale, std::abs(g));
    for (const std::size_t i : gradients::places(elements.size(), elements_of_a_tensor)) {
      const double expected = gradients::differences(elements[i], found[i], loss);
      const double error = std::abs(found[i] - expected) / scale;
      ++worst.elements;
      if (!(error <= worst.error)) worst = {error, name, static_cast<std::int64_t>(i), found[i], expected, worst.elements};
    }
  };
  for (const TensorInfo& info : engine.tensors()) {
    if (info.tensor.memory != Memory::weights) continue;
    const auto first = static_cast<std::size_t>(info.tensor.offset), size = static_cast<std::size_t>(info.tensor.size());
    compare(info.name, copy.of(engine, info), std::span(gradients).subspan(first, size));
  }
  compare("input", subject.input(), input_gradient);
  return worst;
}

/// Compares the gradients of all parameters and of the input with central differences, on a back end in double: the test of a
/// layer's backward. T: a sub-layer, a Block, a Stack or a Decoder. An error of 1e-6 is good; a wrong formula gives 1e-3 and
/// more.
template <class T, class Backend = Reference>
GradientCheck check_gradients(const Sizes& sizes = {}, std::uint64_t seed = 1, Backend backend = Backend(),
                              std::size_t elements_of_a_tensor = 150) {
  static_assert(std::is_same_v<typename Backend::Real, double>, "differences need a back end in double, such as Reference");
  Subject<T, Backend> subject(sizes, seed, std::move(backend));
  return check_gradients(static_cast<SubjectBase<T, Backend>&>(subject), elements_of_a_tensor);
}

}  // namespace genoform::testing

#include "genoform/core/restore_macros.hpp"
