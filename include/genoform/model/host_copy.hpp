#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "genoform/backend/device_memory.hpp"
#include "genoform/core/memory.hpp"

namespace genoform::inner::model {

/// Numbers of a model or an optimizer where the host can read and change them: in their place on a host back end, else in copies
/// that write_back() uploads. An owner has backend() and address(info): Engine with TensorInfo, Optimizer with OptimizerState.
template <class Backend>
class HostCopy {
 public:
  using Real = typename Backend::Real;

  /// The elements of one tensor; valid as long as this object.
  template <class Owner, class Info>
  std::span<Real> of(const Owner& owner, const Info& info) {
    const auto size = static_cast<std::size_t>(info.tensor.size());
    if constexpr (HostBackend<Backend>) {
      return {owner.address(info), size};
    } else {
      Copy& copy = copies_.emplace_back(Copy{&owner.backend(), owner.address(info), HostBuffer<Real>(info.tensor.size())});
      device::download(*copy.backend, copy.values.data(), copy.address, copy.values.size());
      device::synchronize(*copy.backend);
      return {copy.values.data(), size};
    }
  }
  /// To be called after changes.
  void write_back() const {
    for (const Copy& copy : copies_) device::upload(*copy.backend, copy.address, copy.values.data(), copy.values.size());
  }

 private:
  struct Copy {
    const Backend* backend;
    Real* address;
    HostBuffer<Real> values;
  };
  std::vector<Copy> copies_;
};

}  // namespace genoform::inner::model
