#pragma once
#include <cstddef>
#include <cstdint>
#include <span>

#include "genoform/backend/memories.hpp"
#include "genoform/core/joined.hpp"
#include "genoform/core/math.hpp"
#include "genoform/core/random.hpp"
#include "genoform/core/result.hpp"
#include "genoform/model/declaration.hpp"
#include "genoform/model/orthogonal.hpp"

#include "genoform/core/hide_macros.hpp"

namespace genoform::inner::model {

namespace initial_values {

/// Throws Exception (usage) where the initializer cannot start the tensor.
[[gnu::cold, gnu::noinline]] inline void check(const TensorInfo& info) {
  const Initializer& start = info.start;
  using Kind = Initializer::Kind;
  if (start.kind == Kind::modulo && start.value < 1)
    fail(ErrorKind::usage, {info.name, ": Initializer::modulo counts to at least 1"});
  if (info.tensor.element_type == ElementType::index && start.kind != Kind::constant && start.kind != Kind::modulo &&
      start.kind != Kind::function)
    fail(ErrorKind::usage, {info.name, " has integers; their Initializer is constant, modulo or function"});
}

/// Writes a value into an element as the number that the tensor has: an integer of an index tensor, else a real.
template <class Real>
void write(const TensorInfo& info, double value, Real& element) {
  if (info.tensor.element_type != ElementType::index) {
    element = static_cast<Real>(value);
    return;
  }
  if (!(value >= 0 && value < static_cast<double>(info.below)) || value != math::floor(value))
    fail(ErrorKind::usage, {info.name, ": an initial value is no integer from 0 to ", info.below - 1});
  reinterpret_cast<IndexOf<Real>&>(element) = static_cast<IndexOf<Real>>(value);
}

}  // namespace initial_values

/// Fills the elements of a tensor, in memory of the host, with its initial values: the same for the same seed, rounded to the
/// number type of the back end, which may sample normal numbers faster by `sample_normals`.
template <class Backend, class Real = typename Backend::Real>
[[gnu::cold]] void sample_initial_values(const Backend& backend, const TensorInfo& info, std::uint64_t seed,
                                         std::span<Real> elements) {
  initial_values::check(info);
  const Random random(seed, stream_of(info.name));
  const auto columns = static_cast<std::size_t>(info.tensor.columns);
  if constexpr (requires { backend.sample_normals(random, info.start.value, elements); })
    if (info.start.kind == Initializer::Kind::normal) return backend.sample_normals(random, info.start.value, elements);
  if (info.start.kind == Initializer::Kind::orthogonal) return sample_orthogonal(random, columns, elements);
  for (std::size_t i = 0; i < elements.size(); ++i) {
    double value = info.start.value;
    switch (info.start.kind) {
      case Initializer::Kind::constant: break;
      case Initializer::Kind::normal: value = static_cast<float>(info.start.value * random.normal(i)); break;
      case Initializer::Kind::modulo: value = static_cast<double>(i % static_cast<std::size_t>(info.start.value)); break;
      case Initializer::Kind::dconv:
        value = static_cast<float>(i % columns == 0 ? 0.5 : 0.5 / static_cast<double>(columns));
        break;
      case Initializer::Kind::function:
        value = static_cast<float>(
            info.start.function_of_index(static_cast<std::int64_t>(i), static_cast<std::int64_t>(elements.size())));
        break;
      case Initializer::Kind::orthogonal: break;
    }
    initial_values::write(info, value, elements[i]);
  }
}

}  // namespace genoform::inner::model

#include "genoform/core/restore_macros.hpp"
