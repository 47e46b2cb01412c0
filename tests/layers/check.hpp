#pragma once
#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "genoform/backend/reference.hpp"
#include "genoform/genoform.hpp"
#include "genoform/testing/check_gradients.hpp"
#include "genoform/testing/planted_error.hpp"
#include "tests/catch.hpp"

namespace genoform::tests {

/// An error that every check is far below, and one that every planted error is above.
inline constexpr double right = 2e-6, wrong = 2e-5;

/// The operations of T's way back, each once.
template <class T>
std::vector<std::string> backward_operations(const testing::Sizes& sizes) {
  std::vector<std::string> names;
  testing::Subject<T, testing::PlantedError<Reference>> subject(sizes, 1, testing::PlantedError<Reference>({}, &names));
  subject.gradient();
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  return names;
}

/// Gradients at several random sizes, then an error planted in each operation of the way back.
template <class T>
void check_kind() {
  using Planted = testing::PlantedError<Reference>;
  INFO(text_of<T>);
  for (const std::uint64_t seed : {1, 2, 3}) {
    const testing::GradientCheck check = testing::check_gradients<T>(testing::random_sizes(seed), seed, Planted());
    INFO(check);
    REQUIRE(check.cells > 0);
    REQUIRE(check.error < right);
  }
  const testing::Sizes sizes = testing::random_sizes(1);
  const std::vector<std::string> operations = backward_operations<T>(sizes);
  REQUIRE(operations.size() >= 2);
  for (const std::string& name : operations) {
    const testing::GradientCheck check = testing::check_gradients<T>(sizes, 1, Planted(name), 40);
    INFO("planted in " << name << ": " << check);
    REQUIRE(check.error > wrong);
  }
}

template <class... Ts>
void check_kinds() {
  (check_kind<Ts>(), ...);
}

}  // namespace genoform::tests
