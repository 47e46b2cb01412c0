#pragma once
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

#include "genoform/backend/device_memory.hpp"
#include "genoform/core/bf16.hpp"
#include "genoform/core/memory.hpp"
#include "genoform/core/tensor.hpp"
#include "genoform/model/recording.hpp"

namespace genoform::inner::model {

namespace output_transfer {

/// Whole elements of the memory that a tensor takes; one of bf16 may leave a part of the last unused.
template <class Real>
std::int64_t elements_of(const Tensor& t) {
  constexpr auto size = static_cast<std::int64_t>(sizeof(Real));
  return (t.bytes(size) + size - 1) / size;
}

/// Turns numbers of bf16 at the start of `values` into Reals that fill it. From the last one on: no number is overwritten unread.
template <class Real>
void widen(std::span<Real> values) {
  for (std::size_t i = values.size(); i-- > 0;) {
    std::uint16_t bits = 0;
    std::memcpy(&bits, reinterpret_cast<const std::byte*>(values.data()) + 2 * i, 2);
    values[i] = static_cast<Real>(f32_of_bf16(bits));
  }
}
template <class Real>
void narrow(std::span<const Real> values, Real* to) {
  for (std::size_t i = 0; i < values.size(); ++i) {
    const std::uint16_t bits = bf16_of_f32(static_cast<float>(values[i]));
    std::memcpy(reinterpret_cast<std::byte*>(to) + 2 * i, &bits, 2);
  }
}

template <class Backend>
typename Backend::Real* image_of(Recording<Backend>& recording) {
  if (recording.out_image.size() == 0) recording.out_image = HostBuffer<typename Backend::Real>(recording.out.size());
  return recording.out_image.data();
}

}  // namespace output_transfer

/// The output of a recording, once all that was asked has run; to be read until the recording runs again. It is read in its place
/// where the host can do so, else from an image that the first such call makes.
template <class Backend, class Real = typename Backend::Real>
std::span<const Real> read_output(const Backend& backend, Recording<Backend>& recording) {
  const Tensor& out = recording.out;
  const auto size = static_cast<std::size_t>(out.size());
  const bool is_real = out.element_type == ElementType::real;
  auto* const address = static_cast<Real*>(recording.memories.address(out));
  if (HostBackend<Backend> && is_real) return {address, size};
  Real* const image = output_transfer::image_of(recording);
  device::download(backend, image, address, output_transfer::elements_of<Real>(out));
  device::synchronize(backend);
  if (!is_real) output_transfer::widen(std::span<Real>(image, size));
  return {image, size};
}

/// Puts a gradient of the output in its place, where a backward pass begins.
template <class Backend, class Real = typename Backend::Real>
void write_output(const Backend& backend, Recording<Backend>& recording, std::span<const Real> values) {
  const Tensor& out = recording.out;
  auto* const address = static_cast<Real*>(recording.memories.address(out));
  if (out.element_type == ElementType::real) return device::upload(backend, address, values.data(), out.size());
  Real* const image = output_transfer::image_of(recording);
  output_transfer::narrow(values, image);
  device::upload(backend, address, image, output_transfer::elements_of<Real>(out));
}

}  // namespace genoform::inner::model
