#pragma once
#include <bit>
#include <cstdint>

#include "genoform/core/namespaces.hpp"

namespace genoform::inner::core {

/// A BF16 number is the upper half of an F32; exact.
constexpr float f32_of_bf16(std::uint16_t number) { return std::bit_cast<float>(std::uint32_t{number} << 16U); }

/// Rounds to the nearest BF16, ties to even; a NaN stays a NaN.
constexpr std::uint16_t bf16_of_f32(float number) {
  const auto bits = std::bit_cast<std::uint32_t>(number);
  if ((bits & 0x7FFFFFFFU) > 0x7F800000U) return static_cast<std::uint16_t>((bits >> 16U) | 0x40U);
  return static_cast<std::uint16_t>((bits + 0x7FFFU + ((bits >> 16U) & 1U)) >> 16U);
}

}  // namespace genoform::inner::core
