#pragma once
#include <cstddef>
#include <cstdint>
#include <span>

#include "genoform/backend/memories.hpp"
#include "genoform/core/random.hpp"
#include "genoform/model/declaration.hpp"
#include "genoform/model/orthogonal.hpp"

namespace genoform::inner::model {

/// Fills the elements of a tensor, in memory of the host, with its initial values: the same for the same seed, rounded to the
/// number type of the back end, which may sample normal numbers faster by `sample_normals`.
template <class Backend, class Real = typename Backend::Real>
[[gnu::cold]] void sample_initial_values(const Backend& backend, const TensorInfo& info, std::uint64_t seed,
                                         std::span<Real> elements) {
  const Random random(seed, stream_of(info.name));
  const auto columns = static_cast<std::size_t>(info.tensor.columns);
  if constexpr (requires { backend.sample_normals(random, info.start.value, elements); })
    if (info.start.kind == Initializer::Kind::normal) return backend.sample_normals(random, info.start.value, elements);
  if (info.start.kind == Initializer::Kind::orthogonal) return sample_orthogonal(random, columns, elements);
  for (std::size_t i = 0; i < elements.size(); ++i) {
    switch (info.start.kind) {
      case Initializer::Kind::constant: elements[i] = static_cast<Real>(info.start.value); break;
      case Initializer::Kind::normal:
        elements[i] = static_cast<Real>(static_cast<float>(info.start.value * random.normal(i)));
        break;
      case Initializer::Kind::modulo:
        reinterpret_cast<IndexOf<Real>&>(elements[i]) =
            static_cast<IndexOf<Real>>(i % static_cast<std::size_t>(info.start.value));
        break;
      case Initializer::Kind::dconv:
        elements[i] = static_cast<Real>(static_cast<float>(i % columns == 0 ? 0.5 : 0.5 / static_cast<double>(columns)));
        break;
      case Initializer::Kind::orthogonal: break;
    }
  }
}

}  // namespace genoform::inner::model
