#pragma once
#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "genoform/backend/reference.hpp"
#include "genoform/compiled/layers.hpp"
#include "genoform/compiled/operations.hpp"
#include "genoform/genoform.hpp"
#include "genoform/testing/check_gradients.hpp"
#include "genoform/testing/planted_error.hpp"
#include "tests/catch.hpp"

namespace genoform::tests {

using namespace inner;
using Planted = testing::PlantedError<Reference>;
}  // namespace genoform::tests
namespace genoform::inner {
#define GENOFORM_PLANTED_OPERATION(Op) GENOFORM_BACK_END_OPERATION(extern template, tests::Planted, Op)
GENOFORM_EACH_OPERATION(GENOFORM_PLANTED_OPERATION)
#undef GENOFORM_PLANTED_OPERATION
#define GENOFORM_PLANTED_LAYER(Layer) GENOFORM_BACK_END_LAYER(extern template, tests::Planted, Layer)
GENOFORM_EACH_LAYER(GENOFORM_PLANTED_LAYER)
#undef GENOFORM_PLANTED_LAYER
extern template class model::NetworkOf<tests::Planted, DecoderNetwork<AnyBlocks<tests::Planted>>>;
extern template class model::NetworkOf<tests::Planted, PartNetwork<AnyBlocks<tests::Planted>>>;
extern template class model::Engine<tests::Planted>;
extern template class model::BasicModel<tests::Planted>;
extern template class model::BasicModule<tests::Planted>;
}  // namespace genoform::inner

namespace genoform::testing {
extern template class BasicSubject<tests::Planted, BasicModel>;
extern template class BasicSubject<tests::Planted, BasicModule>;
extern template GradientCheck check_gradients(BasicSubject<tests::Planted, BasicModel>&, std::size_t);
extern template GradientCheck check_gradients(BasicSubject<tests::Planted, BasicModule>&, std::size_t);
}  // namespace genoform::testing

namespace genoform::tests {

/// Bounds: every correct gradient is far below the first one, every planted error above the second one.
inline constexpr double right = 2e-6, wrong = 2e-5;

/// The operations of T's backward pass, each once.
template <class T>
std::vector<std::string> backward_operations(const testing::Sizes& sizes) {
  std::vector<std::string> names;
  testing::Subject<T, Planted> subject(sizes, 1, Planted({}, &names));
  subject.gradient();
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  return names;
}

/// Gradients of each kind at random sizes.
template <class... Ts>
void check_gradients_of() {
  const auto check_kind = [](auto type) {
    using T = typename decltype(type)::type;
    INFO(text_of<T>);
    for (const std::uint64_t seed : {1U, 2U}) {
      const testing::GradientCheck check = testing::check_gradients<T>(testing::random_sizes(seed), seed, Planted(), 50);
      INFO(check);
      REQUIRE(check.elements > 0);
      REQUIRE(check.error < right);
    }
  };
  (check_kind(Type<Ts>{}), ...);
}

/// Plants an error in each operation of each kind's backward pass; every one must be found.
template <class... Ts>
void find_planted_errors_in() {
  const auto check_kind = [](auto type) {
    using T = typename decltype(type)::type;
    const testing::Sizes sizes{.width = 9, .batch = 2, .context = 4, .vocab = 5};
    const std::vector<std::string> operations = backward_operations<T>(sizes);
    REQUIRE(operations.size() >= 2);
    for (const std::string& name : operations) {
      const testing::GradientCheck check = testing::check_gradients<T>(sizes, 1, Planted(name), 5);
      INFO(text_of<T> << ", planted in " << name << ": " << check);
      REQUIRE(check.error > wrong);
    }
  };
  (check_kind(Type<Ts>{}), ...);
}

/// Both.
template <class... Ts>
void check_kinds() {
  check_gradients_of<Ts...>();
  find_planted_errors_in<Ts...>();
}

}  // namespace genoform::tests
